"""With ``--sandbox`` nothing of the user's AWS set-up is read, whatever it is, by any command."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES as VARIABLES

from livekit_deploy.cli.commands import COMMANDS as DECLARED
from livekit_deploy.cli.entry import cli
from livekit_deploy.sandbox.server import _NEEDS
from tests.places import ROOT
from tests.sandbox.workspace import Workspace

ROLE = "arn:aws:iam::123456789012:role/ci/deploy"
#: what `up` has to come before, and what comes last; `state import` takes an object that the state lacks
_FIRST, _LAST = ("plan", "prerequisites", "check", "up"), ("state forget", "down")
#: commands whose example finds changes, is of what there is not, or would break what there is: how they end
_ENDS = {"plan": 2, "config init": 3, "keys remove": 3, "state restore": 1, "state import": 1, "state forget": 1}
_GIVEN = {
    "up": ["--yes"],
    "down": ["--yes"],
    "keys rotate": ["--yes"],
    "keys add": ["--yes"],
    "keys remove": ["--yes"],
    "state rebuild": ["--yes"],
    "state import": ["--yes"],
    "state forget": ["--yes"],
    "state restore": ["--yes"],
}


def _rehearsing(command: click.Command, path: str, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Every command that takes ``--sandbox``, with its path."""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _rehearsing(found, f"{path} {name}".strip(), context)
    elif any("--sandbox" in parameter.opts for parameter in command.params):
        yield path, command


COMMANDS = dict(_rehearsing(cli, "", click.Context(cli)))


def _line(path: str) -> list[str]:
    """The example of a command, for the environment dev of the sandbox."""
    words = shlex.split(re.sub(r"--(follow|watch)\b|--(env|confirm|plan) \S+|~/.kube/", "", DECLARED[path].example))
    known = {name for parameter in COMMANDS[path].params for name in parameter.opts}
    return [*words, *(one for one in _GIVEN.get(path, []) if one not in words and (one in known or one[0] != "-"))]


