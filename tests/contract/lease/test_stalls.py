"""Machines that stall: what begins under a lease is over before the lease is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from livekit_deploy.errors import DeployError, LockedError, LostLease
from livekit_deploy.state.edit import unlock
from livekit_deploy.state.limits import CALL_BOUND, Limits
from livekit_deploy.state.session import Session
from tests.contract.lease.attacks import THING, Attacked, Machine, Put, acquire, stored

#: where the document of these tests is kept, one after the other
KEPT = ("disk", "ministack")


# ---- never two


def test_of_many_who_find_a_dead_lease_one_takes_it(store: Attacked) -> None:
    acquire(store, "dead").abandon()
    store.ahead += 91
    won: list[Session] = []
    refusals: list[DeployError] = []
    barrier = threading.Barrier(8)

    def race(number: int) -> None:
        barrier.wait()
        try:
            won.append(acquire(store, f"taker {number}"))
        except LockedError as error:
            refusals.append(error)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(refusals) == 7
    assert all(won[0].holder.user in error.message for error in refusals)
    won[0].release()


def test_no_call_begins_that_could_outlive_the_lease(store: Attacked, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    Machine.without_heartbeat(monkeypatch)
    session = acquire(store)
    bound = 90 * CALL_BOUND
    for at in range(100):
        machine.at = float(at)
        allowed = 90 - at >= bound
        if allowed:
            session.check(time.monotonic())
        else:
            with pytest.raises(LostLease, match="run out"):
                session.check(time.monotonic())
    machine.at = 0.0
    with pytest.raises(LostLease, match="too long"):
        session.check(time.monotonic() - bound)  # a call that has been tried again for so long is not sent again
    assert not session.over()
    machine.at = 81.0
    assert session.over()
    session.release()


def test_a_holder_that_stalls_calls_nothing_until_it_has_the_lease_again(
    store: Attacked, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(monkeypatch)
    Machine.without_heartbeat(monkeypatch)
    sleeper = acquire(store, "sleeper")
    sleeper.intend("a.thing/x", THING)
    machine.at += 600  # the lid was closed
    store.ahead += 600
    with pytest.raises(LostLease):
        sleeper.check(time.monotonic())
    sleeper.intend("a.thing/y", THING)  # nobody came meanwhile: the write renews the lease
    sleeper.check(time.monotonic())
    machine.at += 600
    store.ahead += 600
    other = acquire(store, "other")
    with pytest.raises(LostLease, match="somebody else changed"):
        sleeper.intend("a.thing/z", THING)
    with pytest.raises(LostLease):
        sleeper.check(time.monotonic())
    assert other.state.records.keys() == {"a.thing/x", "a.thing/y"}
    other.release()
    sleeper.release()
    assert stored(store).lease is None


def test_after_a_stall_the_lease_is_renewed_before_anything_is_called(
    store: Attacked, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(monkeypatch)
    session = acquire(store)
    machine.at += 600
    session.check(time.monotonic())
    assert session.remaining() == 90
    machine.at += 600
    store.ahead += 600
    other = acquire(store, "other")
    with pytest.raises(LostLease):
        session.check(time.monotonic())
    other.release()
    session.release()


def test_an_intent_that_took_too_long_to_write_announces_no_call(
    store: Attacked, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(monkeypatch)
    Machine.without_heartbeat(monkeypatch)
    session = acquire(store)

    def slow(put: Put, body: bytes, expected: str | None) -> str:
        machine.at += 50
        return put(body, expected)

    store.attacks = [slow]
    with pytest.raises(LostLease, match="too slowly"):
        session.intend("a.thing/x", THING)
    assert stored(store).records.keys() == {"a.thing/x"}  # the next run looks whether it was made
    session.release()


def test_after_unlock_the_holder_writes_and_calls_nothing(store: Attacked) -> None:
    session = acquire(store)
    unlock(store, session.holder)
    with pytest.raises(LostLease):
        session.intend("a.thing/x", THING)
    with pytest.raises(LostLease):
        session.check(time.monotonic())
    session.release()
    assert stored(store).lease is None


def test_the_limits_of_a_run_follow_each_other() -> None:
    """Each is far enough before the next: what is begun under one ends before the next one ends it."""
    for limits in (Limits(), Limits(10), Limits(900), Limits(40 / CALL_BOUND)):
        # a renewal is tried while an intent may still be written, twice at least
        assert limits.lease - 2 * limits.renew > limits.last_intent
        # an intent leaves time to send the call that it announces, and the call ends within the lease
        assert limits.last_intent > limits.call > limits.last_moment > 0
        # a call that was sent at the last moment at which it may be ends before the lease does, its attempts within it
        assert 2 * limits.attempt <= limits.call
        # helm begins after a renewal, gives up by itself before it is ended, and that before the last moment
        assert limits.helm_gives_up < limits.helm < limits.lease - limits.last_moment
    seconds = (90, 20, 45, 40, 20, 10, 70, 60)
    at = Limits(90)
    assert seconds == pytest.approx(
        (at.lease, at.renew, at.last_intent, at.call, at.attempt, at.last_moment, at.helm, at.helm_gives_up)
    )


def test_what_is_left_of_a_lease_allows_less_and_less(store: Attacked, monkeypatch: pytest.MonkeyPatch) -> None:
    """An intent, then a call, then what still runs: in this order, so that an intent that is written has its call."""
    machine = Machine(monkeypatch)
    Machine.without_heartbeat(monkeypatch)
    allowed: list[tuple[bool, bool, bool]] = []
    for elapsed in (0, 44, 46, 49, 51, 79, 81, 90):
        machine.at = 0.0
        session = acquire(store)

        def late(put: Put, body: bytes, expected: str | None, elapsed: float = elapsed) -> str:
            machine.at = float(elapsed)
            return put(body, expected)

        store.attacks = [late]
        intends = _allows(session.intend, "a.thing/x", THING)
        allowed.append((intends, _allows(session.check, time.monotonic()), not session.over()))
        session.release()
    everything, no_intent, no_call, nothing = (True,) * 3, (False, True, True), (False, False, True), (False,) * 3
    assert allowed == [everything] * 2 + [no_intent] * 2 + [no_call] * 2 + [nothing] * 2


def _allows(what: Callable[..., object], *given: object) -> bool:
    try:
        what(*given)
    except LostLease:
        return False
    return True
