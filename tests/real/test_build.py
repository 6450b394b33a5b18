"""What the servers are built from fits what the product claims to support."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.real.recipes import ETCD, KUBERNETES, LIVEKIT, program


@pytest.mark.parametrize("name", ["newest", "oldest"])
def test_the_real_livekit_says_its_version(name: str) -> None:
    recipe = LIVEKIT[name]
    said = subprocess.run([program(recipe), "--version"], capture_output=True, text=True, check=True).stdout
    assert recipe.version.removeprefix("v") in said


@pytest.mark.parametrize("name", KUBERNETES.programs)
def test_kubernetes_says_the_version_that_it_was_built_from(name: str) -> None:
    said = subprocess.run([program(KUBERNETES, name), "--version"], capture_output=True, text=True, check=True).stdout
    assert said.strip() == f"Kubernetes {KUBERNETES.version}"


def test_etcd_says_its_version() -> None:
    said = subprocess.run([program(ETCD), "--version"], capture_output=True, text=True, check=True).stdout
    assert re.search(r"etcd Version: (\S+)", said), said
    assert ETCD.version.removeprefix("v") in said
