"""One suite for every store: compare-and-swap, lost answers, two writers, the lease and its end."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from livekit_deploy.base.clock import utc_now
from livekit_deploy.errors import Denied, LockedError, LostLease, StateError
from livekit_deploy.state.document import Holder, Home, Phase, Record, State, dump, load
from livekit_deploy.state.edit import Present, present, replaced, saved, unlock, whole
from livekit_deploy.state.history import history
from livekit_deploy.state.lease import lease_of
from livekit_deploy.state.session import Session
from livekit_deploy.state.store import Mismatch, Store
from tests.contract.stores import Timed


@pytest.fixture
def store(kept: Store) -> Timed:
    return Timed(kept)


def holder(name: str, seconds: float = 90.0) -> Holder:
    return Holder(name, "ada", "laptop", 42, "up", utc_now(), seconds)


def new() -> State:
    return State.new("livekit", "uat")


def acquire(store: Timed, name: str, **options: Any) -> Session:
    return Session.acquire(store, holder(name), new, lock_timeout=options.pop("lock_timeout", 0), **options)


#: where the document of these tests is kept, one after the other
KEPT = ("disk", "sandbox", "ministack")
THING = Record(Phase.CREATING, "a.thing", {"size": 1}, token="0" * 32)


def test_nothing_is_there_before_the_first_write(store: Timed) -> None:
    assert store.get() is None
    assert lease_of(store) is None


def test_a_write_is_refused_when_the_version_moved(store: Timed) -> None:
    store.prepare()
    first = store.put(b"one", None)
    with pytest.raises(Mismatch):
        store.put(b"two", None)
    second = store.put(b"two", first)
    with pytest.raises(Mismatch):
        store.put(b"three", first)
    found = store.get()
    assert found is not None
    assert (found.body, found.etag) == (b"two", second)


def test_of_many_writers_at_once_one_wins(store: Timed) -> None:
    store.prepare()
    version = store.put(b"start", None)
    won: list[int] = []

    def race(number: int) -> None:
        try:
            store.put(f"writer {number}".encode(), version)
        except Mismatch:
            return
        won.append(number)

    threads = [threading.Thread(target=race, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = store.get()
    assert found is not None
    assert [f"writer {n}".encode() for n in won] == [found.body]


def test_the_second_run_is_refused_by_the_name_of_the_holder(store: Timed) -> None:
    session = acquire(store, "one")
    with pytest.raises(
        LockedError, match=r"ada@laptop \(process 42, up\) has been changing this environment since"
    ) as refused:
        acquire(store, "two")
    assert "unlock" in refused.value.hint
    session.release()
    acquire(store, "two").release()


def test_a_dead_holders_lease_ends_by_itself_and_its_work_is_known(store: Timed) -> None:
    dead = acquire(store, "one")
    dead.intend("a.thing/x", THING)
    dead.abandon()
    store.ahead = 91
    events: list[Any] = []
    session = acquire(store, "two", emit=events.append)
    assert [(event.holder, event.unfinished) for event in events] == [("ada@laptop (process 42, up)", ("a.thing/x",))]
    assert session.record("a.thing/x") == THING
    session.release()


def test_a_holder_who_lost_the_lease_can_write_nothing_and_may_call_nothing(store: Timed) -> None:
    late = acquire(store, "one")
    late.abandon()  # it stalls: its writer does not run
    store.ahead = 91
    other = acquire(store, "two")
    late._closing = False
    late._writer = threading.Thread(target=late._write_loop, daemon=True)
    late._writer.start()
    with pytest.raises(LostLease):
        late.intend("a.thing/x", THING)
    with pytest.raises(LostLease):
        late.check(time.monotonic())
    assert late.lost.is_set()
    assert other.record("a.thing/x") is None
    other.release()


def test_a_lost_answer_to_our_own_write_is_no_false_alarm(store: Timed, monkeypatch: pytest.MonkeyPatch) -> None:
    session = acquire(store, "one")
    real = store.put

    def resent(body: bytes, expected: str | None) -> str:
        """The first request lands, its answer is lost, and the client sends it again."""
        real(body, expected)
        return real(body, expected)

    monkeypatch.setattr(store, "put", resent)
    session.intend("a.thing/x", THING)
    monkeypatch.setattr(store, "put", real)
    session.intend("a.thing/y", THING)
    assert not session.lost.is_set()
    session.release()
    found = lease_of(store)
    assert found is not None
    assert set(found[0].records) == {"a.thing/x", "a.thing/y"}


def test_many_workers_share_a_write(store: Timed, monkeypatch: pytest.MonkeyPatch) -> None:
    session = acquire(store, "one")
    real, gate = store.put, threading.Event()

    def slow(body: bytes, expected: str | None) -> str:
        gate.wait(5)
        return real(body, expected)

    monkeypatch.setattr(store, "put", slow)
    before = session.puts
    threads = [threading.Thread(target=session.intend, args=(f"a.thing/{n}", THING)) for n in range(12)]
    for thread in threads:
        thread.start()
    while len(session._batch.changes) + len(session.unsaved.records) < 12:
        threading.Event().wait(0.005)
    gate.set()
    for thread in threads:
        thread.join()
    assert len(session.state.records) == 12
    assert session.puts - before <= 3
    session.release()


def test_a_long_run_renews_its_lease(store: Timed) -> None:
    session = Session.acquire(store, holder("one", seconds=1.8), new, lock_timeout=0)
    before = session.puts
    while session.puts < before + 3:
        threading.Event().wait(0.02)
    assert not session.lost.is_set()
    session.release()


def test_serial_counts_records_and_not_leases(store: Timed) -> None:
    session = acquire(store, "one")
    session.write({"a.thing/x": THING})
    session.release()
    acquire(store, "two").release()
    found = lease_of(store)
    assert found is not None
    assert (found[0].serial, found[0].epoch) == (1, 2)


def test_unlock_takes_the_lease_only_from_the_holder_that_was_shown(store: Timed) -> None:
    session = acquire(store, "one")
    with pytest.raises(LockedError, match="somebody else took the lease"):
        unlock(store, holder("somebody else"))
    unlock(store, session.holder)
    other = acquire(store, "two")
    with pytest.raises(LostLease):
        session.intend("a.thing/x", THING)
    other.release()


def test_a_store_that_stays_unwritable_stops_the_run_and_keeps_what_was_to_be_written(
    store: Timed, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session.acquire(store, holder("one", seconds=0.5), new, lock_timeout=0)
    monkeypatch.setattr(store, "put", _unwritable)
    with pytest.raises(StateError, match="cannot be written: no space"):
        session.intend("a.thing/x", THING)
    assert session.unsaved.records == {"a.thing/x": THING}
    assert session.lost.is_set()
    session.release()


def _unwritable(body: bytes, expected: str | None) -> str:
    raise StateError("no space", hint="make room")


def test_a_document_survives_its_own_form() -> None:
    state = new().with_records({"a.b/c": Record(Phase.READY, "a.b", {"x": [1]}, id="i", outputs={"o": 1}, deps=())})
    assert load(dump(state), "here") == state


def test_a_document_is_replaced_but_never_under_a_living_holder(store: Timed) -> None:
    session = acquire(store, "one")
    with pytest.raises(LockedError, match="ada@laptop"):
        present(store, Home("livekit", "uat"))
    session.release()
    now = present(store, Home("livekit", "uat"))
    rescue = saved(dump(session.state.with_records({"a.thing/x": THING})), "rescue.json", now, Home("livekit", "uat"))
    written = replaced(store, now, rescue, holder("two"))
    assert (written.serial, written.lease) == (2, None)
    later = acquire(store, "three")
    assert later.record("a.thing/x") == THING
    later.release()
    with pytest.raises(LockedError, match="somebody changed the state in between"):
        replaced(store, now, rescue, holder("two"))


def test_what_is_not_there_can_be_replaced_too(store: Timed) -> None:
    assert present(store, Home("livekit", "uat")) == Present()
    with pytest.raises(StateError, match="there is no document"):
        whole(store, Home("livekit", "uat"))
    replaced(store, Present(), new(), holder("one"))
    assert whole(store, Home("livekit", "uat"))[0].serial == 1


def test_a_refused_copy_fails_nothing_that_is_done(store: Timed, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def refused(name: str, body: bytes) -> None:
        raise Denied("s3:PutObject: no history for you (AccessDenied)")

    monkeypatch.setattr(store, "archive", refused)
    replaced(store, Present(), new(), holder("one"), said.append)
    assert whole(store, Home("livekit", "uat"))[0].serial == 1
    assert said == [
        "the state is written, but the history has no copy of it: s3:PutObject: no history for you (AccessDenied)"
    ]


def test_a_copy_is_kept_once_and_another_one_takes_its_place(store: Timed) -> None:
    store.prepare()
    for body in (b"one", b"one", b"two", b"two"):
        store.archive("7.json", body)
        assert store.version("7") == body


def test_each_run_that_changed_a_record_leaves_a_copy_with_its_holder(store: Timed) -> None:
    assert history(store, 10) == []
    for number in range(12):
        session = acquire(store, f"run {number}")
        if number != 5:
            session.write({f"a.thing/{number}": THING})
        session.release()
    store.archive("notes.json", b"not ours")
    copies = [past for past in history(store, 3) if past.id.isdigit()]
    assert [(past.serial, past.records, past.unfinished) for past in copies] == [(11, 11, 11), (10, 10, 10), (9, 9, 9)]
    assert {past.who for past in copies} == {"ada@laptop (process 42, up)"}
    assert len(load(store.version("4"), "copy").records) == 4
    store.archive("4.json", b"half a docu")
    assert "not a whole" in next(past.damage for past in history(store, 20) if past.id == "4")
    with pytest.raises(StateError, match="no earlier version 77"):
        store.version("77")
