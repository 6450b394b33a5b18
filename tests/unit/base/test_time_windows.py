"""Windows of time: how long they last, and whether a daily and a weekly one meet."""

from __future__ import annotations

import pytest

from livekit_deploy.base.time_windows import is_weekly, minutes, overlap


@pytest.mark.parametrize(
    ("window", "lasts"), [("05:00-06:00", 60), ("23:30-00:30", 60), ("05:00-05:00", 0), ("05:01-05:00", 1439)]
)
def test_a_window_may_go_past_midnight(window: str, lasts: int) -> None:
    assert minutes(window) == lasts


@pytest.mark.parametrize("text", ["", "None", "05:00-06:00", "sun:05:00", "sun:5:00-sun:06:00", "day:05:00-sun:06:00"])
def test_what_is_no_weekly_window_is_known(text: str) -> None:
    assert is_weekly("sun:23:00-mon:01:30")
    assert not is_weekly(text)


@pytest.mark.parametrize(
    ("daily", "weekly", "meet"),
    [
        ("05:00-06:00", "sun:06:00-sun:07:00", False),
        ("05:00-06:00", "sun:04:00-sun:05:00", False),
        ("05:00-06:01", "sun:06:00-sun:07:00", True),
        ("05:00-06:00", "sun:04:00-sun:05:01", True),
        ("23:30-00:30", "sun:23:00-mon:01:30", True),
        ("23:30-00:30", "mon:00:00-mon:01:00", True),
        ("23:30-00:30", "sun:00:30-sun:01:30", False),
        ("12:00-13:00", "sun:23:00-mon:01:30", False),
        ("12:00-13:00", "sat:23:00-mon:01:30", True),
        ("12:00-13:00", "sun:11:00-mon:11:30", True),
    ],
)
def test_a_daily_and_a_weekly_window_meet_where_they_have_a_minute_in_common(
    daily: str, weekly: str, meet: bool
) -> None:
    assert overlap(daily, weekly) is meet
