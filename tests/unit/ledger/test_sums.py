"""What is added up at each commit is what SQLite adds up when the ledger is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkops.errors import LedgerError
from bulkops.ledger.head import Head
from bulkops.ledger.rows import ClaimRow, DetailRow, SettledRow
from bulkops.ledger.schema import TABLES
from bulkops.ledger.sums import check_sums, claim_sum, detail_sum, note_sum, plus, settled_sums

NEW = Head(identity=1, total=10**9, created_ms=0)
SMALL = st.integers(0, 1000)
MAYBE = st.none() | SMALL
AT = st.integers(-(2**42), 2**42)  # milliseconds: 140 years before and after
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"))
SETTLED = st.lists(
    st.tuples(
        st.integers(1, 10**9), st.none() | st.integers(1, 10**9), SMALL, SMALL, MAYBE, MAYBE, st.none() | TEXTS, AT
    ),
    unique_by=lambda row: row[0],
    max_size=8,
)
CLAIMS = st.lists(
    st.tuples(SMALL, st.integers(1, 10**9), st.integers(1, 10**9), SMALL, AT, MAYBE, MAYBE, MAYBE, st.none() | TEXTS),
    unique_by=lambda row: row[:2],
    max_size=5,
)
DETAILS = st.lists(st.tuples(st.integers(1, 10**6), TEXTS, TEXTS), unique_by=lambda row: row[0], max_size=5)
NOTES = st.dictionaries(TEXTS, TEXTS, max_size=4)


def stored(
    settled: Sequence[SettledRow], claims: Sequence[ClaimRow], details: Sequence[DetailRow], notes: dict[str, str]
) -> sqlite3.Connection:
    """A database with these rows."""
    connection = sqlite3.connect(":memory:")
    for table in TABLES.values():
        connection.execute(table)
    connection.executemany("INSERT INTO settled VALUES (?, ?, ?, ?, ?, ?, ?, ?)", settled)
    connection.executemany("INSERT INTO claim VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", claims)
    connection.executemany("INSERT INTO detail VALUES (?, ?, ?)", details)
    connection.executemany("INSERT INTO note VALUES (?, ?)", notes.items())
    return connection


@given(SETTLED, CLAIMS, DETAILS, NOTES)
@settings(deadline=None, max_examples=150)
def test_both_ways_of_adding_agree(
    settled: list[SettledRow], claims: list[ClaimRow], details: list[DetailRow], notes: dict[str, str]
) -> None:
    """Row by row, in any order, and all at once; nothing is left of what was added and taken away."""
    head = NEW
    for row in settled:
        head = plus(head, (*settled_sums([row]), 0, 0, 0))
    for claim in claims:
        head = plus(head, (0, 0, claim_sum([claim]), 0, 0))
    for detail in reversed(details):
        head = plus(head, (0, 0, 0, detail_sum([detail]), 0))
    for key, value in notes.items():
        head = plus(head, (0, 0, 0, 0, note_sum(key, value)))
    connection = stored(settled, claims, details, notes)
    check_sums(connection, head)
    assert plus(head, (0, 0, claim_sum([(5, 5, 5, 1, 0, None, None, None, None)]), 0, 0)) != head
    assert plus(plus(head, (7, 7, 7, 7, 7)), (-7, -7, -7, -7, -7)) == head
    connection.close()


def test_values_that_changed_places_are_noticed() -> None:
    """Two rows with each other's state, and two texts with each other's number."""
    rows: list[SettledRow] = [(1, None, 3, 1, 200, None, None, 5), (2, None, 5, 1, 400, 1, None, 5)]
    swapped: list[SettledRow] = [(1, None, 5, 1, 400, 1, None, 5), (2, None, 3, 1, 200, None, None, 5)]
    head = plus(NEW, (*settled_sums(rows), 0, detail_sum([(1, "bad", "a"), (2, "bad", "b")]), 0))
    connection = stored(swapped, [], [(1, "bad", "b"), (2, "bad", "a")], {})
    with pytest.raises(LedgerError, match="the outcomes of rows and the reasons of outcomes in it are not what was"):
        check_sums(connection, head)
    connection.close()


def test_request_ids_of_many_rows_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their memory is bounded, and none is left out."""
    monkeypatch.setattr("bulkops.ledger.sums._IDS", 10)
    rows: list[SettledRow] = [(row, None, 3, 1, 200, None, f"id {row}", 5) for row in range(1, 96, 5)]
    head = plus(NEW, (*settled_sums(rows), 0, 0, 0))
    connection = stored(rows, [], [], {})
    check_sums(connection, head)
    connection.execute("UPDATE settled SET request_id = 'id 92' WHERE first = 91")
    with pytest.raises(LedgerError, match="the outcomes of rows in it"):
        check_sums(connection, head)
    connection.close()
