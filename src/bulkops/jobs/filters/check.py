"""From the form of a filter to its meaning: columns must be known, and constants fit them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

from bulkops.errors import FilterError
from bulkops.jobs.filters.expressions import (
    Both,
    Contains,
    DateOrder,
    Either,
    Empty,
    Expression,
    Filter,
    Matches,
    Not,
    NumberOrder,
    SameFlag,
    SameNumber,
    SameText,
)
from bulkops.jobs.filters.grammar import Asked, Joined, Negated, Syntax, Word, fault, read
from bulkops.jobs.filters.values import Ago, ColumnType, Date, Day, Moment
from bulkops.jobs.names import canonical, clip, listed, nearest

MAX_SPAN_D = 36_525  # a hundred years: what is more is a slip
_SPAN = re.compile(r"(\d{1,9})([hdw])", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
_ORDER = {"<", "<=", ">", ">="}
_SIGNS = {*_ORDER, "=", "!="}
_HABITS = {"==": "=", "<>": "!=", "=~": "matches", "=<": "<=", "=>": ">=", "~": "matches", "!~": "not … matches"}


def parse_filter(text: str, schema: Mapping[str, ColumnType]) -> Filter:
    """The filter that `text` writes, checked against the columns there are. No row is needed for it.

    Raises FilterError with the place for what cannot be read, an unknown column (naming the nearest), and a constant
    that does not fit its column.
    """
    checker = _Checker(text, schema)
    expression = checker.expression(read(text))
    return Filter(expression, tuple(dict.fromkeys(expression.columns())))


class _Checker:
    def __init__(self, text: str, schema: Mapping[str, ColumnType]) -> None:
        self._text = text
        self._schema = schema
        self._names = {canonical(name): name for name in schema}
        self._by_kind: Mapping[ColumnType, Callable[[str, Asked], Expression]] = {
            ColumnType.TEXT: self._text_test,
            ColumnType.TEXTS: self._list_test,
            ColumnType.NUMBER: self._number_test,
            ColumnType.FLAG: self._flag_test,
            ColumnType.DATE: self._date_test,
        }

    def expression(self, syntax: Syntax) -> Expression:
        """The meaning of a part."""
        if isinstance(syntax, Joined):
            parts = tuple(self.expression(part) for part in syntax.parts)
            return Either(parts) if syntax.word == "or" else Both(parts)
        if isinstance(syntax, Negated):
            return Not(self.expression(syntax.part))
        column = self._column(syntax.column)
        if syntax.how.kind == "IS":
            return Empty(column, self._schema[column])
        if syntax.how.kind == "SIGN" and syntax.how.text not in _SIGNS:
            hint = _HABITS.get(syntax.how.text)
            advice = f"write {hint}" if hint else f"expected {listed(sorted(_SIGNS))}"
            raise self._fault(f"{syntax.how.text!r} is no comparison; {advice}", syntax.how)
        return self._by_kind[self._schema[column]](column, syntax)

    def _column(self, word: Word) -> str:
        name = self._names.get(canonical(word.text.strip("`")))
        if name is None:
            close = nearest(word.text.strip("`"), self._schema)
            hint = f"did you mean {close!r}?" if close else f"there are {listed(self._schema, 'and')}"
            raise self._fault(f"unknown column {clip(word.text)!r}; {hint}", word)
        return name

    def _text_test(self, column: str, asked: Asked) -> Expression:
        how = asked.how
        if how.text in _ORDER:
            raise self._fault(f"{column} holds a text, which has no order: use =, !=, in, contains or matches", how)
        wanted = tuple(self._string(column, each) for each in asked.values)
        if how.kind == "CONTAINS":
            return Contains(column, ColumnType.TEXT, wanted[0])
        if how.kind == "MATCHES":
            return Matches(column, ColumnType.TEXT, wanted[0])
        return _negated(how, SameText(column, wanted))

    def _list_test(self, column: str, asked: Asked) -> Expression:
        if asked.how.kind not in {"CONTAINS", "MATCHES"}:
            raise self._fault(f"{column} holds a list: use contains, matches or is empty", asked.how)
        wanted = self._string(column, asked.values[0])
        kind = Contains if asked.how.kind == "CONTAINS" else Matches
        return kind(column, ColumnType.TEXTS, wanted)

    def _number_test(self, column: str, asked: Asked) -> Expression:
        self._refuse_text_words(column, asked.how)
        wanted = tuple(self._number(column, each) for each in asked.values)
        if asked.how.text in _ORDER:
            return NumberOrder(column, asked.how.text, wanted[0])
        return _negated(asked.how, SameNumber(column, wanted))

    def _flag_test(self, column: str, asked: Asked) -> Expression:
        how, word = asked.how, asked.values[0]
        if how.text not in {"=", "!="}:
            raise self._fault(f"{column} is true or false: use = or !=", how)
        if word.kind not in {"TRUE", "FALSE"}:
            raise self._unfit(column, word)
        return _negated(how, SameFlag(column, word.kind == "TRUE"))

    def _date_test(self, column: str, asked: Asked) -> Expression:
        how, word = asked.how, asked.values[0]
        self._refuse_text_words(column, how)
        if how.kind == "IN":
            raise self._fault(f"{column} holds a date: use =, !=, <, <=, > or >=", how)
        if word.kind == "NEVER":
            if how.text in _ORDER:
                raise self._fault("never is neither before nor after anything: use = never or != never", word)
            return _negated(how, Empty(column, ColumnType.DATE))
        bound = self._date(column, word)
        if how.text in _ORDER:
            return DateOrder(column, how.text, bound)
        if not isinstance(bound, Day):
            raise self._fault(f"{how.text} with a moment would hardly ever hold: use <, <=, > or >=, or a day", how)
        return _negated(how, DateOrder(column, "=", bound))

    # Constants

    def _string(self, column: str, word: Word) -> str:
        if word.kind != "STRING":
            raise self._unfit(column, word)
        quote = word.text[0]
        return word.text[1:-1].replace(quote * 2, quote)

    def _number(self, column: str, word: Word) -> int | float:
        if word.kind != "LITERAL" or not _NUMBER.fullmatch(word.text):
            raise self._unfit(column, word)
        return float(word.text) if "." in word.text else int(word.text)

    def _date(self, column: str, word: Word) -> Date:
        if word.kind != "LITERAL":
            raise self._unfit(column, word)
        if span := _SPAN.fullmatch(word.text):
            ago = Ago(int(span[1]), span[2].lower())
            if ago.number > MAX_SPAN_D * 24 or ago.span.days > MAX_SPAN_D:
                raise self._fault(f"{word.text} is more than a hundred years", word)
            return ago
        try:
            if len(word.text) == 10:
                return Day(date.fromisoformat(word.text))
            at = datetime.fromisoformat(word.text) if len(word.text) > 10 else None
        except ValueError:
            at = None
        if at is None:
            raise self._unfit(column, word)
        return Moment(at if at.tzinfo is not None else at.replace(tzinfo=UTC))

    def _refuse_text_words(self, column: str, how: Word) -> None:
        if how.kind in {"CONTAINS", "MATCHES"}:
            raise self._fault(f"{how.text} asks about texts, and {column} holds {self._schema[column].value}", how)

    def _unfit(self, column: str, word: Word) -> FilterError:
        """A constant of another kind than the column's."""
        kind = self._schema[column]
        found = f"{column} holds {kind.value}, and {clip(word.text)} is not one"
        if kind is ColumnType.FLAG:
            found = f"{column} is true or false, and not {clip(word.text)}"
        return self._fault(f"{found}; {_advice(kind, word)}", word)

    def _fault(self, message: str, word: Word) -> FilterError:
        return fault(self._text, message, word)


def _negated(how: Word, expression: Expression) -> Expression:
    return Not(expression) if how.text == "!=" else expression


def _advice(kind: ColumnType, word: Word) -> str:
    if kind in {ColumnType.TEXT, ColumnType.TEXTS}:
        plain = clip(word.text).replace("'", "''")
        return f"a text stands in quotes: '{plain}'"
    quoted = " (without quotes)" if word.kind == "STRING" else ""
    example = {
        ColumnType.NUMBER: "write a number such as 5 or 2.5",
        ColumnType.FLAG: "write true or false",
        ColumnType.DATE: "write a date such as 2026-01-31 or 2026-01-31T09:00+01:00, a span such as 90d, or never",
    }[kind]
    return example + quoted
