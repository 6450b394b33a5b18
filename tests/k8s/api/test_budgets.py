"""Disruption budgets of the sandbox count against what workloads want, as the real disruption controller does."""

from __future__ import annotations

from typing import Any

import pytest

from livekit_deploy.k8s.access.client import Obj
from livekit_deploy.sandbox.cluster.kubelet.kubelet import Kubelet
from tests.k8s.api.wire import ask
from tests.k8s.rig import KubeRig, livekit

LABELS = {"app": "calls"}
BUDGETS = "/apis/policy/v1/namespaces/livekit/poddisruptionbudgets"
PODS = "/api/v1/namespaces/livekit/pods"


def started(rig: KubeRig, replicas: int = 2, **spec: Any) -> None:
    rig.api.apply(
        "/api/v1/namespaces/livekit", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "livekit"}}
    )
    livekit(rig, replicas, LABELS, {"containers": [{"name": "one", "image": "one:1"}]})
    whole = {"selector": {"matchLabels": LABELS}, **spec}
    body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "calls"}, "spec": whole}
    rig.api.apply(f"{BUDGETS}/calls", body)
    rig.wait(lambda: status(rig).get("currentHealthy") == replicas)


def status(rig: KubeRig) -> Obj:
    found: Obj = rig.objects("poddisruptionbudgets", "policy", "livekit")["calls"].get("status") or {}
    return found


@pytest.mark.parametrize(
    ("spec", "desired", "allowed"),
    [
        ({"maxUnavailable": 1}, 3, 1),
        ({"maxUnavailable": "30%"}, 2, 2),
        ({"minAvailable": 3}, 3, 1),
        ({"minAvailable": "100%"}, 4, 0),
    ],
)
def test_numbers_and_shares_are_of_what_the_workload_wants(
    spec: dict[str, Any], desired: int, allowed: int, rig: KubeRig
) -> None:
    started(rig, 4, **spec)
    found = status(rig)
    assert (found["expectedPods"], found["desiredHealthy"], found["disruptionsAllowed"]) == (4, desired, allowed)


def test_a_pod_that_ends_is_missed_until_the_next_is_ready(rig: KubeRig, monkeypatch: pytest.MonkeyPatch) -> None:
    started(rig, maxUnavailable=1)
    monkeypatch.setattr(Kubelet, "_start", lambda *_: None)  # nothing becomes ready any more
    first, second = sorted(rig.objects("pods", namespace="livekit"))
    rig.api.delete(f"{PODS}/{first}")
    rig.wait(lambda: status(rig)["currentHealthy"] == 1)
    found = status(rig)
    assert (found["expectedPods"], found["desiredHealthy"], found["disruptionsAllowed"]) == (2, 1, 0)
    assert found["conditions"][0]["reason"] == "InsufficientPods"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": second, "namespace": "livekit"}}
    said = ask(rig, "POST", f"{PODS}/{second}/eviction", eviction)
    assert said.item["details"]["causes"][0]["message"] == (
        "The disruption budget calls needs 1 healthy pods and has 1 currently"
    )
