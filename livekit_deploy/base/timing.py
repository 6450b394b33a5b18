"""Measures where the time of a run goes, for each resource.

The engine starts a `Watch` for each resource in the thread that works on it; whoever makes that thread wait counts it
there with `counted`. What is left of the whole is calling: AWS, Kubernetes and helm, and the little that is computed
in between. All seconds are those of the run's clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, astuple, dataclass
from typing import ClassVar, Literal

from livekit_deploy.base.clock import Clock

Cause = Literal["queued", "waiting", "writing"]
_PLACES = 2


@dataclass(frozen=True)
class Spent:
    """Seconds of one resource: ready but with no worker or call free, calling, waiting for AWS to be done with it, and
    waiting for the state to be written."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    queued: float = 0.0
    calling: float = 0.0
    waiting: float = 0.0
    writing: float = 0.0

    @property
    def total(self) -> float:
        return self.queued + self.calling + self.waiting + self.writing

    @property
    def own(self) -> float:
        """Without what it was queued for."""
        return self.total - self.queued

    def in_seconds(self) -> dict[str, float]:
        """As events and reports say it: each cause with its unit."""
        return {f"{cause}_s": seconds for cause, seconds in asdict(self).items()}

    def __sub__(self, other: Spent) -> Spent:
        return Spent(
            *(round(mine - theirs, _PLACES) for mine, theirs in zip(astuple(self), astuple(other), strict=True))
        )


@dataclass(frozen=True)
class Timing:
    """One resource of a run: ``after`` is the last one that it waited for, "" for none, and ``spent`` is counted from
    when that one had ended."""

    address: str
    after: str
    spent: Spent


class Watch:
    """The time of one resource since it was ``ready``, a moment of the clock; ``after`` as in `Timing`."""

    def __init__(self, clock: Clock, ready: float, after: str = "") -> None:
        self._clock, self._ready, self._after = clock, ready, after
        self._counted: dict[Cause, float] = {"queued": clock.now() - ready, "waiting": 0.0, "writing": 0.0}
        self._counting = False
        self._beside = Spent()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count in this thread what `counted` tells."""
        token = _watch.set(self)
        try:
            yield
        finally:
            _watch.reset(token)

    @contextmanager
    def count(self, cause: Cause) -> Iterator[None]:
        """Count the time inside as ``cause``, unless it is counted already: the outermost cause is the true one."""
        if self._counting:
            yield
            return
        self._counting, began = True, self._clock.now()
        try:
            yield
        finally:
            self._counting = False
            self._counted[cause] += self._clock.now() - began

    def follow(self, address: str) -> None:
        """The resource at ``address`` has ended, and was waited for: what was spent so far ran beside it."""
        self._after, self._beside = address, self.spent

    def timing(self, address: str) -> Timing:
        """What this watch counted for the resource at ``address``."""
        return Timing(address, self._after, self.spent - self._beside)

    @property
    def spent(self) -> Spent:
        """What has been spent until now."""
        calling = self._clock.now() - self._ready - sum(self._counted.values())
        kept = {cause: round(seconds, _PLACES) for cause, seconds in self._counted.items()}
        return Spent(calling=round(max(calling, 0.0), _PLACES), **kept)


_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def counted(cause: Cause) -> Iterator[None]:
    """Count the time inside for the resource that this thread works on; outside of a run nothing is counted."""
    watch = _watch.get()
    if watch is None:
        yield
        return
    with watch.count(cause):
        yield


def follow(address: str) -> None:
    """Note that the resource that this thread works on has waited for the one at ``address``."""
    if (watch := _watch.get()) is not None:
        watch.follow(address)


def spent() -> Spent:
    """What the resource that this thread works on has spent until now."""
    watch = _watch.get()
    return watch.spent if watch is not None else Spent()
