"""Between a number of replicas and an autoscaler: no pod is told to end by the hand-over, in either direction."""

from __future__ import annotations

import base64
import signal
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.config.charts import LIVEKIT_SERVER
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import ResourceError
from livekit_deploy.k8s.helm import process, release
from livekit_deploy.k8s.helm.process import HelmBinary
from livekit_deploy.k8s.helm.record import read_release, revise
from livekit_deploy.k8s.helm.release import HelmRelease
from livekit_deploy.k8s.objects import Namespace
from livekit_deploy.sandbox.cluster.objects.apply import server_side_apply, track_update
from tests.fakes import Killed
from tests.k8s.chart.charts import REACHED, over, values
from tests.k8s.helm.releases import LEASE
from tests.k8s.rig import SECRETS, KubeRig, Sky, aged, media_node

_PATH = "/apis/apps/v1/namespaces/livekit/deployments/livekit"
_SCALED = {"autoscaling": {"enabled": True, "min": 1, "max": 4, "cpu": 60}}


@pytest.fixture
def wide(rig: KubeRig, sky: Sky) -> KubeRig:
    """A rig with four media nodes, and the namespace with what LiveKit's pods read."""
    sky.specs += [media_node(letter, number) for number, letter in enumerate("cd", start=2)]
    prepare(rig)
    return rig


def prepare(rig: KubeRig) -> None:
    rig.up(stack(rig, 3)[:2])
    for name, texts in SECRETS.items():
        path = f"/api/v1/namespaces/livekit/secrets/{name}"
        data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        rig.api.apply(path, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data})


def stack(rig: KubeRig, replicas: int, more: dict[str, Any] | None = None) -> list[Resource]:
    given = over({**over(values(), REACHED), "replicas": replicas}, more or {})
    namespace = Namespace("livekit", lives_in=rig.host)
    release = HelmRelease(
        "livekit",
        namespace="livekit",
        chart="livekit-server",
        version=LIVEKIT_SERVER.shipped().version,
        values=given,
        lives_in=rig.host,
        after=[namespace],
    )
    return [rig.host, namespace, release]


def size(rig: KubeRig) -> int:
    return int((rig.api.get(_PATH) or {})["spec"]["replicas"])


def pods(rig: KubeRig) -> set[str]:
    """Those that were never told to end."""
    there = rig.objects("pods", namespace="livekit")
    return {name for name, pod in there.items() if "deletionTimestamp" not in pod["metadata"]}


def scale(rig: KubeRig, replicas: int) -> None:
    """As an autoscaler does."""
    rig.patch(f"{_PATH}/scale", {"spec": {"replicas": replicas}}, "kube-controller-manager")
    rig.wait(lambda: len(pods(rig)) == replicas)


def test_a_field_that_its_only_owner_drops_gets_the_api_servers_default() -> None:
    """Kubernetes, "Server-Side Apply", "Transferring ownership": what somebody else owns too stays."""
    item: dict[str, Any] = {"kind": "Deployment", "metadata": {"name": "a"}, "spec": {"replicas": 3, "paused": False}}
    without: dict[str, Any] = {"kind": "Deployment", "metadata": {"name": "a"}, "spec": {"paused": False}}
    made, _ = server_side_apply(None, item, "helm", True, "T0")
    assert "replicas" not in server_side_apply(made, without, "helm", True, "T1")[0]["spec"]

    shared, _ = server_side_apply(made, {"metadata": {}, "spec": {"replicas": 3}}, "other", False, "T1")
    assert server_side_apply(shared, without, "helm", True, "T2")[0]["spec"]["replicas"] == 3

    scaled = {**made, "metadata": dict(made["metadata"]), "spec": {**made["spec"], "replicas": 5}}
    track_update(made, scaled, "kube-controller-manager", "T1", "scale")
    assert server_side_apply(scaled, without, "helm", True, "T2")[0]["spec"]["replicas"] == 5


