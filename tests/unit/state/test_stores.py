"""What a store says when it cannot be read or written, and what a session does at its edges."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from livekit_deploy.errors import Absent, Denied, LockedError, LostLease, ResourceError, StateError
from livekit_deploy.state.document import Holder, Home, Phase, Record, State, dump, load
from livekit_deploy.state.edit import unlock, whole
from livekit_deploy.state.rescue import rescued
from livekit_deploy.state.session import Session
from livekit_deploy.state.store import FileStore, Mismatch, S3Store

THING = Record(Phase.CREATING, "a.thing", {}, token="0" * 32)


def holder(name: str) -> Holder:
    return Holder(name, name, "laptop", 42, "up", "2026-11-24T00:00:00Z", 90.0)


def acquire(store: FileStore, name: str = "ada") -> Session:
    return Session.acquire(store, holder(name), lambda: State.new("p", "e"), lock_timeout=0)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "state.json", now=lambda: 1_000_000.0)


# ---- a file


def test_a_file_that_cannot_be_used_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(StateError, match=r"cannot read .*folder.json"):
        FileStore(tmp_path / "folder.json").get()
    with pytest.raises(StateError, match=r"cannot write .*none"):
        FileStore(tmp_path / "none" / "state.json").put(b"x", None)
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"cannot make .*file") as refused:
        FileStore(tmp_path / "file" / "state.json").prepare()
    assert "state.path" in refused.value.hint


def test_a_write_that_fails_leaves_the_old_document_and_nothing_else(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = store.put(b"old", None)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StateError, match="no space left"):
        store.put(b"new", version)
    assert store.path.read_bytes() == b"old"
    assert {path.name for path in store.path.parent.iterdir()} == {"state.json", "state.lock"}


# ---- S3


class S3:
    """Answers every call with the error that it is given; a body cannot be read to its end."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    def __getattr__(self, operation: str) -> Any:
        def call(**_: object) -> dict[str, Any]:
            if self._error is not None:
                raise self._error
            return {"Body": self, "ETag": "1"}

        return call

    def read(self) -> bytes:
        raise ReadTimeoutError(endpoint_url="https://s3")


def s3(error: Exception | None) -> S3Store:
    return S3Store(S3(error), "bucket", "livekit-deploy/p/e.json", owner="1")


def failure(code: str, kind: type[ResourceError] = ResourceError) -> ResourceError:
    return kind(f"s3: {code}", code=code)


def test_s3_that_fails_is_the_stores_fault_and_rights_stay_rights() -> None:
    attempts: list[Callable[[S3Store], object]] = [S3Store.get, lambda one: one.put(b"x", "1")]
    for attempt in attempts:
        with pytest.raises(StateError, match=r"s3://bucket/livekit-deploy/p/e.json cannot be") as broken:
            attempt(s3(failure("SlowDown")))
        assert "when S3 answers" in broken.value.hint
        with pytest.raises(Denied, match="access is denied"):
            attempt(s3(failure("AccessDenied", Denied)))


@pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"])
def test_every_way_in_which_s3_says_that_the_version_moved_is_one(code: str) -> None:
    with pytest.raises(Mismatch):
        s3(failure(code, Absent if code == "NoSuchKey" else ResourceError)).put(b"x", "1")


def test_what_is_not_there_is_none_and_an_answer_that_breaks_off_is_an_error() -> None:
    assert s3(failure("NoSuchBucket", Absent)).get() is None
    assert s3(failure("NoSuchBucket", Absent)).location == "s3://bucket/livekit-deploy/p/e.json"
    attempts: list[Callable[[S3Store], object]] = [
        S3Store.get,
        lambda one: one.version("7"),
        lambda one: one.version("abc"),
    ]
    for attempt in attempts:
        with pytest.raises(StateError, match="cannot be read"):
            attempt(s3(None))
    with pytest.raises(ResourceError, match="SlowDown"):
        s3(failure("SlowDown")).version("7")


class BreaksOff(S3):
    """The first bodies break off; then one is whole."""

    def __init__(self, times: int) -> None:
        super().__init__(None)
        self.left = times

    def read(self) -> bytes:
        self.left -= 1
        return b"whole" if self.left < 0 else super().read()


def test_a_body_that_breaks_off_is_asked_for_again() -> None:
    assert S3Store(BreaksOff(2), "bucket", "k.json", owner="1").version("7") == b"whole"
    with pytest.raises(StateError, match="cannot be read"):
        S3Store(BreaksOff(3), "bucket", "k.json", owner="1").version("7")


# ---- the edges of a session


def test_after_its_end_a_session_writes_nothing(store: FileStore) -> None:
    session = acquire(store)
    session.release()
    session.release()
    with pytest.raises(LostLease, match="the run is ending"):
        session.write({"a.thing/x": THING})


def test_a_lease_is_not_given_up_while_calls_are_in_flight_and_no_further_one_leaves(store: FileStore) -> None:
    session = acquire(store)
    asked: list[bool] = []

    def in_flight() -> int:
        with pytest.raises(LostLease, match="the run is ending"):
            session.check(time.monotonic())
        asked.append(True)
        return 1

    session.release(in_flight)
    assert asked
    with pytest.raises(LockedError):
        acquire(store, "other")


def test_a_lease_that_somebody_has_by_now_is_not_given_up(store: FileStore) -> None:
    late = acquire(store)
    unlock(store, late.holder)
    other = acquire(store, "other")
    late.release()
    with pytest.raises(LockedError, match="other@laptop"):
        acquire(store, "third")
    other.release()


def test_unlock_of_what_is_not_there_or_is_alive_does_nothing(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StateError, match="there is no document"):
        unlock(store, holder("ada"))
    session, put = acquire(store), store.put

    def first(body: bytes, expected: str | None) -> str:
        """The holder writes between the look and the write."""
        monkeypatch.setattr(store, "put", put)
        session.write({"a.thing/x": THING})
        return put(body, expected)

    monkeypatch.setattr(store, "put", first)
    with pytest.raises(LockedError, match="the holder is alive"):
        unlock(store, session.holder)
    session.release()


def test_what_is_not_whole_is_no_ground_for_a_change(store: FileStore) -> None:
    store.put(dump(State.new("p", "e"))[:40], None)
    with pytest.raises(StateError, match="not a whole state document"):
        whole(store, Home("p", "e"))


# ---- what the store does not take


def test_a_rescue_copy_is_for_its_owner_and_goes_where_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    state = State.new("p", "e")
    beside = rescued(state)
    assert beside == Path("state/local/errored-e-0.json")
    shutil.rmtree("state")
    Path("state").touch()  # nothing can be written below it
    elsewhere = rescued(state)
    assert elsewhere is not None
    assert elsewhere.is_relative_to(tmp_path / "temp")
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o600
    assert stat.S_IMODE(elsewhere.parent.stat().st_mode) == 0o700
    assert load(elsewhere.read_bytes(), "here") == state
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert rescued(state) is None


def test_a_copy_that_cannot_be_kept_says_where(tmp_path: Path) -> None:
    (tmp_path / "history").write_text("no folder")
    with pytest.raises(StateError, match=r"cannot write .*history"):
        FileStore(tmp_path / "state.json").archive("1.json", b"{}")
