"""When a job is due: cron's five fields, which systemd's timers are told in their own words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bulkops.errors import ConfigError

WORDS = {"hourly": "0 * * * *", "daily": "0 0 * * *", "weekly": "0 0 * * 0", "monthly": "0 0 1 * *"}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART = re.compile(r"(?P<all>\*)|(?P<first>\w+)(?:-(?P<last>\w+))?")


@dataclass(frozen=True, slots=True)
class _Field:
    what: str
    least: int
    most: int
    names: Sequence[str] = ()

    def read(self, text: str) -> frozenset[int]:
        """The numbers that `text` means. Raises ConfigError."""
        return frozenset(number for part in text.split(",") for number in self._part(part))

    def _part(self, text: str) -> range:
        span, slash, step = text.partition("/")
        match = _PART.fullmatch(span)
        if match is None or (slash and not re.fullmatch(r"[1-9]\d{0,2}", step)):
            raise self._fault(text)
        if match["all"]:
            first, last = self.least, self.most
        else:
            first = self._number(match["first"], text)
            last = self._number(match["last"], text) if match["last"] else first
            if slash and not match["last"]:
                raise self._fault(text)  # cron programs do not agree on what 5/10 means
        if first > last:
            raise self._fault(text)
        return range(first, last + 1, int(step or 1))

    def _number(self, text: str, part: str) -> int:
        if text.lower() in self.names:
            return self.names.index(text.lower()) + self.least
        if not re.fullmatch(r"\d{1,2}", text, re.ASCII) or not self.least <= int(text) <= self.most:
            raise self._fault(part)
        return int(text)

    def _fault(self, part: str) -> ConfigError:
        names = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
        return ConfigError(
            f"{part!r} is no {self.what}: expected {self.least} to {self.most}{names}, ranges as 1-5, lists as 1,15, "
            f"steps as */10, or *"
        )


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Moments of local time. `cron` is the five fields as they were written, parted by one space each."""

    cron: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday

    def on_calendar(self) -> list[str]:
        """The same for systemd. Cron runs when either kind of day fits, systemd when both do: that makes two lines."""
        clock = f"{_listed(self.hours, _FIELDS[1])}:{_listed(self.minutes, _FIELDS[0])}:00"
        months = _listed(self.months, _FIELDS[3])
        any_day, any_weekday = len(self.days) == 31, len(self.weekdays) == 7
        lines = []
        if not any_weekday:
            names = ",".join(_DAYS[day].capitalize() for day in sorted(self.weekdays))
            lines.append(f"{names} *-{months}-* {clock}")
        if not any_day or any_weekday:
            lines.append(f"*-{months}-{_listed(self.days, _FIELDS[2])} {clock}")
        return lines


def parse_calendar(text: str) -> Calendar:
    """`0 6 * * 1`, or one of `hourly`, `daily`, `weekly`, `monthly`. Raises ConfigError, saying what is wrong."""
    fields = WORDS.get(text.strip().removeprefix("@"), text).split()
    if len(fields) != len(_FIELDS):
        raise ConfigError(
            f"{text!r}: expected five fields (minute, hour, day of the month, month, day of the week), such as "
            f"'0 6 * * 1' for Mondays at six, or one of {', '.join(WORDS)}"
        )
    minutes, hours, days, months, week = (field.read(text) for field, text in zip(_FIELDS, fields, strict=True))
    if fields[2] != "*" and fields[4] != "*" and (fields[2].startswith("*") or fields[4].startswith("*")):
        raise ConfigError(
            f"{text!r}: cron programs do not agree on what a step of all days means beside a day of the other kind: "
            f"list the days"
        )
    weekdays = frozenset(day % 7 for day in week)
    if len(weekdays) == 7 and not any(day <= _LONGEST[month - 1] for day in days for month in months):
        raise ConfigError(f"{text!r}: no month of these has such a day, so it would never come")
    return Calendar(" ".join(fields), minutes, hours, days, months, weekdays)


def _listed(numbers: frozenset[int], field: _Field) -> str:
    if len(numbers) == field.most - field.least + 1:
        return "*"
    return ",".join(f"{number:02}" for number in sorted(numbers))
