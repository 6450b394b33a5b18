"""Releases that a run left unfinished, or that somebody else made: repaired, refused, taken over when asked."""

from __future__ import annotations

import signal
import threading
import time
from datetime import datetime, tzinfo
from pathlib import Path

import pytest

from livekit_deploy.engine.resource import Status
from livekit_deploy.errors import Failed, NotOurs, ResourceError
from livekit_deploy.k8s.access import client
from livekit_deploy.k8s.helm import install, process
from livekit_deploy.k8s.helm import release as releases
from livekit_deploy.k8s.helm.charts import fetched
from livekit_deploy.k8s.helm.command import helm
from livekit_deploy.k8s.helm.record import read_release
from tests.following import adopted
from tests.k8s.helm.releases import (
    ALL,
    DEPLOYMENT,
    HERE,
    LEASE,
    config_map,
    deployment,
    interrupted,
    level,
    out_of_band,
    record,
    release,
)
from tests.k8s.rig import KubeRig, aged, publish


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
