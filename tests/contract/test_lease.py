"""The lease under attack: lost answers, refusals, stalls, other machines' clocks, and what a writer does not expect.

The store is real; what stands between it and the session is scripted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from livekit_deploy.errors import DeployError, Interrupted, LockedError, LostLease, StateError
from livekit_deploy.state import session as sessions
from livekit_deploy.state.document import Holder, Phase, Record, State, load
from livekit_deploy.state.edit import unlock
from livekit_deploy.state.session import CALL_BOUND, Session, utc_now
from livekit_deploy.state.store import Mismatch, S3Store, Store, Stored
from tests.contract.stores import Timed

#: where the document of these tests is kept, one after the other
KEPT = ("disk", "ministack")
THING = Record(Phase.CREATING, "a.thing", {"size": 1}, token="0" * 32)
Put = Callable[[bytes, str | None], str]


class Attacked(Timed):
    """A store whose next writes go through ``attacks``, one each; each is given the real `put`."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.attacks: list[Callable[[Put, bytes, str | None], str]] = []
        self.forever: Callable[[Put, bytes, str | None], str] | None = None
        self.keeps_copies = True

    def put(self, body: bytes, expected: str | None) -> str:
        attack = self.attacks.pop(0) if self.attacks else self.forever
        return attack(super().put, body, expected) if attack else super().put(body, expected)

    def archive(self, name: str, body: bytes) -> None:
        if not self.keeps_copies:
            raise StateError("s3:put_object: Access Denied (AccessDenied)")
        super().archive(name, body)


def refused(put: Put, body: bytes, expected: str | None) -> str:
    """503: nothing was written."""
    raise StateError("s3:put_object: Reduce your request rate. (ServiceUnavailable)")


def lost(put: Put, body: bytes, expected: str | None) -> str:
    """500 or a reset after the effect: it was written, and nobody says so."""
    put(body, expected)
    raise StateError("s3:put_object: Connection was closed. (ConnectionClosedError)")


def conflict(put: Put, body: bytes, expected: str | None) -> str:
    """409: another request was on its way; nothing was written."""
    raise Mismatch


def sent_twice(put: Put, body: bytes, expected: str | None) -> str:
    """412 to a second copy of a request that was written."""
    put(body, expected)
    return put(body, expected)


def defect(put: Put, body: bytes, expected: str | None) -> str:
    raise RuntimeError("a defect")


