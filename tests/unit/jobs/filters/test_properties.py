"""Filters that nobody wrote: they print as what they are, mean what a plain reading means, and fail in one way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bulkops.errors import FilterError
from bulkops.jobs.filters import ColumnType, parse_filter

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SCHEMA = {
    "email": ColumnType.TEXT,
    "seen": ColumnType.DATE,
    "groups": ColumnType.TEXTS,
    "enabled": ColumnType.FLAG,
    "logins": ColumnType.NUMBER,
}
WORDS = st.text(alphabet="aB'\"* ?é\\", max_size=4)
MOMENTS = st.integers(0, 400).map(lambda hours: NOW - timedelta(hours=hours))


@dataclass(frozen=True)
class Told:
    """A filter as text, and what it says of a row by a reading of its own; None where a value is missing."""

    text: str
    says: Any


def quoted(text: str, quote: str) -> str:
    """A text constant."""
    return quote + text.replace(quote, quote * 2) + quote


QUOTED = st.tuples(WORDS, st.sampled_from("'\""))


def has_form(text: str, pattern: str) -> bool:
    """The pattern's plainest reading: character by character, trying all that `*` may stand for."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(has_form(text[start:], pattern[1:]) for start in range(len(text) + 1))
    return bool(text) and (pattern[0] in ("?", text[0])) and has_form(text[1:], pattern[1:])


def text_tests() -> st.SearchStrategy[Told]:
    """Questions about texts and lists."""

    def make(drawn: tuple[str, str], how: str) -> Told:
        word, quote = drawn
        low, constant = word.lower(), quoted(word, quote)
        return {
            "=": Told(f"email = {constant}", lambda row: row["email"].lower() == low),
            "!=": Told(f"email != {constant}", lambda row: row["email"].lower() != low),
            "in": Told(f"email IN ('zz',{constant})", lambda row: row["email"].lower() in ("zz", low)),
            "has": Told(f"email contains {constant}", lambda row: low in row["email"].lower()),
            "form": Told(f"email not matches {constant}", lambda row: not has_form(row["email"].lower(), low)),
            "entry": Told(f"groups contains {constant}", lambda row: low in entries(row)),
            "entries": Told(f"groups matches {constant}", lambda row: any(has_form(e, low) for e in entries(row))),
        }[how]

    return st.builds(make, QUOTED, st.sampled_from(["=", "!=", "in", "has", "form", "entry", "entries"]))


def entries(row: dict[str, Any]) -> list[str]:
    """The list's entries as they compare."""
    return [each.lower() for each in row["groups"] if each.strip()]


SIGNS: dict[str, Any] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def order_tests() -> st.SearchStrategy[Told]:
    """Questions about dates and numbers."""

    def span(sign: str, hours: int) -> Told:
        wanted, compare = NOW - timedelta(hours=hours), SIGNS[sign]
        return Told(f"seen{sign}{hours}h", lambda row: None if row["seen"] is None else compare(row["seen"], wanted))

    def moment(sign: str, at: datetime) -> Told:
        compare = SIGNS[sign]
        return Told(
            f"SEEN {sign} {at.isoformat()}", lambda row: None if row["seen"] is None else compare(row["seen"], at)
        )

    def day(sign: str, at: datetime) -> Told:
        compare = {**SIGNS, "=": lambda a, b: a == b, "!=": lambda a, b: a != b}[sign]
        return Told(
            f"seen {sign} {at:%Y-%m-%d}",
            lambda row: None if row["seen"] is None else compare(row["seen"].date(), at.date()),
        )

    def number(sign: str, bound: float) -> Told:
        compare = {**SIGNS, "=": lambda a, b: a == b, "!=": lambda a, b: a != b}[sign]
        return Told(
            f"logins {sign} {bound}", lambda row: None if row["logins"] is None else compare(row["logins"], bound)
        )

    all_signs = st.sampled_from([*SIGNS, "=", "!="])
    return st.one_of(
        st.builds(span, st.sampled_from(list(SIGNS)), st.integers(0, 400)),
        st.builds(moment, st.sampled_from(list(SIGNS)), MOMENTS),
        st.builds(day, all_signs, MOMENTS),
        st.builds(number, all_signs, st.integers(-3, 3) | st.sampled_from([0.5, -2.25])),
    )


