"""All waiting: polling that stops on cancellation, at the deadline, and when the lease is lost.

Nothing else in the product sleeps. `settle` polls until a condition holds; `persist` repeats a verb while AWS says that
something it needs has not propagated yet. Both use the run's `Clock`, so that a rehearsal waits in its own time.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from livekit_deploy.base.clock import Clock
from livekit_deploy.base.timing import counted
from livekit_deploy.errors import Interrupted, LostLease, Throttled, Unavailable

T = TypeVar("T")

FIRST, LAST = 2.0, 20.0  # seconds between two polls
SEEN = 0.02  # of its duration: how late the end of something is seen at most
PROPAGATION = 90.0  # seconds for which a verb is repeated while something it needs spreads


class Expired(Exception):
    """The deadline passed before the condition held."""


@dataclass(frozen=True)
class Waits:
    """How to wait in this run: its clock, the user's cancel event, and the event that the lease is lost."""

    clock: Clock
    cancel: threading.Event
    lost: threading.Event

    def check(self) -> None:
        """Raise `Interrupted` when the run is to end, and `LostLease` when somebody else may hold the lease."""
        if self.cancel.is_set():
            raise Interrupted("interrupted", hint="run the same command again: it continues from what is recorded")
        if self.lost.is_set():
            raise LostLease("the lease was lost", hint="run the same command again: it continues from what is recorded")

    def pause(self, seconds: float) -> None:
        """Let ``seconds`` of the clock pass, or raise as `check` does as soon as the run is to end."""
        end = self.clock.now() + seconds
        with counted("waiting"):
            while (left := end - self.clock.now()) > 0:
                self.check()
                # the lease may be lost while we wait for the cancel event: look at it twice a (real) second
                self.clock.wait(self.cancel, min(left, 0.5 * self.clock.speed))
        self.check()

    def rest(self, since: float, end: float) -> None:
        """Let a moment pass before something is asked again: the longer it is asked for, the longer, until ``end``."""
        now = self.clock.now()
        self.pause(max(0.0, min(_pace(0.0)(now - since), end - now)))

    def settle(self, poll: Callable[[], T], until: Callable[[T], bool], *, timeout: float, usual: float = 0.0) -> T:
        """Poll until ``until(result)``; raises `Expired` after ``timeout`` seconds of the clock.

        A poll that AWS did not answer for the moment is one more to repeat; if the last one was, its error is raised.
        The pace follows what is ``usual``: the first look comes at once, polls are sparse in the first half of that and
        dense where the end is expected. What ends in the second half, or later, is seen within `SEEN` of the time that
        it took, or within `FIRST` seconds.
        """
        again = tenacity.retry_any(
            tenacity.retry_if_not_result(until), tenacity.retry_if_exception_type((Throttled, Unavailable))
        )
        return self._retry(poll, _pace(usual), timeout, again)

    def persist(self, call: Callable[[], T], while_: Callable[[BaseException], bool], *, timeout: float) -> T:
        """Repeat ``call`` while it raises what ``while_`` accepts; the last error is raised as it is."""
        return self._retry(call, _steady, timeout, tenacity.retry_if_exception(while_))

    def _retry(self, call: Callable[[], T], pace: Callable[[float], float], timeout: float, retry: object) -> T:
        started = self.clock.now()
        self.check()
        retrying = tenacity.Retrying(
            sleep=self.pause,
            stop=lambda _: self.clock.now() >= started + timeout,
            wait=lambda _: pace(self.clock.now() - started),
            retry=retry,  # type: ignore[arg-type]
        )
        try:
            return retrying(call)
        except tenacity.RetryError as error:
            cause = error.last_attempt.exception() if error.last_attempt.failed else None
            raise cause or Expired from None


def _pace(usual: float) -> Callable[[float], float]:
    def after(elapsed: float) -> float:
        half = usual / 2 - elapsed
        if not usual:
            gap = elapsed / 4
        elif half > 0:
            gap = half
        else:
            gap = min(abs(usual - elapsed) / 4, SEEN * elapsed)
        return min(max(gap, FIRST), LAST) * random.uniform(0.9, 1.0)

    return after


def _steady(elapsed: float) -> float:
    return min(max(elapsed / 4, FIRST), LAST / 2) * random.uniform(0.8, 1.0)
