"""Before media nodes go the calls on them have ended, and the others take over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.config import load_environment
from livekit_deploy.engine.resource import Live, Resource, Status
from livekit_deploy.k8s.drain import CallsDrained
from livekit_deploy.k8s.objects import Namespace
from livekit_deploy.stack import stack
from tests.aws.test_leftovers import ENVIRONMENT
from tests.k8s.rig import KubeRig, Sky, livekit

_LABELS = {"app.kubernetes.io/instance": "livekit"}
_PODS = "/api/v1/namespaces/livekit/pods"


@pytest.fixture
def sky() -> Sky:
    """One node of an old group, one of a new one."""
    made = Sky()
    old, new = made.specs
    made.specs = [
        replace(spec, labels={**spec.labels, "eks.amazonaws.com/nodegroup": group})
        for spec, group in ((old, "media-old"), (new, "media-new"))
    ]
    return made


def _livekit(rig: KubeRig, replicas: int = 1) -> None:
    """As our chart deploys it: one pod a node, hours to end, and a budget."""
    container = {"name": "x", "image": "x:1", "ports": [{"containerPort": 7881, "hostPort": 7881}]}
    spec = {"terminationGracePeriodSeconds": 18000, "containers": [container]}
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "livekit", "labels": _LABELS},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": _LABELS}},
    }
    livekit(rig, replicas, _LABELS, spec)
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


def _graces(rig: KubeRig) -> list[Any]:
    """Seconds that each pod on a node has to end, None for one that was not asked to."""
    pods = [*_on(rig, "node-a").values(), *_on(rig, "node-b").values()]
    return [pod["metadata"].get("deletionGracePeriodSeconds") for pod in pods]


def _in_use(rig: KubeRig) -> None:
    """LiveKit on both nodes, with calls on it."""
    rig.up(_declared(rig, "media-old", "media-new"))
    _livekit(rig, replicas=2)
    rig.wait(lambda: _ready(rig, "node-a") and _ready(rig, "node-b"))


def test_down_waits_for_calls_as_long_as_it_is_told_and_no_budget_holds_what_cannot_move(unhurried: KubeRig) -> None:
    rig = unhurried
    _in_use(rig)
    items = [CallsDrained(group, group_name=group, release="livekit") for group in ("media-old", "media-new")]
    for item in items:
        item.host = rig.lives
    rig.cloud.max_drain = 7200
    for item in (*items, items[0]):  # a node each is closed, then a pod is asked
        _step(rig, item)
    rig.wait(lambda: not rig.objects("poddisruptionbudgets", "policy")["livekit"]["status"]["disruptionsAllowed"])
    _step(rig, items[1])
    assert _graces(rig) == [7200, 7200], "less than the chart's five hours, and both at once"
    waiting = items[0].read_teardown(rig.cloud, "x")
    assert waiting is not None
    assert "waiting until calls end on" in waiting.detail
    rig.cloud.max_drain = 6000  # run again, by somebody with less time
    for item in items:
        _step(rig, item)
    assert _graces(rig) == [6000, 6000]
    rig.cloud.max_drain = 1  # whatever goes on then, the cluster ends it by itself
    for item in items:
        _step(rig, item)
    rig.wait(lambda: not _graces(rig))
    assert [item.read_teardown(rig.cloud, "x") for item in items] == [None, None]


def test_down_that_is_not_told_to_wait_leaves_the_calls_to_what_comes_behind(unhurried: KubeRig) -> None:
    rig = unhurried
    _in_use(rig)
    rig.cloud.max_drain = 0
    item = CallsDrained("x", group_name="media-old", release="livekit")
    item.host = rig.lives
    assert item.read_teardown(rig.cloud, "x") is None
    assert _graces(rig) == [None, None]


def test_a_group_without_livekit_goes_at_once(rig: KubeRig) -> None:
    rig.up(_declared(rig, "media-old"))
    rig.down()
    assert rig.records == {}
    assert not any(node["spec"].get("unschedulable") for node in rig.objects("nodes").values())


def test_on_the_way_down_calls_end_before_the_names_and_the_release_that_carry_them_go(tmp_path: Path) -> None:
    path = tmp_path / "uat.yaml"
    path.write_text(ENVIRONMENT)
    before = {item.kind: item for item in stack(load_environment(path, environ={}))}["barrier.calls_drained"]
    assert {"helm.release", "route53.record"} <= {item.kind for item in before.dependencies()}
