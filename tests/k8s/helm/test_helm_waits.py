"""What an upgrade waits for, and what holds a release that is to go."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from livekit_deploy.engine.resource import Status
from livekit_deploy.errors import ResourceError
from livekit_deploy.k8s.access.client import Obj
from livekit_deploy.k8s.helm.charts import fetched
from livekit_deploy.k8s.helm.record import read_release
from livekit_deploy.k8s.helm.release import HelmRelease
from livekit_deploy.k8s.rollout import rollout
from tests.k8s.helm.releases import ALL, DEPLOYMENT, HERE, LABELS, config_map, deployment, out_of_band, release, service
from tests.k8s.rig import KubeRig, publish

# ---- ready, and gone


def test_older_pods_that_drain_calls_do_not_hold_an_upgrade(unhurried: KubeRig, charts: Path) -> None:
    """One pod a node, all nodes taken: the new pods wait for hours until the calls on the old ones have ended."""
    rig = unhurried
    ports = [{"containerPort": 7881, "hostPort": 7881}]
    draining = deployment(terminationGracePeriodSeconds=18000)
    draining["spec"]["strategy"] = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    draining["spec"]["template"]["spec"]["containers"][0]["ports"] = ports
    repo = publish(charts, "web", {"map": config_map(), "deployment": draining})
    rig.up(release(rig, repo))
    old = rig.objects("pods", namespace="media")
    assert len(old) == 2

    louder = release(rig, repo, level="debug")
    outcome = rig.executed(louder)
    assert outcome.updated == ["helm.release/web"]
    until = max(pod["metadata"].get("deletionTimestamp", "") for pod in rig.objects("pods", namespace="media").values())
    said = f"web: 0 of 2 pods on the new revision; 1 older pod drains calls until {until}"
    assert outcome.unfinished == {"helm.release/web": said}
    assert rig.executed(louder).unfinished == {"helm.release/web": said}, "a run that changes nothing says it too"
    assert rig.diffs(louder) == {}
    now = rig.objects("pods", namespace="media")
    assert [name for name in old if "deletionTimestamp" in now[name]["metadata"]]
    new = [pod for name, pod in now.items() if name not in old]
    assert [pod["spec"].get("nodeName") for pod in new] == [None]

    rig.down()  # and nobody waits for calls when everything goes
    assert rig.objects("pods", namespace="media") == {}


def test_new_pods_that_do_not_start_hold_it_with_their_reason(rig: KubeRig, charts: Path) -> None:
    repo = publish(charts, "web", ALL)
    rig.up(release(rig, repo))
    variable = {"name": "KEYS", "valueFrom": {"secretKeyRef": {"name": "not-there", "key": "keys"}}}
    broken = deployment(containers=[{"name": "web", "image": "web:2", "env": [variable]}])
    publish(charts, "web", {**ALL, "deployment": broken}, "1.1.0")
    wanted = release(rig, repo, "1.1.0")
    wanted[2].host = rig.lives
    assert isinstance(wanted[2], HelmRelease)
    wanted[2]._install(rig.cloud)
    rig.wait(lambda: "CreateContainerConfigError" in rig.seen(wanted[2]).detail)
    seen = rig.seen(wanted[2])
    assert seen.status is Status.PENDING
    assert re.fullmatch(r'web: 0/2 pods ready, CreateContainerConfigError secret "not-there" not found', seen.detail)


def test_a_release_that_cannot_become_ready_is_changed_and_not_waited_for(rig: KubeRig, charts: Path) -> None:
    """An image tag with a typo in it, say: the next run brings the right one at once."""
    repo = publish(
        charts, "web", {"deployment": deployment(nodeSelector={"livekit-deploy/group": "{{ .Values.level }}"})}
    )
    wrong, right = release(rig, repo, level="medai"), release(rig, repo, level="media")
    rig.up(wrong[:2])
    item = wrong[2]
    assert isinstance(item, HelmRelease)
    item.host = rig.lives
    item._install(rig.cloud)
    rig.wait(lambda: "nodes are available" in rig.seen(item).detail)
    assert rig.seen(item).status is Status.PENDING
    rig.up(right)
    assert rig.diffs(right) == {}


def test_pods_that_fit_on_no_node_hold_it_with_the_schedulers_words(rig: KubeRig, charts: Path) -> None:
    repo = publish(charts, "web", {**ALL, "deployment": deployment(nodeSelector={"none": "such"})})
    rig.up(release(rig, repo)[:2])
    out_of_band(rig, fetched(repo, "web", "1.0.0", None))
    rig.wait(lambda: "nodes are available" in rollout(rig.api, rig.api.get(DEPLOYMENT) or {}).fault)


def test_a_deployment_of_no_replicas_is_ready(rig: KubeRig, charts: Path) -> None:
    none = deployment()
    none["spec"]["replicas"] = 0
    repo = publish(charts, "web", {**ALL, "deployment": none})
    rig.up(release(rig, repo))
    assert rig.diffs(release(rig, repo)) == {}


def test_down_waits_for_what_finalizers_hold(rig: KubeRig, charts: Path) -> None:
    held = service()
    held["metadata"]["finalizers"] = ["example.com/resources"]
    repo = publish(charts, "web", {**ALL, "service": held})
    rig.up(release(rig, repo))
    item = release(rig, repo)[2]
    item.delete(rig.cloud, rig.seen(item))
    rig.wait(lambda: rig.objects("pods", namespace="media") == {})
    assert read_release(rig.api, "media", "web") is None
    left = item.read_teardown(rig.cloud, None)
    assert left is not None
    assert (left.status, left.detail) == (Status.DELETING, "waiting for Service/web")
    rig.patch(f"{HERE}/services/web", {"metadata": {"finalizers": None}})
    rig.down()
    assert rig.objects("services", namespace="media") == {}


def _dead_controller(charts: Path) -> Obj:
    """The load balancer controller's webhook, with nobody behind it."""
    hook = {
        "name": "vingress.elbv2.k8s.aws",
        "clientConfig": {"service": {"namespace": "kube-system", "name": "webhook", "path": "/validate"}},
        "rules": [
            {
                "apiGroups": ["networking.k8s.io"],
                "apiVersions": ["v1"],
                "operations": ["UPDATE"],
                "resources": ["ingresses"],
            }
        ],
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    labels = {"app.kubernetes.io/name": "aws-load-balancer-controller"}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "aws-load-balancer-webhook", "labels": labels},
        "webhooks": [hook],
    }


def test_down_lets_go_of_what_a_dead_controller_holds(
    rig: KubeRig, charts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its finalizers stay for ever, and its webhook refuses that they are taken away."""
    monkeypatch.setattr(HelmRelease, "patience", 2.0)
    held = service()
    held["metadata"]["finalizers"] = ["service.k8s.aws/resources"]
    metadata = {"name": "web", "labels": LABELS, "finalizers": ["ingress.k8s.aws/resources"]}
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata,
        "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
    }
    rig.up(release(rig, publish(charts, "web", {"service": held, "ingress": ingress})))
    webhooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    rig.api.apply(f"{webhooks}/aws-load-balancer-webhook", _dead_controller(charts))
    with pytest.raises(ResourceError, match="failed calling webhook"):
        rig.api.let_go("/apis/networking.k8s.io/v1/namespaces/media/ingresses/web")
    rig.down()
    assert rig.records == {}
    assert rig.objects("services", namespace="media") == {}
    assert rig.objects("ingresses", "networking.k8s.io", "media") == {}
