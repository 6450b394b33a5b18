"""The command line: help with examples, refusals with their exit codes before AWS is asked anything, light imports."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from livekit_deploy import __version__
from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.cli import entry, options
from livekit_deploy.cli.asking import agreed, says_yes
from livekit_deploy.cli.commands import COMMANDS as DECLARED
from livekit_deploy.cli.files import written
from livekit_deploy.errors import Interrupted, UsageError
from livekit_deploy.render.screen import Screen
from livekit_deploy.state.document import Holder, State
from livekit_deploy.state.lease import lease_of
from livekit_deploy.state.session import Session
from livekit_deploy.state.store import FileStore
from tests.places import ROOT

Streams = pytest.CaptureFixture[str]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the shipped environments, in which any client of AWS is a failure."""

    def no_client(*_: object, **__: object) -> None:
        raise AssertionError("AWS was asked")

    shutil.copytree(ROOT / "manifests" / "environments", tmp_path / "manifests" / "environments")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Clients, "__call__", no_client)
    for name in [name for name in os.environ if name.startswith("LIVEKIT_DEPLOY_")]:
        monkeypatch.delenv(name)
    return tmp_path


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


# ---- help


def _walk(command: click.Command, path: tuple[str, ...], context: click.Context) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _walk(inner, (*path, name), context)


COMMANDS = list(_walk(entry.cli, (), click.Context(entry.cli)))


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


# ---- usage


