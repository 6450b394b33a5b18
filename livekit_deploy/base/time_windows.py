"""Windows of time as AWS writes them: every day ``05:00-06:00``, every week ``sun:23:00-mon:01:30``."""

from __future__ import annotations

import re

_DAY = 24 * 60
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOMENT = rf"({'|'.join(_DAYS)}):\d\d:\d\d"
_WEEKLY = re.compile(f"{_MOMENT}-{_MOMENT}", re.ASCII)


def is_weekly(text: str) -> bool:
    """Whether a text from outside is a weekly window."""
    return _WEEKLY.fullmatch(text) is not None


def minutes(window: str) -> int:
    """How long a daily window lasts, which may go past midnight."""
    begin, end = map(_minute, window.split("-"))
    return (end - begin) % _DAY


def overlap(daily: str, weekly: str) -> bool:
    """Whether a daily and a weekly window have a minute in common."""
    begin = _minute(daily.split("-")[0])
    first, last = map(_minute_of_week, weekly.split("-"))
    lasts = (last - first) % (7 * _DAY)
    return (first - begin) % _DAY < minutes(daily) or (begin - first) % _DAY < lasts


def _minute(time: str) -> int:
    hour, minute = time.split(":")
    return int(hour) * 60 + int(minute)


def _minute_of_week(time: str) -> int:
    day, _, rest = time.partition(":")
    return _DAYS.index(day) * _DAY + _minute(rest)
