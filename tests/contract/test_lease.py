"""The lease under attack: lost answers, refusals, stalls, other machines' clocks, and what a writer does not expect.

The store is real; what stands between it and the session is scripted.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest

from livekit_deploy.base.clock import Elapsed, _which, sleepless, utc_now
from livekit_deploy.errors import Denied, DeployError, Interrupted, LockedError, LostLease, StateError, StateGone
from livekit_deploy.state import session as sessions
from livekit_deploy.state import swap as swaps
from livekit_deploy.state.document import Holder, Home, Phase, Record, State, load
from livekit_deploy.state.edit import Present, present, replaced, unlock
from livekit_deploy.state.history import history
from livekit_deploy.state.limits import CALL_BOUND, Limits
from livekit_deploy.state.session import Session
from livekit_deploy.state.store import Mismatch, S3Store, Store, Stored, Version
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
        self.blind = False  #: whether nothing can be read

    def put(self, body: bytes, expected: str | None) -> str:
        attack = self.attacks.pop(0) if self.attacks else self.forever
        return attack(super().put, body, expected) if attack else super().put(body, expected)

    def get(self) -> Stored | None:
        if self.blind:
            raise StateError("s3:get_object: Connection was closed. (ConnectionClosedError)")
        return super().get()

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


def unanswered(store: Attacked, attack: Any) -> Callable[[Put, bytes, str | None], str]:
    """And from then on nothing can be read either."""

    def attacked(put: Put, body: bytes, expected: str | None) -> str:
        store.blind = True
        return str(attack(put, body, expected))

    return attacked


def defect(put: Put, body: bytes, expected: str | None) -> str:
    raise RuntimeError("a defect")


@pytest.fixture
def store(kept: Store) -> Attacked:
    return Attacked(kept)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts that a test need not sit through."""
    monkeypatch.setattr(swaps, "AGAIN", (0.001, 0.001, 0.001, 0.001))
    monkeypatch.setattr(sessions, "_LOST_RACE", 0.001)


def holder(name: str, seconds: float = 90.0) -> Holder:
    return Holder(name, name, "laptop", 42, "up", utc_now(), seconds)


def new() -> State:
    return State.new("livekit", "uat")


def acquire(store: Any, name: str = "ada", **options: Any) -> Session:
    given = holder(name, options.pop("seconds", 90.0))
    return Session.acquire(store, given, new, lock_timeout=options.pop("lock_timeout", 0), **options)


def etag(store: Attacked) -> str:
    found = store.get()
    assert found is not None
    return found.etag


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
    store.attacks = [unanswered(store, attack)]
    with pytest.raises(StateError, match="put_object"):
        acquire(store, "first")
    store.ahead, store.blind = store.ahead + 91, False
    acquire(store, "second").release()
    assert stored(store).lease is None


def told_wrong(put: Put, body: bytes, expected: str | None) -> str:
    """A proxy that answers in the store's place: it was written, and the answer says that it was not allowed."""
    put(body, expected)
    raise Denied("s3:put_object: Forbidden (403)", code="403")