@pytest.fixture
def store(kept: Store) -> Attacked:
    return Attacked(kept)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts that a test need not sit through."""
    monkeypatch.setattr(sessions, "_AGAIN", (0.001, 0.001, 0.001, 0.001))


def holder(name: str, seconds: float = 90.0) -> Holder:
    return Holder(name, name, "laptop", 42, "up", utc_now(), seconds)


def new() -> State:
    return State.new("livekit", "uat")


def acquire(store: Any, name: str = "ada", **options: Any) -> Session:
    given = holder(name, options.pop("seconds", 90.0))
    return Session.acquire(store, given, new, lock_timeout=options.pop("lock_timeout", 0), **options)


def stored(store: Attacked) -> State:
    found = store.get()
    assert found is not None
    return load(found.body, "here")


ONCE = {"503": refused, "lost answer": lost, "409": conflict, "sent twice": sent_twice}


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("attack", ONCE.values(), ids=ONCE)
def test_what_passes_is_no_false_alarm(store: Attacked, attack: Any, times: int) -> None:
    session = acquire(store, seconds=9.0)  # an attempt is repeated after a ninetieth of it
    store.attacks = [attack] * times
    session.intend("a.thing/x", THING)
    assert not session.lost.is_set()
    session.intend("a.thing/y", THING)
    session.release()
    assert stored(store).records.keys() == {"a.thing/x", "a.thing/y"}
    assert (stored(store).serial, stored(store).lease) == (2, None)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("attack", [lost, refused], ids=["lost", "refused"])
def test_a_lease_that_was_not_granted_in_so_many_words_is_no_stuck_lock(store: Attacked, attack: Any) -> None:
    store.attacks = [attack]
    with pytest.raises(StateError):
        acquire(store, "first")
    store.ahead += 91
    acquire(store, "second").release()
    assert stored(store).lease is None


@pytest.mark.usefixtures("short")
def test_a_store_that_refuses_for_ever_ends_the_run_in_time_and_keeps_what_was_to_be_written(store: Attacked) -> None:
    for attack in (refused, conflict):
        session = acquire(store, seconds=0.5)
        store.forever = attack
        with pytest.raises(StateError):
            session.intend("a.thing/x", THING)
        assert session.unsaved.records.keys() == {"a.thing/x"}
        with pytest.raises(LostLease):
            session.check(time.monotonic())
        with pytest.raises(StateError):  # nobody who comes later is told anything else
            session.intend("a.thing/y", THING)
        session.release()
        store.forever = None
        store.ahead += 1
    session = acquire(store, "next")
    assert session.state.records == {}
    session.release()


def test_a_heartbeat_that_cannot_write_stops_the_run_before_the_lease_ends(store: Attacked) -> None:
    session = acquire(store, seconds=0.5)
    store.forever = refused
    assert session.lost.wait(5)
    assert isinstance(session.failure, StateError)
    assert session.over()
    session.release()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_in_the_writer_acknowledges_nothing(store: Attacked) -> None:
    session = acquire(store)
    store.attacks = [defect]
    with pytest.raises(StateError, match="a defect"):
        session.intend("a.thing/x", THING)
    assert session.lost.is_set()
    session.release()
    assert stored(store).records == {}


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    "spoil", [Attacked.remove, Attacked.empty, Attacked.overwrite], ids=["remove", "empty", "overwrite"]
)
def test_a_document_that_is_deleted_or_spoilt_under_a_run_ends_it_with_what_was_to_be_written(
    store: Attacked, spoil: Callable[[Attacked], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "_until_renewal", lambda self: None)
    session = acquire(store, seconds=0.5)
    spoil(store)
    with pytest.raises(StateError):
        session.intend("a.thing/x", THING)
    assert session.unsaved.records.keys() == {"a.thing/x"}
    session.release()


def test_a_lease_that_cannot_be_given_up_or_a_copy_that_cannot_be_kept_fails_no_run(store: Attacked) -> None:
    events: list[Any] = []
    session = acquire(store, emit=events.append)
    session.intend("a.thing/x", THING)
    store.forever = refused
    session.release()
    assert "ends by itself" in events[-1].message
    store.forever = None
    store.ahead += 91
    session = acquire(store, "next", emit=events.append)
    session.write({"a.thing/x": None})
    store.keeps_copies = False
    session.release()
    assert "no copy of this run" in events[-1].message
    assert stored(store).lease is None


def test_who_is_interrupted_while_waiting_is_told_so(store: Attacked) -> None:
    session, cancel = acquire(store), threading.Event()

    def hear(event: object) -> None:
        cancel.set()

    with pytest.raises(Interrupted):
        acquire(store, "second", lock_timeout=60, cancel=cancel, emit=hear)
    session.release()


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


class Machine:
    """A boot clock that a test moves: a stall is time that passes while nothing runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = 0.0
        monkeypatch.setattr(sessions, "boot_clock", lambda: self.at)

    @staticmethod
    def without_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing is written but what the test writes."""
        monkeypatch.setattr(Session, "_until_renewal", lambda self: None)
        monkeypatch.setattr(Session, "_await_renewal", lambda self, bound: None)


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
    with pytest.raises(LostLease, match="somebody else wrote"):
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


# ---- clocks


class Dated:
    """S3 as a client sees it: one object, dated by S3's own clock in whole seconds."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 12, 0, 0, 900_000, tzinfo=UTC)
        self.body, self.version, self.written = b"", 0, self.now

    def get_object(self, **_: object) -> dict[str, Any]:
        date = format_datetime(self.now.replace(microsecond=0), usegmt=True)
        return {
            "Body": self,
            "ETag": str(self.version),
            "LastModified": self.written.replace(microsecond=0),
            "ResponseMetadata": {"HTTPHeaders": {"date": date}},
        }

    def put_object(self, *, Body: bytes, **_: object) -> dict[str, Any]:
        self.body, self.version, self.written = Body, self.version + 1, self.now
        return {"ETag": str(self.version)}

    def read(self) -> bytes:
        return self.body


@pytest.mark.parametrize("skew", [-3600.0, 0.0, 3600.0])
def test_the_clocks_of_clients_do_not_matter(skew: float) -> None:
    s3 = Dated()
    mine = S3Store(s3, "b", "k.json", owner="1", now=lambda: s3.now.timestamp())
    theirs = S3Store(s3, "b", "k.json", owner="1", now=lambda: s3.now.timestamp() + skew)
    mine.put(b'{"x": 1}', "0")
    s3.now += timedelta(seconds=60)
    first, second = mine.get(), theirs.get()
    assert first is not None
    assert second is not None
    assert first.age == second.age


def test_a_lease_is_not_over_before_it_is_over() -> None:
    """S3 tells whole seconds: the difference of two may be one more than what passed."""
    s3 = Dated()
    store = S3Store(s3, "b", "k.json", owner="1")
    store.put(b"{}", "0")
    for tenth in range(0, 1000, 3):
        s3.now = s3.written + timedelta(seconds=tenth / 10)
        found = store.get()
        assert isinstance(found, Stored)
        assert tenth / 10 - 2 < found.age <= tenth / 10


@pytest.fixture(autouse=True)
def _no_writer_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        assert thread.name != "state-writer", "a writer outlives its run"