def _poisoned(folder: Path) -> dict[str, str]:
    """Every variable that botocore knows, and the files behind them, each of which would break or betray a command."""
    files = folder / ".aws" / "poisoned-aws"
    (folder / ".aws" / "models" / "ec2" / "2016-11-15").mkdir(parents=True)
    files.mkdir(parents=True)
    program = "credential_process = poisoned\nregion = poisoned\nendpoint_url = http://poisoned.invalid\n"
    (files / "config").write_text(f"[default]\n{program}\n[profile there]\n{program}")
    (files / "credentials").write_text("[default]\naws_access_key_id = POISONED\naws_secret_access_key = poisoned\n")
    (folder / ".aws" / "config").symlink_to(files / "config")
    (folder / ".aws" / "credentials").symlink_to(files / "credentials")
    (folder / ".aws" / "models" / "ec2" / "2016-11-15" / "service-2.json").write_text("{}")
    names = {name for _, told, *_ in VARIABLES.values() for name in ([told] if isinstance(told, str) else told or ())}
    more = "ACCESS_KEY_ID SECRET_ACCESS_KEY SESSION_TOKEN ROLE_ARN ROLE_SESSION_NAME ACCOUNT_ID CREDENTIAL_EXPIRATION"
    return {
        **dict.fromkeys(sorted(names), "poisoned"),
        **{f"AWS_{name}": "poisoned" for name in more.split()},
        "AWS_ENDPOINT_URL": "http://poisoned.invalid",
        "AWS_ENDPOINT_URL_STS": "http://poisoned.invalid",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.2/poisoned",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(files / "token"),
        "AWS_CONFIG_FILE": str(files / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(files / "credentials"),
        "AWS_CREDENTIAL_FILE": str(files / "credentials"),
        "HOME": str(folder),
    }


def _all(here: Workspace, lines: list[list[str]], environ: dict[str, str]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.sandbox.poisoned"],
        cwd=here.folder,
        env={**here.environ, "PYTHONPATH": str(ROOT), **environ},
        input=json.dumps(lines),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def environ(here: Workspace, tmp_path: Path) -> dict[str, str]:
    cache = {"XDG_CACHE_HOME": here.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")}  # helm is there
    return {**_poisoned(tmp_path), **cache}


def test_no_command_reads_the_users_aws_set_up(here: Workspace, environ: dict[str, str]) -> None:
    middle = [path for path in COMMANDS if path not in (*_FIRST, *_LAST)]
    paths = [path for path in (*_FIRST, *middle, *_LAST) if path in COMMANDS]
    assert len(paths) == len(COMMANDS) > 20
    where = ["--env", "dev", "--sandbox", "--profile", "gone", "--role-arn", ROLE]
    ended = _all(here, [[*_line(path), *where] for path in paths], environ)
    found = dict(zip(paths, ended, strict=True))
    assert {path: one["reached"] for path, one in found.items() if one["reached"]} == {}
    wrong = [f"{path}: {one['code']} {one['said']}" for path, one in found.items() if one["code"] != _ENDS.get(path, 0)]
    assert not wrong, "\n".join(wrong)
    assert all(one["same"] for one in ended)
    roles = {one["RoleName"] for one in here.client("iam").list_roles()["Roles"]}
    assert "deploy" in roles


def test_every_command_obeys_the_variable_as_it_does_the_option(here: Workspace, environ: dict[str, str]) -> None:
    lines = [["plan", "--env", "dev"], ["status", "--env", "dev"], ["sandbox", "env", "--env", "dev"]]
    for value in ("1", "true"):
        for one in _all(here, lines, {**environ, "LIVEKIT_DEPLOY_SANDBOX": value}):
            assert (one["code"], one["reached"]) == (0, []), one["said"]
    (refused,) = _all(here, [["plan", "--env", "dev"]], {**environ, "LIVEKIT_DEPLOY_SANDBOX": "perhaps"})
    assert refused["code"] == 3
    assert {
        path for path, one in COMMANDS.items() for option in one.params
        if "--sandbox" in option.opts and option.envvar != "LIVEKIT_DEPLOY_SANDBOX"
    } == set()  # fmt: skip


def test_a_role_that_is_assumed_is_the_sandboxs_own(here: Workspace) -> None:
    made = here.run("token", "--env", "dev", "--sandbox", "--role-arn", ROLE, code=None)
    assert "sts.amazonaws.com" not in made.said
    assert ("AssumeRole", "sts") in {(call["operation"], call["service"]) for call in here.calls()}
    refused = here.run("plan", "--env", "dev", "--sandbox", "--role-arn", "deploy", code=3)
    assert "--role-arn deploy is not the ARN of a role" in refused.err


# ---- a machine without it


_HIDING = """
import importlib.abc, sys
class Hidden(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {hidden!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
from importlib.util import find_spec
import importlib.util
importlib.util.find_spec = lambda name: None if name in {hidden!r} else find_spec(name)
from livekit_deploy.cli.entry import run
sys.exit(run(sys.argv[1:]))
"""


def _without(folder: Path, hidden: tuple[str, ...], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _HIDING.format(hidden=hidden), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("hidden", [("moto",), ("moto", "flask", "flask_cors", "cryptography", "dnslib")])
def test_without_the_extra_one_sentence_says_what_to_install(tmp_path: Path, hidden: tuple[str, ...]) -> None:
    shutil.copytree(ROOT / "manifests" / "environments", tmp_path / "manifests" / "environments")
    lines = [["plan", "--env", "dev", "--sandbox"], ["sandbox", "start"], ["sandbox", "env", "--env", "dev"]]
    for line in lines:
        done = _without(tmp_path, hidden, *line)
        assert done.returncode == 3, done.stderr
        assert f"the sandbox is not installed here: {', '.join(hidden)} cannot be imported" in done.stderr
        assert "pip install 'livekit-deploy[sandbox]'" in done.stderr
        assert "Traceback" not in done.stdout + done.stderr
    for line in (["--help"], ["version"], ["config", "validate", "--env", "dev"], ["sandbox", "status"]):
        assert _without(tmp_path, hidden, *line).returncode == 0


def test_the_extra_brings_what_is_looked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = {re.split(r"[\[=><]", one)[0] for one in project["optional-dependencies"]["sandbox"]}
    assert extra <= set(_NEEDS)
