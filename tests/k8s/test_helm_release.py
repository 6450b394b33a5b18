"""Releases through the real engine and the real helm: made, kept, changed, repaired and gone."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.base.clock import Clock
from livekit_deploy.engine.resource import Resource, Status
from livekit_deploy.errors import Conflict, Denied, Failed, NotOurs, ResourceError
from livekit_deploy.k8s.access import client
from livekit_deploy.k8s.access.client import Obj
from livekit_deploy.k8s.helm import install, process
from livekit_deploy.k8s.helm import release as releases
from livekit_deploy.k8s.helm.charts import fetched
from livekit_deploy.k8s.helm.command import helm, release_values
from livekit_deploy.k8s.helm.record import ReleaseRecord, read_release
from livekit_deploy.k8s.helm.release import HelmRelease
from livekit_deploy.k8s.objects import Namespace
from livekit_deploy.k8s.rollout import rollout
from tests.following import adopted
from tests.k8s.rig import KubeRig, aged, publish

HERE = "/api/v1/namespaces/media"
DEPLOYMENT = "/apis/apps/v1/namespaces/media/deployments/web"
LEASE = 27.0  # seconds of the rig's lease: 12 × 9/4
LABELS = {"app.kubernetes.io/instance": "web"}


def config_map(name: str = "settings") -> Obj:
    data = {"level": "{{ .Values.level }}"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": LABELS}, "data": data}


def deployment(**more: Any) -> Obj:
    template = {
        "metadata": {"labels": LABELS, "annotations": {"level": "{{ .Values.level }}"}},
        "spec": {"containers": [{"name": "web", "image": "web:1", "resources": {"requests": {"cpu": "0.5"}}}], **more},
    }
    spec = {"replicas": 2, "selector": {"matchLabels": LABELS}, "template": template, "paused": False}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": dict(LABELS)},
        "spec": spec,
    }


def service() -> Obj:
    spec = {"selector": LABELS, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "labels": dict(LABELS)}, "spec": spec}


def autoscaler() -> Obj:
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 4}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": spec,
    }


def release(rig: KubeRig, repo: str, version: str = "1.0.0", **values: Any) -> list[Resource]:
    namespace = Namespace("media", lives_in=rig.host)
    made = HelmRelease(
        "web",
        namespace="media",
        chart="web",
        repo=repo,
        version=version,
        values={"level": "info", **values},
        lives_in=rig.host,
        after=[namespace],
    )
    return [rig.host, namespace, made]


def record(rig: KubeRig) -> ReleaseRecord:
    found = read_release(rig.api, "media", "web")
    assert found is not None
    return found


def level(rig: KubeRig) -> str:
    return str((rig.api.get(f"{HERE}/configmaps/settings") or {})["data"]["level"])


def out_of_band(rig: KubeRig, chart: Path, *arguments: str, values: Mapping[str, Any] | None = None) -> None:
    """Somebody runs helm with the same kubeconfig."""
    runner = helm(rig.cloud, rig.lives)
    runner._refresh()
    text = repr(dict(values or {"level": "info"})).encode()
    command = ["upgrade", "--install", "web", str(chart), "--namespace", "media", "--values", "-", *arguments]
    runner._binary.run([*command, "--kubeconfig", str(runner._kubeconfig)], text, 60)


ALL = {"map": config_map(), "deployment": deployment(), "service": service()}


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


# ---- runs that were interrupted


def interrupted(rig: KubeRig, chart: Path, level: str) -> None:
    """A helm of ours that is killed while it is at it."""
    values = release_values({"level": level}, {"lineage": rig.cloud.ownership.lineage, "address": "helm.release/web"})

    def run() -> None:
        with pytest.raises(ResourceError):
            out_of_band(rig, chart, "--wait", "--timeout", "60s", values=values)

    thread = threading.Thread(target=run)
    thread.start()
    rig.wait(lambda: (found := read_release(rig.api, "media", "web")) and found.status.startswith("pending"))
    for group in list(process._running):
        process._signal(group, signal.SIGKILL)
    thread.join()


@pytest.mark.parametrize("before", [None, "info"], ids=["install", "upgrade"])
def test_a_pending_release_is_repaired_when_nobody_can_be_at_it(
    rig: KubeRig, charts: Path, each_helm: Path, before: str | None
) -> None:
    nowhere = deployment(nodeSelector={"level": "{{ .Values.level }}"})
    ready = {**ALL, "deployment": deployment()}
    repo = publish(charts, "web", ready)
    rig.up(release(rig, repo)[:2])
    if before:
        rig.up(release(rig, repo))
    publish(charts, "web", {**ready, "deployment": nowhere}, "1.1.0")
    interrupted(rig, fetched(repo, "web", "1.1.0", None), "debug")
    pending = "pending-upgrade" if before else "pending-install"
    assert record(rig).status == pending
    wanted = release(rig, repo, level="debug")
    seen = rig.seen(wanted[2])
    assert seen.status is Status.PENDING
    assert seen.detail.startswith(f"helm: {pending} for ")

    aged(rig, "media", "web", LEASE - 20)
    assert rig.seen(wanted[2]).status is Status.PENDING
    aged(rig, "media", "web", LEASE)
    assert rig.seen(wanted[2]).status is Status.READY
    if before:  # no reason not to repair it
        rig.patch(f"{HERE}/configmaps/settings", {"data": {"level": "theirs"}})
    rig.up(wanted)
    assert (record(rig).status, level(rig)) == ("deployed", "debug")
    assert rig.diffs(wanted) == {}


@pytest.mark.parametrize("skew", [-3600, 3600])
def test_a_clock_that_is_an_hour_off_neither_hurries_nor_holds_a_repair(
    rig: KubeRig, charts: Path, monkeypatch: pytest.MonkeyPatch, skew: int
) -> None:
    repo = publish(charts, "web", {**ALL, "deployment": deployment(nodeSelector={"none": "such"})})
    wanted = release(rig, repo)
    rig.up(wanted[:2])
    interrupted(rig, fetched(repo, "web", "1.0.0", None), "info")

    class Skewed(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Skewed:
            return cls.fromtimestamp(time.time() + skew, tz)

    for module in (client, releases):
        monkeypatch.setattr(module, "datetime", Skewed)
    rig.cloud.kept.clear()
    assert rig.seen(wanted[2]).status is Status.PENDING
    aged(rig, "media", "web", LEASE + 1)
    assert rig.seen(wanted[2]).status is Status.READY


@pytest.mark.parametrize(
    "pins", [(install.HELM_3, install.DEFAULT), (install.DEFAULT, install.HELM_3)], ids=["up", "back"]
)
def test_a_release_goes_on_under_the_helm_of_another_machine(
    rig: KubeRig, charts: Path, monkeypatch: pytest.MonkeyPatch, pins: tuple[install.Pin, install.Pin]
) -> None:
    repo = publish(charts, "web", ALL)
    for pin, level_ in zip(pins, ("info", "debug"), strict=True):
        binary = install.installed(pin)
        monkeypatch.setattr(install, "helm", lambda *, install=True, binary=binary: binary)
        rig.cloud.kept.clear()
        if level_ == "debug":
            rig.patch(f"{HERE}/configmaps/settings", {"data": {"level": "theirs"}})
        rig.up(release(rig, repo, level=level_))
        assert level(rig) == level_
        assert rig.diffs(release(rig, repo, level=level_)) == {}


def test_an_uninstall_that_was_interrupted_is_finished(rig: KubeRig, charts: Path) -> None:
    repo = publish(
        charts, "web", {**ALL, "map": {**config_map(), "metadata": {"name": "settings", "finalizers": ["a.b/c"]}}}
    )
    rig.up(release(rig, repo))

    def run() -> None:
        runner = helm(rig.cloud, rig.lives)
        command = ["uninstall", "web", "--namespace", "media", "--wait", "--kubeconfig", str(runner._kubeconfig)]
        with pytest.raises(ResourceError):
            runner._binary.run(command, None, 60)

    thread = threading.Thread(target=run)
    thread.start()
    rig.wait(lambda: record(rig).status == "uninstalling" and rig.api.get(DEPLOYMENT) is None)
    for group in list(process._running):
        process._signal(group, signal.SIGKILL)
    thread.join()
    rig.patch(f"{HERE}/configmaps/settings", {"metadata": {"finalizers": None}})
    rig.up(release(rig, repo))
    assert record(rig).status == "deployed"
    assert rig.api.get(DEPLOYMENT)


def test_an_upgrade_that_failed_is_tried_again(rig: KubeRig, charts: Path) -> None:
    ingress = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"}, "spec": {}}
    repo = publish(charts, "web", {**ALL, "ingress": ingress})
    with pytest.raises(Failed, match='"web" is invalid') as caught:
        rig.up(release(rig, repo))
    assert caught.value.code == "ChartRefused"
    assert record(rig).status == "failed"
    publish(charts, "web", ALL, "1.0.1")
    rig.up(release(rig, repo, "1.0.1"))
    assert rig.diffs(release(rig, repo, "1.0.1")) == {}


# ---- whose it is


def test_a_release_of_somebody_else_is_refused_and_only_taken_over_when_asked(rig: KubeRig, charts: Path) -> None:
    repo = publish(charts, "web", ALL)
    rig.up(release(rig, repo)[:2])
    out_of_band(rig, fetched(repo, "web", "1.0.0", None))
    with pytest.raises(
        NotOurs, match="the release media/web exists already, and it carries none of our tags"
    ) as caught:
        rig.up(release(rig, repo))
    assert record(rig).revision == 1

    rig.marked(adopt=adopted(caught.value.hint))
    rig.up(release(rig, repo))
    rig.marked(adopt=frozenset())
    assert rig.diffs(release(rig, repo)) == {}
    assert record(rig).tags["address"] == "helm.release/web"


def test_a_release_that_does_not_carry_our_marks_is_not_uninstalled(rig: KubeRig, charts: Path) -> None:
    repo = publish(charts, "web", ALL)
    rig.up(release(rig, repo))
    out_of_band(rig, fetched(repo, "web", "1.0.0", None))
    connection = rig.api  # the sandbox's cluster goes on after `down`
    rig.down()
    assert read_release(connection, "media", "web") is not None
    assert "helm.release/web" not in rig.records


def test_an_object_in_the_way_is_not_taken_over(rig: KubeRig, charts: Path, each_helm: Path) -> None:
    repo = publish(charts, "web", ALL)
    rig.up(release(rig, repo)[:2])
    rig.api.apply(f"{HERE}/configmaps/settings", {**config_map(), "data": {"level": "theirs"}})
    with pytest.raises(NotOurs, match=r"ConfigMap .settings. in namespace .media. exists"):
        rig.up(release(rig, repo))
    assert level(rig) == "theirs"


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
