"""Output for GitHub Actions: a group for the run, annotations for failures, a step summary, and outputs.

Source: GitHub documentation, "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from livekit_deploy.base.clock import Clock
from livekit_deploy.engine.plan import Plan
from livekit_deploy.events import Done, Event, ResourceFailed, RunFinished, RunStarted
from livekit_deploy.operations.report import Report
from livekit_deploy.render import escaping
from livekit_deploy.render.escaping import code, prose
from livekit_deploy.render.lines import Lines
from livekit_deploy.render.markdown import plan_markdown
from livekit_deploy.render.screen import Screen
from livekit_deploy.render.words import duration


class GitHub(Lines):
    """Lines in a group; what failed becomes an annotation, and all of it a summary."""

    def __init__(self, screen: Screen, clock: Clock) -> None:
        super().__init__(screen, clock)
        self._rows: list[str] = []

    def __enter__(self) -> Self:
        command("group", "what is done")
        super().__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        command("endgroup", "")
        summarize(self._rows)

    def finished(self, report: Report) -> None:
        """Where it answers, or what is left, under the table."""
        if url := report.outputs.get("livekit.url"):
            summarize(["", f"LiveKit answers at {code(str(url))}"])
            output("livekit-url", str(url))
        for one in report.in_progress:
            summarize(["", f"Unfinished: {code(one)}"])
        for address, (said, remedy) in report.warnings.items():
            command("warning", f"{said}; {remedy}" if remedy else said, title=address)
        if report.command == "down":
            summarize(["", f"leftovers: {len(report.leftovers)}", *(f"- {code(str(one))}" for one in report.leftovers)])
            for what, why in report.unseen.items():
                command("warning", f"it is not known whether any is left: {why}", title=what)

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        if isinstance(event, RunStarted):
            self._rows += [
                f"### {prose(event.command)} {prose(event.env)}",
                "",
                "| resource | result | time |",
                "|---|---|---|",
            ]
        elif isinstance(event, Done):
            self._rows.append(f"| {code(event.address)} | {prose(event.verb)} | {duration(event.elapsed_s)} |")
        elif isinstance(event, ResourceFailed):
            self._rows.append(f"| {code(event.address)} | **failed** | {duration(event.elapsed_s)} |")
            command("error", event.message, title=event.address)
        elif isinstance(event, RunFinished):
            counts = f"{event.created} created, {event.updated} updated, {event.deleted} deleted, {event.failed} failed"
            self._rows += ["", f"{counts} in {duration(event.elapsed_s)}"]


def here() -> bool:
    """Whether this runs in GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def planned(plan: Plan) -> None:
    """The plan in the step's summary, and how many changes it has as the output ``changes``."""
    summarize([plan_markdown(plan)])
    output("changes", str(len(plan.changes)))


def command(name: str, text: str, *, title: str = "") -> None:
    """Write ``::name title=…::text`` to stderr, with what would end it escaped."""
    named = f" title={escaping.title(title)}" if title else ""
    sys.stderr.write(f"::{name}{named}::{escaping.parameter(text)}\n")
    sys.stderr.flush()


def summarize(rows: Iterable[str]) -> None:
    """Add lines to the step's summary, where there is one."""
    if text := "\n".join(rows):
        _append("GITHUB_STEP_SUMMARY", text)


def output(name: str, value: str) -> None:
    """Give a value to later steps, as ``steps.ID.outputs.NAME``; it is one line."""
    _append("GITHUB_OUTPUT", f"{name}={escaping.line(value)}")


def _append(variable: str, text: str) -> None:
    path = os.environ.get(variable)
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text + "\n")
    except OSError as error:
        command("warning", f"{variable} cannot be written: {error.strerror}")
