"""Time as the product sees it: waits, deadlines, pacing and shown durations run on a `Clock`.

Lease, heartbeat and the bound of a single AWS call never do: those are about real machines and use real time.
A rehearsal hands in a clock that runs faster; a unit test hands in one that does not run at all.
"""

from __future__ import annotations

import threading
import time
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
