"""Evictions: a pod is deleted if its disruption budget allows it.

Source: Kubernetes, "API-initiated Eviction"; registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from livekit_deploy.sandbox.cluster.objects.copying import copied
from livekit_deploy.sandbox.cluster.objects.deletion import check_preconditions
from livekit_deploy.sandbox.cluster.objects.errors import ApiError
from livekit_deploy.sandbox.cluster.objects.kinds import Kind, Obj
from livekit_deploy.sandbox.cluster.objects.selectors import selected
from livekit_deploy.sandbox.cluster.store.store import Store, now

_VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."
_SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
_UNGUARDED = ("Pending", "Succeeded", "Failed")
_EVICTING = {
    "type": "DisruptionTarget",
    "status": "True",
    "lastProbeTime": None,
    "reason": "EvictionByEvictionAPI",
    "message": "Eviction API: evicting",
}
DONE: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def evict(store: Store, kind: Kind, pod: Obj, eviction: Obj, *, dry: bool) -> Obj:
    """Delete a pod, or raise `ApiError` 429 with the budget that keeps it."""
    if (eviction.get("metadata") or {}).get("name") != pod["metadata"]["name"]:
        raise ApiError(400, "name in URL does not match name in Eviction object")
    options = eviction.get("deleteOptions") or {}
    check_preconditions(kind, pod["metadata"], options)
    if _guarded(pod):
        _take_from_budget(store, pod, dry=dry)
    if not dry:
        status = copied(pod.get("status") or {})
        others = [one for one in status.get("conditions") or () if one["type"] != _EVICTING["type"]]
        status["conditions"] = [*others, {**_EVICTING, "lastTransitionTime": now()}]
        told = store.replace(kind, pod, {**copied(pod), "status": status}, "kube-apiserver", "status")
        store.delete(kind, told, {**options, "preconditions": None})
    return DONE


def _guarded(pod: Obj) -> bool:
    leaving = pod["metadata"].get("deletionTimestamp")
    return not leaving and (pod.get("status") or {}).get("phase") not in _UNGUARDED


def _take_from_budget(store: Store, pod: Obj, *, dry: bool) -> None:
    kind = store.named("poddisruptionbudgets", "policy")
    labels = pod["metadata"].get("labels") or {}
    here = store.select(kind, pod["metadata"]["namespace"], None, None)
    budgets = [one for one in here if selected(one["spec"].get("selector"), labels)]
    if len(budgets) > 1:
        raise ApiError(500, _SEVERAL, None)
    if not budgets or _may_go_anyway(budgets[0], pod):
        return
    status = copied(_checked(budgets[0]))
    status["disruptionsAllowed"] -= 1
    status["disruptedPods"] = {**(status.get("disruptedPods") or {}), pod["metadata"]["name"]: now()}
    if not dry:
        store.set_status(kind, budgets[0], status)


def _may_go_anyway(budget: Obj, pod: Obj) -> bool:
    """A pod that is not ready is no loss, as long as the others are enough or the budget says so."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    if any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
        return False
    status, wanted = budget.get("status") or {}, (budget.get("status") or {}).get("desiredHealthy", 0)
    always: bool = budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
    return always or (wanted > 0 and status.get("currentHealthy", 0) >= wanted)


def _checked(budget: Obj) -> Obj:
    """The status of a budget that lets one more pod go."""
    name, status = budget["metadata"]["name"], budget.get("status") or {}
    if status.get("observedGeneration", 0) < budget["metadata"]["generation"]:
        raise _refused(f"The disruption budget {name} is still being processed by the server.", 10)
    if status["disruptionsAllowed"] > 0:
        return status
    wanted, healthy = status["desiredHealthy"], status["currentHealthy"]
    said = f"The disruption budget {name} does not allow evicting pods currently"
    if healthy <= wanted:
        said = f"The disruption budget {name} needs {wanted} healthy pods and has {healthy} currently"
    raise _refused(said, None)


def _refused(why: str, seconds: int | None) -> ApiError:
    return ApiError(429, _VIOLATES, causes=[{"reason": "DisruptionBudget", "message": why}], retryAfterSeconds=seconds)
