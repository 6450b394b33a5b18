"""Help with examples that parse, the version, and completion."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from livekit_deploy import __version__
from livekit_deploy.cli import entry
from livekit_deploy.cli.commands import COMMANDS as DECLARED
from tests.places import ROOT
from tests.unit.cli.commands import COMMANDS

Streams = pytest.CaptureFixture[str]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_says_what_it_does_and_shows_an_example(path: tuple[str, ...], capsys: Streams) -> None:
    assert entry.run([*path, "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    usage, said = out.split("\n\n")[:2]
    assert usage.startswith(f"Usage: {' '.join(('livekit-deploy', *path))}")
    assert len(said.strip()) > 20 or said.strip().endswith(".")
    assert "Example:" in out, f"declare one in cli/commands.py: {' '.join(path)}"
    assert out.rstrip().rpartition("livekit-deploy ")[2].startswith(" ".join(path))


@pytest.mark.parametrize("path", sorted(DECLARED))
def test_examples_are_command_lines_that_parse(path: str) -> None:
    words = shlex.split(DECLARED[path].example.partition(" >")[0])
    command: click.Command = entry.cli
    context = click.Context(entry.cli, info_name="livekit-deploy")
    while isinstance(command, click.Group):
        inner = command.get_command(context, words.pop(0))
        assert inner is not None
        command, context = inner, click.Context(inner, parent=context, info_name=inner.name)
    command.make_context(command.name, words, parent=context.parent)


def test_the_version(capsys: Streams) -> None:
    assert entry.run(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


def test_the_version_for_people_and_for_programs(capsys: Streams) -> None:
    assert entry.run(["version"]) == 0
    assert capsys.readouterr().out.strip() == __version__
    assert entry.run(["version", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["livekit_deploy"] == __version__
    assert {"format_version", "python", "boto3", "kubernetes", "pyhelm3"} <= set(said)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_asks_the_program_itself(shell: str, capsys: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.shell_completion.BashComplete._check_version", lambda self: None)  # asks bash
    assert entry.run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "_LIVEKIT_DEPLOY_COMPLETE" in script
    assert 'split "," ' not in script, "fish: what a command does may have a comma in it"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("st", {"status", "state"}),
        ("state re", {"restore", "rebuild"}),
        ("up --st", {"--step"}),
        ("up --step in", {"infrastructure"}),
        ("up --env u", {"uat"}),
        *((f"{line} man", {"man"}) for line in ("up --plan", "down --plan", "plan --out", "plan --config")),  # a file
    ],
)
def test_completion_knows_commands_options_and_environments(typed: str, offered: set[str], here: Path) -> None:
    words = f"livekit-deploy {typed}"
    asked = {
        "_LIVEKIT_DEPLOY_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": f"{len(words.split()) - 1}",
    }
    code = "from livekit_deploy.cli.entry import cli; cli(prog_name='livekit-deploy')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **asked, "PYTHONPATH": str(ROOT)},
        cwd=here,
        capture_output=True,
        text=True,
    )
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == offered
