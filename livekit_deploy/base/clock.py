"""The clock for waits, deadlines, pacing and shown durations.

Lease, heartbeat and the bound of a single AWS call never do: those are about real machines and use real time.
A rehearsal hands in a clock that runs faster; a unit test hands in one that does not run at all.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def http_date(text: str | None) -> datetime | None:
    """The moment that a ``Date`` header says; None where there is none, or none that can be read.

    It is UTC also where it does not say so (RFC 9110, 5.6.7).
    """
    try:
        said = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return said.replace(tzinfo=UTC) if said is not None and said.tzinfo is None else said


def utc_now() -> str:
    """This moment in UTC, as ISO 8601."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Clock:
    """A monotonic clock that may run faster than real time.

    ``speed`` is how many of its seconds pass in one real second.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed

    def now(self) -> float:
        """Seconds since an arbitrary start, on this clock."""
        return time.monotonic() * self.speed

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until ``event`` is set or ``seconds`` of this clock have passed; say whether it was set."""
        return event.wait(max(0.0, seconds) / self.speed)


def sleepless() -> float:
    """Seconds of a clock that is never set and that also runs while the machine sleeps, where there is one.

    Linux has CLOCK_BOOTTIME. On a Mac CLOCK_MONOTONIC and CLOCK_MONOTONIC_RAW run in sleep (clock_gettime(3)), but
    `time.monotonic` does not: it is mach_absolute_time, as CLOCK_UPTIME_RAW is.
    """
    return time.clock_gettime(_SLEEPLESS) if _SLEEPLESS is not None else time.monotonic()


def _which(platform: str, clocks: object) -> int | None:
    """The number of the clock that runs in sleep, None where there is none."""
    name = {"linux": "CLOCK_BOOTTIME", "darwin": "CLOCK_MONOTONIC_RAW"}.get(platform, "CLOCK_BOOTTIME")
    number: int | None = getattr(clocks, name, None)
    return number


_SLEEPLESS = _which(sys.platform, time)


class Elapsed:
    """Seconds that have passed, by whichever of two clocks says more: one that is never set, and the wall clock.

    The first may stand still while a machine sleeps, and does while a hypervisor holds it; the wall clock is corrected
    afterwards. One that somebody puts forward lets a lease end early, which a renewal mends; put back it says nothing.
    """

    def __init__(self, steady: Callable[[], float] = sleepless, wall: Callable[[], float] = time.time) -> None:
        self._steady, self._wall = steady, wall
        self._lock = threading.Lock()
        self._passed = 0.0
        self._last = steady(), wall()

    def __call__(self) -> float:
        with self._lock:
            now = self._steady(), self._wall()
            self._passed += max(0.0, now[0] - self._last[0], now[1] - self._last[1])
            self._last = now
            return self._passed
