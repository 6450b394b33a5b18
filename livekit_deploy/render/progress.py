"""Chooses how a run is shown: live on a terminal, else lines, JSON events, GitHub groups, and the log."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol, Self

from livekit_deploy.base.clock import Clock
from livekit_deploy.events import Event

if TYPE_CHECKING:
    from livekit_deploy.engine.plan import Plan
    from livekit_deploy.operations.report import Report
    from livekit_deploy.render.screen import Screen


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


class NullListener:
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
        return NullListener()
    if screen.live:
        from livekit_deploy.render.live import LiveView

        return LiveView(screen, clock)
    from livekit_deploy.render.lines import Lines

    return Lines(screen, clock)