PLAIN = st.sampled_from(
    [
        Told("seen = Never", lambda row: row["seen"] is None),
        Told("seen != never", lambda row: row["seen"] is not None),
        Told("logins is empty", lambda row: row["logins"] is None),
        Told("email is not empty", lambda row: bool(row["email"].strip())),
        Told("groups is empty", lambda row: not entries(row)),
        Told("enabled = true", lambda row: row["enabled"]),
        Told("enabled != true", lambda row: None if row["enabled"] is None else not row["enabled"]),
    ]
)


def joined(inner: st.SearchStrategy[Told]) -> st.SearchStrategy[Told]:
    """Parts joined, each in parentheses of its own, and denied."""

    def either(parts: list[Told]) -> Told:
        def says(row: Any) -> Any:
            found = [part.says(row) for part in parts]
            return True if True in found else None if None in found else False

        return Told(" or ".join(f"({part.text})" for part in parts), says)

    def both(parts: list[Told]) -> Told:
        def says(row: Any) -> Any:
            found = [part.says(row) for part in parts]
            return False if False in found else None if None in found else True

        return Told("\nAND ".join(f"( {part.text} )" for part in parts), says)

    def denied(part: Told) -> Told:
        return Told(f"Not ({part.text})", lambda row: None if part.says(row) is None else not part.says(row))

    several = st.lists(inner, min_size=1, max_size=3)
    return several.map(either) | several.map(both) | inner.map(denied)


FILTERS = st.recursive(PLAIN | text_tests() | order_tests(), joined, max_leaves=8)
ROWS = st.fixed_dictionaries(
    {
        "email": WORDS,
        "seen": st.none() | MOMENTS,
        "groups": st.lists(WORDS, max_size=3),
        "enabled": st.none() | st.booleans(),
        "logins": st.none() | st.integers(-3, 3),
    }
)


@given(FILTERS, st.lists(ROWS, min_size=1, max_size=5))
def test_a_filter_means_what_a_plain_reading_means(told: Told, rows: list[dict[str, Any]]) -> None:
    """Yes, no and undecided, for any filter and any row."""
    found = parse_filter(told.text, SCHEMA)
    for row in rows:
        wanted = told.says(row)
        assert found.decide(row, NOW).value == {True: "yes", False: "no", None: "undecided"}[wanted]


@given(FILTERS)
def test_a_filter_prints_as_itself(told: Told) -> None:
    """What is kept of a job reads back as the same filter."""
    found = parse_filter(told.text, SCHEMA)
    again = parse_filter(str(found), SCHEMA)
    assert again == found
    assert str(again) == str(found)


TOKENS = st.sampled_from(
    [
        *("email", "seen", "groups", "enabled", "logins", "and", "or", "not", "in", "is", "empty", "contains"),
        *("matches", "true", "never", "(", ")", ",", "'", '"', "`", "=", "!=", "<", ">=", "90d", "-1", "1e9", "%"),
        *("2026-01-31", "2026-99-99", "2026-01-31T99:99", "'a'", "é", "\n", "99999999999d"),
    ]
)


@given(
    st.text(max_size=60) | st.lists(TOKENS, max_size=12).map(" ".join) | st.binary().map(lambda b: b.decode("latin1"))
)
def test_garbage_is_refused_in_one_way(text: str) -> None:
    """A filter or a FilterError that tells where, and no other error, whatever was typed."""
    try:
        found = parse_filter(text, SCHEMA)
    except FilterError as error:
        told = str(error)
    else:
        told = "good"
        assert parse_filter(str(found), SCHEMA) == found
    assert re.search(r"column \d+: |the filter is empty|^good$", told)


@given(
    st.dictionaries(st.sampled_from(list(SCHEMA)), st.none() | st.booleans() | st.text() | st.floats() | st.binary())
)
def test_garbage_in_rows_is_refused_in_one_way(row: dict[str, Any]) -> None:
    """A decision or a FilterError for any row."""
    found = parse_filter(
        "email = 'a' or seen < 90d or groups contains 'a' or enabled = true or logins < 5 or seen = 2026-01-31", SCHEMA
    )
    try:
        told = found.decide(row, NOW).value
    except FilterError as error:
        told = str(error)
    assert told in {"yes", "no", "undecided"} or "of a row holds" in told
