"""Killed, stopped, or met by a second run: nothing is lost, nothing is made twice, nobody waits for a dead holder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.workspace import Workspace

_MARK = "NO_PROXY"  # of all that a run hands on, helm gets this too
UP = ("up", "--env", "dev", "--sandbox", "--yes")
DOWN = ("down", "--env", "dev", "--sandbox", "--yes")
SHORT_LEASE = {"state": {"lease_seconds": 15}}


def _set(here: Workspace) -> dict[str, int]:
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


def _begins(address: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: event["type"] == "started" and event["address"].startswith(address)


def _killed(here: Workspace, command: tuple[str, ...], when: Callable[[dict[str, Any]], bool], delay: float) -> None:
    """SIGKILL to the group a moment after an event; nothing of it stays alive."""
    mark = uuid.uuid4().hex
    process = here.start(*command, "--json", **{_MARK: mark})
    events = Events(process)
    events.until(when)
    threading.Event().wait(delay)
    here.kill(process)
    _gone(mark)


def _gone(mark: str) -> None:
    end = time.monotonic() + 5
    while _alive(mark) and time.monotonic() < end:
        threading.Event().wait(0.02)
    assert _alive(mark) == []


@pytest.fixture(scope="module")
def undisturbed(_instant: Workspace) -> tuple[dict[str, int], set[str]]:
    """What an undisturbed run makes: how many of everything, and the addresses."""
    _instant.reset()
    _instant.run(*UP)
    return _set(_instant), set(_instant.document("dev")["records"])


#: what the run is doing when it is killed; the seconds after that event
MOMENTS = {
    "helm run": ("helm.release/livekit", 0.3),
    "Redis wait": ("elasticache.replication_group", 0.2),
    "control plane": ("eks.cluster/main", 0.2),
    "first state write": ("ec2.vpc/main", 0.0),
}


def test_the_lease_of_a_killed_holder_ends_and_the_next_run_goes_on(here: Workspace) -> None:
    """Who meets a holder is refused by its name, or waits; nothing is lost or made twice."""
    before = here.inventory()
    here.edit("dev", state={"lease_seconds": 30})
    mark = uuid.uuid4().hex
    first = here.start(*UP, "--json", **{_MARK: mark})
    Events(first).until(_begins("eks.cluster/main"))
    os.killpg(first.pid, signal.SIGSTOP)  # or it is done before the other has begun
    refused = here.run(*UP, "--lock-timeout", "0", code=5)
    assert f"process {first.pid}, up" in refused.err
    assert "since" in refused.err
    here.kill(first)
    _gone(mark)
    assert "held by" in here.run("status", "--env", "dev", "--sandbox").out
    second = here.run(*UP)
    assert "waiting for the lease of" in second.err
    assert "LiveKit answers" in second.out
    assert "leftovers: 0" in here.run(*DOWN).out
    assert here.inventory() == before


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_up_that_was_killed_goes_on(undisturbed: tuple[dict[str, int], set[str]], here: Workspace, moment: str) -> None:
    everything, addresses = undisturbed
    here.edit("dev", **SHORT_LEASE)
    address, delay = MOMENTS[moment]
    _killed(here, UP, _begins(address), delay)
    assert "held by" in here.run("status", "--env", "dev", "--sandbox").out  # by the dead, whose lease ends by itself
    here.run(*UP)
    assert _set(here) == everything
    assert set(here.document("dev")["records"]) == addresses
    assert "No changes" in here.run("plan", "--env", "dev", "--sandbox", "--detailed-exitcode").out


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["eks.cluster/main", "helm.release/livekit", "ec2.subnet"])
def test_down_that_was_killed_leaves_nothing_when_it_is_run_again(here: Workspace, moment: str) -> None:
    before = here.inventory()
    here.edit("dev", **SHORT_LEASE)
    here.run(*UP)
    _killed(here, DOWN, _begins(moment), delay=0.1)
    assert "leftovers: 0" in here.run(*DOWN).out
    assert here.inventory() == before


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_ends_the_run_in_order_and_what_was_made_is_known(here: Workspace, number: int) -> None:
    before = here.inventory()
    process = here.start(*UP, "--json")
    events = Events(process)
    events.until(_begins("eks.cluster/main"))
    os.kill(process.pid, number)
    done = here.end(process)
    assert done.code == 130
    assert "stopped safely" in done.out  # the error, as JSON
    assert here.document("dev")["lease"] is None
    assert "leftovers: 0" in here.run(*DOWN).out
    assert here.inventory() == before


@pytest.mark.slow
def test_the_second_of_two_waits_for_the_first(slow: Workspace) -> None:
    first = slow.start(*UP, "--json")
    Events(first).until(_begins("eks.cluster/main"))
    refused = slow.run(*UP, "--lock-timeout", "0", code=5)
    assert f"process {first.pid}, up" in refused.err
    assert "since" in refused.err
    second = slow.end(slow.start(*UP))
    assert second.code == 0, second.said
    assert "waiting for the lease of" in second.err
    assert slow.end(first).code == 0


def test_a_saved_plan_that_was_interrupted_is_run_again(here: Workspace) -> None:
    here.run("plan", "--env", "dev", "--sandbox", "--out", "first.plan")
    apply = ("up", "--env", "dev", "--sandbox", "--plan", "first.plan")
    process = here.start(*apply, "--json")
    Events(process).until(_begins("eks.cluster/main"))
    os.kill(process.pid, signal.SIGHUP)
    assert here.end(process).code == 130
    assert "LiveKit answers" in here.run(*apply).out
    here.run("plan", "--env", "dev", "--sandbox", "--detailed-exitcode")
    here.run(*apply)  # there is nothing left of it
