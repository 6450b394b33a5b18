"""How a run is shown: what every way of it begins with."""

from __future__ import annotations

from typing import Self

from livekit_deploy.engine.plan import Plan
from livekit_deploy.events import Event
from livekit_deploy.operations.report import Report
from livekit_deploy.render.screen import Screen


class Listener:
    """Takes events from worker threads, one at a time; a context for as long as the run lasts.

    This one shows only the plan: it is for a run whose log is on the screen, which says all else as it happens.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def __call__(self, event: Event) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def planned(self, plan: Plan) -> None:
        """What is about to be done."""
        self._screen.plan(plan)

    def finished(self, report: Report) -> None:
        """What was done, where the screen does not say it."""
