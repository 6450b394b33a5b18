"""Disruption budgets: how many more pods may be evicted, counted against what their workloads want.

A pod that ends still belongs to its workload: the one that follows must be ready before the next may go.
Source: Kubernetes, "Specifying a Disruption Budget for your Application"; pkg/controller/disruption.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from livekit_deploy.sandbox.cluster.objects.selectors import selected
from livekit_deploy.sandbox.cluster.world import Obj, World, condition, is_ready, labels_of, leaving, name_of

_CONTROLLERS = {"ReplicaSet": ("replicasets", "apps"), "StatefulSet": ("statefulsets", "apps")}
_EVICTED_SECONDS = 120.0  # within which an evicted pod must have begun to end


def run(world: World) -> None:
    """Bring the status of every budget up to date."""
    kind = world.store.named("poddisruptionbudgets", "policy")
    for item in world.store.items(kind):
        world.status(kind, item, _status(world, item))


def _status(world: World, item: Obj) -> Obj:
    before = item.get("status") or {}
    pods = [
        pod
        for pod in world.items("pods")
        if name_of(pod)[0] == name_of(item)[0] and selected(item["spec"].get("selector"), labels_of(pod))
    ]
    evicted = {name: at for name, at in (before.get("disruptedPods") or {}).items() if _is_awaited(name, at, pods)}
    healthy = sum(1 for pod in pods if is_ready(pod) and not leaving(pod) and name_of(pod)[1] not in evicted)
    expected, wanted = _wanted(item["spec"], len(pods), _scale(world, pods))
    allowed = max(healthy - wanted, 0) if expected > 0 else 0
    reason = "SufficientPods" if allowed else "InsufficientPods"
    said = condition("DisruptionAllowed", allowed > 0, reason, before=before.get("conditions"))
    status: Obj = {
        "observedGeneration": item["metadata"]["generation"],
        "currentHealthy": healthy,
        "desiredHealthy": wanted,
        "expectedPods": expected,
        "disruptionsAllowed": allowed,
        "conditions": [said],
    }
    return status | ({"disruptedPods": evicted} if evicted else {})


def _is_awaited(name: str, at: str, pods: Sequence[Obj]) -> bool:
    """Whether a pod was evicted and is to end any moment."""
    age = (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()
    return age < _EVICTED_SECONDS and any(name_of(pod)[1] == name and not leaving(pod) for pod in pods)


def _wanted(spec: Obj, here: int, scale: int) -> tuple[int, int]:
    """(how many pods there should be, how many of them must be healthy)"""
    if spec.get("maxUnavailable") is not None:
        return scale, max(scale - _share(spec["maxUnavailable"], scale), 0)
    least = spec.get("minAvailable")
    if least is None:
        return 0, 0
    return (here, least) if isinstance(least, int) else (scale, _share(least, scale))


def _share(value: Any, whole: int) -> int:
    return value if isinstance(value, int) else math.ceil(int(str(value).rstrip("%")) * whole / 100)


def _scale(world: World, pods: Sequence[Obj]) -> int:
    """What the workloads of these pods want, all together; a pod of nobody counts for itself."""
    found: dict[str, int] = {}
    for pod in pods:
        owner = _top(world, pod)
        found[owner["metadata"]["uid"]] = 1 if owner is pod else int(owner["spec"].get("replicas", 1))
    return sum(found.values())


def _top(world: World, pod: Obj) -> Obj:
    """The Deployment or StatefulSet that a pod belongs to, the pod itself where there is none."""
    place = next((_CONTROLLERS[ref["kind"]] for ref in _references(pod) if ref["kind"] in _CONTROLLERS), None)
    if place is None:
        return pod
    owner = _owner(world, pod, *place)
    return pod if owner is None else (_owner(world, owner, "deployments", "apps") or owner)


def _owner(world: World, item: Obj, plural: str, group: str) -> Obj | None:
    uids = {ref["uid"] for ref in _references(item)}
    return next((one for one in world.items(plural, group) if one["metadata"]["uid"] in uids), None)


def _references(item: Obj) -> list[Obj]:
    return item["metadata"].get("ownerReferences") or []
