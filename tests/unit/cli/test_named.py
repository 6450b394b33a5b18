"""Which environment is meant: a copy of a file names another one, and `down` asks for the name before it deletes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.cli import entry
from livekit_deploy.cli.run import _confirm_down
from livekit_deploy.config import load_environment
from livekit_deploy.errors import Declined
from livekit_deploy.render.screen import Screen
from tests.places import ROOT

FOLDER = Path("manifests/environments")
COPY = "says that its name is dev"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped environments, and a copy ``other`` of dev in which nobody changed the name; AWS is not to be asked.

    Files of two more say nothing but what is needed, or do not validate any more.
    """

    def no_client(*_: object, **__: object) -> None:
        raise AssertionError("AWS was asked")

    shutil.copytree(ROOT / FOLDER, tmp_path / FOLDER)
    shutil.copy(tmp_path / FOLDER / "dev.yaml", tmp_path / FOLDER / "other.yaml")
    (tmp_path / FOLDER / "broken.yaml").write_text("name: dev\nregion: us-east-1\nregoin: x\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Clients, "__call__", no_client)
    for name in [name for name in os.environ if name.startswith("LIVEKIT_DEPLOY_")]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "wrong", "hint"),
    [
        ("down --env other --yes", COPY, "name: other"),
        ("down --env other --yes --sandbox", COPY, "--env dev"),
        ("down --env other --confirm dev", COPY, "--env dev"),
        ("down --env other --confirm other", COPY, "name: other"),
        ("down --env broken --yes", COPY, "--env dev"),
        ("up --env other --yes", COPY, "--env dev"),
        ("plan --env other --destroy", COPY, "--env dev"),
        ("state forget ec2.vpc/main --env other --yes", COPY, "--env dev"),
        (f"down --config {FOLDER}/other.yaml --yes", "there is no terminal", "add --confirm dev"),
        ("down --env dev --set name=qa --yes", "there is no terminal", "add --confirm qa"),
        ("down --env dev", "there is no terminal", "add --yes"),
    ],
)
def test_a_copy_that_names_another_environment_takes_nothing_down(
    line: str, wrong: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert entry.run(line.split()) == 3
    err = capsys.readouterr().err
    assert wrong in err
    assert hint in err


def test_a_variable_cannot_name_another_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIVEKIT_DEPLOY__NAME", "prod")
    assert entry.run(["down", "--env", "dev", "--yes"]) == 3
    assert "says that its name is prod" in capsys.readouterr().err


@pytest.mark.parametrize("env", ["dev", "prod"])
@pytest.mark.parametrize("typed", ["y", "yes", "", "other"])
def test_only_its_name_takes_an_environment_down(env: str, typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def prompt(self: Any, question: str) -> str:
        asked.append(question)
        return typed

    monkeypatch.setattr(Screen, "prompt", prompt)
    made = load_environment(FOLDER / f"{env}.yaml", environ={})
    with pytest.raises(Declined, match="nothing was deleted") as declined:
        _confirm_down(Screen(), made, settled=False)
    assert f"--confirm {env}" in declined.value.hint
    assert "Type its name to delete it:" in asked[0]
    typed = env
    _confirm_down(Screen(), made, settled=False)
    _confirm_down(Screen(), made, settled=True)
    assert len(asked) == 2
