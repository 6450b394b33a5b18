"""Time limits of everything that is done under a lease, as fractions of it.

Their order is the argument. A renewal is tried long before anything is refused; whoever has just written an intent has
time for the call that it announces; helm, which starts right after a renewal, ends before the last moment does.

    left of a lease   1 ······· 7/9 ······ 1/2 ····· 4/9 ······· 2/9 ···· 1/9 ··· 0
                      written   renewed    no new    no call     helm     what still runs
                                           intent    leaves      ended    is ended
"""

from __future__ import annotations

from dataclasses import dataclass

CALL_BOUND = 4 / 9  # of a lease: the longest that one AWS call may take, retries included


@dataclass(frozen=True)
class Limits:
    """The limits of a run whose lease lasts ``lease`` seconds; all are seconds of real time."""

    lease: float = 90.0

    @property
    def renew(self) -> float:
        """After which a write is made when there was none."""
        return self.lease * (2 / 9)

    @property
    def last_intent(self) -> float:
        """That must be left for a new intent."""
        return self.lease / 2

    @property
    def call(self) -> float:
        """That a call may take, its retries included, and that must be left when it leaves."""
        return self.lease * CALL_BOUND

    @property
    def attempt(self) -> float:
        """That one attempt of a call may take."""
        return self.call / 2

    @property
    def last_moment(self) -> float:
        """With less left, what still runs is ended."""
        return self.lease * (1 / 9)

    @property
    def helm(self) -> float:
        """That a run of helm may take."""
        return self.lease * (7 / 9)

    @property
    def helm_gives_up(self) -> int:
        """After which helm gives up by itself."""
        return int(self.lease * (2 / 3))
