"""A lease by clocks that stand still, are set, or are another machine's."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest

from livekit_deploy.base.clock import Elapsed, _which, sleepless
from livekit_deploy.errors import LostLease
from livekit_deploy.state import session as sessions
from livekit_deploy.state.store import S3Store, Stored
from tests.contract.lease.attacks import THING, Attacked, acquire

#: where the document of these tests is kept, one after the other
KEPT = ("disk", "ministack")


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