@pytest.mark.parametrize(
    ("line", "wrong", "hint"),
    [
        ("upp", "No such command 'upp'. Did you mean 'up'?", "see: livekit-deploy --help"),
        ("sattus --env dev", "No such command 'sattus'. Did you mean 'status'?", "see: livekit-deploy --help"),
        ("nothing", "No such command 'nothing'.", "see: livekit-deploy --help"),
        ("apply", "there is no command apply", "use: livekit-deploy up"),
        ("drift --env dev", "there is no command drift", "use: livekit-deploy plan --refresh-only --env dev"),
        ("state lst", "No such command 'lst'", "see: livekit-deploy state --help"),
        ("plan --bogus", "No such option", "see: livekit-deploy plan --help"),
        ("plan --env", "Option '--env' requires an argument", "see: livekit-deploy --help"),
        ("plan extra --env dev", "unexpected extra argument", "see: livekit-deploy plan --help"),
        ("plan", "choose an environment: dev, prod, uat", "--env NAME, or --config FILE"),
        ("plan --env dev --config x.yaml", "--env and --config cannot be combined", "leave one of them out"),
        ("plan --env ../uat", "--env ../uat is not a name", "--config FILE for a path"),
        ("graph --env dev --format svg --bogus", "No such option", "graph --help"),
        ("iam-policy --env dev --set account_id=123456789012 --parts /dev/null/x", "cannot be made", "another folder"),
        ("plan --env nope", "there is no environment file", "config init --env nope"),
        ("plan --config nope.yaml", "there is no environment file nope.yaml", "config init --config nope.yaml"),
        ("plan --env daev", "there is no environment file", "did you mean dev?"),
        ("plan --env uat.yaml", "--env uat.yaml is the name of a file", "--env uat"),
        ("plan --env uat.yml", "--env uat.yml is the name of a file", "--env uat"),
        ("plan --env manifests/environments/uat.yaml", "is not a name", "--config manifests/environments/uat.yaml"),
        ("plan --env ''", "--env is empty", "leave it out"),
        ("plan --env dev --region ''", "--region is empty", "leave it out"),
        ("plan --env dev --role-arn ''", "--role-arn is empty", "leave it out"),
        ("plan --env dev --profile ''", "--profile is empty", "leave it out"),
        ("up --env dev --adopt ''", "--adopt is empty", "leave it out"),
        ("up --env dev --plan ''", "--plan is empty", "leave it out"),
        ("keys remove '' --env dev", "is empty", "leave it out"),
        ("plan --env dev --set redis.node_type=", "redis.node_type: it has no value", "leave it out"),
        ("plan --env dev --set redis", "--set redis has no value", "--set redis.node_type=cache.m7g.large"),
        ("plan --env dev --set redis.nodes=3", "unknown key 'nodes'", "did you mean 'node_type'?"),
        ("plan --env dev --set redis.password=x", "names a secret", "Secrets Manager"),
        ("plan --env dev --region moon", "region: it must be the name of an AWS region", "such as us-east-1"),
        ("plan --env dev --lock-timeout soon", "'soon' is not a duration: write it as 90s, 2m or 1h", "plan --help"),
        ("plan --env dev --timeout -5", "'-5' is not a duration", "plan --help"),
        ("up --env dev --yes --sandbox --timeout 5x", "'5x' is not a duration", "up --help"),
        ("plan --env dev --parallelism 0", "'--parallelism': 0 is not in the range", "plan --help"),
        ("plan --env dev --log-format xml", "'xml' is not one of 'console', 'json'", "plan --help"),
        ("graph --env dev --format png", "'png' is not one of", "graph --help"),
        ("up --env dev --yes --plan nope.plan", "the plan nope.plan cannot be read", "plan --env dev --out FILE"),
        ("up --env dev --yes --plan manifests", "the plan manifests cannot be read: Is a directory", "--out FILE"),
        ("plan --env dev --destroy --refresh-only", "--destroy and --refresh-only cannot be combined", "leave one"),
        ("sandbox faults add throttling CreateSubnet", "CreateSubnet is not a call", "SERVICE:OPERATION"),
        ("sandbox faults load nope.yaml", "cannot read nope.yaml: No such file or directory", "check the path"),
        ("logs --env dev --follow --previous", "--follow and --previous cannot be combined", "nothing new"),
        ("logs --env dev --since soon", "'soon' is not a duration", "logs --help"),
        ("down --env dev --confirm prod", "--confirm prod is not the name of this environment", "--confirm dev"),
        ("sandbox start --speed 0", "--speed must be above 0", "inf waits for nothing"),
        ("config init --preset dev", "choose an environment", "--env NAME"),
        ("config init --env Dev", "cannot be the name of an environment", "2 to 20 small letters"),
        ("config init --env ../dev", "--env ../dev is not a name", "--config FILE for a path"),
        ("config init --env dev", "exists already", "choose another name"),
        ("config init --config manifests/environments/uat.yaml/x.yaml", "cannot be", ""),
        ("state show", "choose an environment", "--env NAME"),
        ("state show --env uat", "unknown key", ""),
    ],
)
def test_what_cannot_be_carried_out_is_exit_3(line: str, wrong: str, hint: str, here: Path, capsys: Streams) -> None:
    (here / "manifests/environments/uat.yaml").write_text("regoin: x\n")
    before = everything(here)
    assert entry.run(shlex.split(line)) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert wrong in err
    assert hint in err
    assert everything(here) == before


@pytest.mark.parametrize("path", [[], ["state"], ["config"], ["sandbox"]], ids=str)
def test_no_command_shows_the_help(path: list[str], capsys: Streams) -> None:
    assert entry.run(path) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"Usage: {' '.join(['livekit-deploy', *path])}")
    assert "✖" not in err


