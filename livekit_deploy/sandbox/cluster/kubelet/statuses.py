"""Writes a pod's status as the kubelet does."""

from __future__ import annotations

from livekit_deploy.sandbox.cluster.world import Obj, condition

_OURS = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
_FINAL = ("Succeeded", "Failed")


def phase(pod: Obj, containers: list[Obj]) -> str:
    """Pending until every container has run once; then Running, unless all have ended for good."""
    states = [one["state"] for one in containers]
    if any(
        "waiting" in state and "terminated" not in (one.get("lastState") or {})
        for state, one in zip(states, containers, strict=True)
    ):
        return "Pending"
    if pod["spec"].get("restartPolicy", "Always") == "Always" or not all("terminated" in state for state in states):
        return "Running"
    return "Failed" if any(state["terminated"]["exitCode"] for state in states) else "Succeeded"


def status(pod: Obj, containers: list[Obj], addresses: Obj) -> Obj:
    """Its whole status; conditions that others set are kept, and counted where a readiness gate asks for them."""
    before = (pod.get("status") or {}).get("conditions") or []
    now = phase(pod, containers)
    others = [one for one in before if one["type"] not in _OURS]
    if now in _FINAL:
        conditions = [
            condition(kind, kind in _OURS[:2], "" if kind == _OURS[0] else "PodCompleted", "", before) for kind in _OURS
        ]
    else:
        unready = [one["name"] for one in containers if not one["ready"]]
        said = f"containers with unready status: [{' '.join(unready)}]" if unready else ""
        reason = "ContainersNotReady" if unready else ""
        gates = "" if unready else gated(pod, others)
        conditions = [
            condition("PodScheduled", True, "", before=before),
            condition("Initialized", True, "", before=before),
            condition("ContainersReady", not unready, reason, said, before),
            condition(
                "Ready", not (unready or gates), "ReadinessGatesNotReady" if gates else reason, gates or said, before
            ),
        ]
    return {**addresses, "phase": now, "conditions": [*others, *conditions], "containerStatuses": containers}


def gated(pod: Obj, conditions: list[Obj]) -> str:
    """Which readiness gates do not hold, "" when all do (Kubernetes documentation, "Pod readiness")."""
    there = {one["type"]: one["status"] for one in conditions}
    found = []
    for gate in pod["spec"].get("readinessGates") or []:
        kind = gate["conditionType"]
        if kind not in there:
            found.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif there[kind] != "True":
            found.append(f'the status of pod readiness gate "{kind}" is not "True", but {there[kind]}')
    return ", ".join(found)
