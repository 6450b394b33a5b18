"""Renders the cluster's events as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from livekit_deploy.k8s.cluster_events import ClusterEvent
from livekit_deploy.render.escaping import escape
from livekit_deploy.render.words import age, wrapped

_BELOW = " " * 8  # under the type


def table(found: Sequence[ClusterEvent], width: int | None, now: datetime | None = None) -> Iterator[str]:
    """A row each, its message below it where there is no room beside; the newest last."""
    if not found:
        yield "the cluster has no events of LiveKit: it forgets them after an hour"
        return
    moment = now or datetime.now(UTC)
    reasons = max(len(one.reason) for one in found)
    objects = max(len(one.about) for one in found)
    room = (width or 0) - len("  seen  Warning  ") - reasons - objects - 2 * len("  ")
    yield f"[bold]{'seen':>6}  {'type':<7}  {'reason':<{reasons}}  {'object':<{objects}}  message[/]"
    for one in found:
        type = f"[yellow]{one.type:<7}[/]" if one.type == "Warning" else escape(f"{one.type:<7}")
        seen = escape(f"{age(one.at, moment):>6}")
        lead = f"{seen}  {type}  {escape(f'{one.reason:<{reasons}}  {one.about:<{objects}}')}"
        message = f"{one.message} (x{one.count})" if one.count > 1 else one.message
        if width is None or room >= len(message):
            yield f"{lead}  {escape(message)}"
        else:
            yield lead.rstrip()
            yield from (f"{_BELOW}{escape(part)}" for part in wrapped(message, width - len(_BELOW)))
