"""A run as it goes on: a live view on a terminal, lines elsewhere, events in JSON, groups in GitHub Actions."""

from __future__ import annotations

import json as json_text
import os
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, Self

from rich.markup import escape

from livekit_deploy.events import (
    Done,
    Event,
    LeaseTakenOver,
    LeaseWaiting,
    Notice,
    Progress,
    ResourceFailed,
    RunFinished,
    RunStarted,
    Skipped,
    Started,
)
from livekit_deploy.render.words import about, duration

if TYPE_CHECKING:
    from livekit_deploy.render.screen import Screen

FORMAT_VERSION = 1
_EVERY_SECONDS = 30.0


class Listener(Protocol):
    """Takes events from worker threads, one at a time; a context for as long as the run lasts."""

    def __call__(self, event: Event) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def listener(screen: Screen, *, json: bool) -> Listener:
    """The right one for where this runs."""
    if json:
        return JsonLines()
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from livekit_deploy.render.github import GitHub

        return GitHub(screen)
    if screen.live:
        from livekit_deploy.render.live import LiveView

        return LiveView(screen)
    return Lines(screen)


class JsonLines:
    """One event a line, and nothing else on stdout."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, event: Event) -> None:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        whole: dict[str, Any] = {"format_version": FORMAT_VERSION, "@timestamp": moment, **event.plain()}
        whole.setdefault("address", "")
        whole.setdefault("elapsed_s", round(time.monotonic() - self._began, 1))
        sys.stdout.write(json_text.dumps(whole, default=str) + "\n")
        sys.stdout.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()


class Lines:
    """A line per change of state, and one at least every 30 s."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._last = time.monotonic()
        self._told: dict[str, str] = {}
        self._done = self._total = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def _line(self, text: str) -> None:
        if not self._screen.quiet:
            self._screen.err.print(text)
        self._last = time.monotonic()

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._total = event.total
        elif isinstance(event, Started):
            usual = f"  ({about(event.usual_s)})" if event.usual_s >= 30 else ""
            self._line(f"  {escape(event.address):<46} {event.verb}{usual}")
        elif isinstance(event, Progress):
            self._progress(event)
        elif isinstance(event, Done):
            self._done += 1
            id = f"  {escape(event.id)}" if len(event.id) <= 40 else ""
            self._line(f"✔ {escape(event.address):<46} {duration(event.elapsed_s)}{id}")
        else:
            self._other(event)

    def _progress(self, event: Progress) -> None:
        changed = self._told.get(event.address) != event.detail
        if changed or time.monotonic() - self._last > _EVERY_SECONDS:
            self._told[event.address] = event.detail
            took = f"{duration(event.elapsed_s)} of {about(event.usual_s)}"
            self._line(f"… {escape(event.address):<46} {took}  {escape(event.detail)}")

    def _other(self, event: Event) -> None:
        if text := sentence(event):
            self._line(text)


def sentence(event: Event) -> str:
    """What is said of the events that are not a resource's progress; "" for nothing."""
    if isinstance(event, ResourceFailed):
        return f"✖ {escape(event.address)}: {escape(event.message)}"
    if isinstance(event, Skipped):
        return f"  {escape(event.address)} waits for {escape(event.because)}"
    if isinstance(event, LeaseWaiting):
        return (
            f"waiting for the lease of {escape(event.holder)}, held since {event.since}; "
            f"it ends in {duration(event.remaining_s)} unless renewed"
        )
    if isinstance(event, LeaseTakenOver):
        left = f", which left {', '.join(event.unfinished)} unfinished" if event.unfinished else ""
        return f"took over the lease of {escape(event.holder)}{escape(left)}"
    if isinstance(event, Notice):
        return escape(event.message)
    if isinstance(event, RunFinished | RunStarted):
        return ""
    return ""
