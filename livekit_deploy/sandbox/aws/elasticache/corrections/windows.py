"""When snapshots are taken and when ElastiCache maintains a group: a daily and a weekly window, which may not meet.

Sources: ElastiCache API reference, CreateReplicationGroup (SnapshotWindow, PreferredMaintenanceWindow); its answers
"Snapshot window must be at least 60 minutes" and "The snapshot window and maintenance window must not overlap".
"""

from __future__ import annotations

from livekit_deploy.sandbox.aws.elasticache.wire import refused

_DAY, _WEEK = 24 * 60, 7 * 24 * 60
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_HOURS = (7, 3)  # at which maintenance begins: the first that leaves the snapshots alone
_LEAST = 60


def chosen(daily: str | None, weekly: str | None) -> tuple[str, str]:
    """Both windows of a group: what was asked for, and what ElastiCache chooses for the rest."""
    maintenance = weekly or next(one for one in map(_sunday, _HOURS) if not (daily and _minutes(daily) & _minutes(one)))
    hours = (f"{hour:02}:00-{hour + 1:02}:00" for hour in (5, 9))
    snapshots = daily or next(one for one in hours if not _minutes(one) & _minutes(maintenance))
    return checked(snapshots, maintenance)


def checked(daily: str, weekly: str) -> tuple[str, str]:
    """Both as they are; refuses what ElastiCache refuses of them."""
    for name, lasts in (("Snapshot", len(_minutes(daily)) // 7), ("Maintenance", len(_minutes(weekly)))):
        if lasts < _LEAST:
            raise refused("InvalidParameterValue", f"{name} window must be at least {_LEAST} minutes.")
    if _minutes(daily) & _minutes(weekly):
        raise refused("InvalidParameterValue", "The snapshot window and maintenance window must not overlap.")
    return daily, weekly


def _sunday(hour: int) -> str:
    return f"sun:{hour:02}:00-sun:{hour + 1:02}:00"


def _minutes(window: str) -> set[int]:
    """Every minute of the week that is in a window."""
    begin, end = window.split("-")
    if begin.count(":") == 2:
        first, last = _of_week(begin), _of_week(end)
        return {(first + one) % _WEEK for one in range((last - first) % _WEEK)}
    first, last = _of_day(begin), _of_day(end)
    return {(day * _DAY + first + one) % _WEEK for day in range(7) for one in range((last - first) % _DAY)}


def _of_day(time: str) -> int:
    hour, minute = map(int, time.split(":"))
    return hour * 60 + minute


def _of_week(time: str) -> int:
    day, _, rest = time.partition(":")
    return _DAYS.index(day) * _DAY + _of_day(rest)
