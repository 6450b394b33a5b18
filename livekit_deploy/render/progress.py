"""Chooses how a run is shown: live on a terminal, else lines, JSON events, GitHub groups, and the log."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from livekit_deploy.base.clock import Clock
from livekit_deploy.render.listener import Listener

if TYPE_CHECKING:
    from livekit_deploy.render.screen import Screen


def listener(screen: Screen, *, json: bool, clock: Clock) -> Listener:
    """The right one for where this runs; ``clock`` is the run's own."""
    if json:
        from livekit_deploy.render.json_lines import JsonLines

        return JsonLines(clock)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from livekit_deploy.render.github import GitHub

        return GitHub(screen, clock)
    if screen.verbose:
        return Listener(screen)
    if screen.live:
        from livekit_deploy.render.live import LiveView

        return LiveView(screen, clock)
    from livekit_deploy.render.lines import Lines

    return Lines(screen, clock)
