"""The load balancer controller's bindings of target groups: made, held, and answered by health."""

from __future__ import annotations

from pathlib import Path

import pytest

from livekit_deploy.errors import ResourceError
from livekit_deploy.k8s.access.client import Obj
from tests.k8s.controller.bindings import BINDINGS, FINALIZER, HOOKS, Slow, bound, dies, environment
from tests.k8s.rig import KubeRig, Sky

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
        for configuration in rig.api.list(HOOKS.format(plural))
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
    rig.api.delete(f"{HOOKS.format('mutating')}/aws-load-balancer-webhook")
    with pytest.raises(ResourceError, match="vtargetgroupbinding"):
        rig.api.let_go(path)
    rig.api.delete(f"{HOOKS.format('validating')}/aws-load-balancer-webhook")
    rig.api.let_go(path)
    assert not bound(rig)


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
