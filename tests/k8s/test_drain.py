"""Before media nodes go the calls on them have ended, and others serve in their place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.config import load_environment
from livekit_deploy.engine.resource import Live, Resource, Status
from livekit_deploy.errors import TimedOut
from livekit_deploy.k8s.access.client import Api
from livekit_deploy.k8s.drain import CallsDrained
from livekit_deploy.k8s.objects import Namespace
from livekit_deploy.sandbox.cluster.controllers import budgets, deployments, housekeeping
from livekit_deploy.sandbox.cluster.kubelet.kubelet import Kubelet
from livekit_deploy.stack import stack
from tests.aws.test_leftovers import ENVIRONMENT
from tests.fakes import Killed
from tests.k8s.rig import KubeRig, Sky, livekit, media_node

_LABELS = {"app.kubernetes.io/instance": "livekit"}
_NAMESPACE = "/api/v1/namespaces/livekit"
_PODS = f"{_NAMESPACE}/pods"
_DEPLOYMENT = "/apis/apps/v1/namespaces/livekit/deployments/livekit"
_GRACE, _SLEEP = 18075, 75
OLD, NEW = ("node-a", "node-b"), ("node-c", "node-d")


@pytest.fixture
def sky() -> Sky:
    """Two nodes of an old group; `_grow` adds those of a new one."""
    made = Sky()
    made.specs = [replace(spec, labels={**spec.labels, "eks.amazonaws.com/nodegroup": "old"}) for spec in made.specs]
    return made


def _grow(sky: Sky, rig: KubeRig, letters: str = "cd") -> None:
    for number, letter in enumerate(letters, 3):
        spec = media_node(letter, number)
        sky.specs.append(replace(spec, labels={**spec.labels, "eks.amazonaws.com/nodegroup": "new"}))
    rig.wait(lambda: {f"node-{letter}" for letter in letters} <= rig.objects("nodes").keys())


def _deploy(rig: KubeRig, replicas: int = 2, *, sleeps: int = _SLEEP, budget: bool = True) -> None:
    """As our chart deploys it: one pod a node, hours to end, a while before the SIGTERM, and a budget."""
    wants = {"name": "SETTING", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}}
    container: dict[str, Any] = {"name": "x", "image": "x:1", "env": [wants]}
    container["ports"] = [{"containerPort": 7881, "hostPort": 7881}]
    if sleeps:
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": sleeps}}}
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}}
    rig.api.apply(f"{_NAMESPACE}/configmaps/settings", settings)
    livekit(rig, replicas, _LABELS, {"terminationGracePeriodSeconds": _GRACE, "containers": [container]})
    if budget:
        spec = {"maxUnavailable": 1, "selector": {"matchLabels": _LABELS}}
        metadata = {"name": "livekit", "labels": _LABELS}
        item = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": spec}
        rig.api.apply("/apis/policy/v1/namespaces/livekit/poddisruptionbudgets/livekit", item)
    rig.wait(lambda: len(_serving(rig)) == replicas)


def _declared(rig: KubeRig, *groups: str) -> list[Resource]:
    space = Namespace("livekit", lives_in=rig.host)
    drained = [
        CallsDrained(name, group_name=name, release="livekit", lives_in=rig.host, after=[space]) for name in groups
    ]
    return [rig.host, space, *drained]


def _barrier(rig: KubeRig, group: str = "old") -> CallsDrained:
    item = CallsDrained(group, group_name=group, release="livekit")
    item.host = rig.lives
    return item


def _pods(rig: KubeRig, *nodes: str) -> dict[str, Any]:
    """Those on these nodes, or on any."""
    pods = rig.objects("pods", namespace="livekit")
    placed = {name: pod for name, pod in pods.items() if pod["spec"].get("nodeName")}
    return {name: pod for name, pod in placed.items() if not nodes or pod["spec"]["nodeName"] in nodes}


def _asked(rig: KubeRig) -> list[str]:
    return [name for name, pod in _pods(rig).items() if pod["metadata"].get("deletionTimestamp")]


def _serving(rig: KubeRig, *nodes: str) -> list[str]:
    """Ready, and not asked to end."""

    def ready(pod: dict[str, Any]) -> bool:
        conditions = (pod.get("status") or {}).get("conditions") or []
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    asked = _asked(rig)
    return [name for name, pod in _pods(rig, *nodes).items() if ready(pod) and name not in asked]


def _graces(rig: KubeRig) -> list[Any]:
    """Seconds that each pod of the old group has to end, None for one that was not asked to."""
    return [pod["metadata"].get("deletionGracePeriodSeconds") for pod in _pods(rig, *OLD).values()]


def _step(rig: KubeRig, item: CallsDrained) -> Live | None:
    live = item.read_teardown(rig.cloud, "x")
    if live is not None and live.status is Status.READY:
        item.delete(rig.cloud, live)
    return live


def _close(rig: KubeRig, item: CallsDrained) -> None:
    """A step for each node of the old group."""
    for _ in OLD:
        live = _step(rig, item)
        assert live is not None
        assert (live.status, live.detail) == (Status.READY, "closing old")
    assert all(rig.objects("nodes")[name]["spec"].get("unschedulable") for name in OLD)
    assert _asked(rig) == []


def _end(rig: KubeRig, name: str) -> None:
    """The last room on a pod closes."""
    rig.api.delete(f"{_PODS}/{name}", grace_seconds=0)
    rig.wait(lambda: name not in _pods(rig))


@contextmanager
def _slow_controllers() -> Iterator[None]:
    """The controller-manager is busy: nothing replaces a pod, and no budget is written."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (deployments, housekeeping, budgets):
            _stop(patch, module)
        yield


