"""The acceptance run in a workspace, as somebody with an account runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.sandbox.workspace import STATE_BUCKET, Workspace

NAME = "accepted"
_GIVEN = ("--env", "dev", "--sandbox", "--name", NAME)


def folder(here: Workspace) -> Path:
    """Where its report is."""
    return here.folder / "state" / "local" / "acceptance" / NAME


def start(here: Workspace, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.acceptance", *_GIVEN, *arguments],
        cwd=here.folder,
        env=here.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(here: Workspace, *arguments: str, code: int) -> tuple[str, str]:
    """What it said, and its report."""
    done = here.end(start(here, *arguments), seconds=900)
    assert done.code == code, done.said
    report = folder(here) / "report.md"
    return done.err, report.read_text(encoding="utf-8") if report.exists() else ""


def steps(report: str) -> dict[str, list[str]]:
    """The cells of each step of a report, by its name."""
    rows = [line.strip("| ").split(" | ") for line in report.splitlines() if ".jsonl" in line]
    return {name: cells for name, *cells in rows}


def made_since(here: Workspace, before: dict[str, set[str]]) -> dict[str, set[str]]:
    """What is there and was not, but for the bucket of the states, which stays."""
    new = {name: found - before[name] - {STATE_BUCKET} for name, found in here.inventory().items()}
    return {name: found for name, found in new.items() if found}
