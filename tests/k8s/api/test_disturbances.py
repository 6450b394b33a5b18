"""An API server that refuses once, has no room, or says nothing for a while ends no run, whichever request it meets."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from livekit_deploy.base.clock import Clock
from livekit_deploy.engine.inputs import SecretRef
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import ResourceError
from livekit_deploy.k8s.objects import Namespace, Secret
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.faults.plan import current, parsed
from livekit_deploy.state.limits import CALL_BOUND, Limits
from tests.k8s.api.wire import ask
from tests.k8s.rig import KubeRig, Named

SPACE = "/api/v1/namespaces/apps"
MOMENT = {"token-refused": 401, "api-busy": 429, "etcd-lost": 500}


@pytest.fixture(autouse=True)
def undisturbed() -> Iterator[None]:
    yield
    current.clear()


def disturb(fault: str, **more: object) -> None:
    current.clear()
    current.add([parsed({"fault": fault, "times": 1, **more})])


def declared(rig: KubeRig, version: str = "v1") -> list[Resource]:
    rig.eks.secrets |= {("k", "v1"): "hidden", ("k", "v2"): "drawn anew"}
    kept = Named("keys", out=SecretRef("arn:aws:secretsmanager:us-east-1:1:secret:s", "k", version))
    space = Namespace("apps", lives_in=rig.host)
    secret = Secret("keys", namespace="apps", values={"k": kept.value}, lives_in=rig.host, after=[space])
    return [rig.host, space, kept, secret]


@pytest.mark.parametrize(("fault", "status"), MOMENT.items())
def test_the_sandbox_refuses_as_it_is_told_to(fault: str, status: int, rig: KubeRig) -> None:
    disturb(fault, call="kubernetes:get", where={"path": SPACE})
    assert ask(rig, "GET", "/api/v1/namespaces/default").status == 200
    assert ask(rig, "DELETE", SPACE).status == 404
    said = ask(rig, "GET", SPACE)
    assert said.status == status
    assert ask(rig, "GET", SPACE).status == 404
    if status == 429:
        assert (said.text, said.headers["Retry-After"]) == ("Too many requests, please try again later.\n", "1")
    if status == 500:
        assert (said.item["message"], "reason" in said.item) == ("etcdserver: leader changed", False)


@pytest.mark.parametrize("fault", MOMENT)
def test_a_refusal_that_passes_ends_no_run_whichever_request_it_meets(
    fault: str, rig: KubeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("urllib3.util.retry.time.sleep", lambda seconds: None)
    struck, after = True, 0
    while struck:
        disturb(fault, after=after)
        rig.up(declared(rig))
        rig.up(declared(rig, "v2"))
        rig.up([item for item in declared(rig) if item.kind.startswith("test.")])
        assert "apps" not in rig.objects("namespaces")
        struck, after = bool(current.listed()[0]["struck"]), after + 1
    assert after > 10, "it met each request of the three runs in turn"


def test_a_silent_server_says_nothing_and_goes_on_afterwards(rig: KubeRig) -> None:
    rig.cluster._front.disturbances._clock = SandboxClock(1.0)
    disturb("api-silent", seconds=1, where={"path": SPACE})
    began = time.monotonic()
    assert ask(rig, "GET", SPACE).status == 404
    assert time.monotonic() - began >= 1.0
    began = time.monotonic()
    assert ask(rig, "GET", SPACE).status == 404
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize("after", [0, 1, 3, 5])
def test_a_run_outlasts_a_server_that_is_silent_for_longer_than_a_call_may_take(after: int, rig: KubeRig) -> None:
    speed = 5.0
    rig.clock = Clock(speed)  # type: ignore[assignment]
    rig.bound(limits=Limits(1.2 / CALL_BOUND))
    rig.cluster._front.disturbances._clock = SandboxClock(speed)
    disturb("api-silent", after=after)
    rig.up(declared(rig))
    assert current.listed()[0]["struck"] == 1
    current.clear()
    assert rig.diffs(declared(rig)) == {}


def test_one_that_stays_silent_is_told_of(rig: KubeRig) -> None:
    rig.cluster._front.disturbances._clock = SandboxClock(1.0)
    rig.bound(limits=Limits(1.0 / CALL_BOUND))
    disturb("api-silent", seconds=60)
    with pytest.raises(ResourceError, match="cannot be reached") as caught:
        rig.api.get(SPACE)
    assert caught.value.code == "Unreachable"
