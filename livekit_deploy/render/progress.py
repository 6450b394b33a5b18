"""A run as it goes on: a live view on a terminal, lines elsewhere, events in JSON, groups in GitHub Actions, a log."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol, Self

from livekit_deploy.clock import Clock
from livekit_deploy.events import (
    Event,
    Kept,
    KeyChanged,
    LeaseTakenOver,
    LeaseWaiting,
    Looked,
    Notice,
    ResourceFailed,
    Skipped,
)
from livekit_deploy.render.harmless import escape
from livekit_deploy.render.words import duration

if TYPE_CHECKING:
    from livekit_deploy.engine.plan import Plan
    from livekit_deploy.render.screen import Screen
    from livekit_deploy.report import Report


class Listener(Protocol):
    """Takes events from worker threads, one at a time; a context for as long as the run lasts."""

    def __call__(self, event: Event) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def planned(self, plan: Plan) -> None:
        """What is about to be done."""
        ...

    def finished(self, report: Report) -> None:
        """What was done."""
        ...


class Unshown:
    """For a run whose log is on the screen: that says it all, in the order in which it happens."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def __call__(self, event: Event) -> None: ...

    def planned(self, plan: Plan) -> None: ...

    def finished(self, report: Report) -> None: ...


def listener(screen: Screen, *, json: bool, clock: Clock) -> Listener:
    """The right one for where this runs; ``clock`` is the run's own."""
    if json:
        from livekit_deploy.render.json_lines import JsonLines

        return JsonLines(clock)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from livekit_deploy.render.github import GitHub

        return GitHub(screen, clock)
    if screen.verbose:
        return Unshown()
    if screen.live:
        from livekit_deploy.render.live import LiveView

        return LiveView(screen, clock)
    from livekit_deploy.render.lines import Lines

    return Lines(screen, clock)


def sentence(event: Event) -> str:
    """What is said, as markup, of the events that are not a resource's progress; "" for nothing."""
    if isinstance(event, ResourceFailed):
        return f"[bold red]✖[/] {escape(event.address)}: {escape(event.message.removeprefix(f'{event.address} '))}"
    if isinstance(event, Kept):
        return f"[yellow]![/] {escape(event.address)} ({escape(event.id)}) stays: {escape(event.why)}"
    if isinstance(event, Skipped):
        return f"  {escape(event.address)} is not tried: {escape(event.because)} comes before it"
    if isinstance(event, LeaseWaiting):
        return (
            f"waiting for the lease of {escape(event.holder)}, held since {escape(event.since)}; "
            f"it ends in {duration(event.remaining_s)} unless renewed"
        )
    if isinstance(event, LeaseTakenOver):
        left = f", which left {', '.join(event.unfinished)} unfinished" if event.unfinished else ""
        return f"took over the lease of {escape(event.holder)}{escape(left)}"
    if isinstance(event, Looked):
        return escape("; ".join(f"{check}: {seen}" for check, seen in event.failing.items()))
    if isinstance(event, KeyChanged):
        return (
            f"[green]✔[/] the key {escape(event.key)} ({escape(event.name)}) is {escape(event.verb)} in Secrets Manager"
        )
    if isinstance(event, Notice):
        return escape(f"{'warning: ' if event.level == 'warning' else ''}{event.message}")
    return ""
