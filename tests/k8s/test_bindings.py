"""The load balancer controller's bindings of target groups: made, held, answered by health, and gone with it or not."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.engine.resource import Live, Resource, Status
from livekit_deploy.errors import ResourceError, TimedOut
from livekit_deploy.k8s import finalizers
from livekit_deploy.k8s.access.client import Obj
from livekit_deploy.k8s.helm.release import HelmRelease
from livekit_deploy.k8s.helm.remains import Remains
from livekit_deploy.k8s.objects import Namespace
from livekit_deploy.sandbox.cluster.port import Target
from tests.k8s.rig import KubeRig, Sky, publish, publish_folder
from tests.k8s.test_controller import CHART, NAME, controller
from tests.k8s.test_helm_release import LABELS, deployment

SYSTEM, MEDIA = "/api/v1/namespaces/kube-system", "/api/v1/namespaces/media"
CONTROLLER = f"/apis/apps/v1/namespaces/kube-system/deployments/{NAME}"
BINDINGS = "/apis/elbv2.k8s.aws/v1beta1/namespaces/media/targetgroupbindings"
FINALIZER = "elbv2.k8s.aws/resources"
_HOOKS = "/apis/admissionregistration.k8s.io/v1/{}webhookconfigurations"


def ingress() -> Obj:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web", "labels": dict(LABELS)},
        "spec": {"ingressClassName": "alb", "defaultBackend": backend},
    }


def balanced() -> Obj:
    spec = {
        "type": "LoadBalancer",
        "loadBalancerClass": "service.k8s.aws/nlb",
        "selector": LABELS,
        "ports": [{"port": 80, "targetPort": 8080}],
    }
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "labels": dict(LABELS)}, "spec": spec}


def environment(rig: KubeRig, charts: Path) -> list[Resource]:
    """The controller, and a release that asks for two load balancers."""
    objects = {"ingress": ingress(), "service": balanced(), "deployment": deployment()}
    repo = publish(charts, "web", objects, values={"level": "info"})
    host, release = controller(rig, publish_folder(charts, CHART))
    space = Namespace("media", lives_in=host)
    more: dict[str, Any] = {"namespace": "media", "chart": "web", "repo": repo, "version": "1.0.0", "values": {}}
    return [host, release, space, HelmRelease("web", lives_in=host, after=[space, release], **more)]


def bound(rig: KubeRig) -> dict[str, Obj]:
    return rig.objects("targetgroupbindings", "elbv2.k8s.aws", "media")


def hooks(rig: KubeRig) -> list[str]:
    return [plural for plural in ("validating", "mutating") if rig.api.list(_HOOKS.format(plural))]


def dies(rig: KubeRig) -> None:
    """Its Deployment has no pods any more, and nobody serves its webhooks."""
    rig.patch(CONTROLLER, {"spec": {"replicas": 0}})
    rig.wait(lambda: not _ready(rig))


def lives(rig: KubeRig) -> None:
    rig.patch(CONTROLLER, {"spec": {"replicas": 2}})
    rig.wait(lambda: _ready(rig))


def _ready(rig: KubeRig) -> bool:
    status = (rig.api.get(CONTROLLER) or {})["status"]
    found = rig.api.get(f"{SYSTEM}/endpoints/aws-load-balancer-webhook-service") or {}
    served = any(one.get("addresses") for one in found.get("subsets") or [])
    return bool(status.get("availableReplicas")) and served


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


# ---- what the controller makes


def test_each_load_balancer_has_a_binding_that_its_end_takes_along(rig: KubeRig, charts: Path) -> None:
    rig.up(environment(rig, charts))
    rig.wait(lambda: len(bound(rig)) == 1)  # of one name in this sky
    (binding,) = bound(rig).values()
    assert binding["metadata"]["finalizers"] == [FINALIZER]
    assert binding["spec"]["serviceRef"] == {"name": "web", "port": 80}
    rig.down()
    assert rig.records == {}
    assert rig.objects("ingresses", "networking.k8s.io", "media") == {}


def test_the_stand_in_chart_has_the_definitions_and_webhooks_of_the_real_one(rig: KubeRig, charts: Path) -> None:
    rig.up(environment(rig, charts)[:2])
    assert set(rig.objects("customresourcedefinitions", "apiextensions.k8s.io")) == {
        "albtargetcontrolconfigs.elbv2.k8s.aws",
        "globalaccelerators.aga.k8s.aws",
        "ingressclassparams.elbv2.k8s.aws",
        "listenerruleconfigurations.gateway.k8s.aws",
        "loadbalancerconfigurations.gateway.k8s.aws",
        "targetgroupbindings.elbv2.k8s.aws",
        "targetgroupconfigurations.gateway.k8s.aws",
    }
    found = {
        hook["name"]: hook["failurePolicy"]
        for plural in ("validating", "mutating")
        for configuration in rig.api.list(_HOOKS.format(plural))
        for hook in configuration["webhooks"]
    }
    assert found == {
        "mpod.elbv2.k8s.aws": "Ignore",
        "quicid.elbv2.k8s.aws": "Fail",
        "mservice.elbv2.k8s.aws": "Ignore",  # by our values
        "alb-target-control.namespace.elbv2.k8s.aws": "Fail",
        "alb-target-control.object.elbv2.k8s.aws": "Fail",
        "mtargetgroupbinding.elbv2.k8s.aws": "Fail",
        "vingressclassparams.elbv2.k8s.aws": "Fail",
        "vtargetgroupbinding.elbv2.k8s.aws": "Fail",
        "vingress.elbv2.k8s.aws": "Fail",
    }


def test_a_binding_of_a_dead_controller_can_be_deleted_but_not_changed(rig: KubeRig, charts: Path) -> None:
    """DELETE is nobody's business; taking a finalizer is an UPDATE, which both webhooks are asked about."""
    rig.up(environment(rig, charts))
    rig.wait(lambda: bool(bound(rig)))
    path = f"{BINDINGS}/{next(iter(bound(rig)))}"
    dies(rig)
    rig.api.delete(path)
    assert bound(rig)
    said = 'failed calling webhook "mtargetgroupbinding.elbv2.k8s.aws": failed to call webhook: Post .*no endpoints'
    with pytest.raises(ResourceError, match=said):
        rig.api.let_go(path)
    rig.api.delete(f"{_HOOKS.format('mutating')}/aws-load-balancer-webhook")
    with pytest.raises(ResourceError, match="vtargetgroupbinding"):
        rig.api.let_go(path)
    rig.api.delete(f"{_HOOKS.format('validating')}/aws-load-balancer-webhook")
    rig.api.let_go(path)
    assert not bound(rig)


