"""Renders an error: what failed, why, what is kept, and the next command."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from livekit_deploy.checks.finding import Finding
from livekit_deploy.errors import AnsweredError, DeployError, Incomplete, ResourceError, VerifyFailed
from livekit_deploy.operations.report import Report
from livekit_deploy.render import findings, format_version
from livekit_deploy.render.escaping import escape
from livekit_deploy.render.reports import left_lines
from livekit_deploy.render.screen import Screen
from livekit_deploy.render.words import hanging, plural, wrapped

_MOST = 8


def show(error: DeployError, *, json: bool, plain: bool) -> None:
    """Write it to stderr; as one JSON line to stdout with ``json``."""
    if json:
        sys.stdout.write(format_version.line(as_json(error)))
        return
    screen = Screen(color=not plain)
    for line in lines(error, screen.err.width if screen.err.is_terminal else None):
        screen.err.print(line)


def as_json(error: DeployError) -> dict[str, Any]:
    """The error as plain values."""
    found: dict[str, Any] = {
        "type": "error",
        "error": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "likely": error.likely,
    }
    if isinstance(error, AnsweredError):
        found |= {"code": error.code, "request_id": error.request_id}
    if isinstance(error, ResourceError):
        found["address"] = error.address
    if isinstance(error, VerifyFailed):
        found |= findings.as_json(_findings(error))
    if isinstance(error, Incomplete):
        report = _report(error)
        found["failed"] = {address: as_json(one) for address, one in report.failed.items()}
        found["skipped"] = dict(report.skipped)
        found["kept"] = report.kept
        found["leftovers"] = [asdict(one) for one in report.leftovers]
    return found


def lines(error: DeployError, width: int | None = None) -> Iterator[str]:
    """The block of an error; ``width`` is where tables wrap."""
    if isinstance(error, Incomplete):
        yield from _incomplete(error, width)
        return
    yield from _what(error.message, width)
    yield from _why(error, width)
    if isinstance(error, VerifyFailed):
        yield from findings.lines(_findings(error), width)
    if error.hint:
        yield from hanging("  next    ", error.hint, width)


def _what(text: str, width: int | None) -> Iterator[str]:
    """What failed, after its tag."""
    for number, line in enumerate(wrapped(text, None if width is None else width - 2)):
        yield f"{'[bold red]✖[/]' if number == 0 else ' '} {escape(line)}"


def _findings(error: VerifyFailed) -> list[Finding]:
    return [one for one in error.findings if isinstance(one, Finding)]


def _why(error: DeployError, width: int | None) -> Iterator[str]:
    """AWS's code for it, and what is likely behind it."""
    if isinstance(error, AnsweredError) and (error.code or error.request_id):
        request = f"request {error.request_id}" if error.request_id else ""
        yield from hanging("  why     ", ", ".join(filter(None, (error.code, request))), width)
    if error.likely:
        yield from hanging("  likely  ", error.likely, width)


def _report(error: Incomplete) -> Report:
    assert isinstance(error.report, Report)
    return error.report


def _incomplete(error: Incomplete, width: int | None) -> Iterator[str]:
    report = _report(error)
    yield ""
    for address, one in list(report.failed.items())[:_MOST]:
        yield from _what(f"{address}: {one.message.removeprefix(f'{address} ')}", width)
        yield from _why(one, width)
        if one.hint:
            yield from hanging("  next    ", one.hint, width)
    if (more := len(report.failed) - _MOST) > 0:
        yield f"  and {more} more"
    if report.skipped:
        yield f"  waits   {plural(len(report.skipped), 'resource')} that come after"
    if report.command == "down":
        yield from left_lines(report) if report.leftovers else ()
    else:
        yield f"  kept    {plural(report.kept, 'resource')} are up and recorded"
    yield from hanging("  then    ", error.hint, width)