def test_the_hand_over_to_an_autoscaler_ends_no_pod(wide: KubeRig, each_helm: Path) -> None:
    rig = wide
    rig.up(stack(rig, 3))
    before = pods(rig)
    assert len(before) == 3
    rig.up(stack(rig, 3, _SCALED))
    assert (size(rig), pods(rig)) == (3, before)
    assert rig.plan(stack(rig, 3, _SCALED)).changes == ()

    scale(rig, 4)
    assert rig.plan(stack(rig, 3, _SCALED)).changes == ()
    now, busier = pods(rig), over(_SCALED, {"autoscaling": {"cpu": 70}})
    rig.up(stack(rig, 3, busier))
    assert (size(rig), pods(rig)) == (4, now)
    assert rig.plan(stack(rig, 3, busier)).changes == ()

    rig.up(stack(rig, 2))  # the number in the file wins
    assert size(rig) == 2
    assert rig.plan(stack(rig, 2)).changes == ()


def test_a_fresh_installation_begins_with_the_least_and_zero_is_put_right(wide: KubeRig) -> None:
    rig, scaled = wide, over(_SCALED, {"autoscaling": {"min": 2}})
    rig.up(stack(rig, 3, scaled))
    assert (size(rig), len(pods(rig))) == (2, 2)
    rig.patch(f"{_PATH}/scale", {"spec": {"replicas": 0}})  # which switches the autoscaler off
    assert rig.diffs(stack(rig, 3, scaled))["drifted"][0] == ["Deployment/livekit spec.replicas"]
    rig.up(stack(rig, 3, scaled))
    assert size(rig) == 2


@pytest.mark.kill
@pytest.mark.slow
@pytest.mark.parametrize("back", [False, True], ids=["to an autoscaler", "to a number"])
def test_a_hand_over_that_was_killed_ends_no_pod_either(
    wide: KubeRig, each_helm: Path, monkeypatch: pytest.MonkeyPatch, back: bool
) -> None:
    """Helm dies after each of its requests in turn, the autoscaler acts, and the next run goes on as configured now."""
    rig, host = wide, wide.lives
    first, second = (_SCALED, {}) if back else ({}, _SCALED)
    for number in range(1, 20):
        rig.up(stack(rig, 2, first))
        scale(rig, 2)
        before = pods(rig)
        died = _killed(rig, monkeypatch, number, stack(rig, 3, second))
        if not died:
            break
        scale(rig, 3)
        before |= pods(rig)
        for wanted in (stack(rig, 3, _SCALED), stack(rig, 3, second)):
            rig.up(wanted)
            assert size(rig) == 3, f"request {number}"
            assert pods(rig) == before, f"request {number}"
            assert rig.plan(wanted).changes == ()
        rig.down()
        rig.eks.host = host  # which serves the next round
        prepare(rig)
    assert number > 3


def _killed(rig: KubeRig, monkeypatch: pytest.MonkeyPatch, number: int, wanted: list[Resource]) -> bool:
    """Whether helm, and the run that started it, died after so many of its changes."""
    inside, run, seen = rig.cluster._front.answer, HelmBinary.run, [0]

    def answer(method: str, target: str, headers: Any, body: bytes) -> Any:
        said = inside(method, target, headers, body)
        if method != "GET" and str(headers.get("User-Agent")).startswith("Helm/"):
            seen[0] += 1
            if seen[0] == number:
                for group in list(process._running):
                    process._signal(group, signal.SIGKILL)
        return said

    def mortal(binary: HelmBinary, *given: Any) -> bytes:
        try:
            return run(binary, *given)
        except ResourceError as error:
            raise Killed from error

    with monkeypatch.context() as patched:
        patched.setattr(rig.cluster._front, "answer", answer)
        patched.setattr(HelmBinary, "run", mortal)
        try:
            rig.up(wanted)
        except Killed:
            rig.cloud.kept.clear()
            found = read_release(rig.api, "livekit", "livekit")
            if found is not None and found.status.startswith("pending"):
                aged(rig, "livekit", "livekit", LEASE)
            return True
    return False


@pytest.mark.kill
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_repair_that_is_killed_around_its_own_call_goes_on(
    wide: KubeRig, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    rig = wide
    rig.up(stack(rig, 2, _SCALED))
    scale(rig, 2)
    busier = over(_SCALED, {"autoscaling": {"cpu": 70}})
    assert _killed(rig, monkeypatch, 2, stack(rig, 2, busier))
    scale(rig, 3)
    before = pods(rig)

    def dying(*given: Any) -> None:
        if after:
            revise(*given)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(release, "revise", dying)
        with pytest.raises(Killed):
            rig.up(stack(rig, 2, busier))
    rig.up(stack(rig, 2, busier))
    assert (size(rig), pods(rig)) == (3, before)
    assert rig.plan(stack(rig, 2, busier)).changes == ()
