"""The stand-in for helm of the kill suite writes what the real one writes: the same records and the same objects."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from livekit_deploy.k8s.access.client import Obj
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.cluster import Cluster
from tests.k8s.helm.releases import ALL, config_map, release
from tests.k8s.rig import KubeRig, Sky, publish
from tests.kill.helm import stand_in

_LISTS = [("configmaps", ""), ("services", ""), ("deployments", "apps")]
#: of an object: what the cluster itself gives to each, and who wrote which field
_OWN = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields")


@contextlib.contextmanager
def other(folder: Path) -> Iterator[KubeRig]:
    """A second cluster of the same kind."""
    cluster = Cluster(Sky(), SandboxClock(float("inf")))
    cluster.start()
    yield KubeRig(folder, cluster)
    cluster.stop()


def records(rig: KubeRig) -> list[Any]:
    """Each revision, without its moments and the files of its chart."""
    found = []
    for name, secret in sorted(rig.objects("secrets", namespace="media").items()):
        if secret["type"] != "helm.sh/release.v1":
            continue
        text = gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"])))
        whole = json.loads(text)
        labels = {key: secret["metadata"]["labels"][key] for key in ("name", "owner", "status", "version")}
        told = {key: whole[key] for key in ("name", "namespace", "version", "config")}
        told["config"].get("global", {}).get("livekitDeploy", {}).pop("lineage", None)
        metadata = {key: whole["chart"]["metadata"][key] for key in ("name", "version")}
        manifest = sorted(filter(None, yaml.safe_load_all(whole["manifest"])), key=str)
        found.append([name, labels, told, metadata, manifest, whole["info"]["status"], sorted(whole["info"])])
    return found


def objects(rig: KubeRig) -> dict[str, Obj]:
    """What there is in the namespace, without what is each object's own."""
    found = {}
    for plural, group in _LISTS:
        for name, item in rig.objects(plural, group, "media").items():
            metadata = {key: value for key, value in item["metadata"].items() if key not in _OWN}
            said = {key: value for key, value in item.items() if key != "status"}
            found[f"{plural}/{name}"] = {**said, "metadata": metadata}
    return found


def life(rig: KubeRig, repo: str) -> Iterator[tuple[str, list[Any], dict[str, Obj]]]:
    """The release is installed, upgraded, and goes; what there is after each."""
    for what, version, level in (("install", "1.0.0", "info"), ("upgrade", "1.1.0", "debug")):
        rig.up(release(rig, repo, version, level=level))
        yield what, records(rig), objects(rig)
    rig.up(release(rig, repo)[:2])
    yield "uninstall", records(rig), objects(rig)


@pytest.mark.kill
@pytest.mark.slow
def test_the_stand_in_writes_what_helm_writes(rig: KubeRig, charts: Path, tmp_path: Path) -> None:
    repo = publish(charts, "web", ALL)
    publish(charts, "web", {"map": ALL["map"], "deployment": ALL["deployment"], "more": config_map("more")}, "1.1.0")
    real = list(life(rig, repo))
    assert [len(found) for _, found, _ in real] == [1, 2, 0]
    with other(tmp_path / "other") as second, stand_in():
        assert list(life(second, repo)) == real
