"""Renders a run without a terminal: a line for each change of state, and at least one every 30 seconds."""

from __future__ import annotations

import threading
import time
from typing import Self

from livekit_deploy.base.clock import Clock
from livekit_deploy.events import Done, Event, LeaseWaiting, Progress, Started
from livekit_deploy.render.escaping import escape
from livekit_deploy.render.in_progress import InProgress, Row
from livekit_deploy.render.listener import Listener
from livekit_deploy.render.screen import Screen
from livekit_deploy.render.sentences import sentence
from livekit_deploy.render.words import about, duration

QUIET_SECONDS = 30.0
_WORTH_SAYING = 30.0  # seconds; of what is quicker nobody asks how long it takes
_LONGEST_ID = 40
_COLUMN = 56  # fits the address of a record that validates a certificate


class Lines(Listener):
    """Writes to stderr; ``every`` is the longest silence in real seconds."""

    def __init__(self, screen: Screen, clock: Clock, *, every: float = QUIET_SECONDS) -> None:
        super().__init__(screen)
        self._every = every
        self._underway = InProgress(clock)
        self._told: dict[str, str] = {}
        self._last = time.monotonic()
        self._waiting_since = 0.0
        self._over = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._heart.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._heart.join()

    def __call__(self, event: Event) -> None:
        self._underway.take(event)
        if isinstance(event, Started):
            usual = f"  ({about(event.usual_s)})" if event.usual_s >= _WORTH_SAYING else ""
            self._line(f"  {escape(event.address):<{_COLUMN}} {escape(event.verb)}{usual}")
        elif isinstance(event, Progress):
            if self._told.get(event.address) != event.detail:
                self._told[event.address] = event.detail
                self._line(_on_the_way(Row(event.address, event.verb, event.usual_s, 0, event.detail), event.elapsed_s))
        elif isinstance(event, Done):
            known = len(event.id) > _LONGEST_ID or event.address.endswith(event.id)
            id = "" if known else f"  {escape(event.id)}"
            self._line(f"[green]✔[/] {escape(event.address):<{_COLUMN}} {duration(event.elapsed_s):>6}{id}")
        elif isinstance(event, LeaseWaiting):
            # what is repeated is said once in each stretch of time
            if self._waiting_since != (now := time.monotonic() // self._every + 1):
                self._waiting_since = now
                self._line(sentence(event))
        elif text := sentence(event):
            self._line(text)

    def _line(self, text: str) -> None:
        self._last = time.monotonic()
        self._screen.note(text)

    def _beat(self) -> None:
        """Say what is in progress whenever nothing was said for long."""
        while not self._over.wait(max(self._last + self._every - time.monotonic(), 0.01)):
            rows = self._underway.rows()
            if time.monotonic() - self._last < self._every or not rows:
                self._last = self._last if rows else time.monotonic()
                continue
            more = f"  (and {len(rows) - 1} more)" if len(rows) > 1 else ""
            self._line(_on_the_way(*rows[0]) + more)


def _on_the_way(row: Row, elapsed: float) -> str:
    took = f"{duration(elapsed)} of {about(row.usual)}" if row.usual >= _WORTH_SAYING else duration(elapsed)
    return f"… {escape(row.address):<{_COLUMN}} {took}  {escape(row.detail or row.verb)}"
