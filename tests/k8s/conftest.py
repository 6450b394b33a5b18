"""A cluster of the sandbox for each test, and helm: one of each supported major version where a test asks for it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from livekit_deploy.k8s.helm import install
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.cluster import Cluster
from livekit_deploy.sandbox.cluster.kubelet import endings
from tests.k8s.rig import KubeRig, Sky


@pytest.fixture
def sky() -> Sky:
    return Sky()


@pytest.fixture
def cluster(sky: Sky, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    made = Cluster(sky, SandboxClock(math.inf))
    made.start()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def charts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for a chart repository. What is fetched of it is kept apart from what is kept on this machine."""
    kept = install.installed(install.DEFAULT).parents[1]
    cache = tmp_path / "cache" / kept.name
    cache.mkdir(parents=True)
    for binary in kept.glob("helm-*"):
        (cache / binary.name).symlink_to(binary)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent))
    return tmp_path / "charts"


@pytest.fixture
def rig(tmp_path: Path, cluster: Cluster) -> KubeRig:
    return KubeRig(tmp_path, cluster)


@pytest.fixture
def unhurried(rig: KubeRig, sky: Sky, monkeypatch: pytest.MonkeyPatch) -> Iterator[KubeRig]:
    """The rig on a cluster whose pods take a moment to start, and as long as they are given to end."""
    monkeypatch.setattr(endings, "PROCESS", math.inf)
    cluster = Cluster(sky, SandboxClock(60.0))
    cluster.start()
    assert rig.eks.host is not None
    rig.eks.host = replace(rig.eks.host, outputs={"endpoint": cluster.endpoint, "ca": cluster.ca_data})
    rig.cluster = cluster
    yield rig
    cluster.stop()


@pytest.fixture(params=[install.HELM_3, install.DEFAULT], ids=["helm3", "helm4"])
def each_helm(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every supported major version of helm in turn."""
    with monkeypatch.context() as patched:
        patched.delenv("XDG_CACHE_HOME", raising=False)
        binary = install.installed(request.param)
    monkeypatch.setattr(install, "helm", lambda *, install=True: binary)
    return binary
