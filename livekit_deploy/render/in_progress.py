"""Tracks what is in progress: when each resource began, what it waits for, and how far each stage is.

It is told events from worker threads and asked from the thread that draws. Nothing is printed while its lock is held,
so that it can never wait for a terminal's lock while the terminal's thread waits for this one.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from livekit_deploy.base.clock import Clock
from livekit_deploy.events import Done, Event, Kept, Progress, ResourceFailed, RunStarted, Started


@dataclass(frozen=True)
class Row:
    """One resource in progress; ``began`` is a time of the clock."""

    address: str
    verb: str
    usual: float
    began: float
    detail: str = ""


class InProgress:
    """A run at a glance, on the clock of the run."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._began = clock.now()
        self._rows: dict[str, Row] = {}
        self._totals: dict[str, int] = {}
        self._done: dict[str, int] = {}

    def take(self, event: Event) -> None:
        """Learn from an event."""
        with self._lock:
            if isinstance(event, RunStarted):
                self._totals, self._began = dict(event.stages), self._clock.now()
            elif isinstance(event, Started):
                self._rows[event.address] = Row(event.address, event.verb, event.usual_s, self._clock.now())
            elif isinstance(event, Progress) and event.address in self._rows:
                self._rows[event.address] = replace(self._rows[event.address], detail=event.detail, verb=event.verb)
            elif isinstance(event, Done | Kept):
                self._rows.pop(event.address, None)
                self._done[event.stage] = self._done.get(event.stage, 0) + 1
            elif isinstance(event, ResourceFailed):
                self._rows.pop(event.address, None)

    def rows(self) -> list[tuple[Row, float]]:
        """What is in progress with its seconds so far, what takes longest first."""
        with self._lock:
            now = self._clock.now()
            return [(row, now - row.began) for row in sorted(self._rows.values(), key=lambda row: -row.usual)]

    def stages(self) -> dict[str, tuple[int, int]]:
        """How many of each stage's changes are done, and how many there are."""
        with self._lock:
            return {stage: (min(self._done.get(stage, 0), total), total) for stage, total in self._totals.items()}

    def elapsed(self) -> float:
        """Seconds of the clock since the run began."""
        return self._clock.now() - self._began
