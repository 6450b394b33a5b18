"""Time limits of everything that is done under a lease, as fractions of it.

Their order is the argument. A renewal is tried long before anything is refused; whoever has just written an intent has
time for the call that it announces; helm, which starts right after a renewal, ends before the last moment does.

    left of a lease   1 ······· 7/9 ······ 1/2 ····· 4/9 ······· 2/9 ···· 1/9 ··· 0
                      written   renewed    no new    no call     helm     what still runs
                                           intent    leaves      ended    is ended
"""

from __future__ import annotations

from dataclasses import dataclass

RENEW = 2 / 9  # of a lease: a write is made when none happened for so long
LAST_INTENT = 1 / 2  # of a lease: no new intent with less left
CALL_BOUND = 4 / 9  # of a lease: the longest that one AWS call may take, retries included
LAST_MOMENT = 1 / 9  # of a lease: with less left, what still runs is ended
HELM = 7 / 9  # of a lease: the longest that one run of helm may take
HELM_GIVES_UP = 2 / 3  # of a lease: when helm is to give up by itself


@dataclass(frozen=True)
class Limits:
    """The limits of a run whose lease lasts ``lease`` seconds; all are seconds of real time."""

    lease: float = 90.0

    @property
    def renew(self) -> float:
        """After which a write is made when there was none."""
        return self.lease * RENEW

    @property
    def last_intent(self) -> float:
        """That must be left for a new intent."""
        return self.lease * LAST_INTENT

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
        return self.lease * LAST_MOMENT

    @property
    def helm(self) -> float:
        """That a run of helm may take."""
        return self.lease * HELM

    @property
    def helm_gives_up(self) -> int:
        """After which helm gives up by itself."""
        return int(self.lease * HELM_GIVES_UP)