def test_a_folder_that_a_kubeconfig_names_and_that_is_gone(
    here: Path, capsys: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEKIT_DEPLOY_FOLDER", str(here / "moved"))
    assert entry.run(["token", "--env", "dev"]) == 3
    said = capsys.readouterr().err
    assert "moved cannot be entered" in said
    assert "livekit-deploy kubeconfig" in " ".join(said.split())


def test_a_mistake_of_the_program_is_one_line_and_the_traceback_is_for_who_asks(
    here: Path, capsys: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr("livekit_deploy.cli.config.load", broken)
    assert entry.run(["config", "show", "--env", "dev"]) == 1
    out, err = capsys.readouterr()
    assert (out, "Traceback" in err) == ("", False)
    assert "internal error (please report it): KeyError: 'x' (test_cli.py:" in err
    with pytest.raises(KeyError):
        entry.run(["config", "show", "--env", "dev", "-vv"])


def test_a_file_that_cannot_be_written_is_a_mistake_of_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere/plan cannot be written: No such file or directory"):
        written(tmp_path / "nowhere" / "plan", "text")


def test_errors_in_json_are_json_and_nothing_else(here: Path, capsys: Streams) -> None:
    assert entry.run(["plan", "--json", "--env", "dev", "--set", "redis.nodes=3"]) == 3
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["type"], found["error"], err) == ("error", "ConfigError", "")
    assert "unknown key 'nodes'" in found["message"]


# ---- asking


class _Typing:
    """A terminal at which somebody does something in place of answering."""

    def __init__(self, act: Callable[[], str]) -> None:
        self.readline = act


def _interrupts() -> str:
    signal.raise_signal(signal.SIGINT)
    return "y\n"


@pytest.mark.parametrize(
    ("typed", "agrees"), [("y\n", True), ("Yes\n", True), ("\n", False), ("", False), ("no\n", False)]
)
def test_only_yes_is_yes(typed: str, agrees: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", _Typing(lambda: typed))
    assert says_yes(Screen(), "Do it?") is agrees


def test_ctrl_c_ends_a_question_although_a_run_would_take_it(monkeypatch: pytest.MonkeyPatch, capsys: Streams) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    monkeypatch.setattr(sys, "stdin", _Typing(_interrupts))
    try:
        with pytest.raises(Interrupted, match="nothing was done") as ended:
            agreed(Screen(), "Do it?")
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (ended.value.exit_code, heard) == (130, [signal.SIGINT])
    assert capsys.readouterr().err == "Do it? [y/N] \n"


# ---- nobody to ask


@pytest.mark.parametrize(
    ("line", "flag"),
    [
        ("up --env dev", "add --yes"),
        ("up --env dev --json", "add --yes"),
        ("down --env dev", "add --yes"),
        ("down --env prod", "add --confirm prod"),
        ("down --env prod --yes", "add --confirm prod"),
        ("keys add --env dev", "add --yes"),
        ("keys remove APIx --env dev --json", "add --yes"),
    ],
)
def test_without_a_terminal_it_is_refused_at_once_naming_the_flag(
    line: str, flag: str, here: Path, capsys: Streams
) -> None:
    assert entry.run(line.split()) == 3
    out, err = capsys.readouterr()
    assert "there is no terminal" in out + err
    assert flag in out + err


@pytest.fixture
def held(here: Path) -> FileStore:
    """An environment ``dev`` with its state in a file, whose lease somebody holds."""
    file = here / "manifests/environments/dev.yaml"
    file.write_text(file.read_text() + "\nstate: {path: dev.json}\n")
    store = FileStore("dev.json")
    holder = Holder("h", "ada", "laptop", 1, "up", "2026-11-23T00:00:00Z", 90.0)
    session = Session.acquire(store, holder, lambda: State.new("livekit", "dev"), lock_timeout=0)
    session.abandon()
    return store


def _holder(store: FileStore) -> Holder | None:
    found = lease_of(store)
    assert found is not None
    return found[1]


def test_a_lease_is_not_taken_away_without_a_word(held: FileStore, capsys: Streams) -> None:
    assert entry.run(["state", "unlock", "--env", "dev"]) == 3
    err = capsys.readouterr().err
    assert "ada@laptop" in err
    assert "add --yes" in err
    assert _holder(held) is not None


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("\n", 1), ("", 1), ("y\n", 0), ("yes\n", 0)])
def test_the_answer_decides(
    answer: str, code: int, held: FileStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = tmp_path / "answer"
    said.write_text(answer)
    monkeypatch.setattr("livekit_deploy.cli.asking.interactive", lambda: True)
    with said.open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert entry.run(["state", "unlock", "--env", "dev"]) == code
    assert (_holder(held) is None) is (code == 0)


def test_yes_needs_no_answer(held: FileStore, capsys: Streams) -> None:
    assert entry.run(["state", "unlock", "--env", "dev", "--yes"]) == 0
    assert _holder(held) is None
    assert entry.run(["state", "unlock", "--env", "dev"]) == 0
    assert "nobody holds the lease" in capsys.readouterr().err


def test_lengths_of_time() -> None:
    assert list(map(options.seconds, ("0", "90", "90s", "1.5m", "2m", "1h"))) == [0, 90, 90, 90, 120, 3600]


# ---- config


def test_config_init_writes_a_file_to_fill_in(here: Path, capsys: Streams) -> None:
    assert entry.run(["config", "init", "--env", "stage", "--preset", "uat"]) == 0
    err = capsys.readouterr().err
    assert "give region, cluster.public_cidrs, livekit.domain a value" in err
    assert "config validate --env stage" in err
    assert entry.run(["config", "validate", "--env", "stage"]) == 3
    assert "3 things are wrong" in capsys.readouterr().err
    path = here / "manifests/environments/stage.yaml"
    text = path.read_text()
    for key, value in {"region": "us-east-1", "domain": "a.example.com", "public_cidrs": "[203.0.113.0/24]"}.items():
        text = (
            text.replace(f" {key}: ", f" {key}: {value} ", 1)
            if key != "region"
            else text.replace("\nregion:", f"\nregion: {value}", 1)
        )
    path.write_text(text)
    assert entry.run(["config", "validate", "--env", "stage"]) == 0
    assert capsys.readouterr().out == "manifests/environments/stage.yaml is valid\n"


def test_config_init_writes_to_any_file(here: Path, capsys: Streams) -> None:
    assert entry.run(["config", "init", "--config", "envs/one.yaml"]) == 0
    assert "config validate --config envs/one.yaml" in capsys.readouterr().err
    assert (here / "envs/one.yaml").exists()


def test_config_validate_tells_warnings(here: Path, capsys: Streams) -> None:
    old = ["--env", "dev", "--set", "cluster.version=1.33"]
    assert entry.run(["config", "validate", *old]) == 0
    out, err = capsys.readouterr()
    assert "is valid" in out
    assert "warning: cluster.version 1.33 is in paid extended support" in err
    assert entry.run(["config", "validate", "--json", *old]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["valid"] is True
    assert len(found["warnings"]) == 1


def test_config_show_and_schema_print_what_can_be_read(here: Path, capsys: Streams) -> None:
    assert entry.run(["config", "show", "--env", "uat", "--set", "redis.replicas=2"]) == 0
    (here / "again.yaml").write_text(capsys.readouterr().out)
    assert entry.run(["config", "show", "--config", "again.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["redis"]["replicas"] == 2
    assert entry.run(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].startswith("https://json-schema.org/")


# ---- what is imported

HEAVY = ("boto3", "botocore", "kubernetes", "pyhelm3", "moto", "rich", "structlog")


@pytest.mark.parametrize(
    ("line", "never"),
    [
        ("--help", (*HEAVY, "pydantic", "yaml")),
        ("--version", (*HEAVY, "pydantic", "yaml")),
        ("up --help", (*HEAVY, "pydantic", "yaml")),
        ("config validate --env prod", HEAVY),
        ("config show --env uat", HEAVY),
        ("config init --env new", HEAVY),
    ],
)
def test_nothing_heavy_is_imported(line: str, never: tuple[str, ...], here: Path) -> None:
    code = (
        f"import sys; from livekit_deploy.cli.entry import run; assert run({line.split()!r}) == 0; "
        f"print('found', *[name for name in {never!r} if name in sys.modules])"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ, cwd=here
    )
    assert done.stdout.splitlines()[-1] == "found"


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
