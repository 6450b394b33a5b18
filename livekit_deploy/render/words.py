"""Durations, values, symbols and wrapped text as all screens write them."""

from __future__ import annotations

import itertools
import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from livekit_deploy.engine.stages import STAGES
from livekit_deploy.render.escaping import escape

SYMBOLS = {
    "create": "[green]+[/]",
    "update": "[yellow]~[/]",
    "delete": "[red]-[/]",
    "resume": "[cyan]…[/]",
    "blocked": "[bold red]![/]",
}
_DAY = 86400
_LONGEST = 60
_LEAD = 12  # characters that are shown before the first difference of two long values
_BELOW = 4
WIDE = 100  # columns from which addresses get more room
_NARROW = 44  # what they get in less
_HELD = "\N{NO-BREAK SPACE}"
#: a program, one or two words, and options with their values
_COMMAND = re.compile(
    r"\b(?:livekit-deploy|python -m livekit_deploy|kubectl)(?: [a-z][\w-]*){1,2}(?: --?\w\S*(?:(?<![,;:]) [^-\s]\S*)?)*"
)
_LEAST = 24  # characters that a column needs to be worth wrapping in


def duration(seconds: float) -> str:
    """``46s``, ``4m12s``, ``1h02m``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def age(since: str, now: datetime) -> str:
    """How long ago a time of RFC 3339 is, in the two units that say most: ``46s``, ``3h05m``, ``12d``; "" for none."""
    if not since:
        return ""
    try:
        passed = max((now - datetime.fromisoformat(since.replace("Z", "+00:00"))).total_seconds(), 0)
    except (ValueError, TypeError):  # no time, or one of nowhere: it is shown as it is
        return since
    return duration(passed) if passed < _DAY else f"{int(passed // _DAY)}d"


def about(seconds: float) -> str:
    """``about 9m``, in the unit that people count in."""
    return f"about {max(round(seconds / 60), 1)}m" if seconds >= 90 else f"about {max(round(seconds), 1)}s"


def plain(given: Any) -> str:
    """A value as text: JSON, but a string without its quotes."""
    if given is None:
        return "(none)"
    return given if isinstance(given, str) else json.dumps(given, default=str, ensure_ascii=False)


def pair(before: Any, after: Any) -> str:
    """``old → new``; of long values the part where they begin to differ."""
    old, new = plain(before), plain(after)
    if max(len(old), len(new)) > _LONGEST:
        same = max(len(_common(old, new)) - _LEAD, 0)
        old, new = _cut(old, same), _cut(new, same)
    return f"{old} → {new}"


def _common(one: str, other: str) -> str:
    return "".join(a for a, _ in itertools.takewhile(lambda both: both[0] == both[1], zip(one, other, strict=False)))


def _cut(text: str, skip: int) -> str:
    part = ("…" + text[skip:]) if skip else text
    return part if len(part) <= _LONGEST else part[: _LONGEST - 1] + "…"


def plural(count: int, word: str) -> str:
    """``1 resource``, ``2 resources``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def ordered(stages: set[str], *, backwards: bool = False) -> list[str]:
    """The stages that there are, in the order of work."""
    known = [stage for stage in STAGES if stage in stages]
    found = [*known, *sorted(stages - set(STAGES))]
    return found[::-1] if backwards else found


def hanging(label: str, text: str, width: int | None, style: str = "") -> Iterator[str]:
    """``label text`` as markup, wrapped at ``width`` with the text's own left edge; ``None`` does not wrap."""
    room = None if width is None else width - len(label)
    for number, line in enumerate(wrapped(text, room)):
        lead = label if number == 0 else " " * len(label)
        yield f"{escape(lead)}[{style}]{escape(line)}[/]" if style else f"{escape(lead)}{escape(line)}"


def address_column(addresses: Iterable[str], width: int | None) -> int:
    """How wide a column of addresses is: as the longest, but in a narrow terminal the few longest push the rest."""
    longest = max(map(len, addresses), default=0)
    return longest if width is None or width >= WIDE else min(longest, _NARROW)


def whole(label: str, value: str, width: int | None) -> Iterator[str]:
    """``label value`` as markup; where ``width`` has no room for both the value stands below, to be copied whole."""
    if width is None or len(label) + len(value) <= width:
        yield f"{escape(label)}{escape(value)}"
    else:
        yield from (escape(label.rstrip()), f"{' ' * _BELOW}{escape(value)}")


def wrapped(text: str, room: int | None) -> list[str]:
    """The lines of a text in ``room`` columns; too little room does not wrap at all, and a command is never cut."""
    if room is None or room < _LEAST:
        return text.splitlines() or [""]
    held = _COMMAND.sub(lambda found: found[0].replace(" ", _HELD), text)
    lines = [
        part.replace(_HELD, " ")
        for line in held.splitlines()
        for part in textwrap.wrap(line, room, break_on_hyphens=False, break_long_words=False) or [""]
    ]
    return lines or [""]
