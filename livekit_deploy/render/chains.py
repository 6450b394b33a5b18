"""Renders the longest chain: of a run with its durations, or as it is expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from livekit_deploy.base.timing import Spent, Timing
from livekit_deploy.engine.critical_path import Step
from livekit_deploy.render.escaping import escape
from livekit_deploy.render.words import duration, plural

_CAUSES = ("queued", "calling", "waiting", "writing")
_CELL = 8
_WORTH_A_ROW = 0.02  # of the whole
_MOST = 8


def run_lines(chain: Sequence[Timing], width: int | None, *, every: bool) -> Iterator[str]:
    """Where the time of a run went; what is short is one row, unless ``every`` one is to be shown."""
    whole = sum(one.spent.total for one in chain)
    if not whole:
        return
    longest = sorted(chain, key=lambda one: -one.spent.total)[:_MOST]
    shown = [one for one in chain if every or (one in longest and one.spent.total >= _WORTH_A_ROW * whole)]
    column = _column([one.address for one in shown], width, _CELL * 5)
    yield _head(f"longest chain {duration(whole)}", column)
    for one in shown:
        yield _row(one.address, column, one.spent.total, "", one.spent)
    if short := [one.spent.total for one in chain if one not in shown]:
        yield f"  [dim]… and {len(short)} more, {duration(sum(short))} together (-v shows all)[/]"


def expected_lines(chain: Sequence[Step], width: int | None) -> Iterator[str]:
    """What `up` from nothing waits for, and how that is known."""
    column = _column([step.address for step in chain], width, _CELL * 5 + _KNOWN)
    whole = f"longest chain {duration(sum(step.seconds for step in chain))}"
    yield _head(whole, column + _KNOWN) if any(step.spent for step in chain) else f"[bold]{whole}[/]"
    for step in chain:
        known = f"{plural(step.runs, 'run')}" if step.runs else "expected"
        yield _row(step.address, column, step.seconds, f"  {known:<{_KNOWN - 2}}", step.spent)


_KNOWN = 10


def _column(addresses: Sequence[str], width: int | None, beside: int) -> int:
    longest = max(map(len, addresses), default=0)
    return longest if width is None else max(min(longest, width - beside - 2), 1)


def _head(title: str, column: int) -> str:
    causes = "".join(f"{cause:>{_CELL}}" for cause in _CAUSES)
    return f"[bold]{title:<{column + 2 + _CELL}}[/][dim]{causes}[/]"


def _row(address: str, column: int, seconds: float, known: str, spent: Spent | None) -> str:
    name = address if len(address) <= column else f"{address[: column - 1]}…"
    cells = "".join(f"{duration(getattr(spent, cause)):>{_CELL}}" for cause in _CAUSES) if spent else ""
    return f"  {escape(name):<{column}}{duration(seconds):>{_CELL}}{known}{cells}".rstrip()
