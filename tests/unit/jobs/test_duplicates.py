"""Rows that name the same effect twice."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkops.errors import JobFileError
from bulkops.jobs import DuplicateFinder, find_duplicates


def test_each_repeat_is_told_with_the_first_row() -> None:
    """Keys compare without case, and only within their operation."""
    keys = [
        (1, "invite", "Ann@acme.test"),
        (2, "invite", "bob@acme.test"),
        (3, "delete-user", "ann@acme.test"),
        (5, "invite", "ANN@ACME.TEST"),
        (6, "invite", "bob@acme.test"),
        (9, "invite", "ann@acme.test"),
    ]
    assert list(find_duplicates(keys)) == [(5, 1), (6, 2), (9, 1)]


def test_nothing_repeats_in_nothing() -> None:
    """No rows, no repeats."""
    assert list(find_duplicates([])) == []


def test_operation_and_key_never_run_together() -> None:
    """Their boundary is part of what is compared."""
    assert list(find_duplicates([(1, "a", "bc"), (2, "ab", "c")])) == []


@given(st.lists(st.tuples(st.sampled_from(["x", "y"]), st.sampled_from(["a", "A", "b", "\u00df", "SS", "\ud800"]))))
def test_repeats_are_those_that_a_dictionary_finds(keys: list[tuple[str, str]]) -> None:
    """Over any mixture."""
    first: dict[tuple[str, str], int] = {}
    repeats = []
    for row, (operation, key) in enumerate(keys, 1):
        seen = first.setdefault((operation, key.casefold()), row)
        if seen != row:
            repeats.append((row, seen))
    assert list(find_duplicates((row, *key) for row, key in enumerate(keys, 1))) == repeats


def test_groups_of_rows_are_all_compared() -> None:
    """The store takes rows in groups of some thousands."""
    with DuplicateFinder() as finder:
        for row in range(1, 10_001):
            finder.add(row, "invite", str(row % 9_999))
        assert list(finder.repeats()) == [(10_000, 1)]


def test_a_lack_of_temporary_space_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the way out."""

    def full(*_args: object, **_options: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite3, "connect", full)
    with pytest.raises(JobFileError, match="disk is full; free some or set TMPDIR"):
        list(find_duplicates([]))
