"""The acceptance, rehearsed: it makes an environment of its own, and leaves nothing, however it ends."""

from __future__ import annotations

import json
import re
import shlex
import signal
import threading
from typing import Any

import pytest

from tests.acceptance.rehearsal import NAME, folder, made_since, run, start, steps
from tests.sandbox.workspace import Workspace


@pytest.fixture
def workspace(here: Workspace) -> Workspace:
    """Without what another test of this process has reported."""
    for path in sorted(folder(here).rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    if folder(here).exists():
        folder(here).rmdir()
    return here


def test_a_whole_life_leaves_nothing_but_its_report(workspace: Workspace) -> None:
    before = workspace.inventory()
    said, report = run(workspace, "--yes", code=0)
    assert "about 16 minutes for `up`" in said
    assert "a month if it is left standing" in said
    assert "**all is well; nothing is left**" in report
    found = steps(report)
    named = ["prerequisites", "up", "second up", "verify", "change planned", "change", "change made", "down", "proof"]
    assert list(found) == named
    assert {cells[5] for cells in found.values()} == {"✔"}
    changes = {name: int(cells[4]) for name, cells in found.items()}
    assert changes["up"] > 40
    assert changes["second up"] == changes["verify"] == changes["change planned"] == 0
    records = sorted(folder(workspace).glob("*.jsonl"))
    assert len(records) == len(named)
    assert len({json.loads(path.read_text(encoding="utf-8").splitlines()[0])["family"] for path in records}) == 1
    assert made_since(workspace, before) == {}


@pytest.mark.slow
def test_what_fails_is_named_and_what_is_left_is_told_with_its_way_out(workspace: Workspace) -> None:
    before = workspace.inventory()
    workspace.fail({"fault": "denied", "call": "ec2:CreateSubnet"}, {"fault": "denied", "call": "ec2:DeleteVpc"})
    said, report = run(workspace, "--yes", code=8)
    workspace.fail()
    assert "| second up |" not in report
    assert re.search(r"\| up \|.*\| it ended with \d, not with 0 \|", report)
    assert report.count("| down |") == 2
    assert "recorded: ec2.vpc/main" in report
    assert "ec2.vpc vpc-" in report
    remedy = next(line for line in said.splitlines() if line.startswith("something is left: run "))
    command = shlex.split(remedy.partition("livekit-deploy ")[2])
    assert "leftovers: 0" in workspace.run(*command, "--yes").out
    assert made_since(workspace, before) == {}


@pytest.mark.slow
def test_who_interrupts_it_leaves_nothing_either(workspace: Workspace) -> None:
    before = workspace.inventory()
    process = start(workspace, "--yes")
    record = folder(workspace) / "02-up.jsonl"
    while process.poll() is None and not (record.exists() and '"CreateVpc"' in record.read_text(encoding="utf-8")):
        threading.Event().wait(0.05)
    process.send_signal(signal.SIGINT)
    done = workspace.end(process, seconds=300)
    assert done.code == 130, done.said
    report = (folder(workspace) / "report.md").read_text(encoding="utf-8")
    assert "**interrupted; nothing is left**" in report
    assert "| verify |" not in report
    assert made_since(workspace, before) == {}


def _marked(here: Workspace) -> str:
    tags: Any = [{"Key": f"livekit-deploy:{key}", "Value": value} for key, value in _MARKS.items()]
    here.client("ec2").create_vpc(CidrBlock="10.1.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}])
    return "1 objects carry the tags of accepted"


def _stated(here: Workspace) -> str:
    here.run("up", "--env", "dev", "--set", f"name={NAME}", "--sandbox", "--yes", "--target", "ec2.vpc/main")
    return "there is a state document of accepted"


_MARKS = {"project": "livekit", "env": NAME, "lineage": "1", "address": "ec2.vpc/main"}


@pytest.mark.parametrize("there", [_marked, _stated])
def test_an_environment_that_is_there_already_is_not_touched(workspace: Workspace, there: Any) -> None:
    expected = there(workspace)
    before = workspace.inventory()
    calls = len(workspace.calls())
    said, report = run(workspace, "--yes", code=3)
    assert expected in said
    assert report == ""
    assert workspace.changes(calls) == []
    assert workspace.inventory() == before


def test_nothing_begins_without_an_answer(workspace: Workspace) -> None:
    calls = len(workspace.calls())
    said, report = run(workspace, code=3)
    assert f"a new environment {NAME} in us-east-1, at {NAME}.example.com: about" in said
    assert "there is no terminal to ask on" in said
    assert report == ""
    assert workspace.changes(calls) == []