UNKNOWN = {"lost answer": lost, "proxy": told_wrong, "409": conflict, "sent twice": sent_twice}


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("attack", UNKNOWN.values(), ids=UNKNOWN)
def test_whatever_is_answered_to_a_write_that_landed_it_is_known_as_ours(store: Attacked, attack: Any) -> None:
    said: list[Any] = []
    store.attacks = [attack]
    session = acquire(store, emit=said.append)
    session.write({"a.thing/x": THING})
    store.attacks = [attack]
    session.release()
    assert stored(store).lease is None
    assert said == []
    assert [one.serial for one in history(store, 5) if one.id.isdigit()] == [1]


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("attack", UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_written_outside_of_a_run_is_looked_up_before_anything_is_said(store: Attacked, attack: Any) -> None:
    home = Home("livekit", "uat")
    for sketch in (new(), None):  # where there is no document yet, and in place of one
        now = present(store, home)
        store.attacks = [attack]
        written = replaced(store, now, sketch or stored(store).with_records({"a.thing/x": THING}), holder("ada"))
        assert stored(store) == written
    acquire(store, "dead").abandon()
    lease = stored(store).lease
    assert lease is not None
    store.attacks = [attack]
    unlock(store, lease)
    assert stored(store).lease is None


def test_a_write_outside_of_a_run_that_was_refused_says_so_in_the_stores_words(store: Attacked) -> None:
    written = replaced(store, present(store, Home("livekit", "uat")), new(), holder("ada"))
    acquire(store, "dead").abandon()
    lease, store.forever = stored(store).lease, refused
    assert lease is not None
    with pytest.raises(StateError, match="Reduce your request rate"):
        unlock(store, lease)
    with pytest.raises(StateError, match="Reduce your request rate"):
        replaced(store, Present(written, etag(store)), written, holder("ada"))
    assert stored(store).lease == lease
    store.forever = unanswered(store, lost)
    with pytest.raises(StateError, match="it cannot be checked whether it was written all the same"):
        unlock(store, lease)
    store.blind = False
    assert stored(store).lease is None


def test_of_a_write_whose_answers_were_lost_the_lease_counts_from_the_first_attempt(
    store: Attacked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 counts from when it wrote: who counts from a later attempt makes calls under somebody else's lease."""
    machine = Machine(monkeypatch)
    Machine.without_heartbeat(monkeypatch)
    session = acquire(store, seconds=9.0)

    def late(put: Put, body: bytes, expected: str | None) -> str:
        put(body, expected)
        machine.at, store.blind = machine.at + 3, True
        raise StateError("s3:put_object: Read timeout (ReadTimeoutError)")

    def sees(put: Put, body: bytes, expected: str | None) -> str:
        store.blind = False
        return put(body, expected)

    store.attacks = [late, sees]
    session.write({"a.thing/x": THING})
    assert session.remaining() == 6
    store.attacks = [refused, refused]
    session.write({"a.thing/y": THING})  # the one that was answered is known to be the one that was written
    assert session.remaining() == 9
    session.release()


@pytest.mark.parametrize("spoil", [Timed.remove, Timed.empty, Timed.overwrite], ids=["remove", "empty", "overwrite"])
def test_what_is_final_ends_a_run_at_once_and_names_the_last_version(
    store: Attacked, spoil: Callable[[Timed], None]
) -> None:
    acquire(store, "before").release()
    first = acquire(store, "earlier")
    first.write({"a.thing/x": THING})
    first.release()
    session = acquire(store)  # a lease of 90 s: what is tried again while there is time takes 50 of them
    spoil(store)
    puts, began = session.puts, time.monotonic()
    with pytest.raises(StateGone, match=r"somebody deleted|not a state document") as gone:
        session.intend("a.thing/y", THING)
    assert session.puts - puts == 1
    assert time.monotonic() - began < 10
    assert "state rebuild --env uat" in gone.value.hint
    named = str(gone.value.hint).partition("--version ")[2].partition(",")[0]
    assert named in str(gone.value)
    back = load(store.version(named), "the last version")
    assert back.lineage == session.state.lineage
    assert set(back.records) == {"a.thing/x"}
    assert session.lost.is_set()
    with pytest.raises(LostLease):
        session.check(time.monotonic())
    assert session.unsaved.records.keys() == {"a.thing/x", "a.thing/y"}
    session.release()


def test_where_no_version_is_left_or_can_be_listed_only_the_tags_are_named(
    store: Attacked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(most: int) -> list[Version]:
        raise Denied("s3:list_object_versions: Access Denied", code="AccessDenied")

    def none(most: int) -> list[Version]:
        return []

    for versions in (none, denied):
        store.ahead += 91
        session = acquire(store)
        monkeypatch.setattr(store, "versions", versions)
        store.remove()
        said: list[Any] = []
        session._emit = said.append
        session.release()
        assert "somebody deleted" in said[-1].message
        assert "state rebuild --env uat" in said[-1].message
        assert "--version" not in said[-1].message


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


# ---- clocks


class Hands:
    """The two clocks of a machine, moved by hand."""

    def __init__(self) -> None:
        self.steady, self.wall = 1000.0, 1_700_000_000.0

    def pass_(self, seconds: float, *, asleep: bool = False) -> None:
        self.wall += seconds
        self.steady += 0 if asleep else seconds


def test_time_passes_in_sleep_whichever_clock_stands_still() -> None:
    hands = Hands()
    elapsed = Elapsed(lambda: hands.steady, lambda: hands.wall)
    hands.pass_(10)
    assert elapsed() == 10
    hands.pass_(600, asleep=True)
    assert elapsed() == 610
    hands.wall -= 3600  # put back: what has passed has passed
    assert elapsed() == 610
    hands.pass_(5)
    assert elapsed() == 615
    hands.steady += 600  # a clock that runs in sleep, on a machine whose wall clock is wrong
    assert elapsed() == 1215


@pytest.mark.parametrize(
    ("platform", "clocks", "which"),
    [
        ("linux", {"CLOCK_BOOTTIME": 7, "CLOCK_MONOTONIC": 1, "CLOCK_MONOTONIC_RAW": 4}, 7),
        ("darwin", {"CLOCK_MONOTONIC": 6, "CLOCK_MONOTONIC_RAW": 4, "CLOCK_UPTIME_RAW": 8}, 4),
        ("freebsd14", {"CLOCK_MONOTONIC": 4}, None),
        ("linux", {"CLOCK_MONOTONIC": 1, "CLOCK_MONOTONIC_RAW": 4}, None),
    ],
)
def test_only_a_clock_that_runs_in_sleep_is_taken(platform: str, clocks: dict[str, int], which: int | None) -> None:
    """CLOCK_MONOTONIC stands still in sleep on Linux, and runs on a Mac."""
    assert _which(platform, SimpleNamespace(**clocks)) == which


@pytest.mark.skipif(sys.platform != "linux", reason="the clock that Linux has")
def test_here_the_clock_that_runs_in_sleep_is_read_and_a_lease_goes_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that has never slept both clocks say the same: what counts is which one is asked."""
    assert isinstance(sessions.boot_clock, Elapsed)
    assert sessions.boot_clock._steady is sleepless
    monkeypatch.setattr(time, "clock_gettime", {time.CLOCK_BOOTTIME: 7.0}.__getitem__)
    assert sleepless() == 7.0


def test_after_sleep_a_holder_whose_lease_was_taken_makes_no_call(
    store: Attacked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a system without a clock that runs in sleep: the wall clock tells."""
    hands = Hands()
    monkeypatch.setattr(sessions, "boot_clock", Elapsed(lambda: hands.steady, lambda: hands.wall))
    sleeper = acquire(store, "sleeper")
    sleeper.intend("a.thing/x", THING)
    hands.pass_(600, asleep=True)
    store.ahead += 600
    other = acquire(store, "other")
    with pytest.raises(LostLease):
        sleeper.check(time.monotonic())
    assert sleeper.over()
    other.release()
    sleeper.release()


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
