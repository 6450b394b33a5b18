"""A command that a text names can be copied: it goes where the command that said it went."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click
import pytest

from livekit_deploy.cli import command_lines, entry
from livekit_deploy.cli.command_lines import Spelling
from livekit_deploy.errors import Incomplete, ResourceError
from livekit_deploy.operations.report import Report
from tests.unit.cli.commands import COMMANDS

HERE = Spelling("livekit-deploy", " --env uat --profile acme --sandbox")


@pytest.mark.parametrize(
    ("said", "typed"),
    [
        ("run: livekit-deploy up --env uat: it goes on", f"run: livekit-deploy up{HERE.where}: it goes on"),
        ("run: livekit-deploy up --env uat, or its step", f"run: livekit-deploy up{HERE.where}, or its step"),
        ("see: livekit-deploy events, and verify", f"see: livekit-deploy events{HERE.where}, and verify"),
        ("first: livekit-deploy up --step livekit", f"first: livekit-deploy up{HERE.where} --step livekit"),
        ("livekit-deploy state restore --env uat x.json", f"livekit-deploy state restore{HERE.where} x.json"),
        ("(livekit-deploy prerequisites --fix)", f"(livekit-deploy prerequisites{HERE.where} --fix)"),
        ("make one: livekit-deploy config init --env new", "make one: livekit-deploy config init --env new"),
        ("run: livekit-deploy sandbox start", "run: livekit-deploy sandbox start"),
        ("install livekit-deploy again", "install livekit-deploy again"),
        ("the tag livekit-deploy:owner is not up", "the tag livekit-deploy:owner is not up"),
    ],
)
def test_a_command_in_a_text_gets_the_options_of_this_one(said: str, typed: str) -> None:
    assert HERE(said) == typed


def test_every_command_that_takes_an_environment_is_known() -> None:
    for path in COMMANDS:
        command: click.Command = entry.cli
        for name in path:
            assert isinstance(command, click.Group)
            found = command.get_command(click.Context(command), name)
            assert found is not None
            command = found
        takes = any(option.name == "env" for option in command.params)
        # what they are about need not be this one
        kept = path[:1] == ("sandbox",) or path in (("config", "init"), ("config", "explain"))
        if not isinstance(command, click.Group):
            said = f"livekit-deploy {' '.join(path)}"
            assert HERE(said) == f"{said}{HERE.where if takes and not kept else ''}"


def test_all_that_failed_is_put_right_in_an_error() -> None:
    one = ResourceError("no", hint="see: livekit-deploy status")
    report = Report(command="up", failed={"a": one})
    error = Incomplete("1 failed", report=report, code=8, hint="run: livekit-deploy up --env uat")
    HERE.correct(error)
    assert (error.hint, one.hint) == (f"run: livekit-deploy up{HERE.where}", f"see: livekit-deploy status{HERE.where}")


@pytest.mark.parametrize(
    ("started", "program"),
    [("/x/livekit_deploy/__main__.py", "python -m livekit_deploy"), ("/x/livekit-deploy", "livekit-deploy")],
)
def test_the_program_is_named_as_it_was_started(started: str, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [started])
    assert command_lines.program() == program


def test_where_is_what_was_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "my file.yaml"
    file.write_text("region: us-east-1\nlivekit: {domain: a.example.com}\ncluster: {public_cidrs: [0.0.0.0/0]}\n")
    given = ["--config", str(file), "--set", "redis.auth=false", "--profile", "acme"]
    assert entry.run(["state", "restore", *given, "a", "--version", "b"]) == 3
    where = f"--config {shlex.quote(str(file))} --profile acme --set redis.auth=false"
    assert f"see: livekit-deploy state history {where}" in capsys.readouterr().err.replace("\n          ", " ")
