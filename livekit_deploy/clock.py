"""Time as the product sees it: waits, deadlines, pacing and shown durations run on a `Clock`.

Lease, heartbeat and the bound of a single AWS call never do: those are about real machines and use real time.
A rehearsal hands in a clock that runs faster; a unit test hands in one that does not run at all.
"""

from __future__ import annotations

import threading
import time


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
