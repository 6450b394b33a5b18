"""Namespace deletion, garbage collection of owned objects, autoscalers, jobs."""

from __future__ import annotations

from livekit_deploy.sandbox.cluster.objects.copying import copied
from livekit_deploy.sandbox.cluster.store.store import now
from livekit_deploy.sandbox.cluster.world import MANAGER, Obj, World, condition, leaving, name_of


def run(world: World) -> None:
    """One step of each."""
    _namespaces(world)
    _owners(world)
    _scalers(world)
    _jobs(world)


# ---- namespaces


def _namespaces(world: World) -> None:
    kind = world.store.named("namespaces")
    for item in world.store.items(kind):
        if leaving(item):
            _empty(world, item)
        else:
            _furnish(world, item["metadata"]["name"])


def _furnish(world: World, namespace: str) -> None:
    """What every namespace has."""
    for plural, name, data in (
        ("serviceaccounts", "default", None),
        ("configmaps", "kube-root-ca.crt", {"ca.crt": ""}),
    ):
        kind = world.store.named(plural)
        if world.store.find(kind, namespace, name) is None:
            made: Obj = {"metadata": {"name": name}} | ({"data": data} if data else {})
            world.store.create(kind, namespace, made, MANAGER)


def _empty(world: World, item: Obj) -> None:
    namespace, held = item["metadata"]["name"], False
    for kind in world.store.stored():
        if not kind.namespaced:
            continue
        for other in world.store.items(kind):
            if name_of(other)[0] == namespace:
                held |= not world.store.delete(kind, other)[1]
    if not held:
        new = copied(item)
        new["spec"] = {}
        world.store.replace(world.store.named("namespaces"), item, new, MANAGER)


# ---- owners


def _owners(world: World) -> None:
    kinds = world.store.stored()
    alive = {item["metadata"]["uid"] for kind in kinds for item in world.store.items(kind)}
    for kind in kinds:
        for item in world.store.items(kind):
            owners = item["metadata"].get("ownerReferences") or []
            if owners and not any(one["uid"] in alive for one in owners):
                world.store.delete(kind, item)
            elif leaving(item) and "foregroundDeletion" in (item["metadata"].get("finalizers") or []):
                _foreground(world, kind.plural, kind.group, item)


def _foreground(world: World, plural: str, group: str, item: Obj) -> None:
    owned = list(world.store.dependents(item["metadata"]["uid"]))
    for kind, other in owned:
        world.store.delete(kind, other, {"propagationPolicy": "Foreground"})
    if not owned:
        left = [one for one in item["metadata"]["finalizers"] if one != "foregroundDeletion"]
        world.change(world.store.named(plural, group), item, finalizers=left)


# ---- what only reports


def _scalers(world: World) -> None:
    """An autoscaler keeps its target between its bounds, but for one of no replicas, which switches it off.

    There is no load here that would move it. Source: Kubernetes, "Horizontal Pod Autoscaling".
    """
    kind = world.store.named("horizontalpodautoscalers", "autoscaling")
    deployments = world.store.named("deployments", "apps")
    for item in world.store.items(kind):
        target = world.store.find(deployments, name_of(item)[0], item["spec"]["scaleTargetRef"]["name"])
        if target is None or leaving(target):
            continue
        size = target["spec"]["replicas"]
        within = max(item["spec"].get("minReplicas", 1), min(size, item["spec"]["maxReplicas"])) if size else 0
        if within != size:
            new = copied(target)
            new["spec"]["replicas"] = within
            world.store.replace(deployments, target, new, MANAGER)
        before = (item.get("status") or {}).get("conditions")
        conditions = [condition("AbleToScale", True, "SucceededGetScale", before=before)]
        if not size:
            said = "scaling is disabled since the replica count of the target is zero"
            conditions.append(condition("ScalingActive", False, "ScalingDisabled", said, before))
        status = {"currentReplicas": size, "desiredReplicas": within, "currentMetrics": None, "conditions": conditions}
        world.status(kind, item, status)


def _jobs(world: World) -> None:
    kind = world.store.named("jobs", "batch")
    for item in world.store.items(kind):
        done = (item.get("status") or {}).get("succeeded")
        if not done and world.due(("job", item["metadata"]["uid"]), 8.0):
            finished = condition("Complete", True, "CompletionsReached")
            status = {"succeeded": 1, "startTime": now(), "completionTime": now(), "conditions": [finished]}
            world.status(kind, item, status)
