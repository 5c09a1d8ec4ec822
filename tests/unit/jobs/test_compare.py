"""Rows of an edited file are found by what they say, wherever they stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from bulkops.jobs import Edit, Edits, Fingerprint, RowMatcher

ROWS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=9)


def prints(rows: Sequence[tuple[str, str]]) -> list[Fingerprint]:
    """Rows as (effect, the rest of what they say); effect d stands for a row that cannot be run."""
    return [
        Fingerprint(number, (effect + rest).encode(), None if effect == "d" else effect.encode())
        for number, (effect, rest) in enumerate(rows, 1)
    ]


@given(before=ROWS, after=ROWS)
def test_every_row_is_kept_changed_added_or_removed(
    before: list[tuple[str, str]], after: list[tuple[str, str]]
) -> None:
    """As often as both files have the same content it is kept, and the counts add up on both sides."""
    with RowMatcher(prints(before), prints(after)) as rows:
        edits = rows.edits()
        assert edits.kept == (Counter(before) & Counter(after)).total()
        assert edits.kept + edits.changed + edits.removed == len(before)
        assert edits.kept + edits.changed + edits.added == len(after)
        kept = {row: rows.now_at(row, row) for row in range(1, len(before) + 1) if rows.edit_before(row) is None}
        assert all(len(now) == 1 and after[now[0] - 1] == before[row - 1] for row, now in kept.items())
        assert sorted(now[0] for now in kept.values()) == rows.now_at(1, len(before))
        there = {row: edit[1] for row in range(1, len(before) + 1) if (edit := rows.edit_before(row)) and edit[1]}
        back = {row: edit[1] for row in range(1, len(after) + 1) if (edit := rows.edit_after(row)) and edit[1]}
        assert {now: row for row, now in there.items()} == back
        assert edits.none == (before == after)


def test_repeated_content_is_matched_in_its_order() -> None:
    """Three equal rows before and two now: the first two are kept."""
    with RowMatcher(prints([("a", "x")] * 3), prints([("b", "x"), *[("a", "x")] * 2])) as rows:
        assert (rows.now_at(1, 3), rows.edits()) == ([2, 3], Edits(kept=2, moved=2, changed=0, added=1, removed=1))


def test_what_is_left_over_is_changed_by_effect_first_and_by_place_then() -> None:
    """Row 1 has new fields for the same effect, row 2 a new effect at its old place; row 3 is new."""
    with RowMatcher(prints([("a", "x"), ("b", "x")]), prints([("c", "x"), ("c", "y"), ("a", "y")])) as rows:
        assert rows.edit_before(1) == (Edit.CHANGED, 3)
        assert rows.edit_before(2) == (Edit.CHANGED, 2)
        assert rows.edit_after(1) == (Edit.ADDED, None)


def test_many_rows_are_compared() -> None:
    """More than one group of them."""
    before = [Fingerprint(row, row.to_bytes(4, "big"), None) for row in range(1, 10_001)]
    after = [Fingerprint(row, (row + 1).to_bytes(4, "big"), None) for row in range(1, 10_001)]
    with RowMatcher(before, after) as rows:
        assert rows.edits() == Edits(kept=9_999, moved=9_999, changed=0, added=1, removed=1)
