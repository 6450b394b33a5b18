"""Before media nodes go the calls on them have ended, and the others take over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from livekit_deploy.engine.resource import Live, Resource, Status
from livekit_deploy.k8s.drain import CallsDrained
from livekit_deploy.k8s.objects import Namespace
from tests.k8s.rig import KubeRig, Sky

_LABELS = {"app.kubernetes.io/instance": "livekit"}
_PODS = "/api/v1/namespaces/livekit/pods"


@pytest.fixture
def sky() -> Sky:
    """One node of an old group, one of a new one."""
    made = Sky()
    old, new = made.specs
    label = "eks.amazonaws.com/nodegroup"
    made.specs = [replace(old, labels={label: "media-old"}), replace(new, labels={label: "media-new"})]
    return made


def _livekit(rig: KubeRig) -> None:
    """As our chart deploys it: one pod a node, hours to end, and a budget."""
    container = {"name": "x", "image": "x:1", "ports": [{"containerPort": 7881, "hostPort": 7881}]}
    spec = {"terminationGracePeriodSeconds": 18000, "containers": [container]}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "livekit"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": _LABELS},
            "template": {"metadata": {"labels": _LABELS}, "spec": spec},
        },
    }
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "livekit", "labels": _LABELS},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": _LABELS}},
    }
    rig.api.apply("/apis/apps/v1/namespaces/livekit/deployments/livekit", deployment)
    rig.api.apply("/apis/policy/v1/namespaces/livekit/poddisruptionbudgets/livekit", budget)


def _declared(rig: KubeRig, *groups: str) -> list[Resource]:
    space = Namespace("livekit", lives_in=rig.host)
    drained = [
        CallsDrained(f"media-{name}", group_name=name, release="livekit", lives_in=rig.host, after=[space])
        for name in groups
    ]
    return [rig.host, space, *drained]


def _on(rig: KubeRig, node: str) -> dict[str, Any]:
    pods = rig.objects("pods", namespace="livekit")
    return {name: pod for name, pod in pods.items() if pod["spec"].get("nodeName") == node}


def _step(rig: KubeRig, item: CallsDrained) -> Live | None:
    live = item.read_teardown(rig.cloud, "x")
    if live is not None and live.status is Status.READY:
        item.delete(rig.cloud, live)
    return live


def _ready(rig: KubeRig, node: str) -> bool:
    conditions = [one for pod in _on(rig, node).values() for one in (pod.get("status") or {}).get("conditions") or []]
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def test_a_group_waits_for_its_calls_and_the_new_one_takes_over(unhurried: KubeRig) -> None:
    rig = unhurried
    rig.up(_declared(rig, "media-old", "media-new"))
    _livekit(rig)
    rig.wait(lambda: _ready(rig, "node-a") or _ready(rig, "node-b"))
    here, there = ("node-a", "node-b") if _on(rig, "node-a") else ("node-b", "node-a")
    group = "media-old" if here == "node-a" else "media-new"
    item = CallsDrained("x", group_name=group, release="livekit")
    item.host = rig.lives
    closing = _step(rig, item)
    assert closing is not None
    assert (closing.status, closing.detail) == (Status.READY, f"closing {group}")
    assert rig.objects("nodes")[here]["spec"]["unschedulable"] is True
    _step(rig, item)
    rig.wait(lambda: _ready(rig, there))
    waiting = item.read_teardown(rig.cloud, "x")
    (old,) = _on(rig, here)
    assert waiting is not None
    assert (waiting.status, waiting.detail) == (Status.DELETING, f"waiting until calls end on {old}")
    rig.api.delete(f"{_PODS}/{old}", grace_seconds=0)  # its last room closes
    rig.wait(lambda: not _on(rig, here))
    assert item.read_teardown(rig.cloud, "x") is None


def test_a_group_without_livekit_goes_at_once(rig: KubeRig) -> None:
    rig.up(_declared(rig, "media-old"))
    rig.down()
    assert rig.records == {}
    assert not any(node["spec"].get("unschedulable") for node in rig.objects("nodes").values())
