"""A fleet of LiveKit's pods on two groups of nodes, and the barrier that lets one of them go."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from livekit_deploy.engine.resource import Live, Resource, Status
from livekit_deploy.k8s.drain import CallsDrained
from livekit_deploy.k8s.objects import Namespace
from livekit_deploy.sandbox.cluster.controllers import budgets, deployments, housekeeping
from tests.k8s.rig import KubeRig, Sky, livekit, media_node

_LABELS = {"app.kubernetes.io/instance": "livekit"}
NAMESPACE = "/api/v1/namespaces/livekit"
PODS = f"{NAMESPACE}/pods"
GRACE, SLEEP = 18075, 75
OLD, NEW = ("node-a", "node-b"), ("node-c", "node-d")


def grow(sky: Sky, rig: KubeRig, letters: str = "cd") -> None:
    for number, letter in enumerate(letters, 3):
        spec = media_node(letter, number)
        sky.specs.append(replace(spec, labels={**spec.labels, "eks.amazonaws.com/nodegroup": "new"}))
    rig.wait(lambda: {f"node-{letter}" for letter in letters} <= rig.objects("nodes").keys())


def deploy(rig: KubeRig, replicas: int = 2, *, sleeps: int = SLEEP, budget: bool = True) -> None:
    """As our chart deploys it: one pod a node, hours to end, a while before the SIGTERM, and a budget."""
    wants = {"name": "SETTING", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}}
    container: dict[str, Any] = {"name": "x", "image": "x:1", "env": [wants]}
    container["ports"] = [{"containerPort": 7881, "hostPort": 7881}]
    if sleeps:
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": sleeps}}}
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}}
    rig.api.apply(f"{NAMESPACE}/configmaps/settings", settings)
    livekit(rig, replicas, _LABELS, {"terminationGracePeriodSeconds": GRACE, "containers": [container]})
    if budget:
        spec = {"maxUnavailable": 1, "selector": {"matchLabels": _LABELS}}
        metadata = {"name": "livekit", "labels": _LABELS}
        item = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": spec}
        rig.api.apply("/apis/policy/v1/namespaces/livekit/poddisruptionbudgets/livekit", item)
    rig.wait(lambda: len(serving(rig)) == replicas)


def declared(rig: KubeRig, *groups: str) -> list[Resource]:
    space = Namespace("livekit", lives_in=rig.host)
    drained = [
        CallsDrained(name, group_name=name, release="livekit", lives_in=rig.host, after=[space]) for name in groups
    ]
    return [rig.host, space, *drained]


def barrier(rig: KubeRig, group: str = "old") -> CallsDrained:
    item = CallsDrained(group, group_name=group, release="livekit")
    item.host = rig.lives
    return item


def pods_of(rig: KubeRig, *nodes: str) -> dict[str, Any]:
    """Those on these nodes, or on any."""
    pods = rig.objects("pods", namespace="livekit")
    placed = {name: pod for name, pod in pods.items() if pod["spec"].get("nodeName")}
    return {name: pod for name, pod in placed.items() if not nodes or pod["spec"]["nodeName"] in nodes}


def asked_to_end(rig: KubeRig) -> list[str]:
    return [name for name, pod in pods_of(rig).items() if pod["metadata"].get("deletionTimestamp")]


def serving(rig: KubeRig, *nodes: str) -> list[str]:
    """Ready, and not asked to end."""

    def ready(pod: dict[str, Any]) -> bool:
        conditions = (pod.get("status") or {}).get("conditions") or []
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    asked = asked_to_end(rig)
    return [name for name, pod in pods_of(rig, *nodes).items() if ready(pod) and name not in asked]


def graces(rig: KubeRig) -> list[Any]:
    """Seconds that each pod of the old group has to end, None for one that was not asked to."""
    return [pod["metadata"].get("deletionGracePeriodSeconds") for pod in pods_of(rig, *OLD).values()]


def step(rig: KubeRig, item: CallsDrained) -> Live | None:
    live = item.read_teardown(rig.cloud, "x")
    if live is not None and live.status is Status.READY:
        item.delete(rig.cloud, live)
    return live


def close_node(rig: KubeRig, item: CallsDrained) -> None:
    """A step for each node of the old group."""
    for _ in OLD:
        live = step(rig, item)
        assert live is not None
        assert (live.status, live.detail) == (Status.READY, "closing old")
    assert all(rig.objects("nodes")[name]["spec"].get("unschedulable") for name in OLD)
    assert asked_to_end(rig) == []


def end(rig: KubeRig, name: str) -> None:
    """The last room on a pod closes."""
    rig.api.delete(f"{PODS}/{name}", grace_seconds=0)
    rig.wait(lambda: name not in pods_of(rig))


@contextmanager
def slow_controllers() -> Iterator[None]:
    """The controller-manager is busy: nothing replaces a pod, and no budget is written."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (deployments, housekeeping, budgets):
            stop(patch, module)
        yield


def stop(patch: pytest.MonkeyPatch, controller: Any) -> None:
    """It does nothing from now on; a round that had begun before has ended."""
    stopped = threading.Event()
    patch.setattr(controller, "run", lambda *_: stopped.set())
    assert stopped.wait(60)
