"""Somebody changes what we put into the cluster: with kubectl's calls, with helm, and as an autoscaler does."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.base import shipped_files
from livekit_deploy.config import load_environment
from livekit_deploy.engine.inputs import SecretRef
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import Blocked, ResourceError
from livekit_deploy.k8s.helm.command import helm
from livekit_deploy.k8s.helm.release import HelmRelease
from livekit_deploy.k8s.objects import Namespace, Secret
from livekit_deploy.operations.state_repair import Upkeep
from tests.k8s.drifts import TRIED_IN_CLUSTER
from tests.k8s.rig import KubeRig, chart

_SECRETS = "/api/v1/namespaces/media/secrets"
_CONFIG = "/api/v1/namespaces/media/configmaps/app"
_DEPLOYMENT = "/apis/apps/v1/namespaces/media/deployments/app"
_LABELS = {"app": "app"}
_OF_THE_RUN = {"since": "", "token": None, "spent": None}


def secret(rig: KubeRig) -> list[Resource]:
    rig.eks.secrets = {("keys", "v1"): "k: s", ("", "v1"): "t"}
    space = Namespace("media", lives_in=rig.host)
    values = {"keys": SecretRef("arn:x", "keys", "v1"), "password": SecretRef("arn:x", "", "v1")}
    return [rig.host, space, Secret("keys", namespace="media", values=values, lives_in=rig.host, after=[space])]


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_an_edited_secret_is_seen_without_looking_at_it(rig: KubeRig) -> None:
    rig.up(secret(rig))
    for value, before in [(_b64("theirs"), "overwritten by kubectl-edit"), (None, None)]:
        rig.patch(f"{_SECRETS}/keys", {"data": {"password": value}})
        (change,) = rig.plan(secret(rig)).changes
        (diff,) = [diff for diff in change.diffs if "password" in diff.path]
        assert (change.action, diff.origin) == (Action.UPDATE, "drift")
        assert (diff.before or {}).get("version") == before
        assert "theirs" not in repr(change)
        rig.up(secret(rig))
        assert rig.objects("secrets")["keys"]["data"]["password"] == _b64("t")
        assert rig.plan(secret(rig)).changes == ()


def test_a_deleted_namespace_comes_back_with_what_was_in_it(rig: KubeRig) -> None:
    rig.up(secret(rig))
    rig.api.delete("/api/v1/namespaces/media")
    rig.wait(lambda: "media" not in rig.objects("namespaces"))
    actions = {change.address: change.action for change in rig.plan(secret(rig)).changes}
    assert actions == {"k8s.namespace/media": Action.CREATE, "k8s.secret/keys": Action.CREATE}
    rig.up(secret(rig))
    assert rig.objects("secrets")["keys"]["data"]["password"] == _b64("t")
    assert rig.plan(secret(rig)).changes == ()


# ---- releases


def _config(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}, "data": data}


def _deployment() -> dict[str, Any]:
    pod = {"metadata": {"labels": _LABELS}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": _LABELS}, "template": pod}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app"}, "spec": spec}


def _scaler() -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"}
    spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "app"},
        "spec": spec,
    }


@pytest.fixture
def charts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The charts that ship with us are those of this test."""
    monkeypatch.setattr(shipped_files, "path", lambda relative: tmp_path / relative)
    ours = {"config.yaml": _config(a="1"), "deployment.yaml": _deployment(), "hpa.yaml": _scaler()}
    chart(tmp_path / "charts" / "app", "app", ours)
    chart(tmp_path / "newer", "app", ours, version="2.0.0")
    chart(tmp_path / "other", "other", ours)
    chart(tmp_path / "broken", "app", {**ours, "config.yaml": {**_config(), "data": {"a": {"no": "text"}}}})
    return tmp_path


def release(rig: KubeRig) -> list[Resource]:
    space = Namespace("media", lives_in=rig.host)
    made = HelmRelease(
        "app", namespace="media", chart="app", version="1.0.0", values={"a": 1}, lives_in=rig.host, after=[space]
    )
    return [rig.host, space, made]


def _helm(rig: KubeRig, folder: Path, *more: str) -> None:
    command = ["upgrade", "app", str(folder), "--namespace", "media", "--reuse-values", *more]
    asyncio.run(helm(rig.cloud, rig.lives).run(command))


def _breaks(rig: KubeRig, folder: Path) -> None:
    with pytest.raises(ResourceError, match="UPGRADE FAILED"):
        _helm(rig, folder)


def _hands(rig: KubeRig, charts: Path) -> dict[str, Callable[[], None]]:
    """Input of a release → what somebody does to it."""
    image = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "theirs:1"}]}}}}
    return {
        "version": lambda: _helm(rig, charts / "newer"),
        "values": lambda: _helm(rig, charts / "charts" / "app", "--set", "a=2"),
        "state": lambda: _breaks(rig, charts / "broken"),
        "missing": lambda: rig.api.delete(_CONFIG),
        "drifted": lambda: rig.patch(_DEPLOYMENT, image),
    }


def test_a_release_that_somebody_changed_is_put_right(rig: KubeRig, charts: Path) -> None:
    rig.up(release(rig))
    hands = _hands(rig, charts)
    for name, hand in hands.items():
        hand()
        (change,) = rig.plan(release(rig)).changes
        diffs = {diff.path.split(".")[0]: diff for diff in change.diffs}
        assert (change.action, diffs[name].origin) == (Action.UPDATE, "drift"), name
        assert diffs[name].before != diffs[name].after
        rig.up(release(rig))
        assert rig.plan(release(rig)).changes == (), name
    rig.patch(_DEPLOYMENT, {"spec": {"replicas": 3}})
    assert rig.plan(release(rig)).changes == (), "replicas are the autoscaler's"
    _helm(rig, charts / "other", "--force-conflicts")
    (change,) = rig.plan(release(rig)).changes
    assert (change.action, bool(change.hint)) == (Action.BLOCKED, True)
    with pytest.raises(Blocked):
        rig.up(release(rig))
    assert {f"helm.release.{name}" for name in (*hands, "chart")} <= TRIED_IN_CLUSTER


def test_a_deleted_release_is_made_again(rig: KubeRig, charts: Path) -> None:
    rig.up(release(rig))
    asyncio.run(helm(rig.cloud, rig.lives).run(["uninstall", "app", "--namespace", "media"]))
    (change,) = rig.plan(release(rig)).changes
    assert (change.action, change.reason) == (Action.CREATE, "it was deleted by someone else")
    rig.up(release(rig))
    assert "app" in rig.objects("configmaps")
    assert rig.plan(release(rig)).changes == ()


# ---- single records


def test_what_is_not_recorded_of_the_cluster_is_imported(rig: KubeRig, charts: Path, tmp_path: Path) -> None:
    path = tmp_path / "uat.yaml"
    path.write_text("region: us-east-1\nlivekit: {domain: livekit.example.com}\n")
    for declared, address in ((secret, "k8s.secret/keys"), (release, "helm.release/app")):
        rig.up(declared(rig))  # from here on the cloud knows the kinds
        before, upkeep = rig.records[address], Upkeep(load_environment(path, environ={}), rig.cloud, rig._store)
        upkeep.carry_out(upkeep.forget(address), "state forget")
        proposal = upkeep.take_over(declared(rig), address, str(before.id))
        assert (proposal.added, proposal.diffs) == ((address,), ())
        upkeep.carry_out(proposal, "state import")
        assert {**asdict(rig.records[address]), **_OF_THE_RUN} == {**asdict(before), **_OF_THE_RUN}
        assert rig.plan(declared(rig)).changes == ()
