"""Renders the monthly cost under a plan."""

from __future__ import annotations

from collections.abc import Iterator

from livekit_deploy.engine.estimate import Estimate, dollars
from livekit_deploy.render.escaping import line
from livekit_deploy.render.words import hanging

_NOT_COUNTED = "traffic, logs, backups and load balancer capacity units not counted"


def lines(cost: Estimate | None, width: int | None) -> Iterator[str]:
    """The estimate, what it leaves out, and whether that keeps a limit from being held; nothing where all is free."""
    if cost is None:
        return
    if cost.lines:
        yield from hanging("", line(f"About {brief(cost)} ({cost.sources}; {_NOT_COUNTED})."), width)
    if cost.usd_participant_hour and cost.usd_month and not cost.usd_month_now:
        yield from hanging("", _traffic(cost, cost.usd_participant_hour), width)
    if cost.unpriced:
        missing = "; ".join(map(str, cost.unpriced))
        why = f" AWS's price list was not read: {cost.not_told}." if cost.not_told else ""
        yield from hanging("", line(f"Not counted, as no price is known: {missing}.{why}"), width)
    if cost.guard and cost.guard.verdict == "unheld":
        yield from hanging("Warning: ", f"{cost.guard.text}.", width, "bold yellow")


def _traffic(cost: Estimate, usd: float) -> str:
    """Said once, when an environment is made: it may well be the largest part of the bill."""
    unguarded = ", and guard.max_monthly_cost does not guard it" if cost.guard else ""
    return (
        f"Traffic out comes on top{unguarded}: about ${usd:.2f} an hour for each 720p picture that somebody receives."
    )


def brief(cost: Estimate) -> str:
    """``$412 a month, $38 more with this plan``."""
    now, after, change = cost.usd_month_now, cost.usd_month, cost.usd_change
    if not after:
        return f"{dollars(now)} a month less with this plan"
    if not now:
        return f"{dollars(after)} a month with this plan"
    if not change:
        return f"{dollars(after)} a month"
    return f"{dollars(after)} a month, {'+' if change > 0 else '-'}{dollars(abs(change))} with this plan"
