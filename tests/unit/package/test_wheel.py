"""What is installed: a wheel with charts, policies and types; environments are read from the working directory only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tests.places import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as `pip install` would build it, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel unpacked, with no checkout beside it."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    return folder


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as packed:
        return set(packed.namelist())


def shipped(folder: str) -> set[str]:
    """The files of a folder of the repository."""
    return {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*") if path.is_file()}


def test_it_holds_charts_policies_and_types(wheel: Path) -> None:
    found = names(wheel)
    assert {"livekit_deploy/py.typed", "livekit_deploy/costs/prices.json"} <= found
    for folder in ("manifests/charts", "manifests/iam"):
        assert shipped(folder)
        assert {f"livekit_deploy/{name}" for name in shipped(folder)} <= found
    stand_in = {name for name in shipped("livekit_deploy/sandbox/charts") if "__pycache__" not in name}
    assert any(name.endswith("templates/all.yaml") for name in stand_in)
    assert stand_in <= found
    modules = {name for name in shipped("livekit_deploy") if name.endswith(".py")}
    assert modules <= found


def test_it_holds_nothing_else(wheel: Path) -> None:
    found = names(wheel)
    assert {name.split("/")[0].partition("-")[0] for name in found} == {"livekit_deploy"}
    for stranger in ("environments", "tests", "state/local", "__pycache__", ".kubeconfig", "docs"):
        assert not [name for name in found if stranger in name]


def test_its_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        (info,) = {name.split("/")[0] for name in packed.namelist() if ".dist-info" in name}
        metadata = Parser().parsestr(packed.read(f"{info}/METADATA").decode())
        entries = packed.read(f"{info}/entry_points.txt").decode()
        assert f"{info}/licenses/LICENSE" in packed.namelist()
    assert metadata["Name"] == "livekit-deploy"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert set(metadata.get_all("Provides-Extra") or []) == {"sandbox", "dev", "real"}
    needed = [line for line in metadata.get_all("Requires-Dist") or [] if "extra ==" not in line]
    assert all(any(sign in line for sign in ("==", ">=")) for line in needed)
    assert not [line for line in needed if line.startswith(("moto", "pytest"))]
    assert "livekit-deploy = livekit_deploy.cli:main" in entries


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LIVEKIT_DEPLOY_")}
    return subprocess.run(
        [sys.executable, "-P", "-m", "livekit_deploy", *arguments],
        cwd=folder,
        env={**environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )


def test_environments_are_read_from_the_working_directory_only(installed: Path, tmp_path: Path) -> None:
    missing = run(installed, tmp_path, "config", "validate", "--env", "dev")
    assert missing.returncode == 3
    assert "there is no environment file manifests/environments/dev.yaml" in missing.stderr
    shutil.copytree(ROOT / "manifests" / "environments", tmp_path / "manifests" / "environments")
    assert run(installed, tmp_path, "config", "validate", "--env", "dev").returncode == 0


def test_an_installation_finds_its_own_files(installed: Path, tmp_path: Path) -> None:
    """The whole stack needs the policies and our chart; a folder ``manifests`` in the working directory has no say."""
    (tmp_path / "manifests" / "iam").mkdir(parents=True)
    assert run(installed, tmp_path, "config", "init", "--env", "one").returncode == 0
    answers = ("--set", "region=us-east-1", "--set", "livekit.domain=a.example.com")
    done = run(installed, tmp_path, "graph", "--env", "one", *answers)
    assert done.returncode == 0, done.stderr
    assert "iam.policy/load-balancer-controller" in done.stdout
    where = "import livekit_deploy.base.shipped_files as p; print(p.path('charts/livekit-server'))"
    found = subprocess.run(
        [sys.executable, "-P", "-c", where],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()).is_relative_to(installed)
