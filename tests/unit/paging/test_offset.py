"""Walking by offset: what to ask next, and whether what came is all of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkops.paging import OffsetWalk, Page, Position, overlap_of


def run(walk: OffsetWalk, pages: dict[int, list[int]], total: int | None) -> list[int]:
    """Feed the pages that the walk asks for; the offsets asked for, in order."""
    asked: list[int] = []
    todo: list[Position] = [0]
    while todo:
        offset = int(todo.pop(0))
        asked.append(offset)
        rows = pages.get(offset, [])
        todo += walk.feed(Page(offset, rows, total), rows)
        assert len(asked) < 100, "the walk does not end"
    return asked


def pages_of(count: int, size: int) -> dict[int, list[int]]:
    """What a quiet listing answers at each offset."""
    return {offset: list(range(offset, min(offset + size, count))) for offset in range(count)}


@given(count=st.integers(0, 300), limit=st.integers(1, 60), served=st.integers(1, 60), known=st.booleans())
def test_a_quiet_listing_is_read_whole_whatever_the_server_makes_of_the_limit(
    count: int, limit: int, served: int, known: bool
) -> None:
    """A smaller limit of the server sets the step; each page asks for rows of its own, but for the seam."""
    walk = OffsetWalk(limit=limit)
    size = min(limit, served)
    asked = []
    todo: list[Position] = [0]
    while todo:
        offset = int(todo.pop(0))
        asked.append(offset)
        rows = range(offset, min(offset + size, count))
        todo += walk.feed(Page(offset, rows, count if known else None), rows)
    assert walk.complete
    assert walk.seen == count
    assert len(asked) == len(set(asked)) <= -(-count // max(1, size - overlap_of(size))) + 1


def test_the_total_opens_all_other_pages_at_once() -> None:
    """They may be read side by side."""
    walk = OffsetWalk(limit=500)
    rows = range(500)
    assert walk.feed(Page(0, rows, 2000), rows) == [495, 990, 1485, 1980]
    assert not walk.complete


def test_a_clamped_limit_sets_the_step() -> None:
    """500 was asked for and 200 came."""
    walk = OffsetWalk(limit=500)
    assert run(walk, pages_of(450, 200), 450) == [0, 198, 396]
    assert walk.complete


@pytest.mark.parametrize("total", [0, None])
def test_an_empty_listing_is_complete(total: int | None) -> None:
    """One page says so."""
    walk = OffsetWalk(limit=500)
    assert run(walk, {}, total) == [0]
    assert walk.complete


def test_an_empty_first_page_of_a_listing_that_claims_rows_is_not_believed() -> None:
    """Nobody can say where the rows are."""
    walk = OffsetWalk(limit=500)
    assert run(walk, {}, 12) == [0]
    assert not walk.complete


@pytest.mark.parametrize(
    ("second", "total"),
    [
        ([9, 10, 11, 12, 13], 18),  # rows missing from the last page
        ([7, 8, 9, 10, 11], 14),  # shifted: two rows came twice, and two never
        ([9, 10, 11, 12, 13], 13),  # more rows than the total says
        ([10, 11, 12, 13, 14], 14),  # one row went away before the seam and another came behind it: it adds up
        ([], 14),
        ([0, 1, 2, 3], 14),  # the first page again
    ],
)
def test_pages_that_do_not_add_up_to_the_total_are_not_complete(second: list[int], total: int) -> None:
    """As many different rows must come as the total says."""
    walk = OffsetWalk(limit=10)
    run(walk, {0: list(range(10)), 9: second}, total)
    assert not walk.complete


@pytest.mark.parametrize("later", [13, 15, None])
def test_a_total_that_changes_means_that_the_listing_changed(later: int | None) -> None:
    """Even where the rows happen to add up."""
    walk = OffsetWalk(limit=10)
    walk.feed(Page(0, range(10), 14), range(10))
    walk.feed(Page(9, range(9, 14), later), range(9, 14))
    assert walk.drifted
    assert not walk.complete


def test_without_a_total_the_pages_are_asked_for_one_by_one() -> None:
    """The end is a page that is short or empty."""
    walk = OffsetWalk(limit=10)
    assert run(walk, pages_of(30, 10), None) == [0, 9, 18, 27]
    assert walk.complete
    short = OffsetWalk(limit=10)
    assert run(short, pages_of(25, 10), None) == [0, 9, 18]
    assert short.complete


def test_a_page_that_repeats_without_a_total_ends_the_walk_incomplete() -> None:
    """A server that ignores the offset would go on for ever."""
    walk = OffsetWalk(limit=10)
    same = list(range(10))
    assert run(walk, {0: same, 9: same, 18: same}, None) == [0, 9]
    assert not walk.complete


def test_a_page_holds_at_least_one_row() -> None:
    """Anything less asks for nothing."""
    with pytest.raises(ValueError, match="at least one row"):
        OffsetWalk(limit=0)
