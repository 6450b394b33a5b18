"""Runs of the command line that are killed in the middle."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.sandbox.workspace import Workspace

MARK = "NO_PROXY"  # of all that a run hands on, helm gets this too
UP = ("up", "--env", "dev", "--sandbox", "--yes")
DOWN = ("down", "--env", "dev", "--sandbox", "--yes")
SHORT_LEASE = {"state": {"lease_seconds": 15}}


def counted(here: Workspace) -> dict[str, int]:
    """How many there are of everything."""
    return {what.split()[0]: len(ids) for what, ids in here.inventory().items()}


def _alive(mark: str) -> list[str]:
    """The processes that were started with this mark and still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            marked = mark.encode() in (path / "environ").read_bytes()
            state = (path / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if marked and state != "Z":
            found.append(f"{path.name}: {(path / 'cmdline').read_bytes().decode()}")
    return found


class Events:
    """The JSON events of a run, as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process, self.seen = process, list[dict[str, Any]]()

    def until(self, met: Callable[[dict[str, Any]], bool]) -> None:
        """Read on until ``met``; fails when the run ends first."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.seen.append(json.loads(line))
            if met(self.seen[-1]):
                return
        assert self._process.stderr is not None
        raise AssertionError(f"it never came: {self.seen[-3:]} {self._process.stderr.read()}")


def begins(address: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: event["type"] == "started" and event["address"].startswith(address)


def killed_at(here: Workspace, command: tuple[str, ...], when: Callable[[dict[str, Any]], bool], delay: float) -> None:
    """SIGKILL to the group a moment after an event; nothing of it stays alive."""
    mark = uuid.uuid4().hex
    process = here.start(*command, "--json", **{MARK: mark})
    events = Events(process)
    events.until(when)
    threading.Event().wait(delay)
    here.kill(process)
    all_gone(mark)


def all_gone(mark: str) -> None:
    end = time.monotonic() + 5
    while _alive(mark) and time.monotonic() < end:
        threading.Event().wait(0.02)
    assert _alive(mark) == []
