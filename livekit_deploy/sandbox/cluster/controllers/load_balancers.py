"""The AWS Load Balancer Controller: makes load balancers for Ingresses and Services while its pods run.

It holds both by a finalizer until their load balancers are gone, and looks at one of them again when its annotations or
its spec change; what somebody deletes in AWS meanwhile it does not see.
Calls to the cloud are made without the store's lock.
Source: AWS Load Balancer Controller, "Ingress annotations" and "Service annotations".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from livekit_deploy.sandbox.cluster.controllers import bindings
from livekit_deploy.sandbox.cluster.objects.kinds import Kind
from livekit_deploy.sandbox.cluster.port import CloudPort, Listener, LoadBalancerRequest
from livekit_deploy.sandbox.cluster.world import Obj, World, labels_of, leaving, name_of

CONTROLLER = "aws-load-balancer-controller"
_INGRESS, _SERVICE = "alb.ingress.kubernetes.io/", "service.beta.kubernetes.io/aws-load-balancer-"
_FINALIZERS = {"ingresses": "ingress.k8s.aws/resources", "services": "service.k8s.aws/resources"}
_SOURCES = {"ingresses": "ingress", "services": "service"}
_CLASS = "service.k8s.aws/nlb"
#: AWS's seconds between two tries to delete a group that is in use, and until it says so (the controller's
#: defaultWaitSGDeletionPollInterval and defaultWaitSGDeletionTimeout)
_POLL, _PATIENCE = 2.0, 10.0


def run(world: World, port: CloudPort) -> None:
    """One round over everything that asks for a load balancer, and over the bindings of target groups."""
    with world.store.lock:
        controller = _controller(world)
    if controller is None:
        return
    if (problem := port.controller_problem()) is not None:
        with world.store.lock:
            for kind, item in _asking(world):
                said, source = f"Failed build model due to {problem}", _SOURCES[kind.plural]
                world.tell(item, "FailedBuildModel", said, source=source, warning=True)
        return
    with world.store.lock:
        found = [(kind, item) for kind, item in _asking(world)]
        tags = _default_tags(controller)
        requests = {
            item["metadata"]["uid"]: replace(_request(world, kind, item), default_tags=tags)
            for kind, item in found
            if not leaving(item)
        }
    for kind, item in found:
        if leaving(item):
            _release(world, port, kind, item)
        else:
            _ensure(world, port, kind, item, requests[item["metadata"]["uid"]])
    bindings.run(world, port)


def _controller(world: World) -> Obj | None:
    """Its Deployment, when one of its pods serves."""
    for one in world.items("deployments", "apps"):
        serves = (one.get("status") or {}).get("availableReplicas")
        if labels_of(one).get("app.kubernetes.io/name") == CONTROLLER and serves:
            return one
    return None


def _default_tags(controller: Obj) -> dict[str, str]:
    flag = "--default-tags="
    given = [one for one in controller["spec"]["template"]["spec"]["containers"][0].get("args") or [] if flag in one]
    return _pairs(given[0].removeprefix(flag)) if given else {}


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
    groups = port.target_groups(request.kind, request.namespace, request.name)
    with world.store.lock:
        current = world.store.find(kind, *name_of(item))
        if current is None or leaving(current):
            return
        bindings.ensure(world, current, groups, _labels(kind, item))
        if host is not None:
            world.status(kind, current, {"loadBalancer": {"ingress": [{"hostname": host}]}})
            world.tell(current, "SuccessfullyReconciled", "Successfully reconciled", source=_SOURCES[kind.plural])


def _release(world: World, port: CloudPort, kind: Kind, item: Obj) -> None:
    """The balancer, its bindings with rules and targets, its groups, and then what holds the object."""
    finalizer, uid = _FINALIZERS[kind.plural], item["metadata"]["uid"]
    namespace, name = name_of(item)
    shape = "application" if kind.plural == "ingresses" else "network"
    late, now = world.lasted(("late", uid), _PATIENCE), world.at_intervals(("poll", uid), _POLL)
    if finalizer not in (item["metadata"].get("finalizers") or []) or not now:
        return
    port.delete_load_balancer(shape, namespace, name)
    if bindings.delete(world, _labels(kind, item)):
        return
    if kept := port.delete_groups(shape, namespace, name):
        if late:
            said = f"Failed deploy model due to failed to delete securityGroup: timed out: DependencyViolation: {kept}"
            with world.store.lock:
                world.tell(item, "FailedDeployModel", said, source=_SOURCES[kind.plural], warning=True)
        return
    with world.store.lock:
        current = world.store.find(kind, namespace, name)
        if current is not None:
            left = [one for one in current["metadata"].get("finalizers") or [] if one != finalizer]
            world.change(kind, current, finalizers=left)


def _labels(kind: Kind, item: Obj) -> dict[str, str]:
    """What the controller writes on the bindings of one Ingress or Service."""
    namespace, name = name_of(item)
    prefix = f"{_SOURCES[kind.plural]}.k8s.aws"
    return {f"{prefix}/stack-namespace": namespace, f"{prefix}/stack-name": name}


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
    service, number = _backend(world, item)
    return LoadBalancerRequest(
        kind="application",
        namespace=namespace,
        name=name,
        scheme=_annotation(item, _INGRESS, "scheme", "internal"),
        service=service,
        listeners=tuple(Listener(int(port), protocol, number) for protocol, port in ports),
        certificates=certificates,
        attributes=_pairs(_annotation(item, _INGRESS, "load-balancer-attributes")),
        tags=_pairs(_annotation(item, _INGRESS, "tags")),
        hosts=tuple(rule["host"] for rule in item["spec"].get("rules") or [] if rule.get("host")),
        ssl_policy=_annotation(item, _INGRESS, "ssl-policy"),
        deregistration_delay=_delay(_annotation(item, _INGRESS, "target-group-attributes")),
        said=_said(item),
    )


def _said(item: Obj) -> str:
    return json.dumps([item["metadata"].get("annotations"), item["spec"]], sort_keys=True)


def _delay(attributes: str) -> int | None:
    seconds = _pairs(attributes).get("deregistration_delay.timeout_seconds")
    return int(seconds) if seconds else None


def _backend(world: World, item: Obj) -> tuple[str, int]:
    """The Service behind the first backend of an Ingress, and its port."""
    paths = [path for rule in item["spec"].get("rules") or [] for path in (rule.get("http") or {}).get("paths") or []]
    backend = paths[0]["backend"] if paths else item["spec"].get("defaultBackend") or {}
    wanted = backend.get("service") or {}
    service = world.store.find(world.store.named("services"), name_of(item)[0], wanted.get("name", ""))
    asked = wanted.get("port") or {}
    for port in service["spec"].get("ports") or [] if service is not None else ():
        if asked.get("number") == port["port"] or (asked.get("name") and asked["name"] == port.get("name")):
            return wanted["name"], port["port"]
    return wanted.get("name", ""), 80


def _of_service(world: World, item: Obj) -> LoadBalancerRequest:
    namespace, name = name_of(item)
    certificates = tuple(filter(None, _annotation(item, _SERVICE, "ssl-cert").split(",")))
    secure = {one.strip() for one in _annotation(item, _SERVICE, "ssl-ports").split(",") if one.strip()}
    listeners = []
    for port in item["spec"].get("ports") or []:
        tls = bool(certificates) and (not secure or {str(port["port"]), port.get("name")} & secure)
        listeners.append(Listener(port["port"], "TLS" if tls else port["protocol"], port["port"]))
    return LoadBalancerRequest(
        kind="network",
        namespace=namespace,
        name=name,
        scheme=_annotation(item, _SERVICE, "scheme", "internal"),
        service=name,
        listeners=tuple(listeners),
        certificates=certificates,
        attributes=_pairs(_annotation(item, _SERVICE, "attributes")),
        tags=_pairs(_annotation(item, _SERVICE, "additional-resource-tags")),
        ssl_policy=_annotation(item, _SERVICE, "ssl-negotiation-policy"),
        deregistration_delay=_delay(_annotation(item, _SERVICE, "target-group-attributes")),
        said=_said(item),
    )


def _pairs(text: str) -> dict[str, Any]:
    """``a=b,c=d``"""
    parts = (part.partition("=") for part in text.split(",") if "=" in part)
    return {key.strip(): value.strip() for key, _, value in parts}
