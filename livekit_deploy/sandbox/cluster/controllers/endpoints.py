"""Endpoints and EndpointSlices of Services, from their ready pods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from livekit_deploy.sandbox.cluster.objects.copying import copied
from livekit_deploy.sandbox.cluster.world import (
    MANAGER,
    Obj,
    World,
    is_ready,
    labels_of,
    leaving,
    name_of,
    owner_reference,
)


def run(world: World) -> None:
    """Bring the endpoints of every Service with a selector up to date."""
    for service in world.items("services"):
        if not (service.get("status") or {}) and service["spec"].get("type") != "LoadBalancer":
            world.status(world.store.named("services"), service, {"loadBalancer": {}})
        if service["spec"].get("selector") and not leaving(service):
            _endpoints(world, service)


def pods_of(world: World, service: Obj) -> Iterator[Obj]:
    """The pods that a Service selects and that have an address, ready or not."""
    wanted = service["spec"].get("selector") or {}
    for pod in world.items("pods"):
        here = name_of(pod)[0] == name_of(service)[0] and wanted.items() <= labels_of(pod).items()
        if here and not leaving(pod) and (pod.get("status") or {}).get("podIP"):
            yield pod


def target_port(pod: Obj, port: Obj) -> int | None:
    """The number of the port of a pod that a port of a Service stands for."""
    wanted = port["targetPort"]
    if isinstance(wanted, int):
        return wanted
    for container in pod["spec"]["containers"]:
        for one in container.get("ports") or []:
            if one.get("name") == wanted:
                return int(one["containerPort"])
    return None


def _endpoints(world: World, service: Obj) -> None:
    namespace, name = name_of(service)
    pods = list(pods_of(world, service))
    ports = _ports(service, pods)
    addresses: dict[bool, list[Obj]] = {True: [], False: []}
    for pod in sorted(pods, key=name_of):
        reference = {"kind": "Pod", "name": name_of(pod)[1], "namespace": namespace, "uid": pod["metadata"]["uid"]}
        address = {"ip": pod["status"]["podIP"], "nodeName": pod["spec"]["nodeName"], "targetRef": reference}
        addresses[is_ready(pod)].append(address)
    subset: Obj = {"ports": ports}
    subset |= {"addresses": addresses[True]} if addresses[True] else {}
    subset |= {"notReadyAddresses": addresses[False]} if addresses[False] else {}
    _store(world, "endpoints", "", service, name, {"subsets": [subset] if pods else []})
    slices = [
        {
            "addresses": [one["ip"]],
            "conditions": {"ready": ready},
            "nodeName": one["nodeName"],
            "targetRef": one["targetRef"],
        }
        for ready in (True, False)
        for one in addresses[ready]
    ]
    body = {"addressType": "IPv4", "endpoints": slices, "ports": ports}
    _store(world, "endpointslices", "discovery.k8s.io", service, f"{name}-sandbox", body)


def _ports(service: Obj, pods: list[Obj]) -> list[Obj]:
    found = []
    for port in service["spec"].get("ports") or []:
        number = next((one for pod in pods if (one := target_port(pod, port))), None)
        named = {"name": port["name"]} if port.get("name") else {}
        if number is not None:
            found.append({**named, "port": number, "protocol": port["protocol"]})
    return found


def _store(world: World, plural: str, group: str, service: Obj, name: str, body: dict[str, Any]) -> None:
    kind, namespace = world.store.named(plural, group), name_of(service)[0]
    found = world.store.find(kind, namespace, name)
    if found is None:
        labels = {"kubernetes.io/service-name": name_of(service)[1]}
        metadata = {"name": name, "labels": labels, "ownerReferences": owner_reference(service)}
        world.store.create(kind, namespace, {"metadata": metadata, **body}, MANAGER)
    elif any(found.get(field) != value for field, value in body.items()):
        world.store.replace(kind, found, {**copied(found), **copied(body)}, MANAGER)
