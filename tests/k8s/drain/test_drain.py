"""Before media nodes go the calls on them have ended, and others serve in their place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from livekit_deploy.engine.resource import Live, Status
from livekit_deploy.errors import TimedOut
from livekit_deploy.k8s.access.client import Api
from livekit_deploy.k8s.drain import CallsDrained
from livekit_deploy.sandbox.cluster.kubelet.kubelet import Kubelet
from tests.fakes import Killed
from tests.k8s.drain.fleet import (
    NAMESPACE,
    NEW,
    OLD,
    PODS,
    SLEEP,
    asked_to_end,
    barrier,
    close_node,
    declared,
    deploy,
    end,
    graces,
    grow,
    pods_of,
    serving,
    slow_controllers,
    step,
    stop,
)
from tests.k8s.rig import KubeRig, Sky

_DEPLOYMENT = "/apis/apps/v1/namespaces/livekit/deployments/livekit"


# ---- one by one


def test_a_pod_is_asked_when_the_replacement_of_the_one_before_is_ready(unhurried: KubeRig, sky: Sky) -> None:
    rig, item = unhurried, barrier(unhurried)
    rig.up(declared(rig, "old"))
    deploy(rig)
    grow(sky, rig)
    close_node(rig, item)
    with slow_controllers():
        step(rig, item)
        (first,) = asked_to_end(rig)
        waiting = item.read_teardown(rig.cloud, "x")
    assert waiting is not None
    assert waiting.status is Status.DELETING
    assert "waiting until other pods serve in their place" in waiting.detail
    rig.wait(lambda: len(serving(rig, *NEW)) == 1)
    step(rig, item)
    assert len(asked_to_end(rig)) == 2
    end(rig, first)
    rig.wait(lambda: len(serving(rig, *NEW)) == 2)
    ending = item.read_teardown(rig.cloud, "x")
    (second,) = asked_to_end(rig)
    assert ending is not None
    assert (ending.status, ending.detail) == (Status.DELETING, f"waiting until calls end on {second}")
    end(rig, second)
    assert item.read_teardown(rig.cloud, "x") is None


def test_a_slow_controller_manager_does_not_let_both_go(unhurried: KubeRig, sky: Sky) -> None:
    """Its budget still says that one more may go."""
    rig, item = unhurried, barrier(unhurried)
    rig.up(declared(rig, "old"))
    deploy(rig)
    grow(sky, rig)
    close_node(rig, item)
    with slow_controllers():
        for _ in range(3):
            step(rig, item)
            item.delete(rig.cloud, Live("old", Status.READY))  # whatever the engine believes
        assert len(asked_to_end(rig)) == 1
        assert rig.objects("poddisruptionbudgets", "policy")["livekit"]["status"]["disruptionsAllowed"] == 1
    rig.wait(lambda: len(serving(rig, *NEW)) == 1)
    step(rig, item)
    assert len(asked_to_end(rig)) == 2


def test_groups_that_go_at_the_same_time_do_not_ask_at_the_same_time(unhurried: KubeRig, sky: Sky) -> None:
    rig = unhurried
    rig.up(declared(rig, "old"))
    sky.specs = [
        replace(spec, labels={**spec.labels, "eks.amazonaws.com/nodegroup": f"old-{spec.name[-1]}"})
        for spec in sky.specs
    ]
    for spec in sky.specs:
        rig.patch(f"/api/v1/nodes/{spec.name}", {"metadata": {"labels": dict(spec.labels)}})
    deploy(rig)
    grow(sky, rig)
    items = [barrier(rig, "old-a"), barrier(rig, "old-b")]
    for item in items:
        step(rig, item)
    seen = [item.read_teardown(rig.cloud, "x") for item in items]
    assert [live.status for live in seen if live] == [Status.READY, Status.READY]
    with slow_controllers():
        for item, live in zip(items, seen, strict=True):
            assert live is not None
            item.delete(rig.cloud, live)
        assert len(asked_to_end(rig)) == 1


def test_a_pod_that_is_not_ready_goes_first_and_is_replaced_as_well(
    unhurried: KubeRig, sky: Sky, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, item = unhurried, barrier(unhurried)
    rig.up(declared(rig, "old"))
    deploy(rig)
    grow(sky, rig)
    stop(monkeypatch, Kubelet)  # or it would say again that the pod is ready
    ill = max(pods_of(rig))
    status = {"conditions": [{"type": "Ready", "status": "False"}]}
    rig.patch(f"{PODS}/{ill}/status", {"status": status})
    close_node(rig, item)
    with slow_controllers():
        for _ in range(2):
            step(rig, item)
        assert asked_to_end(rig) == [ill], "the other one when this one is replaced"


def test_with_fewer_pods_than_nodes_an_empty_node_is_only_closed(unhurried: KubeRig, sky: Sky) -> None:
    rig, item = unhurried, barrier(unhurried)
    rig.up(declared(rig, "old"))
    deploy(rig, replicas=1)
    grow(sky, rig, "c")
    close_node(rig, item)
    step(rig, item)
    (asked,) = asked_to_end(rig)
    rig.wait(lambda: len(serving(rig, *NEW)) == 1)
    end(rig, asked)
    assert item.read_teardown(rig.cloud, "x") is None


def test_neither_budget_nor_preStop_is_needed(unhurried: KubeRig, sky: Sky) -> None:
    """The official chart has neither."""
    rig, item = unhurried, barrier(unhurried)
    rig.up(declared(rig, "old"))
    deploy(rig, sleeps=0, budget=False)
    grow(sky, rig)
    rig.bound(max_drain=7200)
    close_node(rig, item)
    with slow_controllers():
        for _ in range(2):
            step(rig, item)
    assert sorted(graces(rig), key=str) == [7200, None]


@pytest.mark.kill
@pytest.mark.parametrize("number", range(1, 5), ids=["close", "close another", "ask", "ask another"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_drain_that_is_killed_goes_on(
    unhurried: KubeRig, sky: Sky, monkeypatch: pytest.MonkeyPatch, number: int, after: bool
) -> None:
    """Before and after each call; at no time are two pods on their way out without others in their place."""
    rig, call, seen = unhurried, Api._call, 0
    rig.up(declared(rig, "old"))
    deploy(rig)
    grow(sky, rig)
    rig.bound(max_drain=60)

    def dies(self: Api, method: str, path: str, *more: Any) -> Any:
        nonlocal seen
        changes = method != "GET" and ("/nodes/" in path or "/pods/" in path)
        if method == "DELETE" and changes:
            assert len(serving(rig)) == 2
        seen += changes
        if changes and seen == number and not after:
            raise Killed
        said = call(self, method, path, *more)
        if changes and seen == number:
            raise Killed
        return said

    monkeypatch.setattr(Api, "_call", dies)
    with pytest.raises(Killed):
        rig.up(declared(rig))
    rig.cloud.kept.clear()
    rig.up(declared(rig))
    assert not [address for address in rig.records if address.startswith("barrier.")]
    assert (pods_of(rig, *OLD), len(serving(rig, *NEW))) == ({}, 2)
    assert seen == 4 + (not after), "nothing is asked twice"


# ---- replacements that do not come


def test_nobody_is_asked_before_a_node_of_the_group_that_takes_over_has_joined(unhurried: KubeRig, sky: Sky) -> None:
    """EKS may call a group active before the cluster lists its nodes."""
    rig, item = unhurried, barrier(unhurried)
    rig.up(declared(rig, "old"))
    deploy(rig)
    rig.bound(max_drain=60, command="up")
    live = item.read_teardown(rig.cloud, "x")
    assert live is not None
    assert (live.status, live.detail) == (Status.DELETING, "no other media node has joined the cluster yet")
    item.delete(rig.cloud, Live("x", Status.READY))
    assert not any(one["spec"].get("unschedulable") for one in rig.objects("nodes").values())
    assert graces(rig) == [None, None]
    with pytest.raises(TimedOut, match="no other media node has joined"):
        item.delete(rig.cloud, live)
    grow(sky, rig)
    close_node(rig, item)
    step(rig, item)
    assert sorted(graces(rig), key=str) == [60 + SLEEP, None]


def test_a_group_is_kept_when_its_replacements_do_not_become_ready_and_the_error_says_why(
    unhurried: KubeRig, sky: Sky, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, item = unhurried, barrier(unhurried)
    rig.up(declared(rig, "old"))
    deploy(rig)
    grow(sky, rig)
    rig.api.delete(f"{NAMESPACE}/configmaps/settings")
    monkeypatch.setattr(CallsDrained, "patience", 60.0)
    with pytest.raises(TimedOut) as caught:
        rig.up(declared(rig))
    assert "old is kept" in str(caught.value)
    assert 'configmap "settings" not found' in str(caught.value)
    assert "run the same command again" in caught.value.hint
    assert len(asked_to_end(rig)) == 1, "the other one goes on"
    assert "barrier.calls_drained/old" in {address.rpartition("-")[0] for address in rig.records}

    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}}
    rig.api.apply(f"{NAMESPACE}/configmaps/settings", settings)
    rig.wait(lambda: len(serving(rig, *NEW)) == 1)
    step(rig, item)
    assert len(asked_to_end(rig)) == 2, "the next run goes on"


def test_pods_that_are_gone_do_not_let_the_group_go_before_others_serve(unhurried: KubeRig, sky: Sky) -> None:
    rig, item = unhurried, barrier(unhurried)
    rig.up(declared(rig, "old"))
    deploy(rig)
    grow(sky, rig)
    close_node(rig, item)
    with slow_controllers():
        for name in list(pods_of(rig)):  # somebody else ends them
            end(rig, name)
        waiting = item.read_teardown(rig.cloud, "x")
        assert waiting is not None
        assert waiting.status is Status.DELETING
    rig.wait(lambda: len(serving(rig, *NEW)) == 2)
    assert item.read_teardown(rig.cloud, "x") is None


def test_nobody_is_missed_where_nobody_is_wanted(unhurried: KubeRig, sky: Sky) -> None:
    rig, item = unhurried, barrier(unhurried)
    rig.up(declared(rig, "old"))
    deploy(rig)
    grow(sky, rig)
    rig.patch(_DEPLOYMENT, {"spec": {"replicas": 0}})
    rig.wait(lambda: len(asked_to_end(rig)) == 2)
    _close_only = [step(rig, item) for _ in OLD]
    assert all(live and live.detail == "closing old" for live in _close_only)
    waiting = item.read_teardown(rig.cloud, "x")
    assert waiting is not None
    assert "waiting until calls end on" in waiting.detail
    for name in asked_to_end(rig):
        end(rig, name)
    assert item.read_teardown(rig.cloud, "x") is None
