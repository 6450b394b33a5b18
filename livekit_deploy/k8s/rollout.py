"""The progress of a Deployment's newest revision: complete, blocked (and why), or as far as it can be for now.

A pod of LiveKit has ports of its node. So while an old one drains calls, for hours, its successor waits for them: such
a rollout is unfinished, and its pods are not proven. What a pod waits for that no old one holds is a fault.
Sources: Kubernetes, "Deployments" (status) and the scheduler's reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from livekit_deploy.k8s.access.client import Api, Obj

REVISION = "deployment.kubernetes.io/revision"
#: what the scheduler says of a node on which an old pod has what a new one needs
_TAKEN = ("free ports", "anti-affinity")


@dataclass(frozen=True)
class Rollout:
    """``ready`` of the ``wanted`` pods are of the newest revision. ``fault`` is what keeps the others from it, or ""
    where they wait for old ones to end; ``draining`` old ones do, the last by ``until`` (UTC, ISO 8601)."""

    name: str
    wanted: int
    ready: int = 0
    fault: str = ""
    draining: int = 0
    until: str = ""

    @property
    def unfinished(self) -> str:
        """What is said of one that continues by itself, "" for one that is finished or at fault."""
        if self.fault or self.ready >= self.wanted:
            return ""
        return f"{self.name}: {self.ready} of {_pods(self.wanted)} on the new revision; {self.drains}"

    @property
    def drains(self) -> str:
        """How many old pods end their calls, and by when; "" for none."""
        if not self.draining:
            return ""
        return f"{self.draining} older {'pod drains' if self.draining == 1 else 'pods drain'} calls until {self.until}"


def rollout(api: Api, deployment: Obj) -> Rollout:
    """The state of a Deployment, from its pods and its conditions."""
    metadata, status = deployment["metadata"], deployment.get("status") or {}
    name, wanted = metadata["name"], deployment["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < metadata["generation"]:
        return Rollout(name, wanted, fault=f"{name}: the change is not seen yet")
    if deployment["spec"].get("paused"):
        return Rollout(name, wanted, fault=f"{name} is paused: its pods stay as they are")
    new, leaving = _pods_of(api, deployment)
    ready = sum(map(is_ready, new))
    until = max((pod["metadata"]["deletionTimestamp"] for pod in leaving), default="")
    fault = "" if ready >= wanted or _goes_on(new, len(leaving), status) else _fault(name, wanted, new, status)
    return Rollout(name, wanted, ready, fault, len(leaving), until)


def is_ready(pod: Obj) -> bool:
    """Whether its condition says so."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _goes_on(new: list[Obj], draining: int, status: Obj) -> bool:
    """Whether all that is missing waits for old pods: what runs is ready, and the others lack what those still have."""
    waiting = [pod for pod in new if not pod["spec"].get("nodeName")]
    if not new or len(waiting) > draining or _condition(status, "ReplicaFailure"):
        return False
    return (
        all(map(is_ready, (pod for pod in new if pod not in waiting))) and bool(draining) and all(map(_held, waiting))
    )


def _held(pod: Obj) -> bool:
    return any(word in _unschedulable(pod) for word in _TAKEN)


def _fault(name: str, wanted: int, new: list[Obj], status: Obj) -> str:
    ready = sum(map(is_ready, new))
    why = _refused(status) or next(_reasons(new), "") or _stuck(status)
    return f"{name}: {ready}/{_pods(wanted)} ready" + (f", {why}" if why else "")


def _pods(number: int) -> str:
    return f"{number} {'pod' if number == 1 else 'pods'}"


def _pods_of(api: Api, deployment: Obj) -> tuple[list[Obj], list[Obj]]:
    """The pods of its newest ReplicaSet, and all those that are being removed."""
    namespace, uid = deployment["metadata"]["namespace"], deployment["metadata"]["uid"]
    sets = [one for one in api.list(f"/apis/apps/v1/namespaces/{namespace}/replicasets") if _owned(one, uid)]
    if not sets:
        return [], []
    newest = max(sets, key=lambda one: int((one["metadata"].get("annotations") or {}).get(REVISION, 0)))
    pods = [
        (one, pod)
        for pod in api.list(f"/api/v1/namespaces/{namespace}/pods")
        for one in sets
        if _owned(pod, one["metadata"]["uid"])
    ]
    leaving = [pod for _, pod in pods if pod["metadata"].get("deletionTimestamp")]
    return [pod for one, pod in pods if one is newest and pod not in leaving], leaving


def _owned(item: Obj, uid: str) -> bool:
    return any(one["uid"] == uid for one in item["metadata"].get("ownerReferences") or [])


def _condition(status: Obj, kind: str, holds: str = "True") -> Obj | None:
    conditions: Iterable[Obj] = status.get("conditions") or ()
    return next((one for one in conditions if one["type"] == kind and one["status"] == holds), None)


def _refused(status: Obj) -> str:
    """Why the API server does not let pods be made: a policy, a quota."""
    found = _condition(status, "ReplicaFailure")
    return f"{found.get('reason', '')}: {found.get('message', '')}" if found else ""


def _stuck(status: Obj) -> str:
    found = _condition(status, "Progressing", "False")
    return str(found.get("message", "")) if found else ""


def _unschedulable(pod: Obj) -> str:
    found = _condition(pod.get("status") or {}, "PodScheduled", "False")
    return str(found.get("message", "unschedulable")) if found else ""


def _reasons(pods: list[Obj]) -> Iterator[str]:
    """What pods wait for; of what fails where it runs before of what has no place, and of what only others say."""
    for pod in pods:
        for container in (pod.get("status") or {}).get("containerStatuses") or []:
            waiting = (container.get("state") or {}).get("waiting") or {}
            if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
                yield f"{waiting['reason']} {waiting.get('message', '')}".strip()
    yield from filter(None, map(_unschedulable, pods))
    yield from (why for pod in pods for why in _gates(pod))


def _gates(pod: Obj) -> Iterator[str]:
    """What those say whom a pod asks whether it is ready: the load balancer controller, of its targets' health."""
    conditions = {one["type"]: one for one in (pod.get("status") or {}).get("conditions") or []}
    for gate in pod["spec"].get("readinessGates") or []:
        said = conditions.get(name := str(gate["conditionType"]), {})
        if said.get("status") != "True":
            yield f"{name}: {said.get('reason') or 'nobody answers'} {said.get('message', '')}".strip()
