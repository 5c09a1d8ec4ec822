"""Cron's five fields, and the same moments in systemd's words."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkops.errors import ConfigError
from bulkops.wiring.calendars import Calendar, parse_calendar

NEEDS_SYSTEMD = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="asks systemd itself")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("0 6 * * 1", ["Mon *-*-* 06:00:00"]),
        ("daily", ["*-*-* 00:00:00"]),
        ("@weekly", ["Sun *-*-* 00:00:00"]),
        ("*/15 8-17 * * mon-fri", ["Mon,Tue,Wed,Thu,Fri *-*-* 08,09,10,11,12,13,14,15,16,17:00,15,30,45:00"]),
        ("30 22 1,15 * *", ["*-*-01,15 22:30:00"]),
        ("0 0 13 * fri", ["Fri *-*-* 00:00:00", "*-*-13 00:00:00"]),
        ("0 12 29 feb *", ["*-02-29 12:00:00"]),
        ("5 4 * jan-mar/2 7", ["Sun *-01,03-* 04:05:00"]),
    ],
)
def test_the_same_moments_in_the_words_of_systemd(text: str, lines: list[str]) -> None:
    """Where both kinds of day are named cron takes either, so systemd is told both."""
    assert parse_calendar(text).on_calendar() == lines


@pytest.mark.parametrize(
    "text",
    [
        "", "6", "0 6 * *", "0 6 * * * root", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *",
        "* * * * 8", "5-1 * * * *", "*/0 * * * *", "5/10 * * * *", "a * * * *", "1,,2 * * * *", "* * L * *",
        "* * * * mon#1", "0 0 30 2 *", "0 0 31 4,6 *", "0 0 */2 * mon", "-1 * * * *", "١ * * * *", "1-2-3 * * * *",
        "@reboot",
    ],
)  # fmt: skip
def test_what_cannot_be_or_is_understood_differently_is_refused(text: str) -> None:
    """Also what would never come."""
    with pytest.raises(ConfigError):
        parse_calendar(text)


def fields() -> st.SearchStrategy[str]:
    """Five fields that cron takes."""

    def one(least: int, most: int) -> st.SearchStrategy[str]:
        number = st.integers(least, most)
        span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
        part = st.one_of(
            number.map(str), span, st.tuples(span, st.integers(1, 9)).map(lambda one: f"{one[0]}/{one[1]}")
        )
        return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))

    return st.tuples(one(0, 59), one(0, 23), one(1, 28), one(1, 12), one(0, 7)).map(" ".join)


def due(calendar: Calendar, at: datetime) -> bool:
    """Whether cron would run at `at`, by its own rule for the two kinds of day."""
    day, weekday = at.day in calendar.days, (at.weekday() + 1) % 7 in calendar.weekdays
    whole = len(calendar.days) == 31, len(calendar.weekdays) == 7
    right_day = (day and weekday) if any(whole) else (day or weekday)
    return at.minute in calendar.minutes and at.hour in calendar.hours and at.month in calendar.months and right_day


@NEEDS_SYSTEMD
@settings(max_examples=25, deadline=None)
@given(text=fields(), minute=st.integers(0, 4 * 366 * 24 * 60))
def test_systemd_comes_at_the_moments_of_cron(text: str, minute: int) -> None:
    """The next moment by systemd's own reckoning is due by cron's rule, and nothing between was."""
    calendar = parse_calendar(text)
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    found = []
    for line in calendar.on_calendar():
        done = subprocess.run(
            ["systemd-analyze", "calendar", f"{line} UTC", "--base-time", f"{start:%Y-%m-%d %H:%M:%S} UTC"],
            capture_output=True, text=True, check=True, env={"TZ": "UTC", "LC_ALL": "C", "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        told = next(row.split(": ", 1)[1] for row in done.stdout.splitlines() if "Next elapse" in row)
        found.append(datetime.strptime(told, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC))
    first = min(found)
    assert first > start
    assert due(calendar, first)
    between = (
        start + timedelta(minutes=step) for step in range(1, min(20_000, int((first - start).total_seconds() // 60)))
    )
    assert not any(due(calendar, at) for at in between)
