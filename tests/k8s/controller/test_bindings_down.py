"""Bindings of target groups on the way down: gone with their controller, without it, or left to it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from livekit_deploy.engine.resource import Live, Status
from livekit_deploy.errors import ResourceError, TimedOut
from livekit_deploy.k8s import finalizers
from livekit_deploy.k8s.helm.release import HelmRelease
from livekit_deploy.k8s.helm.uninstalled import Remains
from livekit_deploy.k8s.objects import Namespace
from tests.k8s.controller.bindings import BINDINGS, FINALIZER, HOOKS, bound, dies, environment, ingress, ready
from tests.k8s.rig import KubeRig, Sky


def hooks(rig: KubeRig) -> list[str]:
    return [plural for plural in ("validating", "mutating") if rig.api.list(HOOKS.format(plural))]


@contextmanager
def beside(rig: KubeRig) -> Iterator[Future[None]]:
    """`down` in a thread of its own, waited for at the end."""
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(rig.down)
        try:
            yield run
            run.result(120)
        finally:
            rig.cancel.set()


# ---- how it ends


def test_down_ends_the_bindings_of_a_dead_controller_too(
    rig: KubeRig, charts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HelmRelease, "patience", 2.0)
    rig.up(environment(rig, charts))
    rig.wait(lambda: bool(bound(rig)))
    dies(rig)
    rig.down()
    assert rig.records == {}
    assert bound(rig) == {}
    assert rig.objects("services", namespace="media") == {}
    assert rig.objects("ingresses", "networking.k8s.io", "media") == {}


def test_down_goes_on_when_aws_refuses_all_that_the_controller_asks(
    rig: KubeRig, sky: Sky, charts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody deleted its identity provider: its pods serve, and it never lets go of anything."""
    monkeypatch.setattr(HelmRelease, "patience", 0.5)
    monkeypatch.setattr(finalizers, "PATIENCE", timedelta(seconds=2))
    rig.up(environment(rig, charts))
    rig.wait(lambda: bool(bound(rig)))
    sky.problem = "no identity provider for oidc.eks.us-east-1.amazonaws.com/id/1"
    rig.down()
    assert rig.records == {}
    assert bound(rig) == {}
    assert rig.objects("ingresses", "networking.k8s.io", "media") == {}


def test_down_goes_on_when_the_controller_dies_in_the_middle(
    rig: KubeRig, sky: Sky, charts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HelmRelease, "patience", 2.0)
    rig.up(environment(rig, charts))
    rig.wait(lambda: bool(bound(rig)))
    sky.kept = "resource sg-1 has a dependent object"
    with beside(rig) as run:
        rig.wait(lambda: not bound(rig))  # it is at work: bindings are gone, a group holds it
        assert not run.done()
        dies(rig)
    assert rig.records == {}
    assert rig.objects("ingresses", "networking.k8s.io", "media") == {}


def test_what_a_slow_controller_holds_is_left_to_it(
    rig: KubeRig, sky: Sky, charts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the interfaces of its load balancers, says that it failed, and tries again: that is no failure."""
    monkeypatch.setattr(HelmRelease, "patience", 0.5)
    rig.up(environment(rig, charts))
    sky.kept = "resource sg-1 has a dependent object"
    with beside(rig) as run:
        rig.wait(lambda: "FailedDeployModel" in _reasons(rig))
        with pytest.raises(TimeoutError):
            run.result(1.0)  # many times its patience
        assert hooks(rig) == ["validating", "mutating"]
        (held,) = rig.objects("ingresses", "networking.k8s.io", "media").values()
        assert held["metadata"]["finalizers"] == ["ingress.k8s.aws/resources"]
        sky.kept = ""
    assert rig.records == {}


def _reasons(rig: KubeRig) -> set[str]:
    return {one["reason"] for one in rig.objects("events", namespace="media").values()}


def test_a_controller_that_never_lets_go_ends_the_wait_with_what_it_waits_for(
    rig: KubeRig, sky: Sky, charts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HelmRelease, "patience", 2.0)
    monkeypatch.setattr(HelmRelease, "delete_timeout", 20.0)
    rig.up(environment(rig, charts))
    sky.kept = "resource sg-1 has a dependent object"
    with pytest.raises(TimedOut, match="waiting for Ingress/web"):
        rig.down()


def test_bindings_of_others_in_the_namespace_are_left_alone(rig: KubeRig, charts: Path) -> None:
    """Those of an Ingress that is not the release's, and those that somebody made by hand."""
    rig.up(environment(rig, charts))
    theirs = {**ingress(), "metadata": {"name": "theirs"}}
    rig.api.apply("/apis/networking.k8s.io/v1/namespaces/media/ingresses/theirs", theirs)
    rig.wait(lambda: "k8s-theirs" in bound(rig))
    spec = {"targetGroupARN": "arn:hand", "targetType": "ip", "serviceRef": {"name": "web", "port": 80}}
    hand = {"apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "TargetGroupBinding", "spec": spec}
    rig.api.apply(f"{BINDINGS}/hand", {**hand, "metadata": {"name": "hand"}})
    dies(rig)
    remains = Remains(rig.api, "media", "web")
    assert remains.live("media/web") is not None
    said = (remains.live("media/web") or Live("", Status.READY)).detail
    assert "k8s-theirs" not in said
    assert "hand" not in said


class Held(Namespace):
    """One that is to be gone before its cluster goes."""

    kind = "test.namespace"
    dies_with_host = False
    patience = 1.0


def test_a_namespace_that_a_dead_controller_holds_goes(rig: KubeRig, charts: Path) -> None:
    """Whatever of the controller's is in it, also what we did not make; other finalizers are not ours to take."""
    host, release, *_ = environment(rig, charts)
    space = Held("media", lives_in=host, after=[release])
    rig.up([host, release, space])
    rig.wait(lambda: ready(rig))
    group = "/apis/gateway.k8s.aws/v1/namespaces/media/loadbalancerconfigurations/own"
    made = {"apiVersion": "gateway.k8s.aws/v1", "kind": "LoadBalancerConfiguration", "spec": {}}
    finalizers = ["gateway.k8s.aws/loadbalancerconfigurations", "example.com/keep"]
    rig.api.apply(group, {**made, "metadata": {"name": "own", "finalizers": finalizers}})
    spec = {"targetGroupARN": "arn:hand", "targetType": "ip", "serviceRef": {"name": "web", "port": 80}}
    hand = {"apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "TargetGroupBinding", "spec": spec}
    rig.api.apply(f"{BINDINGS}/hand", {**hand, "metadata": {"name": "hand", "finalizers": [FINALIZER]}})
    dies(rig)

    def left() -> list[str]:
        found = rig.objects("loadbalancerconfigurations", "gateway.k8s.aws", "media").get("own", {"metadata": {}})
        return list(found["metadata"].get("finalizers") or [])

    with beside(rig):
        rig.wait(lambda: not bound(rig) and left() == ["example.com/keep"])
        rig.api.let_go(group)
    assert "media" not in rig.objects("namespaces")


def test_a_cluster_that_is_dead_takes_bindings_and_their_finalizers_with_it(rig: KubeRig, charts: Path) -> None:
    rig.up(environment(rig, charts))
    rig.wait(lambda: bool(bound(rig)))
    rig.cluster.stop()
    with pytest.raises(ResourceError, match="cannot be reached") as raised:
        rig.down()
    assert "--abandon-cluster-objects" in raised.value.hint
    assert any(address.startswith("helm.release/web") for address in rig.records)
    rig.down(abandon=True)
    assert rig.records == {}
