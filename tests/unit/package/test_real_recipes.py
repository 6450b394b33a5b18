"""The real servers are built from what is deployed by default; what cannot be had is told from our own faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from livekit_deploy.config import load_environment
from tests.places import ENVIRONMENTS
from tests.real.build import build
from tests.real.recipes import ETCD, KUBERNETES, LIVEKIT, RECIPES, Recipe, Unavailable


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _go(folder: Path, said: str, version: str = "go1.99.0") -> str:
    """A go that knows its version and fails with these words."""
    path = folder / "go"
    path.write_text(f'#!/bin/sh\n[ "$1" = env ] && {{ echo {version}; exit; }}\necho "{said}" >&2\nexit 1\n')
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("env", ["dev", "uat", "prod"])
def test_what_is_shown_with_the_real_servers_is_what_is_deployed(env: str) -> None:
    found = load_environment(ENVIRONMENTS / f"{env}.yaml")
    assert KUBERNETES.version.startswith(f"v{found.cluster.version}.")
    assert found.livekit.image_tag == LIVEKIT["newest"].version


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda one: one.folder)
def test_each_program_is_built_from_the_package_of_its_name(recipe: Recipe) -> None:
    assert set(recipe.packages) == set(recipe.programs)
    for name, package in recipe.packages.items():
        assert name in package or len(recipe.programs) == 1, package


@pytest.mark.parametrize(
    "said",
    [
        "go: k8s.io/x@v1.0.0: reading https://proxy.example.com/k8s.io/x/@v/v1.0.0.mod: 404 Not Found",
        "go: k8s.io/x@v1.0.0: reading https://proxy.example.com/k8s.io/x/@v/v1.0.0.zip: 403 Forbidden",
        "go: k8s.io/x@v1.0.0: dial tcp: lookup proxy.example.com: no such host",
        "go: k8s.io/x@v1.0.0: module lookup disabled by GOPROXY=off",
    ],
)
def test_a_download_that_is_refused_leaves_the_server_out(tmp_path: Path, said: str) -> None:
    with pytest.raises(Unavailable, match="a download was refused"):
        build(ETCD, _go(tmp_path, said))
    assert not ETCD.built.exists()


@pytest.mark.parametrize(
    "said",
    [
        "pkg/rtc/transport.go:391:6: se.EnableSped undefined",
        "go: k8s.io/x@v1.0.0: missing go.sum entry for go.mod file",
        "verifying k8s.io/x@v1.0.0: checksum mismatch",
    ],
)
def test_what_does_not_compile_or_fit_is_our_fault(tmp_path: Path, said: str) -> None:
    with pytest.raises(RuntimeError, match="go list"):
        build(ETCD, _go(tmp_path, said))


def test_a_go_that_is_too_old_leaves_the_server_out(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"it needs Go 1\.26\.0, and .* is 1\.21\.0"):
        build(ETCD, _go(tmp_path, "", "go1.21.0"))
