"""Checked filters: what they answer for a row, and how they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from bulkops.jobs.filters.globs import glob
from bulkops.jobs.filters.values import (
    ColumnType,
    Constant,
    Date,
    Decision,
    date_of,
    flag_of,
    is_empty,
    number_of,
    text_of,
    texts_of,
)

KEYWORDS = frozenset({"and", "or", "not", "in", "is", "empty", "contains", "matches", "true", "false", "never"})
PLAIN_NAME = re.compile(r"[^\W\d][\w.-]*")

Row = Mapping[str, object]
Answer = bool | None  # None: it hangs on a value that is missing


class Expression(Protocol):
    """A part of a filter that is true or false of a row, or None where that hangs on a missing value."""

    def answer(self, row: Row, now: datetime) -> Answer:
        """Of `row`, asked at `now`. Raises FilterError for a value that its column cannot hold."""

    def columns(self) -> Iterator[str]:
        """The columns that it reads, with repeats."""


@dataclass(frozen=True, slots=True)
class Either:
    """True if one of `parts` is."""

    parts: tuple[Expression, ...]

    def answer(self, row: Row, now: datetime) -> Answer:
        """True if one is true; None if else one is None."""
        unknown = False
        for part in self.parts:
            found = part.answer(row, now)
            if found:
                return True
            unknown = unknown or found is None
        return None if unknown else False

    def columns(self) -> Iterator[str]:
        """Those of all parts."""
        for part in self.parts:
            yield from part.columns()

    def __str__(self) -> str:
        return " or ".join(_inside(part, Either) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Both:
    """True if all of `parts` are."""

    parts: tuple[Expression, ...]

    def answer(self, row: Row, now: datetime) -> Answer:
        """False if one is false; None if else one is None."""
        unknown = False
        for part in self.parts:
            found = part.answer(row, now)
            if found is False:
                return False
            unknown = unknown or found is None
        return None if unknown else True

    def columns(self) -> Iterator[str]:
        """Those of all parts."""
        for part in self.parts:
            yield from part.columns()

    def __str__(self) -> str:
        return " and ".join(_inside(part, Either, Both) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """True if `part` is false."""

    part: Expression

    def answer(self, row: Row, now: datetime) -> Answer:
        """What is unknown stays so."""
        found = self.part.answer(row, now)
        return None if found is None else not found

    def columns(self) -> Iterator[str]:
        """Those of the part."""
        return self.part.columns()

    def __str__(self) -> str:
        return f"not {_inside(self.part, Either, Both)}"


@dataclass(frozen=True, slots=True)
class Empty:
    """`is empty`, and for a date `= never`."""

    column: str
    kind: ColumnType

    def answer(self, row: Row, _now: datetime) -> Answer:
        """Always known."""
        return is_empty(self.kind, self.column, row.get(self.column))

    def columns(self) -> Iterator[str]:
        """The one."""
        yield self.column

    def __str__(self) -> str:
        return f"{_name(self.column)} {'= never' if self.kind is ColumnType.DATE else 'is empty'}"


@dataclass(frozen=True, slots=True)
class SameText:
    """`=` and `in` of texts, without regard to case."""

    column: str
    wanted: tuple[str, ...]

    def answer(self, row: Row, _now: datetime) -> Answer:
        """A missing text is the empty one."""
        found = text_of(self.column, row.get(self.column)).casefold()
        return any(found == each.casefold() for each in self.wanted)

    def columns(self) -> Iterator[str]:
        """The one."""
        yield self.column

    def __str__(self) -> str:
        return _equal_or_in(self.column, self.wanted)


@dataclass(frozen=True, slots=True)
class Contains:
    """An entry of a list, or a part of a text, without regard to case."""

    column: str
    kind: ColumnType
    wanted: str

    def answer(self, row: Row, _now: datetime) -> Answer:
        """A missing list has no entries, a missing text is the empty one."""
        wanted, value = self.wanted.casefold(), row.get(self.column)
        if self.kind is ColumnType.TEXTS:
            return any(each.casefold() == wanted for each in texts_of(self.column, value))
        return wanted in text_of(self.column, value).casefold()

    def columns(self) -> Iterator[str]:
        """The one."""
        yield self.column

    def __str__(self) -> str:
        return f"{_name(self.column)} contains {written(self.wanted)}"


@dataclass(frozen=True, slots=True)
class Matches:
    """A pattern of `*` and `?`, of a whole text or of one entry of a list."""

    column: str
    kind: ColumnType
    pattern: str

    def answer(self, row: Row, _now: datetime) -> Answer:
        """A missing list has no entries, a missing text is the empty one."""
        value = row.get(self.column)
        if self.kind is ColumnType.TEXTS:
            return any(glob(self.pattern, each) for each in texts_of(self.column, value))
        return glob(self.pattern, text_of(self.column, value))

    def columns(self) -> Iterator[str]:
        """The one."""
        yield self.column

    def __str__(self) -> str:
        return f"{_name(self.column)} matches {written(self.pattern)}"


@dataclass(frozen=True, slots=True)
class SameNumber:
    """`=` and `in` of numbers."""

    column: str
    wanted: tuple[int | float, ...]

    def answer(self, row: Row, _now: datetime) -> Answer:
        """None for a missing number."""
        found = number_of(self.column, row.get(self.column))
        return None if found is None else any(found == each for each in self.wanted)

    def columns(self) -> Iterator[str]:
        """The one."""
        yield self.column

    def __str__(self) -> str:
        return _equal_or_in(self.column, self.wanted)


@dataclass(frozen=True, slots=True)
class SameFlag:
    """`= true` and `= false`."""

    column: str
    wanted: bool

    def answer(self, row: Row, _now: datetime) -> Answer:
        """None for a missing value."""
        found = flag_of(self.column, row.get(self.column))
        return None if found is None else found is self.wanted

    def columns(self) -> Iterator[str]:
        """The one."""
        yield self.column

    def __str__(self) -> str:
        return f"{_name(self.column)} = {written(self.wanted)}"


@dataclass(frozen=True, slots=True)
class NumberOrder:
    """`<`, `<=`, `>` and `>=` of numbers."""

    column: str
    sign: str
    bound: int | float

    def answer(self, row: Row, _now: datetime) -> Answer:
        """None for a missing number."""
        found = number_of(self.column, row.get(self.column))
        if found is None:
            return None
        below, same = found < self.bound, found == self.bound
        return (below if self.sign.startswith("<") else not below and not same) or (same and self.sign.endswith("="))

    def columns(self) -> Iterator[str]:
        """The one."""
        yield self.column

    def __str__(self) -> str:
        return f"{_name(self.column)} {self.sign} {written(self.bound)}"


@dataclass(frozen=True, slots=True)
class DateOrder:
    """A date before, in or after a day, or before or after a moment; `sign` may be `=` for a day only."""

    column: str
    sign: str
    bound: Date

    def answer(self, row: Row, now: datetime) -> Answer:
        """None for a missing date."""
        found = date_of(self.column, row.get(self.column))
        if found is None:
            return None
        start, end = self.bound.bounds(now)
        before, after = found < start, found >= end if end > start else found > start
        return {
            "<": before,
            "<=": not after,
            ">": after,
            ">=": not before,
            "=": not before and not after,
        }[self.sign]

    def columns(self) -> Iterator[str]:
        """The one."""
        yield self.column

    def __str__(self) -> str:
        return f"{_name(self.column)} {self.sign} {self.bound}"


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that was checked. Its text, `str(filter)`, means the same when it is parsed again.

    `reads` names the columns it needs, each once.
    """

    expression: Expression
    reads: tuple[str, ...]

    def decide(self, row: Row, now: datetime) -> Decision:
        """Whether `row` is meant; `now`, which must have a zone, is what `90d` counts from.

        Raises FilterError for a value that its column cannot hold.
        """
        found = self.expression.answer(row, now)
        return Decision.UNDECIDED if found is None else Decision.YES if found else Decision.NO

    def matches(self, row: Row, now: datetime) -> bool:
        """Whether `row` is certainly meant."""
        return self.decide(row, now) is Decision.YES

    def __str__(self) -> str:
        return str(self.expression)


def written(value: Constant) -> str:
    """A constant as a filter has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value)


def _equal_or_in(column: str, wanted: tuple[str, ...] | tuple[int | float, ...]) -> str:
    if len(wanted) == 1:
        return f"{_name(column)} = {written(wanted[0])}"
    return f"{_name(column)} in ({', '.join(map(written, wanted))})"


def _inside(part: Expression, *looser: type) -> str:
    return f"({part})" if isinstance(part, looser) else str(part)


def _name(column: str) -> str:
    return column if PLAIN_NAME.fullmatch(column) and column.casefold() not in KEYWORDS else f"`{column}`"
