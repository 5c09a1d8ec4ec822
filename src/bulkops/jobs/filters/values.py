"""What stands on either side of a comparison: kinds of columns, constants, and the values of rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from bulkops.errors import FilterError
from bulkops.jobs.names import clip

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


class ColumnType(Enum):
    """What a column holds; the values are the words that messages use."""

    TEXT = "a text"
    TEXTS = "a list of texts"
    NUMBER = "a number"
    FLAG = "true or false"
    DATE = "a date"


class Decision(Enum):
    """Whether a row is meant. UNDECIDED: it hangs on a value that the row does not have."""

    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Day:
    """A whole day in UTC."""

    date: date

    def bounds(self, _now: datetime) -> tuple[datetime, datetime]:
        """Its first moment and the first one after it."""
        start = datetime.combine(self.date, time(), UTC)
        return start, LATEST if self.date == date.max else start + timedelta(days=1)

    def __str__(self) -> str:
        return self.date.isoformat()


@dataclass(frozen=True, slots=True)
class Moment:
    """A date with its time; aware."""

    at: datetime

    def bounds(self, _now: datetime) -> tuple[datetime, datetime]:
        """The moment, twice."""
        return self.at, self.at

    def __str__(self) -> str:
        return self.at.isoformat()


@dataclass(frozen=True, slots=True)
class Ago:
    """So many hours before the question is asked, as it was written: `number` of `unit` h, d or w."""

    number: int
    unit: str

    @property
    def span(self) -> timedelta:
        """How long ago."""
        return self.number * {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}[self.unit]

    def bounds(self, now: datetime) -> tuple[datetime, datetime]:
        """The moment, twice."""
        try:
            at = now - self.span
        except OverflowError:
            at = EARLIEST
        return at, at

    def __str__(self) -> str:
        return f"{self.number}{self.unit}"


Date = Day | Moment | Ago
Constant = str | bool | int | float | Date


def text_of(column: str, value: object) -> str:
    """The text in a row; a missing one is empty. Raises FilterError for a list or an object."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float, Decimal, date)):
        return str(value)
    raise _unfit(column, value, ColumnType.TEXT)


def texts_of(column: str, value: object) -> list[str]:
    """The texts in a row, without empty ones. Raises FilterError for an object, or a list with something else in it."""
    if isinstance(value, (list, tuple, set, frozenset)):
        found = [text_of(column, each) for each in value]
    elif isinstance(value, Mapping):
        raise _unfit(column, value, ColumnType.TEXTS)
    else:
        found = [text_of(column, value)]
    return [each for each in found if each.strip()]


def number_of(column: str, value: object) -> int | float | Decimal | None:
    """The number in a row; None if it is missing. Raises FilterError for anything else."""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            raise _unfit(column, value, ColumnType.NUMBER) from None
        if math.isfinite(number):
            return number
    raise _unfit(column, value, ColumnType.NUMBER)


def flag_of(column: str, value: object) -> bool | None:
    """True or false in a row; None if it is missing. Raises FilterError for anything else."""
    if isinstance(value, bool):
        return value
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    known = {"true": True, "false": False}.get(value.strip().casefold()) if isinstance(value, str) else None
    if known is None:
        raise _unfit(column, value, ColumnType.FLAG)
    return known


def date_of(column: str, value: object) -> datetime | None:
    """The moment in a row; None if there is none. What names no zone is UTC. Raises FilterError for anything else."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise _unfit(column, value, ColumnType.DATE) from None
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    raise _unfit(column, value, ColumnType.DATE)


def is_empty(kind: ColumnType, column: str, value: object) -> bool:
    """Whether a row has nothing, or only white space, in `column`."""
    if kind is ColumnType.TEXTS:
        return not texts_of(column, value)
    return _READERS[kind](column, value) is None if kind in _READERS else not text_of(column, value).strip()


_READERS: Mapping[ColumnType, Any] = {
    ColumnType.NUMBER: number_of,
    ColumnType.FLAG: flag_of,
    ColumnType.DATE: date_of,
}


def _unfit(column: str, value: object, kind: ColumnType) -> FilterError:
    return FilterError(f"column {column} of a row holds {_shown(value)}, which is not {kind.value}")


def _shown(value: object) -> str:
    return repr(clip(value if isinstance(value, str) else repr(value)))
