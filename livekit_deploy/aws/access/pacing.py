"""Limits how fast each service is called: no limit until the service throttles, then a learned rate.

AWS counts calls by account, region and service, with limits that it does not tell and that others use up as well. So
each service has a token bucket that is learned from throttling answers, as TCP learns the rate of a path: such an
answer halves the rate, and while there is none it grows slowly, until it is far above what was too fast and the bucket
is not needed any more. botocore's retries stay as they are behind it; what they send again takes its turn too.
Source: Amazon EC2 API reference, "Request throttling"; the AWS SDKs' guide, "Retry behavior".
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any

from livekit_deploy.aws.errors.codes import THROTTLED
from livekit_deploy.base.clock import Clock

LEAST = 1.0  # calls a second
GAIN = 0.25  # calls a second that the rate grows in each second
_MOST = 256  # moments remembered, to know how fast the calls were when it was too fast
_WINDOW = 1.0  # seconds over which that is counted


class Bucket:
    """The turns of one service; it hands out none until the first throttling answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._sent: deque[float] = deque(maxlen=_MOST)
        self._rate: float | None = None
        self._too_fast = 0.0
        self._next = self._grown = self._learned = 0.0

    @property
    def rate(self) -> float | None:
        """Calls a second, None for as many as there are."""
        return self._rate

    def turn(self) -> float:
        """Take the next turn: in how many seconds the call may leave."""
        if self._rate is None:
            return 0.0
        with self._lock:
            now = self._clock.now()
            self._grow(now)
            return self._take(now) - now

    def left(self) -> float:
        """A request leaves: the moment, for `throttled`."""
        now = self._clock.now()
        self._sent.append(now)
        return now

    def throttled(self, sent: float) -> None:
        """The request that left at ``sent`` was too much; it will be sent again, which takes a turn.

        What left before the rate was halved last says nothing new.
        """
        with self._lock:
            now = self._clock.now()
            if self._rate is None or sent >= self._learned:
                recent = [moment for moment in list(self._sent) if sent - _WINDOW < moment <= sent]
                self._too_fast = self._rate or max(len(recent) / _WINDOW, LEAST)
                self._rate, self._learned, self._grown = max(self._too_fast / 2, LEAST), now, now
            self._take(now)

    def _grow(self, now: float) -> None:
        if self._rate is not None:
            self._rate += GAIN * (now - self._grown)
            self._grown = now
            if self._rate > 2 * self._too_fast:
                self._rate = None

    def _take(self, now: float) -> float:
        moment = max(now, self._next)
        self._next = moment + (1 / self._rate if self._rate is not None else 0.0)
        return moment


class Pacing:
    """The buckets of the services of one region; listens to its clients."""

    def __init__(self, clock: Clock) -> None:
        self._buckets: defaultdict[str, Bucket] = defaultdict(lambda: Bucket(clock))
        self._local = threading.local()

    def bucket(self, service: str) -> Bucket:
        """The bucket of a service, by boto3's name of it."""
        return self._buckets[service]

    def watch(self, service: str, client: Any) -> None:
        """Learn from everything that this client sends."""
        bucket = self.bucket(service)

        def leaves(**_: Any) -> None:
            self._local.sent = bucket.left()

        def answered(response: tuple[Any, Mapping[str, Any]] | None = None, **_: Any) -> None:
            if response is not None and response[1].get("Error", {}).get("Code") in THROTTLED:
                bucket.throttled(self._local.sent)

        client.meta.events.register("before-send", leaves)
        client.meta.events.register("needs-retry", answered)
