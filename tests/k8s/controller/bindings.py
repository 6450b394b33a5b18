"""An environment with a load balancer in front of it, and the controller that answers for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from livekit_deploy.engine.resource import Resource
from livekit_deploy.k8s.access.client import Obj
from livekit_deploy.k8s.helm.release import HelmRelease
from livekit_deploy.k8s.objects import Namespace
from livekit_deploy.sandbox.cluster.port import Target
from tests.k8s.controller.test_controller import CHART, NAME, controller
from tests.k8s.helm.releases import LABELS, deployment
from tests.k8s.rig import KubeRig, Sky, publish, publish_folder

SYSTEM, MEDIA = "/api/v1/namespaces/kube-system", "/api/v1/namespaces/media"
CONTROLLER = f"/apis/apps/v1/namespaces/kube-system/deployments/{NAME}"
BINDINGS = "/apis/elbv2.k8s.aws/v1beta1/namespaces/media/targetgroupbindings"
FINALIZER = "elbv2.k8s.aws/resources"
HOOKS = "/apis/admissionregistration.k8s.io/v1/{}webhookconfigurations"


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


def dies(rig: KubeRig) -> None:
    """Its Deployment has no pods any more, and nobody serves its webhooks."""
    rig.patch(CONTROLLER, {"spec": {"replicas": 0}})
    rig.wait(lambda: not ready(rig))


def ready(rig: KubeRig) -> bool:
    status = (rig.api.get(CONTROLLER) or {})["status"]
    found = rig.api.get(f"{SYSTEM}/endpoints/aws-load-balancer-webhook-service") or {}
    served = any(one.get("addresses") for one in found.get("subsets") or [])
    return bool(status.get("availableReplicas")) and served


class Slow(Sky):
    """Targets are not healthy until a test says so."""

    state = "initial"

    def set_targets(self, target_group: str, targets: Any) -> dict[Target, str]:
        return dict.fromkeys(targets, self.state)
