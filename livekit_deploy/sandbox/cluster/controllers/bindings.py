"""The AWS Load Balancer Controller's work for a TargetGroupBinding: registers a Service's pods as targets.

A pod counts when it is Ready, and also when its containers are and only gates of the load balancers are not answered.
Its gates are answered by the health of its targets.
Source: AWS Load Balancer Controller, "TargetGroupBinding" and "Pod readiness gate".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from livekit_deploy.sandbox.cluster.api_server.webhooks import has_endpoints
from livekit_deploy.sandbox.cluster.controllers.endpoints import pods_of, target_port
from livekit_deploy.sandbox.cluster.objects.copying import copied
from livekit_deploy.sandbox.cluster.objects.kinds import Kind
from livekit_deploy.sandbox.cluster.port import CloudPort, Target, TargetGroup
from livekit_deploy.sandbox.cluster.store.store import Store
from livekit_deploy.sandbox.cluster.world import Obj, World, condition, is_ready, labels_of, leaving, name_of

_GROUP, _VERSION, _PLURAL = "elbv2.k8s.aws", "v1beta1", "targetgroupbindings"
_FINALIZER = "elbv2.k8s.aws/resources"
_GATE = "target-health.elbv2.k8s.aws/"
_MANAGER = "aws-load-balancer-controller"
_INJECT, _MUTATOR = "elbv2.k8s.aws/pod-readiness-gate-inject", "mpod.elbv2.k8s.aws"
_LOOK = 15.0  # AWS's seconds between two looks at targets that are not healthy yet (its flag requeue-duration)


def _kind(store: Store) -> Kind | None:
    """The kind of bindings; None where their definition is not there."""
    found = [one for one in store.kinds() if one.storage == (_GROUP, _PLURAL) and one.version == _VERSION]
    return found[0] if found else None


def _all(store: Store) -> list[Obj]:
    kind = _kind(store)
    return store.items(kind) if kind is not None else []


# ---- those that the controller makes for a load balancer


def ensure(world: World, owner: Obj, groups: Sequence[TargetGroup], labels: Mapping[str, str]) -> None:
    """A binding for each target group, in the namespace of what asked for it."""
    kind, namespace = _kind(world.store), name_of(owner)[0]
    if kind is None:
        return
    for group in groups:
        if world.store.find(kind, namespace, group.name) is None:
            spec = {
                "targetGroupARN": group.arn,
                "targetType": "ip",
                "serviceRef": {"name": group.service, "port": group.port},
            }
            metadata = {"name": group.name, "labels": dict(labels), "finalizers": [_FINALIZER]}
            world.store.create(kind, namespace, {"metadata": metadata, "spec": spec}, _MANAGER)


def delete(world: World, labels: Mapping[str, str]) -> bool:
    """Ask for the end of those with these labels; whether one is left."""
    with world.store.lock:
        kind = _kind(world.store)
        left = [one for one in _all(world.store) if labels.items() <= labels_of(one).items()]
        for one in left:
            if kind is not None and not leaving(one):
                world.store.delete(kind, one)
        return bool(left)


# ---- what is done for each


def run(world: World, port: CloudPort) -> None:
    """One round over all of them."""
    with world.store.lock:
        found = [(one, {} if leaving(one) else _targets(world, one)) for one in _all(world.store)]
    for binding, pods in found:
        key = ("binding", binding["metadata"]["uid"], str(sorted(pods)), str(leaving(binding)))
        if not world.at_intervals(key, _LOOK):
            continue
        health = port.set_targets(binding["spec"]["targetGroupARN"], pods)
        with world.store.lock:
            if leaving(binding):
                _let_go(world, binding)
            else:
                _answer(world, binding, pods, health)


def _targets(world: World, binding: Obj) -> dict[Target, Obj]:
    wanted = binding["spec"]["serviceRef"]
    service = world.store.find(world.store.named("services"), name_of(binding)[0], wanted["name"])
    if service is None:
        return {}
    for port in service["spec"].get("ports") or []:
        if wanted["port"] in (port["port"], port.get("name")):
            return {
                (pod["status"]["podIP"], number): pod
                for pod in pods_of(world, service)
                if (number := target_port(pod, port)) is not None and _counts(pod)
            }
    return {}


def _counts(pod: Obj) -> bool:
    return is_ready(pod) or (bool(list(_gates(pod))) and _holds(pod, "ContainersReady"))


def _gates(pod: Obj) -> Iterator[str]:
    for one in pod["spec"].get("readinessGates") or []:
        if one["conditionType"].startswith(_GATE):
            yield one["conditionType"]


def _holds(pod: Obj, type: str) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one["type"] == type and one["status"] == "True" for one in conditions)


def _answer(world: World, binding: Obj, pods: Mapping[Target, Obj], health: Mapping[Target, str]) -> None:
    """Say of each pod that has the gate of this binding whether its target is healthy."""
    gate = f"{_GATE}{name_of(binding)[1]}"
    for target, pod in pods.items():
        state = health.get(target, "")
        if gate in _gates(pod) and not _holds(pod, gate) and (state == "healthy" or not _told(pod, gate)):
            _say(world, pod, gate, state)


def _told(pod: Obj, gate: str) -> bool:
    return any(one["type"] == gate for one in pod["status"].get("conditions") or [])


def _say(world: World, pod: Obj, gate: str, state: str) -> None:
    kind = world.store.named("pods")
    current = world.store.find(kind, *name_of(pod))
    if current is None or leaving(current):
        return
    status = copied(current["status"])
    conditions = status.get("conditions") or []
    reason = "Elb.InitialHealthChecking" if state == "initial" else ""
    said = condition(gate, state == "healthy", reason, before=conditions)
    status["conditions"] = [*(one for one in conditions if one["type"] != gate), said]
    world.status(kind, current, status)


def _let_go(world: World, binding: Obj) -> None:
    kind = _kind(world.store)
    current = world.store.find(kind, *name_of(binding)) if kind is not None else None
    if kind is None or current is None:
        return
    gate = f"{_GATE}{name_of(binding)[1]}"
    for pod in world.items("pods"):
        if name_of(pod)[0] == name_of(binding)[0] and gate in _gates(pod):
            _say(world, pod, gate, "healthy")  # as the controller does: "Target Group Binding is deleted"
    left = [one for one in current["metadata"].get("finalizers") or [] if one != _FINALIZER]
    world.change(kind, current, finalizers=left)


# ---- gates


def gates(store: Store, namespace: str, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """The readiness gates of a new pod: one for each binding whose Service selects it, where the namespace asks."""
    holder = store.find(store.named("namespaces"), None, namespace)
    if holder is None or labels_of(holder).get(_INJECT) != "enabled" or not _mutates(store):
        return []
    found = []
    for binding in _all(store):
        if name_of(binding)[0] != namespace or binding["spec"].get("targetType") != "ip":
            continue
        name = binding["spec"]["serviceRef"]["name"]
        service = store.find(store.named("services"), namespace, name)
        selector = (service or {}).get("spec", {}).get("selector")
        if selector and selector.items() <= labels.items():
            found.append({"conditionType": f"{_GATE}{name_of(binding)[1]}"})
    return found


def _mutates(store: Store) -> bool:
    """Whether the controller's webhook is asked about new pods, and somebody answers: it fails open."""
    for configuration in store.items(store.named("mutatingwebhookconfigurations", "admissionregistration.k8s.io")):
        for hook in configuration.get("webhooks") or []:
            if hook["name"] == _MUTATOR:
                service = hook["clientConfig"]["service"]
                return has_endpoints(store, service["namespace"], service["name"])
    return False
