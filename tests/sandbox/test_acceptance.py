"""The acceptance, rehearsed: it makes an environment of its own, and leaves nothing, however it ends."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.workspace import STATE_BUCKET, Workspace

NAME = "accepted"
GIVEN = ("--env", "dev", "--sandbox", "--name", NAME)


@pytest.fixture
def workspace(here: Workspace) -> Workspace:
    """Without what another test of this process has reported."""
    for path in sorted(_folder(here).rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    if _folder(here).exists():
        _folder(here).rmdir()
    return here


def _folder(here: Workspace) -> Path:
    return here.folder / "state" / "local" / "acceptance" / NAME


def _start(here: Workspace, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.acceptance", *GIVEN, *arguments],
        cwd=here.folder,
        env=here.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run(here: Workspace, *arguments: str, code: int) -> tuple[str, str]:
    """What it said, and its report."""
    done = here.end(_start(here, *arguments), seconds=300)
    assert done.code == code, done.said
    report = _folder(here) / "report.md"
    return done.err, report.read_text(encoding="utf-8") if report.exists() else ""


def _untouched(here: Workspace, before: dict[str, set[str]]) -> None:
    """Nothing but the bucket of the states is there that was not."""
    after = here.inventory()
    assert {name: found - before[name] for name, found in after.items() if found - before[name]} in (
        {},
        {"s3.list_buckets": {STATE_BUCKET}},
    )


def test_a_whole_life_leaves_nothing_but_its_report(workspace: Workspace) -> None:
    before = workspace.inventory()
    said, report = _run(workspace, "--yes", code=0)
    assert "about 16 minutes for `up`" in said
    assert "a month if it is left standing" in said
    assert "**all is well; nothing is left**" in report
    steps = [line.split(" | ") for line in report.splitlines() if ".jsonl" in line]
    named = ["prerequisites", "up", "second up", "verify", "change planned", "change", "change made", "down", "proof"]
    assert [step[0].removeprefix("| ") for step in steps] == named
    assert {step[6] for step in steps} == {"✔"}
    changes = {step[0].removeprefix("| "): int(step[5]) for step in steps}
    assert changes["up"] > 40
    assert changes["second up"] == changes["verify"] == changes["change planned"] == 0
    records = sorted(_folder(workspace).glob("*.jsonl"))
    assert len(records) == len(named)
    assert len({json.loads(path.read_text(encoding="utf-8").splitlines()[0])["family"] for path in records}) == 1
    _untouched(workspace, before)


@pytest.mark.slow
def test_what_fails_is_named_and_what_is_left_is_told_with_its_way_out(workspace: Workspace) -> None:
    before = workspace.inventory()
    workspace.fail({"fault": "denied", "call": "ec2:CreateSubnet"}, {"fault": "denied", "call": "ec2:DeleteVpc"})
    said, report = _run(workspace, "--yes", code=8)
    workspace.fail()
    assert "| second up |" not in report
    assert re.search(r"\| up \|.*\| it ended with \d, not with 0 \|", report)
    assert report.count("| down |") == 2
    assert "recorded: ec2.vpc/main" in report
    assert "ec2.vpc vpc-" in report
    remedy = next(line for line in said.splitlines() if line.startswith("something is left: run "))
    command = shlex.split(remedy.partition("livekit-deploy ")[2])
    assert "leftovers: 0" in workspace.run(*command, "--yes").out
    _untouched(workspace, before)


@pytest.mark.slow
def test_who_interrupts_it_leaves_nothing_either(workspace: Workspace) -> None:
    before = workspace.inventory()
    process = _start(workspace, "--yes")
    record = _folder(workspace) / "02-up.jsonl"
    while process.poll() is None and not (record.exists() and '"CreateVpc"' in record.read_text(encoding="utf-8")):
        threading.Event().wait(0.05)
    process.send_signal(signal.SIGINT)
    done = workspace.end(process, seconds=300)
    assert done.code == 130, done.said
    report = (_folder(workspace) / "report.md").read_text(encoding="utf-8")
    assert "**interrupted; nothing is left**" in report
    assert "| verify |" not in report
    _untouched(workspace, before)


def _marked(here: Workspace) -> str:
    tags: Any = [{"Key": f"livekit-deploy:{key}", "Value": value} for key, value in _MARKS.items()]
    here.client("ec2").create_vpc(CidrBlock="10.1.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}])
    return "1 objects carry the marks of accepted"


def _stated(here: Workspace) -> str:
    here.run("up", "--env", "dev", "--set", f"name={NAME}", "--sandbox", "--yes", "--target", "ec2.vpc/main")
    return "there is a state document of accepted"


_MARKS = {"project": "livekit", "env": NAME, "lineage": "1", "address": "ec2.vpc/main"}


@pytest.mark.parametrize("there", [_marked, _stated])
def test_an_environment_that_is_there_already_is_not_touched(workspace: Workspace, there: Any) -> None:
    expected = there(workspace)
    before = workspace.inventory()
    calls = len(workspace.calls())
    said, report = _run(workspace, "--yes", code=3)
    assert expected in said
    assert report == ""
    assert workspace.changes(calls) == []
    assert workspace.inventory() == before


def test_nothing_begins_without_an_answer(workspace: Workspace) -> None:
    calls = len(workspace.calls())
    said, report = _run(workspace, code=3)
    assert f"a new environment {NAME} in us-east-1, at {NAME}.example.com: about" in said
    assert "there is no terminal to ask on" in said
    assert report == ""
    assert workspace.changes(calls) == []
