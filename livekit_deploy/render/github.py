"""GitHub Actions: a group for the run, annotations for what failed, and a step summary.

Source: GitHub documentation, "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

from livekit_deploy.events import Done, Event, ResourceFailed, RunFinished, RunStarted
from livekit_deploy.render.progress import Lines
from livekit_deploy.render.words import duration

if TYPE_CHECKING:
    from livekit_deploy.render.screen import Screen


class GitHub(Lines):
    """Lines in a group; what failed becomes an annotation, and all of it a summary."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen)
        self._rows: list[str] = []

    def __enter__(self) -> Self:
        self._command("group", "", "resources")
        return self

    def __exit__(self, *_: object) -> None:
        self._command("endgroup", "", "")
        if (path := os.environ.get("GITHUB_STEP_SUMMARY")) and self._rows:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write("\n".join(self._rows) + "\n")

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        if isinstance(event, RunStarted):
            self._rows += [f"### {event.command} {event.env}", "", "| resource | result | time |", "|---|---|---|"]
        elif isinstance(event, Done):
            self._rows.append(f"| `{event.address}` | {event.verb} | {duration(event.elapsed_s)} |")
        elif isinstance(event, ResourceFailed):
            self._rows.append(f"| `{event.address}` | **failed** | {duration(event.elapsed_s)} |")
            self._command("error", f"title={event.address}", event.message)
        elif isinstance(event, RunFinished):
            counts = f"{event.created} created, {event.updated} updated, {event.deleted} deleted, {event.failed} failed"
            self._rows += ["", f"{counts} in {duration(event.elapsed_s)}"]

    def _command(self, name: str, properties: str, text: str) -> None:
        """``::name properties::text``, with what would end it escaped."""
        safe = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        sys.stderr.write(f"::{name}{' ' + properties if properties else ''}::{safe}\n")
