"""Releases through the real engine and the real helm: made, kept, changed, repaired and gone."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.base.clock import Clock
from livekit_deploy.errors import Conflict, Denied, Failed, ResourceError
from livekit_deploy.k8s.access.client import Obj
from livekit_deploy.k8s.helm import process
from livekit_deploy.k8s.helm.charts import fetched
from livekit_deploy.k8s.helm.record import read_release
from livekit_deploy.k8s.helm.release import HelmRelease
from tests.k8s.helm.releases import (
    ALL,
    DEPLOYMENT,
    HERE,
    config_map,
    deployment,
    interrupted,
    level,
    out_of_band,
    record,
    release,
)
from tests.k8s.rig import KubeRig, publish


def autoscaler() -> Obj:
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 4}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": spec,
    }


def test_a_release_comes_changes_and_goes(rig: KubeRig, charts: Path, each_helm: Path) -> None:
    repo = publish(charts, "web", ALL)
    publish(charts, "web", {**ALL, "more": config_map("more")}, "1.1.0")
    rig.up(release(rig, repo))
    assert level(rig) == "info"
    assert record(rig).tags == {"lineage": rig.cloud.ownership.lineage, "address": "helm.release/web"}
    assert rig.outputs("helm.release/web") == {"release": "web"}
    assert rig.diffs(release(rig, repo)) == {}
    rig.up(release(rig, repo))
    assert record(rig).revision == 1  # helm was not run again

    louder = release(rig, repo, level="debug", rtc={"tcp_port": 7881})
    assert rig.diffs(louder) == {"values.level": ("info", "debug"), "values.rtc": (None, {"tcp_port": 7881})}
    rig.up(louder)
    assert (level(rig), record(rig).revision) == ("debug", 2)
    assert rig.diffs(louder) == {}

    newer = release(rig, repo, "1.1.0", level="debug", rtc={"tcp_port": 7881})
    assert rig.diffs(newer) == {"version": ("1.0.0", "1.1.0")}
    rig.up(newer)
    assert rig.api.get(f"{HERE}/configmaps/more")
    plain = release(rig, repo)
    rig.up(plain)  # what is no longer given goes back to the chart's own, and what is no longer in it goes
    assert (level(rig), record(rig).values) == ("info", {"level": "info"})
    assert rig.api.get(f"{HERE}/configmaps/more") is None

    rig.down()
    assert rig.records == {}
    assert rig.objects("deployments", "apps", "media") == rig.objects("services", namespace="media") == {}


@pytest.mark.parametrize("times", [1, 99])
def test_a_record_of_helm_that_is_deleted_in_mid_run_is_made_again(
    rig: KubeRig, charts: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """At once, and not after all the time that a release has; who deletes it each time is asked for."""
    repo, ran, install = publish(charts, "web", ALL), list[int](), HelmRelease._install

    def spoilt(item: HelmRelease, cloud: Any) -> None:
        install(item, cloud)
        ran.append(len(ran))
        if len(ran) <= times:
            rig.api.delete(f"{HERE}/secrets", labels="owner=helm")

    monkeypatch.setattr(HelmRelease, "_install", spoilt)
    began = rig.clock.now()
    if times == 1:
        rig.up(release(rig, repo))
        assert record(rig).status == "deployed"
        assert len(ran) == 2
    else:
        with pytest.raises(Failed, match="somebody deletes it as soon as it exists"):
            rig.up(release(rig, repo))
    assert rig.clock.now() - began < HelmRelease.timeout / 2


def test_what_somebody_changed_is_put_right(rig: KubeRig, charts: Path, each_helm: Path) -> None:
    repo = publish(charts, "web", ALL)
    rig.up(release(rig, repo))
    rig.patch(f"{HERE}/configmaps/settings", {"data": {"level": "trace"}, "metadata": {"labels": {"theirs": "yes"}}})
    rig.patch(DEPLOYMENT, {"spec": {"replicas": 1, "template": {"metadata": {"annotations": {"level": "trace"}}}}})
    rig.api.delete(f"{HERE}/services/web")
    assert rig.diffs(release(rig, repo)) == {
        "drifted": (
            [],
            [
                "ConfigMap/settings data.level",
                "Deployment/web spec.replicas",
                "Deployment/web spec.template.metadata.annotations.level",
            ],
        )[::-1],
        "missing": (["Service/web"], []),
    }
    rig.up(release(rig, repo))
    assert level(rig) == "info"
    assert (rig.api.get(DEPLOYMENT) or {})["spec"]["replicas"] == 2
    assert rig.api.get(f"{HERE}/services/web")
    assert rig.diffs(release(rig, repo)) == {}
    assert (rig.api.get(f"{HERE}/configmaps/settings") or {})["metadata"]["labels"]["theirs"] == "yes"


def test_replicas_belong_to_an_autoscaler_where_there_is_one(rig: KubeRig, charts: Path) -> None:
    repo = publish(charts, "web", {**ALL, "autoscaler": autoscaler()})
    rig.up(release(rig, repo))
    rig.patch(DEPLOYMENT, {"spec": {"replicas": 1}})
    assert rig.diffs(release(rig, repo)) == {}
    rig.patch(DEPLOYMENT, {"spec": {"minReadySeconds": 1}})
    rig.patch("/apis/autoscaling/v2/namespaces/media/horizontalpodautoscalers/web", {"spec": {"maxReplicas": 9}})
    assert rig.diffs(release(rig, repo))["drifted"][0] == ["HorizontalPodAutoscaler/web spec.maxReplicas"]


# ---- errors


def test_values_that_the_chart_refuses_change_nothing(rig: KubeRig, charts: Path, each_helm: Path) -> None:
    repo = publish(charts, "web", ALL)
    failing = {**ALL, "check": '{{ if ne .Values.level "info" }}{{ fail "level must be info" }}{{ end }}'}
    publish(charts, "web", failing, "2.0.0")
    wanted = release(rig, repo, "2.0.0", level="loud")
    with pytest.raises(Failed, match="level must be info") as caught:
        wanted[2].check()
    assert caught.value.code == "ChartRefused"
    rig.up(wanted[:2])
    with pytest.raises(Failed, match="level must be info"):
        rig.up(wanted)
    assert read_release(rig.api, "media", "web") is None


def test_a_caller_whom_the_cluster_does_not_know_is_denied_by_helm_too(rig: KubeRig, charts: Path) -> None:
    repo = publish(charts, "web", ALL)
    rig.up(release(rig, repo)[:2])
    rig.eks.token = "k8s-aws-v1.stranger"
    with pytest.raises(Denied) as caught:
        out_of_band(rig, fetched(repo, "web", "1.0.0", None))
    assert (caught.value.code, caught.value.exit_code) == ("Unauthorized", 4)
    assert "stranger" not in repr(caught.value)


def test_helm_without_a_cluster_says_unreachable(rig: KubeRig, charts: Path, each_helm: Path) -> None:
    repo = publish(charts, "web", ALL)
    assert rig.eks.host is not None
    rig.eks.host = replace(rig.eks.host, outputs={**rig.eks.host.outputs, "endpoint": "https://127.0.0.1:1"})
    with pytest.raises(ResourceError, match="helm upgrade: ") as caught:
        out_of_band(rig, fetched(repo, "web", "1.0.0", None))
    assert caught.value.code == "Unreachable"


def test_a_release_that_another_helm_is_at_is_a_conflict(rig: KubeRig, charts: Path, each_helm: Path) -> None:
    repo = publish(charts, "web", {**ALL, "deployment": deployment(nodeSelector={"none": "such"})})
    rig.up(release(rig, repo)[:2])
    chart = fetched(repo, "web", "1.0.0", None)
    interrupted(rig, chart, "info")
    with pytest.raises(Conflict, match="another operation") as caught:
        out_of_band(rig, chart)
    assert caught.value.code == "HelmConflict"


def test_a_webhook_without_endpoints_is_waited_for(rig: KubeRig, charts: Path) -> None:
    hook = {
        "name": "vservice.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": {"service": {"name": "webhook", "namespace": "kube-system"}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["services"]}],
    }
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/early"
    rig.api.apply(path, {**kind, "metadata": {"name": "early"}, "webhooks": [hook]})
    repo = publish(charts, "web", ALL)
    rig.up(release(rig, repo)[:2])
    wanted = release(rig, repo)
    wanted[2].host = rig.lives
    with pytest.raises(ResourceError, match="failed calling webhook") as caught:
        wanted[2].create(rig.cloud, "")
    assert caught.value.code == process.WEBHOOK
    assert {"Unauthorized", "Forbidden", "Unreachable", process.WEBHOOK} <= set(HelmRelease.propagation)

    def answers() -> None:
        rig.wait(lambda: record(rig).revision > 1 and record(rig).status == "failed")
        rig.api.delete(path)

    rig.clock = Clock(4.0)  # type: ignore[assignment]  # 90 seconds of trying are to be enough on any machine
    thread = threading.Thread(target=answers)
    thread.start()
    rig.up(release(rig, repo))
    thread.join()
    assert record(rig).status == "deployed"
    assert rig.diffs(release(rig, repo)) == {}


def test_what_is_written_in_another_form_is_no_drift(rig: KubeRig, charts: Path) -> None:
    """The API leaves out what is empty, and writes quantities in their canonical form."""
    repo = publish(charts, "web", ALL)
    rig.up(release(rig, repo))
    container = {"name": "web", "image": "web:1", "resources": {"requests": {"cpu": "500m"}}}
    rig.patch(DEPLOYMENT, {"spec": {"paused": None, "template": {"spec": {"containers": [container]}}}})
    assert rig.diffs(release(rig, repo)) == {}
