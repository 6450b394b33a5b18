"""The lease under attack: lost answers, refusals, and what a writer does not expect.

The store is real; what stands between it and the session is scripted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from livekit_deploy.errors import Denied, Interrupted, LostLease, StateError, StateGone
from livekit_deploy.state import conditional_write as swaps
from livekit_deploy.state import session as sessions
from livekit_deploy.state.document import Home, load
from livekit_deploy.state.edit import Present, present, replaced, unlock
from livekit_deploy.state.history import history
from livekit_deploy.state.session import Session
from livekit_deploy.state.store import Mismatch, Version
from tests.contract.lease.attacks import THING, Attacked, Machine, Put, acquire, holder, new, stored
from tests.contract.stores import Timed

#: where the document of these tests is kept, one after the other
KEPT = ("disk", "ministack")


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
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts that a test need not sit through."""
    monkeypatch.setattr(swaps, "AGAIN", (0.001, 0.001, 0.001, 0.001))
    monkeypatch.setattr(sessions, "_LOST_RACE", 0.001)


def etag(store: Attacked) -> str:
    found = store.get()
    assert found is not None
    return found.etag


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
