"""On the way down: calls end, whatever became of the pods that they are on."""

from __future__ import annotations

from pathlib import Path

from livekit_deploy.config import load_environment
from livekit_deploy.stack import stack
from tests.aws.test_leftovers import ENVIRONMENT
from tests.k8s.drain.fleet import (
    GRACE,
    NAMESPACE,
    NEW,
    OLD,
    PODS,
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
)
from tests.k8s.rig import KubeRig, Sky

# ---- nowhere to go to


def test_down_asks_all_at_once_and_a_time_counts_from_the_sigterm(unhurried: KubeRig) -> None:
    rig, item = unhurried, barrier(unhurried)
    rig.up(declared(rig, "old"))
    deploy(rig)
    rig.bound(max_drain=7200)
    close_node(rig, item)
    with slow_controllers():
        step(rig, item)
        step(rig, item)
    assert graces(rig) == [7275, 7275], "what its preStop sleeps comes before"
    waiting = item.read_teardown(rig.cloud, "x")
    assert waiting is not None
    assert "waiting until calls end on" in waiting.detail
    for _ in range(2):  # run again, with the same time
        step(rig, item)
    assert graces(rig) == [7275, 7275]
    rig.bound(max_drain=6000)  # by somebody with less
    for _ in range(2):
        step(rig, item)
    assert graces(rig) == [6075, 6075]
    rig.bound(max_drain=7200)  # time that was taken is not given back
    assert item.read_teardown(rig.cloud, "x") == waiting
    for name in asked_to_end(rig):
        end(rig, name)
    assert item.read_teardown(rig.cloud, "x") is None


def test_down_misses_nobody_where_a_run_that_failed_has_left_two_groups(unhurried: KubeRig, sky: Sky) -> None:
    """The new group has no barrier yet, and what it runs never becomes ready."""
    rig, item = unhurried, barrier(unhurried)
    rig.up(declared(rig, "old"))
    deploy(rig)
    grow(sky, rig)
    rig.api.delete(f"{NAMESPACE}/configmaps/settings")
    rig.bound(max_drain=120, command="down")
    for _ in (*OLD, *NEW):
        step(rig, item)
    assert all(rig.objects("nodes")[name]["spec"].get("unschedulable") for name in (*OLD, *NEW))
    for _ in OLD:
        step(rig, item)
    assert graces(rig) == [195, 195]
    for name in asked_to_end(rig):
        end(rig, name)
    assert item.read_teardown(rig.cloud, "x") is None


def test_more_time_than_the_chart_gives_is_not_to_be_had(unhurried: KubeRig) -> None:
    rig, item = unhurried, barrier(unhurried)
    rig.up(declared(rig, "old"))
    deploy(rig)
    rig.bound(max_drain=8 * 3600)
    close_node(rig, item)
    step(rig, item)
    assert sorted(graces(rig), key=str) == [GRACE, None]


def test_down_that_is_not_told_to_wait_leaves_the_calls_to_what_comes_behind(unhurried: KubeRig) -> None:
    rig = unhurried
    rig.up(declared(rig, "old"))
    deploy(rig)
    rig.bound(max_drain=0)
    assert barrier(rig).read_teardown(rig.cloud, "x") is None
    assert graces(rig) == [None, None]


# ---- what only looks as if it carried calls


def test_a_pod_whose_time_has_passed_is_not_waited_for(unhurried: KubeRig) -> None:
    """The kubelet of its node does not answer any more, so that it stays for ever."""
    rig, item = unhurried, barrier(unhurried)
    rig.up(declared(rig, "old"))
    deploy(rig)
    rig.bound(max_drain=7200)
    for _ in range(4):
        step(rig, item)
    for pod in pods_of(rig).values():
        pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert item.read_teardown(rig.cloud, "x") is None


def test_a_pod_that_was_evicted_for_want_of_memory_is_not_waited_for(unhurried: KubeRig, sky: Sky) -> None:
    """It stays behind as Failed; its replacement serves."""
    rig, item = unhurried, barrier(unhurried)
    rig.up(declared(rig, "old"))
    deploy(rig, replicas=1)
    (name,) = pods_of(rig)
    rig.patch(f"{PODS}/{name}", {"metadata": {"ownerReferences": None}})
    rig.patch(f"{PODS}/{name}/status", {"status": {"phase": "Failed", "reason": "Evicted"}})
    grow(sky, rig)
    close_node(rig, item)
    rig.wait(lambda: len(serving(rig)) >= 1)
    for other in set(pods_of(rig, *OLD)) - {name}:
        end(rig, other)
    rig.wait(lambda: len(serving(rig, *NEW)) == 1)
    assert item.read_teardown(rig.cloud, "x") is None
    assert name in pods_of(rig)


def test_another_pod_of_the_same_name_is_not_asked(unhurried: KubeRig) -> None:
    rig, item = unhurried, barrier(unhurried)
    rig.up(declared(rig, "old"))
    deploy(rig)
    name, pod = next(iter(pods_of(rig).items()))
    before = {"metadata": {"name": name, "uid": "0"}}
    item._ask(rig.api, before, 60)
    assert asked_to_end(rig) == []
    item._ask(rig.api, pod, 60)
    assert asked_to_end(rig) == [name]


def test_a_group_without_livekit_is_closed_and_goes_at_once(rig: KubeRig) -> None:
    """Closed, since a pod that looks for a node just then must not get one that goes."""
    rig.up(declared(rig, "old"))
    rig.down()
    assert rig.records == {}
    assert all(node["spec"].get("unschedulable") for node in rig.objects("nodes").values())


def test_on_the_way_down_calls_end_before_the_names_and_the_release_that_carry_them_go(tmp_path: Path) -> None:
    path = tmp_path / "uat.yaml"
    path.write_text(ENVIRONMENT)
    before = {item.kind: item for item in stack(load_environment(path, environ={}))}["barrier.calls_drained"]
    assert {"helm.release", "route53.record"} <= {item.kind for item in before.dependencies()}


def test_a_group_that_stays_after_all_is_opened_again_but_for_what_others_closed(unhurried: KubeRig, sky: Sky) -> None:
    """The configuration goes back while the drain is under way: what was to go stays."""
    rig = unhurried
    rig.up(declared(rig, "old"))
    deploy(rig)
    grow(sky, rig)
    theirs, ours = OLD
    rig.patch(f"/api/v1/nodes/{theirs}", {"spec": {"unschedulable": True}})
    step(rig, barrier(rig))
    assert rig.objects("nodes")[ours]["spec"].get("unschedulable")
    rig.up(declared(rig, "old"))
    nodes = rig.objects("nodes")
    assert not nodes[ours]["spec"].get("unschedulable")
    assert nodes[theirs]["spec"].get("unschedulable")
