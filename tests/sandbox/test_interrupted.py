"""Killed, stopped, or met by a second run: nothing is lost, nothing is made twice, nobody waits for a dead holder."""

from __future__ import annotations

import os
import signal
import uuid

import pytest

from tests.sandbox.interrupting import DOWN, MARK, SHORT_LEASE, UP, Events, all_gone, begins, counted, killed_at
from tests.sandbox.workspace import Workspace


@pytest.fixture(scope="module")
def undisturbed(_instant: Workspace) -> tuple[dict[str, int], set[str]]:
    """What an undisturbed run makes: how many of everything, and the addresses."""
    _instant.reset()
    _instant.run(*UP)
    return counted(_instant), set(_instant.document("dev")["records"])


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
    first = here.start(*UP, "--json", **{MARK: mark})
    Events(first).until(begins("eks.cluster/main"))
    os.killpg(first.pid, signal.SIGSTOP)  # or it is done before the other has begun
    refused = here.run(*UP, "--lock-timeout", "0", code=5)
    assert f"process {first.pid}, up" in refused.err
    assert "since" in refused.err
    here.kill(first)
    all_gone(mark)
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
    killed_at(here, UP, begins(address), delay)
    assert "held by" in here.run("status", "--env", "dev", "--sandbox").out  # by the dead, whose lease ends by itself
    here.run(*UP)
    assert counted(here) == everything
    assert set(here.document("dev")["records"]) == addresses
    assert "No changes" in here.run("plan", "--env", "dev", "--sandbox", "--detailed-exitcode").out


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["eks.cluster/main", "helm.release/livekit", "ec2.subnet"])
def test_down_that_was_killed_leaves_nothing_when_it_is_run_again(here: Workspace, moment: str) -> None:
    before = here.inventory()
    here.edit("dev", **SHORT_LEASE)
    here.run(*UP)
    killed_at(here, DOWN, begins(moment), delay=0.1)
    assert "leftovers: 0" in here.run(*DOWN).out
    assert here.inventory() == before


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_ends_the_run_in_order_and_what_was_made_is_known(here: Workspace, number: int) -> None:
    before = here.inventory()
    process = here.start(*UP, "--json")
    events = Events(process)
    events.until(begins("eks.cluster/main"))
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
    Events(first).until(begins("eks.cluster/main"))
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
    Events(process).until(begins("eks.cluster/main"))
    os.kill(process.pid, signal.SIGHUP)
    assert here.end(process).code == 130
    assert "LiveKit answers" in here.run(*apply).out
    here.run("plan", "--env", "dev", "--sandbox", "--detailed-exitcode")
    here.run(*apply)  # there is nothing left of it