def _stop(patch: pytest.MonkeyPatch, controller: Any) -> None:
    """It does nothing from now on; a round that had begun before has ended."""
    stopped = threading.Event()
    patch.setattr(controller, "run", lambda *_: stopped.set())
    assert stopped.wait(60)


# ---- one by one


def test_a_pod_is_asked_when_the_replacement_of_the_one_before_is_ready(unhurried: KubeRig, sky: Sky) -> None:
    rig, item = unhurried, _barrier(unhurried)
    rig.up(_declared(rig, "old"))
    _deploy(rig)
    _grow(sky, rig)
    _close(rig, item)
    with _slow_controllers():
        _step(rig, item)
        (first,) = _asked(rig)
        waiting = item.read_teardown(rig.cloud, "x")
    assert waiting is not None
    assert waiting.status is Status.DELETING
    assert "waiting until other pods serve in their place" in waiting.detail
    rig.wait(lambda: len(_serving(rig, *NEW)) == 1)
    _step(rig, item)
    assert len(_asked(rig)) == 2
    _end(rig, first)
    rig.wait(lambda: len(_serving(rig, *NEW)) == 2)
    ending = item.read_teardown(rig.cloud, "x")
    (second,) = _asked(rig)
    assert ending is not None
    assert (ending.status, ending.detail) == (Status.DELETING, f"waiting until calls end on {second}")
    _end(rig, second)
    assert item.read_teardown(rig.cloud, "x") is None


def test_a_slow_controller_manager_does_not_let_both_go(unhurried: KubeRig, sky: Sky) -> None:
    """Its budget still says that one more may go."""
    rig, item = unhurried, _barrier(unhurried)
    rig.up(_declared(rig, "old"))
    _deploy(rig)
    _grow(sky, rig)
    _close(rig, item)
    with _slow_controllers():
        for _ in range(3):
            _step(rig, item)
            item.delete(rig.cloud, Live("old", Status.READY))  # whatever the engine believes
        assert len(_asked(rig)) == 1
        assert rig.objects("poddisruptionbudgets", "policy")["livekit"]["status"]["disruptionsAllowed"] == 1
    rig.wait(lambda: len(_serving(rig, *NEW)) == 1)
    _step(rig, item)
    assert len(_asked(rig)) == 2


def test_groups_that_go_at_the_same_time_do_not_ask_at_the_same_time(unhurried: KubeRig, sky: Sky) -> None:
    rig = unhurried
    rig.up(_declared(rig, "old"))
    sky.specs = [
        replace(spec, labels={**spec.labels, "eks.amazonaws.com/nodegroup": f"old-{spec.name[-1]}"})
        for spec in sky.specs
    ]
    for spec in sky.specs:
        rig.patch(f"/api/v1/nodes/{spec.name}", {"metadata": {"labels": dict(spec.labels)}})
    _deploy(rig)
    _grow(sky, rig)
    items = [_barrier(rig, "old-a"), _barrier(rig, "old-b")]
    for item in items:
        _step(rig, item)
    seen = [item.read_teardown(rig.cloud, "x") for item in items]
    assert [live.status for live in seen if live] == [Status.READY, Status.READY]
    with _slow_controllers():
        for item, live in zip(items, seen, strict=True):
            assert live is not None
            item.delete(rig.cloud, live)
        assert len(_asked(rig)) == 1


