"""The product's whole path on a real control plane: up, nothing to do, each change, a drain, and back to nothing."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.real.control import Change, ControlPlane, RealWorkspace
from tests.real.replay import SPACE, said_of, space

ENV = ("--env", "uat", "--sandbox")
UP = ("up", *ENV, "--yes")
Obj = dict[str, Any]
_NAMESPACE = "/api/v1/namespaces/livekit"
_PODS = f"{_NAMESPACE}/pods"
RELEASES = (
    *("--set", "livekit.settings.room.empty_timeout=120"),
    *("--set", "load_balancer_controller.replicas=3"),
)
BIGGER = ("--set", "nodes.media.instance_types=[c6i.4xlarge]")
_GATE = "target-health.elbv2.k8s.aws/"
_MERGE = "application/merge-patch+json"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealWorkspace]:
    """The environment ``uat``, up."""
    made = RealWorkspace(tmp_path_factory.mktemp("real"))
    try:
        assert "LiveKit answers at wss://livekit.uat.example.com" in made.run(*UP).out
        yield made
    finally:
        made.stop()


@pytest.fixture
def plane(here: RealWorkspace) -> ControlPlane:
    return here.plane()


def _changed(here: RealWorkspace, *more: str) -> list[Change]:
    """What `up` changes in the cluster; the next one changes nothing."""
    plane = here.plane()
    seen = len(plane.audited())
    here.run(*UP, *more)
    changes = plane.changes(seen)
    seen = len(plane.audited())
    here.run(*UP, *more)
    assert list(map(str, plane.changes(seen))) == []
    return changes


def test_what_is_up_answers_and_nothing_is_left_to_do(here: RealWorkspace) -> None:
    here.run("verify", *ENV)
    here.run("plan", *ENV, "--detailed-exitcode")
    assert list(map(str, _changed(here))) == []


def test_all_that_was_applied_is_known_and_current(plane: ControlPlane) -> None:
    applied = [one for one in plane.changes() if one.verb == "patch" and "force=" in one.path]
    assert {one.path.split("/")[-2] for one in applied if not one.by_helm} == {"namespaces", "secrets"}
    assert {one.body["kind"] for one in applied if one.by_helm} >= {"Deployment", "Ingress", "PodDisruptionBudget"}
    assert [str(one) for one in applied if "fieldValidation=Strict" not in one.path] == []
    space(plane)
    assert [said for one in applied for said in said_of(plane, one)] == []


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("hostNetwrk", True, "field not declared in schema"),
        ("nodeSelector", {"beta.kubernetes.io/arch": "amd64"}, "deprecated since"),
    ],
)
def test_what_the_test_above_looks_for_would_be_found(plane: ControlPlane, field: str, value: Any, said: str) -> None:
    space(plane)
    given = next(one for one in plane.changes() if one.by_helm and one.body and one.body["kind"] == "Deployment")
    hurt = json.loads(json.dumps(given.body))
    hurt["spec"]["template"]["spec"][field] = value
    assert said in "".join(said_of(plane, replace(given, body=hurt)))


def test_nothing_deprecated_is_asked_for(plane: ControlPlane) -> None:
    asked = [one for one in plane.audited() if (one.get("annotations") or {}).get("k8s.io/deprecated") == "true"]
    assert sorted({f"{one['verb']} {one['requestURI']} by {one.get('userAgent')}" for one in asked}) == []


def test_pods_are_looked_at_and_listened_to(here: RealWorkspace, plane: ControlPlane) -> None:
    assert "starting LiveKit server" in here.run("logs", *ENV).out
    assert "Scheduled" in here.run("events", *ENV).out
    node = {pod["spec"]["nodeName"] for pod in plane.items(_PODS)}
    assert len(node) == 2


def test_an_image_that_is_not_there_and_a_class_that_nobody_serves_are_noticed(plane: ControlPlane) -> None:
    """Beside LiveKit, on a system node: its own Deployment and Ingress with one word changed."""
    space(plane)
    bodies = [json.loads(json.dumps(one.body)) for one in plane.changes() if one.by_helm and one.body]
    given = {body["kind"]: body for body in bodies if body["metadata"]["name"] == "livekit"}
    deployment, ingress = given["Deployment"], given["Ingress"]
    pod = deployment["spec"]["template"]["spec"]
    pod["containers"][0]["image"] = "livekit/livekit-server:nonsense"
    pod["serviceAccountName"] = "default"
    del pod["nodeSelector"]
    ingress["spec"]["ingressClassName"] = "nobody"
    try:
        for item, plural in ((ingress, "ingresses"), (deployment, "deployments")):
            path = f"/apis/{item['apiVersion']}/namespaces/{SPACE}/{plural}/{item['metadata']['name']}"
            item["metadata"]["namespace"] = SPACE
            plane.wire.ask("PATCH", path, item, "application/apply-patch+yaml", fieldManager="tests")
        plane.until(lambda: not {"ErrImagePull", "ImagePullBackOff"}.isdisjoint(_waits_for(plane)))
        (live,) = plane.items(f"/apis/networking.k8s.io/v1/namespaces/{SPACE}/ingresses")
        assert not live["status"]["loadBalancer"]
    finally:
        plane.wire.ask("DELETE", f"/api/v1/namespaces/{SPACE}")


def _waits_for(plane: ControlPlane) -> Iterator[str]:
    for pod in plane.items(f"/api/v1/namespaces/{SPACE}/pods"):
        for one in pod["status"].get("containerStatuses") or []:
            yield one["state"].get("waiting", {}).get("reason", "")


def _written_by_hand(plane: ControlPlane, path: str, change: Obj) -> None:
    plane.wire.ask("PATCH", path, change, _MERGE, fieldManager="kubectl-edit")


BY_HAND: dict[str, tuple[str, Obj]] = {
    "namespace": (_NAMESPACE, {"metadata": {"labels": {"elbv2.k8s.aws/pod-readiness-gate-inject": None}}}),
    "api keys": (
        f"{_NAMESPACE}/secrets/livekit-api-keys",
        {"data": {"keys": base64.b64encode(b"API: else").decode()}},
    ),
    "redis": (
        f"{_NAMESPACE}/secrets/livekit-redis",
        {"metadata": {"annotations": {"livekit-deploy/secret-versions": None}}},
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_what_somebody_changed_is_put_right_and_nothing_else(
    here: RealWorkspace, plane: ControlPlane, name: str
) -> None:
    path, change = BY_HAND[name]
    _written_by_hand(plane, path, change)
    assert {(one.verb, one.path.partition("?")[0]) for one in _changed(here)} == {("patch", path)}


def test_keys_are_rotated(here: RealWorkspace, plane: ControlPlane) -> None:
    path, seen = f"{_NAMESPACE}/secrets/livekit-api-keys", len(plane.audited())
    before = plane.wire.ask("GET", path)["data"]
    here.run("keys", "rotate", *ENV, "--yes")
    assert plane.wire.ask("GET", path)["data"] != before
    assert [one.path.partition("?")[0] for one in plane.changes(seen) if not one.by_helm] == [path]
    assert list(map(str, _changed(here))) == []


def test_both_releases_change_and_every_pod_is_new(here: RealWorkspace, plane: ControlPlane) -> None:
    before = {pod["metadata"]["name"] for pod in _staying(plane)}
    changes = _changed(here, *RELEASES)
    assert [str(one) for one in changes if not one.by_helm] == []

    def rolled() -> bool:
        after = {pod["metadata"]["name"] for pod in plane.items(_PODS) if _serves(pod)}
        return len(after) == 2 and after.isdisjoint(before)

    plane.until(rolled)  # `up` ends earlier where all that is missing waits for old pods to end
    here.run("verify", *ENV)
    controller = plane.wire.ask("GET", "/apis/apps/v1/namespaces/kube-system/deployments/aws-load-balancer-controller")
    assert controller["status"]["availableReplicas"] == 3


def test_pods_of_a_roll_wait_for_the_health_of_their_targets(plane: ControlPlane) -> None:
    """Those of the roll before: the controller's webhook gave them a gate for each target group, and answered it."""
    bindings = plane.items(f"/apis/elbv2.k8s.aws/v1beta1{_NAMESPACE.removeprefix('/api/v1')}/targetgroupbindings")
    wanted = {f"{_GATE}{one['metadata']['name']}" for one in bindings}
    assert len(wanted) == 2
    for pod in _staying(plane):
        gates = {one["conditionType"] for one in pod["spec"].get("readinessGates") or []}
        answered = {one["type"]: one["status"] for one in pod["status"]["conditions"]}
        assert gates == wanted
        assert [answered.get(gate) for gate in gates] == ["True", "True"]


