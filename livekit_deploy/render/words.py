"""Durations, values and symbols as every screen writes them."""

from __future__ import annotations

import json
from typing import Any

from rich.markup import escape

SYMBOLS = {
    "create": "[green]+[/]",
    "update": "[yellow]~[/]",
    "delete": "[red]-[/]",
    "resume": "[cyan]…[/]",
    "blocked": "[bold red]![/]",
}
_LONGEST = 60


def duration(seconds: float) -> str:
    """``46s``, ``4m12s``, ``1h02m``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def about(seconds: float) -> str:
    """``about 9m``, in the unit that people count in."""
    return f"about {max(round(seconds / 60), 1)}m" if seconds >= 90 else f"about {max(round(seconds), 1)}s"


def value(given: Any) -> str:
    """A value in one short line, safe for markup."""
    if given is None:
        return "(none)"
    text = given if isinstance(given, str) else json.dumps(given, default=str, ensure_ascii=False)
    return escape(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def plural(count: int, word: str) -> str:
    """``1 resource``, ``2 resources``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
