"""The table that the kill suite ends with: what was tried, what was lost and what was left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


def tell(reporter: pytest.TerminalReporter) -> None:
    """Write it, where a test of the suite has run."""
    rows: dict[str, list[int]] = {}
    for name, *figures in _rows(reporter):
        rows[name] = [old + new for old, new in zip(rows.get(name, [0] * len(figures)), figures, strict=True)]
    if not rows:
        return
    reporter.section("killed, then run again")
    line = "{:36}{:>12}{:>12}{:>8}{:>10}{:>12}"
    reporter.line(line.format("scenario", "boundaries", "recoveries", "passed", "orphans", "duplicates"))
    total = [sum(column) for column in zip(*rows.values(), strict=True)]
    for name, figures in [*sorted(rows.items()), ("all", total)]:
        reporter.line(line.format(name, *figures))


def _rows(reporter: pytest.TerminalReporter) -> Iterator[list[Any]]:
    for reports in reporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                yield from (value for name, value in report.user_properties if name == "kill")