def test_media_nodes_are_replaced_and_a_pod_goes_when_the_one_before_is_replaced(
    here: RealWorkspace, plane: ControlPlane
) -> None:
    """Two pods serve all the time but for the one that has been asked to end."""
    seen, ended = [], threading.Event()
    plane.until(lambda: sum(map(_serves, plane.items(_PODS))) == 2)  # those before them had calls to end

    def look() -> None:
        while not ended.wait(0.05):
            seen.append(sum(map(_serves, plane.items(_PODS))))

    nodes = {pod["spec"]["nodeName"] for pod in _staying(plane)}
    mark = len(plane.audited())
    looking = threading.Thread(target=look)
    looking.start()
    try:
        here.run(*UP, *RELEASES, *BIGGER, "--max-drain", "30s")
    finally:
        ended.set()
        looking.join()
    asked = [one for one in plane.changes(mark) if one.verb == "delete" and one.path.startswith(f"{_PODS}/")]
    assert {one.body["gracePeriodSeconds"] for one in asked} == {75 + 30}  # until its load balancers are done with it
    assert len({one.body["preconditions"]["uid"] for one in asked}) == len(asked) == 2
    assert min(seen) >= 1
    assert nodes.isdisjoint(pod["spec"]["nodeName"] for pod in _staying(plane))
    assert nodes.isdisjoint(node["metadata"]["name"] for node in plane.items("/api/v1/nodes"))


def _staying(plane: ControlPlane) -> list[Obj]:
    """The pods that are not on their way out: who drains calls may do so for hours."""
    return [pod for pod in plane.items(_PODS) if not pod["metadata"].get("deletionTimestamp")]


def _serves(pod: Obj) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


def test_down_leaves_nothing(here: RealWorkspace, plane: ControlPlane) -> None:
    """In the cluster, before it goes, nothing that somebody outside would miss; in AWS nothing at all."""
    assert "leftovers: 0" in here.run("down", *ENV, "--yes").out
    assert here.inventory() == here.before
    held = plane.held()
    for what in ("services", "ingresses.networking.k8s.io", "deployments.apps"):
        assert [one for one in held[what] if one != "default/kubernetes"] == []
    assert held.get("targetgroupbindings.elbv2.k8s.aws", []) == []
