"""Renders the findings of checks as a table, with cause and remedy for each failure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from livekit_deploy.checks.finding import Finding, Verdict, failed, unfinished
from livekit_deploy.render.words import hanging, plural

_MARKS = {
    Verdict.OK: "[green]✔[/]",
    Verdict.UNFINISHED: "[yellow]…[/]",
    Verdict.WARNING: "[yellow]![/]",
    Verdict.FAILED: "[bold red]✖[/]",
    Verdict.SKIPPED: "[dim]·[/]",
}
_MARK_WIDTH = len("  ✔ ")


def lines(findings: Sequence[Finding], width: int | None) -> Iterator[str]:
    """The table; ``width`` is where to wrap, None for nowhere."""
    column = max((len(one.check) for one in findings), default=0) + 2
    room = None if width is None else width - _MARK_WIDTH
    for one in findings:
        style = "dim" if one.verdict is Verdict.SKIPPED else ""
        for number, line in enumerate(hanging(f"{one.check:<{column}}", one.seen, room, style)):
            yield f"  {_MARKS[one.verdict] if number == 0 else ' '} {line}"
        if one.verdict in (Verdict.FAILED, Verdict.UNFINISHED, Verdict.WARNING):
            for label, text in (("cause", one.cause), ("remedy", one.remedy)):
                if text:
                    said = hanging(f"{label:<8}", text, None if room is None else room - column)
                    yield from (f"    {' ' * column}{line}" for line in said)


def summary(findings: Sequence[Finding]) -> str:
    """How many hold."""
    wrong, going_on = len(failed(findings)), len(unfinished(findings))
    warned = sum(one.verdict is Verdict.WARNING for one in findings)
    findings = [one for one in findings if one.verdict is not Verdict.WARNING]
    beside = f", {plural(warned, 'warning')}" if warned else ""
    skipped = sum(one.verdict is Verdict.SKIPPED for one in findings)
    if not wrong and not going_on:
        return f"[bold green]✔[/] {plural(len(findings), 'check')}, all hold{beside}"
    if not wrong:
        held, of = len(findings) - going_on, plural(len(findings), "check")
        return f"[yellow]…[/] {held} of {of} hold, {going_on} unfinished{beside}"
    rest = f", {skipped} skipped" if skipped else ""
    return f"[bold red]✖[/] {wrong} of {plural(len(findings), 'check')} failed{rest}{beside}"


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """The same as plain values."""
    return {"ok": not failed(findings), "findings": [asdict(one) for one in findings]}