class Slow(Sky):
    """Targets are not healthy until a test says so."""

    state = "initial"

    def set_targets(self, target_group: str, targets: Any) -> dict[Target, str]:
        return dict.fromkeys(targets, self.state)


@pytest.fixture
def sky(request: pytest.FixtureRequest) -> Sky:
    return Slow() if "slow_targets" in request.fixturenames else Sky()


@pytest.fixture
def slow_targets() -> None:
    """Asked for by a test whose targets take their time."""


def test_a_pod_with_a_gate_is_ready_when_its_target_is_healthy(
    rig: KubeRig, sky: Sky, charts: Path, slow_targets: None
) -> None:
    assert isinstance(sky, Slow)
    sky.state = "healthy"
    rig.up(environment(rig, charts))
    rig.wait(lambda: bool(bound(rig)))
    name = next(iter(bound(rig)))
    before = set(rig.objects("pods", namespace="media"))
    assert not any("readinessGates" in pod["spec"] for pod in rig.objects("pods", namespace="media").values())

    sky.state = "initial"
    rig.patch(
        "/api/v1/namespaces/media", {"metadata": {"labels": {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}}}
    )
    template = {"metadata": {"annotations": {"again": "1"}}}
    rig.patch("/apis/apps/v1/namespaces/media/deployments/web", {"spec": {"template": template}})

    def gated() -> list[Obj]:
        return [pod for key, pod in rig.objects("pods", namespace="media").items() if key not in before]

    def conditions(pod: Obj) -> dict[str, str]:
        return {one["type"]: one["status"] for one in pod.get("status", {}).get("conditions") or []}

    gate = f"target-health.elbv2.k8s.aws/{name}"
    rig.wait(lambda: gated() and all(gate in conditions(pod) for pod in gated()))
    for pod in gated():
        assert pod["spec"]["readinessGates"] == [{"conditionType": gate}]
        assert {key: conditions(pod)[key] for key in ("ContainersReady", "Ready", gate)} == {
            "ContainersReady": "True",
            "Ready": "False",
            gate: "False",
        }
    assert before & set(rig.objects("pods", namespace="media"))  # the roll waits

    sky.state = "healthy"
    rig.wait(lambda: before.isdisjoint(rig.objects("pods", namespace="media")))
    assert all(conditions(pod)["Ready"] == "True" for pod in gated())


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
    rig.wait(lambda: _ready(rig))
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
