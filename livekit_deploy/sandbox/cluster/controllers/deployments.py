"""Deployments: rolling updates within surge and unavailability, and their status."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

from livekit_deploy.sandbox.cluster.controllers import replica_sets
from livekit_deploy.sandbox.cluster.controllers.replica_sets import is_available, pods_of
from livekit_deploy.sandbox.cluster.objects.copying import copied
from livekit_deploy.sandbox.cluster.world import (
    MANAGER,
    Obj,
    World,
    condition,
    is_ready,
    leaving,
    name_of,
    owned_by,
    owner_reference,
)

_REVISION = "deployment.kubernetes.io/revision"


def run(world: World) -> None:
    """One step for every Deployment and its ReplicaSets."""
    for deployment in world.items("deployments", "apps"):
        if not leaving(deployment):
            _deployment(world, deployment)
    replica_sets.run(world)
    for deployment in world.items("deployments", "apps"):
        _report(world, deployment)


def _hash(deployment: Obj) -> str:
    text = json.dumps(deployment["spec"]["template"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:9]


def _sets(world: World, deployment: Obj) -> list[Obj]:
    return [one for one in world.items("replicasets", "apps") if owned_by(one, deployment)]


def _current(deployment: Obj, sets: list[Obj]) -> Obj | None:
    name = f"{deployment['metadata']['name']}-{_hash(deployment)}"
    return next((one for one in sets if one["metadata"]["name"] == name), None)


def _deployment(world: World, deployment: Obj) -> None:
    sets = _sets(world, deployment)
    if deployment["spec"].get("paused"):
        return
    if _current(deployment, sets) is None:
        _new_set(world, deployment, sets)
        sets = _sets(world, deployment)
    current = _current(deployment, sets)
    assert current is not None
    old = [one for one in sets if one is not current]
    current = _newest(world, current, old)
    want, strategy = deployment["spec"]["replicas"], deployment["spec"]["strategy"]
    if strategy["type"] == "Recreate":
        for one in old:
            _resize(world, deployment, one, 0)
        if not any(pods_of(world, one) for one in old):
            _resize(world, deployment, current, want)
        return
    surge = _share(strategy["rollingUpdate"]["maxSurge"], want, math.ceil)
    unavailable = _share(strategy["rollingUpdate"]["maxUnavailable"], want, math.floor)
    if not surge and not unavailable:
        unavailable = 1
    room = want + surge - sum(one["spec"]["replicas"] for one in old)
    _resize(world, deployment, current, min(want, max(room, current["spec"]["replicas"] if want else 0)))
    _shrink(world, deployment, old, [current, *old], want - unavailable)


def _share(value: Any, whole: int, round_: Any) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return int(round_(whole * int(value[:-1]) / 100))
    return int(value)


def _new_set(world: World, deployment: Obj, sets: list[Obj]) -> None:
    namespace, name = name_of(deployment)
    label = _hash(deployment)
    template = copied(deployment["spec"]["template"])
    labels = {**((template.get("metadata") or {}).get("labels") or {}), "pod-template-hash": label}
    template.setdefault("metadata", {})["labels"] = labels
    metadata = {
        "name": f"{name}-{label}",
        "labels": labels,
        "annotations": {_REVISION: str(_latest(sets) + 1)},
        "ownerReferences": owner_reference(deployment),
    }
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    if seconds := deployment["spec"].get("minReadySeconds"):
        spec["minReadySeconds"] = seconds
    world.store.create(
        world.store.named("replicasets", "apps"), namespace, {"metadata": metadata, "spec": spec}, MANAGER
    )


def _latest(sets: list[Obj]) -> int:
    return max((int((one["metadata"].get("annotations") or {}).get(_REVISION, 0)) for one in sets), default=0)


def _newest(world: World, current: Obj, old: list[Obj]) -> Obj:
    """A set that is used again, after a change was taken back, has the highest revision from then on."""
    if _latest([current]) > _latest(old):
        return current
    new = copied(current)
    new["metadata"].setdefault("annotations", {})[_REVISION] = str(_latest(old) + 1)
    return world.store.replace(world.store.named("replicasets", "apps"), current, new, MANAGER)


def _resize(world: World, deployment: Obj, replica_set: Obj, size: int) -> None:
    if (before := replica_set["spec"]["replicas"]) != size:
        new = copied(replica_set)
        new["spec"]["replicas"] = size
        world.store.replace(world.store.named("replicasets", "apps"), replica_set, new, MANAGER)
        way = "up" if size > before else "down"
        said = f"Scaled {way} replica set {name_of(replica_set)[1]} from {before} to {size}"
        world.tell(deployment, "ScalingReplicaSet", said, source="deployment-controller")


def _shrink(world: World, deployment: Obj, old: list[Obj], every: list[Obj], least: int) -> None:
    """Take away old pods: those that are not ready at once, the others as far as enough stay available."""
    available = sum(1 for one in every for pod in pods_of(world, one) if is_available(world, deployment, pod))
    for replica_set in old:
        pods = pods_of(world, replica_set)
        idle = sum(1 for pod in pods if not is_ready(pod))
        spare = max(available - least, 0)
        size = max(replica_set["spec"]["replicas"] - idle - spare, 0)
        available -= min(spare, replica_set["spec"]["replicas"] - idle)
        _resize(world, deployment, replica_set, size)


def _report(world: World, deployment: Obj) -> None:
    if leaving(deployment):
        return
    sets = _sets(world, deployment)
    current = _current(deployment, sets)
    want, before = deployment["spec"]["replicas"], (deployment.get("status") or {}).get("conditions")
    every = [pod for one in sets for pod in pods_of(world, one)]
    updated = pods_of(world, current) if current is not None else []
    ready = sum(1 for pod in every if is_ready(pod))
    lasting = sum(1 for pod in every if is_available(world, deployment, pod))
    done = sum(1 for pod in updated if is_available(world, deployment, pod)) >= want and len(every) == want
    least = want - _share(
        deployment["spec"]["strategy"].get("rollingUpdate", {}).get("maxUnavailable", 0), want, math.floor
    )
    available = lasting >= max(least, min(want, 1))
    status: Obj = {
        "observedGeneration": deployment["metadata"]["generation"],
        "conditions": [
            condition(
                "Available", available, f"MinimumReplicas{'Available' if available else 'Unavailable'}", before=before
            ),
            condition("Progressing", True, "NewReplicaSetAvailable" if done else "ReplicaSetUpdated", before=before),
            *_failures(sets),
        ],
    }
    counts = {
        "replicas": len(every),
        "updatedReplicas": len(updated),
        "readyReplicas": ready,
        "availableReplicas": lasting,
        "unavailableReplicas": max(want - lasting, 0),
    }
    status |= {key: value for key, value in counts.items() if value}
    world.status(world.store.named("deployments", "apps"), deployment, status)


def _failures(sets: list[Obj]) -> list[Obj]:
    """What the API refused to their ReplicaSets."""
    conditions = [one for item in sets for one in (item.get("status") or {}).get("conditions") or []]
    return [one for one in conditions if one["type"] == "ReplicaFailure"][:1]
