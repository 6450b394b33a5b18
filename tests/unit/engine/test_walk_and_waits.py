"""The threaded walk and the one place that waits."""

from __future__ import annotations

import itertools
import math
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from livekit_deploy import stack  # noqa: F401 - imports every kind
from livekit_deploy.engine.waits import FIRST, SEEN, Expired, Waits
from livekit_deploy.engine.walk import walk
from livekit_deploy.errors import DeployError, Interrupted, LostLease
from tests.fakes import FakeClock
from tests.kinds import kinds

DIAMOND = {"root": set(), "left": {"root"}, "right": {"root"}, "top": {"left", "right"}}


def test_nodes_that_do_not_depend_on_each_other_run_at_once() -> None:
    meet = threading.Barrier(2, timeout=5)
    order: list[str] = []

    def visit(node: str) -> None:
        if node in ("left", "right"):
            meet.wait()
        order.append(node)

    outcome = walk(DIAMOND, visit, cancel=threading.Event())
    assert outcome.clean
    assert (order[0], order[-1], len(order)) == ("root", "top", 4)


def test_a_failure_skips_what_waits_for_it_and_nothing_else() -> None:
    error = DeployError("no")

    def visit(node: str) -> None:
        if node == "left":
            raise error

    outcome = walk({**DIAMOND, "roof": {"top"}}, visit, cancel=threading.Event())
    assert outcome.failed == {"left": error}
    assert outcome.skipped == {"top": "left", "roof": "left"}
    assert sorted(outcome.done) == ["right", "root"]


def test_fail_fast_starts_nothing_after_a_failure() -> None:
    def visit(node: str) -> None:
        if node == "a":
            raise DeployError("no")

    outcome = walk({"a": set(), "b": {"a"}, "c": {"b"}}, visit, cancel=threading.Event(), fail_fast=True)
    assert outcome.done == []


@pytest.mark.parametrize("error", [Interrupted, LostLease])
def test_what_ends_because_the_run_ends_has_not_failed(error: type[DeployError]) -> None:
    def visit(node: str) -> None:
        raise error("the run is to end")

    outcome = walk(DIAMOND, visit, cancel=threading.Event())
    assert (outcome.unfinished, outcome.failed, outcome.done) == ({"root"}, {}, [])


def test_a_cancelled_walk_starts_nothing_more_and_does_not_wait_for_ever() -> None:
    cancel, hang = threading.Event(), threading.Event()

    def visit(node: str) -> None:
        cancel.set()
        hang.wait(10)

    began = time.monotonic()
    outcome = walk(DIAMOND, visit, cancel=cancel, grace=0.05)
    hang.set()
    assert outcome.unfinished == {"root"}
    assert time.monotonic() - began < 5


def test_a_bug_in_a_visit_is_not_hidden() -> None:
    def visit(node: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        walk(DIAMOND, visit, cancel=threading.Event())


def test_what_nobody_foresaw_lets_what_is_under_way_come_back() -> None:
    """As a walk that is cancelled: its waits end, and nothing begins any more."""
    cancel, ended = threading.Event(), list[str]()

    def visit(node: str) -> None:
        if node == "bad":
            raise KeyboardInterrupt
        cancel.wait(10)
        ended.append(node)

    with pytest.raises(KeyboardInterrupt):
        walk({"bad": set(), "long": set(), "after": {"long"}}, visit, cancel=cancel)
    assert ended == ["long"]


@pytest.fixture
def waits() -> Waits:
    return Waits(FakeClock(), threading.Event(), threading.Event())


def test_settle_returns_what_held(waits: Waits) -> None:
    seen = iter(range(10))
    assert waits.settle(lambda: next(seen), lambda n: n == 4, timeout=600) == 4


def test_polls_are_sparse_before_the_usual_end_and_dense_near_it(waits: Waits) -> None:
    polls: list[float] = []
    clock = waits.clock

    def poll() -> bool:
        polls.append(clock.now())
        return clock.now() >= 570

    waits.settle(poll, bool, timeout=1800, usual=570)
    gaps = [later - earlier for earlier, later in itertools.pairwise(polls)]
    assert len(polls) < 65
    assert max(gaps) <= 20
    assert polls[-1] - 570 <= 5


def expected_durations() -> list[float]:
    """What every kind usually takes to be made or to go, in seconds."""
    every = {seconds for kind in kinds().values() for seconds in (kind.usual, kind.usual_delete)}
    return sorted(every)


@pytest.mark.parametrize("usual", expected_durations())
@given(share=some.floats(0.5, 4.0))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
def test_the_end_is_seen_within_two_percent_or_two_seconds_and_no_kind_is_polled_more_than_that_takes(
    usual: float, share: float
) -> None:
    waits = Waits(FakeClock(), threading.Event(), threading.Event())
    took, polls = usual * share, 0

    def poll() -> bool:
        nonlocal polls
        polls += 1
        return waits.clock.now() >= took

    waits.settle(poll, bool, timeout=10 * usual + 60, usual=usual)
    assert waits.clock.now() - took <= max(FIRST, SEEN * took)
    every_two_seconds = 0.9 * FIRST
    sparse = took / every_two_seconds if took < 100 else 100 / every_two_seconds + math.log(took / 100) / (0.9 * SEEN)
    assert polls <= sparse + 10


def test_two_that_wait_for_the_same_thing_do_not_ask_together() -> None:
    def moments() -> set[float]:
        waits = Waits(FakeClock(), threading.Event(), threading.Event())
        seen: set[float] = set()
        with pytest.raises(Expired):
            waits.settle(lambda: seen.add(waits.clock.now()), bool, timeout=300, usual=540)
        return seen

    assert moments() & moments() == {0.0}


def test_settle_expires_at_its_deadline(waits: Waits) -> None:
    with pytest.raises(Expired):
        waits.settle(lambda: 1, lambda n: False, timeout=60)
    assert 60 <= waits.clock.now() < 85


@pytest.mark.parametrize(("event", "error"), [("cancel", Interrupted), ("lost", LostLease)])
def test_a_wait_ends_when_the_run_is_to_end(waits: Waits, event: str, error: type[DeployError]) -> None:
    def poll() -> None:
        getattr(waits, event).set()

    with pytest.raises(error):
        waits.settle(poll, bool, timeout=600)
    assert waits.clock.now() < 30


def test_persist_repeats_only_what_it_was_asked_to(waits: Waits) -> None:
    errors: list[Exception] = [KeyError("role"), KeyError("role"), ValueError("quota")]

    def call() -> None:
        raise errors.pop(0)

    with pytest.raises(ValueError, match="quota"):
        waits.persist(call, lambda error: isinstance(error, KeyError), timeout=90)


def test_persist_raises_the_last_error_when_it_never_ends(waits: Waits) -> None:
    def call() -> None:
        raise KeyError("role")

    with pytest.raises(KeyError, match="role"):
        waits.persist(call, lambda error: isinstance(error, KeyError), timeout=90)
    assert waits.clock.now() >= 90
