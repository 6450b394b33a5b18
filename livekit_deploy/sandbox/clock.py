"""The sandbox's clock: from real durations (speed 1) to none (infinite speed)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class SandboxClock:
    """Durations are given in AWS's seconds; `speed` of them pass in one real second."""

    def __init__(self, speed: float = 60.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        if not speed > 0:
            raise ValueError(f"the sandbox's speed must be above 0, not {speed}")
        self.speed = speed
        self._monotonic = monotonic

    def now(self) -> float:
        """A moment, to be handed to `passed`."""
        return self._monotonic()

    def passed(self, since: float, seconds: float) -> bool:
        """Whether `seconds` of AWS's time have gone by since that moment."""
        return self.instant or (self._monotonic() - since) * self.speed >= seconds

    def elapsed(self, since: float) -> float:
        """AWS's seconds since that moment; none at infinite speed, where nothing is waited for."""
        return 0.0 if self.instant else (self._monotonic() - since) * self.speed

    @property
    def instant(self) -> bool:
        """Whether nothing is waited for."""
        return math.isinf(self.speed)

    def real(self, seconds: float) -> float:
        """How many real seconds so many of AWS's seconds last here."""
        return seconds / self.speed


_used = SandboxClock()


def use(used: SandboxClock) -> None:
    """Let AWS's waits here last as long as this clock says."""
    global _used
    _used = used


def clock() -> SandboxClock:
    """The one that AWS goes by in this process."""
    return _used
