"""What the AWS Load Balancer Controller does: load balancers for Ingresses and Services, while it runs.

It holds both by a finalizer until their load balancers are gone. Calls to the cloud are made without the store's lock.
Source: AWS Load Balancer Controller, "Ingress annotations" and "Service annotations".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from livekit_deploy.sandbox.cluster.controllers.endpoints import pods_of, target_port
from livekit_deploy.sandbox.cluster.controllers.world import Obj, World, is_ready, labels_of, leaving, name_of
from livekit_deploy.sandbox.cluster.kinds import Kind
from livekit_deploy.sandbox.cluster.port import CloudPort, Listener, LoadBalancerRequest, Target

CONTROLLER = "aws-load-balancer-controller"
_INGRESS, _SERVICE = "alb.ingress.kubernetes.io/", "service.beta.kubernetes.io/aws-load-balancer-"
_FINALIZERS = {"ingresses": "ingress.k8s.aws/resources", "services": "service.k8s.aws/resources"}
_SOURCES = {"ingresses": "ingress", "services": "service"}
_CLASS = "service.k8s.aws/nlb"


def run(world: World, port: CloudPort) -> None:
    """One round over everything that asks for a load balancer."""
    with world.store.lock:
        if not _controller_runs(world):
            return
    if (problem := port.controller_problem()) is not None:
        with world.store.lock:
            for kind, item in _asking(world):
                said, source = f"Failed build model due to {problem}", _SOURCES[kind.plural]
                world.tell(item, "FailedBuildModel", said, source=source, warning=True)
        return
    with world.store.lock:
        found = [(kind, item) for kind, item in _asking(world)]
        requests = {item["metadata"]["uid"]: _request(world, kind, item) for kind, item in found if not leaving(item)}
    for kind, item in found:
        if leaving(item):
            _release(world, port, kind, item)
        else:
            _ensure(world, port, kind, item, requests[item["metadata"]["uid"]])


def _controller_runs(world: World) -> bool:
    return any(
        labels_of(one).get("app.kubernetes.io/name") == CONTROLLER
        and (one.get("status") or {}).get("availableReplicas")
        for one in world.items("deployments", "apps")
    )


def _asking(world: World) -> Iterator[tuple[Kind, Obj]]:
    ingresses = world.store.named("ingresses", "networking.k8s.io")
    for item in world.store.items(ingresses):
        old = (item["metadata"].get("annotations") or {}).get("kubernetes.io/ingress.class")
        if "alb" in (item["spec"].get("ingressClassName"), old):
            yield ingresses, item
    services = world.store.named("services")
    for item in world.store.items(services):
        external = _annotation(item, _SERVICE, "type") in ("external", "nlb-ip")
        asked = item["spec"].get("loadBalancerClass") == _CLASS or external
        if item["spec"].get("type") == "LoadBalancer" and asked:
            yield services, item


def _ensure(world: World, port: CloudPort, kind: Kind, item: Obj, request: LoadBalancerRequest) -> None:
    with world.store.lock:
        current = world.store.find(kind, *name_of(item))
        if current is None or leaving(current):
            return
        finalizers = current["metadata"].get("finalizers") or []
        if _FINALIZERS[kind.plural] not in finalizers:
            world.change(kind, current, finalizers=[*finalizers, _FINALIZERS[kind.plural]])
    host = port.ensure_load_balancer(request)
    with world.store.lock:
        current = world.store.find(kind, *name_of(item))
        if host is not None and current is not None:
            world.status(kind, current, {"loadBalancer": {"ingress": [{"hostname": host}]}})
            world.tell(current, "SuccessfullyReconciled", "Successfully reconciled", source=_SOURCES[kind.plural])


def _release(world: World, port: CloudPort, kind: Kind, item: Obj) -> None:
    finalizer = _FINALIZERS[kind.plural]
    if finalizer not in (item["metadata"].get("finalizers") or []):
        return
    namespace, name = name_of(item)
    shape = "application" if kind.plural == "ingresses" else "network"
    if not port.delete_load_balancer(shape, namespace, name):
        return
    with world.store.lock:
        current = world.store.find(kind, namespace, name)
        if current is not None:
            left = [one for one in current["metadata"].get("finalizers") or [] if one != finalizer]
            world.change(kind, current, finalizers=left)


# ---- what they ask for


def _annotation(item: Obj, prefix: str, name: str, default: str = "") -> str:
    return str((item["metadata"].get("annotations") or {}).get(prefix + name, default))


def _request(world: World, kind: Kind, item: Obj) -> LoadBalancerRequest:
    return _of_ingress(world, item) if kind.plural == "ingresses" else _of_service(world, item)


def _of_ingress(world: World, item: Obj) -> LoadBalancerRequest:
    namespace, name = name_of(item)
    certificates = tuple(filter(None, _annotation(item, _INGRESS, "certificate-arn").split(",")))
    default = '[{"HTTPS": 443}]' if certificates else '[{"HTTP": 80}]'
    ports = [pair for one in json.loads(_annotation(item, _INGRESS, "listen-ports", default)) for pair in one.items()]
    number, targets = _backend(world, item)
    path = _annotation(item, _INGRESS, "healthcheck-path", "/")
    return LoadBalancerRequest(
        kind="application",
        namespace=namespace,
        name=name,
        scheme=_annotation(item, _INGRESS, "scheme", "internal"),
        listeners=tuple(Listener(int(port), protocol, number, path) for protocol, port in ports),
        targets=tuple(targets),
        certificates=certificates,
        attributes=_pairs(_annotation(item, _INGRESS, "load-balancer-attributes")),
        tags=_pairs(_annotation(item, _INGRESS, "tags")),
        hosts=tuple(rule["host"] for rule in item["spec"].get("rules") or [] if rule.get("host")),
    )


def _backend(world: World, item: Obj) -> tuple[int, list[Target]]:
    """The port and the pods behind the first backend of an Ingress."""
    paths = [path for rule in item["spec"].get("rules") or [] for path in (rule.get("http") or {}).get("paths") or []]
    backend = paths[0]["backend"] if paths else item["spec"].get("defaultBackend") or {}
    wanted = backend.get("service") or {}
    service = world.store.find(world.store.named("services"), name_of(item)[0], wanted.get("name", ""))
    if service is None:
        return 80, []
    asked = wanted.get("port") or {}
    for port in service["spec"].get("ports") or []:
        if asked.get("number") == port["port"] or (asked.get("name") and asked["name"] == port.get("name")):
            return port["port"], _targets(world, service, port)
    return 80, []


def _targets(world: World, service: Obj, port: Obj) -> list[Target]:
    found = []
    for pod in pods_of(world, service):
        number = target_port(pod, port)
        if number is not None:
            found.append(Target(pod["status"]["podIP"], number, is_ready(pod)))
    return sorted(found, key=lambda one: one.ip)


def _of_service(world: World, item: Obj) -> LoadBalancerRequest:
    namespace, name = name_of(item)
    certificates = tuple(filter(None, _annotation(item, _SERVICE, "ssl-cert").split(",")))
    secure = {one.strip() for one in _annotation(item, _SERVICE, "ssl-ports").split(",") if one.strip()}
    listeners, targets = [], []
    for port in item["spec"].get("ports") or []:
        tls = bool(certificates) and (not secure or {str(port["port"]), port.get("name")} & secure)
        listeners.append(Listener(port["port"], "TLS" if tls else port["protocol"], port["port"]))
        targets += _targets(world, item, port)
    return LoadBalancerRequest(
        kind="network",
        namespace=namespace,
        name=name,
        scheme=_annotation(item, _SERVICE, "scheme", "internal"),
        listeners=tuple(listeners),
        targets=tuple(targets),
        certificates=certificates,
        attributes=_pairs(_annotation(item, _SERVICE, "attributes")),
        tags=_pairs(_annotation(item, _SERVICE, "additional-resource-tags")),
    )


def _pairs(text: str) -> dict[str, Any]:
    """``a=b,c=d``"""
    parts = (part.partition("=") for part in text.split(",") if "=" in part)
    return {key.strip(): value.strip() for key, _, value in parts}
