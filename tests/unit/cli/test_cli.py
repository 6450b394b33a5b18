"""The command line: refusals with their exit codes before AWS is asked anything, light imports."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.cli import entry, options
from livekit_deploy.cli.files import written
from livekit_deploy.errors import UsageError
from tests.places import ROOT

Streams = pytest.CaptureFixture[str]


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


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