def test_a_pod_that_is_not_ready_goes_first_and_is_replaced_as_well(
    unhurried: KubeRig, sky: Sky, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, item = unhurried, _barrier(unhurried)
    rig.up(_declared(rig, "old"))
    _deploy(rig)
    _grow(sky, rig)
    _stop(monkeypatch, Kubelet)  # or it would say again that the pod is ready
    ill = max(_pods(rig))
    status = {"conditions": [{"type": "Ready", "status": "False"}]}
    rig.patch(f"{_PODS}/{ill}/status", {"status": status})
    _close(rig, item)
    with _slow_controllers():
        for _ in range(2):
            _step(rig, item)
        assert _asked(rig) == [ill], "the other one when this one is replaced"


def test_with_fewer_pods_than_nodes_an_empty_node_is_only_closed(unhurried: KubeRig, sky: Sky) -> None:
    rig, item = unhurried, _barrier(unhurried)
    rig.up(_declared(rig, "old"))
    _deploy(rig, replicas=1)
    _grow(sky, rig, "c")
    _close(rig, item)
    _step(rig, item)
    (asked,) = _asked(rig)
    rig.wait(lambda: len(_serving(rig, *NEW)) == 1)
    _end(rig, asked)
    assert item.read_teardown(rig.cloud, "x") is None


def test_neither_budget_nor_preStop_is_needed(unhurried: KubeRig, sky: Sky) -> None:
    """The official chart has neither."""
    rig, item = unhurried, _barrier(unhurried)
    rig.up(_declared(rig, "old"))
    _deploy(rig, sleeps=0, budget=False)
    _grow(sky, rig)
    rig.bound(max_drain=7200)
    _close(rig, item)
    with _slow_controllers():
        for _ in range(2):
            _step(rig, item)
    assert sorted(_graces(rig), key=str) == [7200, None]


@pytest.mark.kill
@pytest.mark.parametrize("number", range(1, 5), ids=["close", "close another", "ask", "ask another"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_drain_that_is_killed_goes_on(
    unhurried: KubeRig, sky: Sky, monkeypatch: pytest.MonkeyPatch, number: int, after: bool
) -> None:
    """Before and after each call; at no time are two pods on their way out without others in their place."""
    rig, call, seen = unhurried, Api._call, 0
    rig.up(_declared(rig, "old"))
    _deploy(rig)
    _grow(sky, rig)
    rig.bound(max_drain=60)

    def dies(self: Api, method: str, path: str, *more: Any) -> Any:
        nonlocal seen
        changes = method != "GET" and ("/nodes/" in path or "/pods/" in path)
        if method == "DELETE" and changes:
            assert len(_serving(rig)) == 2
        seen += changes
        if changes and seen == number and not after:
            raise Killed
        said = call(self, method, path, *more)
        if changes and seen == number:
            raise Killed
        return said

    monkeypatch.setattr(Api, "_call", dies)
    with pytest.raises(Killed):
        rig.up(_declared(rig))
    rig.cloud.kept.clear()
    rig.up(_declared(rig))
    assert not [address for address in rig.records if address.startswith("barrier.")]
    assert (_pods(rig, *OLD), len(_serving(rig, *NEW))) == ({}, 2)
    assert seen == 4 + (not after), "nothing is asked twice"


# ---- replacements that do not come


def test_nobody_is_asked_before_a_node_of_the_group_that_takes_over_has_joined(unhurried: KubeRig, sky: Sky) -> None:
    """EKS may call a group active before the cluster lists its nodes."""
    rig, item = unhurried, _barrier(unhurried)
    rig.up(_declared(rig, "old"))
    _deploy(rig)
    rig.bound(max_drain=60, command="up")
    live = item.read_teardown(rig.cloud, "x")
    assert live is not None
    assert (live.status, live.detail) == (Status.DELETING, "no other media node has joined the cluster yet")
    item.delete(rig.cloud, Live("x", Status.READY))
    assert not any(one["spec"].get("unschedulable") for one in rig.objects("nodes").values())
    assert _graces(rig) == [None, None]
    with pytest.raises(TimedOut, match="no other media node has joined"):
        item.delete(rig.cloud, live)
    _grow(sky, rig)
    _close(rig, item)
    _step(rig, item)
    assert sorted(_graces(rig), key=str) == [60 + _SLEEP, None]


def test_a_group_is_kept_when_its_replacements_do_not_become_ready_and_the_error_says_why(
    unhurried: KubeRig, sky: Sky, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, item = unhurried, _barrier(unhurried)
    rig.up(_declared(rig, "old"))
    _deploy(rig)
    _grow(sky, rig)
    rig.api.delete(f"{_NAMESPACE}/configmaps/settings")
    monkeypatch.setattr(CallsDrained, "patience", 60.0)
    with pytest.raises(TimedOut) as caught:
        rig.up(_declared(rig))
    assert "old is kept" in str(caught.value)
    assert 'configmap "settings" not found' in str(caught.value)
    assert "run the same command again" in caught.value.hint
    assert len(_asked(rig)) == 1, "the other one goes on"
    assert "barrier.calls_drained/old" in {address.rpartition("-")[0] for address in rig.records}

    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}}
    rig.api.apply(f"{_NAMESPACE}/configmaps/settings", settings)
    rig.wait(lambda: len(_serving(rig, *NEW)) == 1)
    _step(rig, item)
    assert len(_asked(rig)) == 2, "the next run goes on"


def test_pods_that_are_gone_do_not_let_the_group_go_before_others_serve(unhurried: KubeRig, sky: Sky) -> None:
    rig, item = unhurried, _barrier(unhurried)
    rig.up(_declared(rig, "old"))
    _deploy(rig)
    _grow(sky, rig)
    _close(rig, item)
    with _slow_controllers():
        for name in list(_pods(rig)):  # somebody else ends them
            _end(rig, name)
        waiting = item.read_teardown(rig.cloud, "x")
        assert waiting is not None
        assert waiting.status is Status.DELETING
    rig.wait(lambda: len(_serving(rig, *NEW)) == 2)
    assert item.read_teardown(rig.cloud, "x") is None


def test_nobody_is_missed_where_nobody_is_wanted(unhurried: KubeRig, sky: Sky) -> None:
    rig, item = unhurried, _barrier(unhurried)
    rig.up(_declared(rig, "old"))
    _deploy(rig)
    _grow(sky, rig)
    rig.patch(_DEPLOYMENT, {"spec": {"replicas": 0}})
    rig.wait(lambda: len(_asked(rig)) == 2)
    _close_only = [_step(rig, item) for _ in OLD]
    assert all(live and live.detail == "closing old" for live in _close_only)
    waiting = item.read_teardown(rig.cloud, "x")
    assert waiting is not None
    assert "waiting until calls end on" in waiting.detail
    for name in _asked(rig):
        _end(rig, name)
    assert item.read_teardown(rig.cloud, "x") is None


# ---- nowhere to go to


def test_down_asks_all_at_once_and_a_time_counts_from_the_sigterm(unhurried: KubeRig) -> None:
    rig, item = unhurried, _barrier(unhurried)
    rig.up(_declared(rig, "old"))
    _deploy(rig)
    rig.bound(max_drain=7200)
    _close(rig, item)
    with _slow_controllers():
        _step(rig, item)
        _step(rig, item)
    assert _graces(rig) == [7275, 7275], "what its preStop sleeps comes before"
    waiting = item.read_teardown(rig.cloud, "x")
    assert waiting is not None
    assert "waiting until calls end on" in waiting.detail
    for _ in range(2):  # run again, with the same time
        _step(rig, item)
    assert _graces(rig) == [7275, 7275]
    rig.bound(max_drain=6000)  # by somebody with less
    for _ in range(2):
        _step(rig, item)
    assert _graces(rig) == [6075, 6075]
    rig.bound(max_drain=7200)  # time that was taken is not given back
    assert item.read_teardown(rig.cloud, "x") == waiting
    for name in _asked(rig):
        _end(rig, name)
    assert item.read_teardown(rig.cloud, "x") is None


def test_down_misses_nobody_where_a_run_that_failed_has_left_two_groups(unhurried: KubeRig, sky: Sky) -> None:
    """The new group has no barrier yet, and what it runs never becomes ready."""
    rig, item = unhurried, _barrier(unhurried)
    rig.up(_declared(rig, "old"))
    _deploy(rig)
    _grow(sky, rig)
    rig.api.delete(f"{_NAMESPACE}/configmaps/settings")
    rig.bound(max_drain=120, command="down")
    for _ in (*OLD, *NEW):
        _step(rig, item)
    assert all(rig.objects("nodes")[name]["spec"].get("unschedulable") for name in (*OLD, *NEW))
    for _ in OLD:
        _step(rig, item)
    assert _graces(rig) == [195, 195]
    for name in _asked(rig):
        _end(rig, name)
    assert item.read_teardown(rig.cloud, "x") is None


def test_more_time_than_the_chart_gives_is_not_to_be_had(unhurried: KubeRig) -> None:
    rig, item = unhurried, _barrier(unhurried)
    rig.up(_declared(rig, "old"))
    _deploy(rig)
    rig.bound(max_drain=8 * 3600)
    _close(rig, item)
    _step(rig, item)
    assert sorted(_graces(rig), key=str) == [_GRACE, None]


def test_down_that_is_not_told_to_wait_leaves_the_calls_to_what_comes_behind(unhurried: KubeRig) -> None:
    rig = unhurried
    rig.up(_declared(rig, "old"))
    _deploy(rig)
    rig.bound(max_drain=0)
    assert _barrier(rig).read_teardown(rig.cloud, "x") is None
    assert _graces(rig) == [None, None]


# ---- what only looks as if it carried calls


def test_a_pod_whose_time_has_passed_is_not_waited_for(unhurried: KubeRig) -> None:
    """The kubelet of its node does not answer any more, so that it stays for ever."""
    rig, item = unhurried, _barrier(unhurried)
    rig.up(_declared(rig, "old"))
    _deploy(rig)
    rig.bound(max_drain=7200)
    for _ in range(4):
        _step(rig, item)
    for pod in _pods(rig).values():
        pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert item.read_teardown(rig.cloud, "x") is None


def test_a_pod_that_was_evicted_for_want_of_memory_is_not_waited_for(unhurried: KubeRig, sky: Sky) -> None:
    """It stays behind as Failed; its replacement serves."""
    rig, item = unhurried, _barrier(unhurried)
    rig.up(_declared(rig, "old"))
    _deploy(rig, replicas=1)
    (name,) = _pods(rig)
    rig.patch(f"{_PODS}/{name}", {"metadata": {"ownerReferences": None}})
    rig.patch(f"{_PODS}/{name}/status", {"status": {"phase": "Failed", "reason": "Evicted"}})
    _grow(sky, rig)
    _close(rig, item)
    rig.wait(lambda: len(_serving(rig)) >= 1)
    for other in set(_pods(rig, *OLD)) - {name}:
        _end(rig, other)
    rig.wait(lambda: len(_serving(rig, *NEW)) == 1)
    assert item.read_teardown(rig.cloud, "x") is None
    assert name in _pods(rig)


def test_another_pod_of_the_same_name_is_not_asked(unhurried: KubeRig) -> None:
    rig, item = unhurried, _barrier(unhurried)
    rig.up(_declared(rig, "old"))
    _deploy(rig)
    name, pod = next(iter(_pods(rig).items()))
    before = {"metadata": {"name": name, "uid": "0"}}
    item._ask(rig.api, before, 60)
    assert _asked(rig) == []
    item._ask(rig.api, pod, 60)
    assert _asked(rig) == [name]


def test_a_group_without_livekit_is_closed_and_goes_at_once(rig: KubeRig) -> None:
    """Closed, since a pod that looks for a node just then must not get one that goes."""
    rig.up(_declared(rig, "old"))
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
    rig.up(_declared(rig, "old"))
    _deploy(rig)
    _grow(sky, rig)
    theirs, ours = OLD
    rig.patch(f"/api/v1/nodes/{theirs}", {"spec": {"unschedulable": True}})
    _step(rig, _barrier(rig))
    assert rig.objects("nodes")[ours]["spec"].get("unschedulable")
    rig.up(_declared(rig, "old"))
    nodes = rig.objects("nodes")
    assert not nodes[ours]["spec"].get("unschedulable")
    assert nodes[theirs]["spec"].get("unschedulable")
