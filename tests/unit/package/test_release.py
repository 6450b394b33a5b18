"""A release: one version everywhere, and the workflow's shell lines, which build and check what is published."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from livekit_deploy import __version__
from livekit_deploy.cli import entry
from tests.actions import RELEASE, Runner
from tests.places import ROOT

_SHIPPED = ("livekit_deploy", "manifests", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Makefile")


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A job's machine with the tag of this version, its changelog dated, and the dependencies in place."""
    folder = tmp_path / "checkout"
    for name in _SHIPPED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        folder.mkdir(exist_ok=True)
        copy(ROOT / name, folder / name)
    (folder / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (folder / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    (folder / ".venv" / "ready").touch()
    log = folder / "CHANGELOG.md"
    log.write_text(log.read_text(encoding="utf-8").replace("(unreleased)", "(2026-11-24)"), encoding="utf-8")
    environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MAKEFLAGS")}
    return Runner(folder, environ, {"github.ref_name": f"v{__version__}"}, tmp_path, RELEASE)


def test_there_is_one_version(capsys: pytest.CaptureFixture[str]) -> None:
    newest = re.search(r"(?m)^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert newest
    assert newest[1] == __version__
    assert entry.run(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["livekit_deploy"] == __version__


def test_every_python_that_is_claimed_is_tested() -> None:
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    claimed = [one.rpartition(" ")[2] for one in about["classifiers"] if re.search(r":: 3\.\d+$", one)]
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == claimed
    assert [one["run"] for one in jobs["test"]["steps"] if "run" in one] == ["make test", "make check"]
    assert about["requires-python"] == f">={claimed[0]}"


def test_what_is_published_is_built_and_checked(runner: Runner) -> None:
    done = runner.job("build")
    built = sorted(path.name for path in (runner.folder / "dist").iterdir())
    assert built == [f"livekit_deploy-{__version__}-py3-none-any.whl", f"livekit_deploy-{__version__}.tar.gz"]
    assert done[-1].stdout.count("PASSED") == 2
    notes = (runner.folder / "notes.md").read_text(encoding="utf-8")
    assert "- One command from an environment file" in notes
    assert "## " not in notes


@pytest.mark.parametrize(("tag", "dated", "why"), [("v9.9.9", True, "is not the version"), ("", False, "has no date")])
def test_a_tag_that_does_not_fit_ends_it(runner: Runner, tag: str, dated: bool, why: str) -> None:
    runner.values["github.ref_name"] = tag or f"v{__version__}"
    if not dated:
        shutil.copy(ROOT / "CHANGELOG.md", runner.folder)
        log = runner.folder / "CHANGELOG.md"
        log.write_text(re.sub(r"(?m)^(## \S+) .*$", r"\1 (unreleased)", log.read_text(encoding="utf-8")))
    with pytest.raises(AssertionError, match=why):
        runner.job("build")
    assert not (runner.folder / "dist").exists()


def test_it_is_published_behind_a_gate_and_without_a_stored_token() -> None:
    jobs = yaml.safe_load(RELEASE.read_text(encoding="utf-8"))["jobs"]
    assert (jobs["publish"]["environment"], jobs["publish"]["permissions"]) == ("release", {"id-token": "write"})
    assert [jobs[name]["needs"] for name in ("build", "publish", "attach")] == ["test", "build", "publish"]
    assert "secrets." not in RELEASE.read_text(encoding="utf-8")
