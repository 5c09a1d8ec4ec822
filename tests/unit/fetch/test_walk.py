"""Walking a listing that a test plays, and doing things side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import pytest

from bulkops.errors import StoppedError
from bulkops.fetch import side_by_side, walk
from bulkops.paging import OffsetWalk, Page, PageWalk, Position


@dataclass
class Numbers:
    """A listing of numbers. `rows` is what it holds now; `changed` is called after each page."""

    rows: Sequence[int]
    changed: Callable[[Numbers], None] = lambda _self: None
    resource: str = "numbers"
    max_limit: int = 10
    asked: list[int] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    together: asyncio.Barrier | None = None

    def paging(self) -> PageWalk:
        """By offset, under a total."""
        return OffsetWalk(self.max_limit)

    async def page(self, at: Position, limit: int) -> Page[int]:
        """A slice; with a barrier, later pages wait until enough of them are in flight."""
        offset = int(at)
        self.asked.append(offset)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        if self.together is not None and offset:
            await self.together.wait()
        page = Page(offset, self.rows[offset : offset + limit], len(self.rows))
        self.open -= 1
        self.changed(self)
        return page

    def identity(self, row: int) -> Hashable:
        """The number."""
        return row


async def test_pages_are_read_side_by_side() -> None:
    """Four are in flight at a time and no more, once the first has told how many there are."""
    listing = Numbers(range(80), together=asyncio.Barrier(4))
    async with asyncio.timeout(10):
        assert sorted(await walk(listing, in_flight=4)) == list(range(80))
    assert listing.most_open == 4
    assert sorted(listing.asked) == list(range(0, 80, 9))


async def test_rows_come_in_the_order_of_the_listing() -> None:
    """Also where a later page is answered before an earlier one."""
    overtaken = asyncio.Event()

    class Overtaking(Numbers):
        async def page(self, at: Position, limit: int) -> Page[int]:
            offset = int(at)
            if offset == 9:
                await overtaken.wait()
            elif offset == 18:
                overtaken.set()
            return await super().page(at, limit)

    listing = Overtaking(range(45, 0, -1))
    async with asyncio.timeout(10):
        assert await walk(listing, in_flight=2) == list(range(45, 0, -1))
    assert listing.asked.index(9) > listing.asked.index(18)


async def test_rows_that_are_not_wanted_are_counted_all_the_same() -> None:
    """The walk vouches for the whole listing, and keeps a part of it in order."""
    listing = Numbers(range(35))
    assert await walk(listing, wanted=lambda number: number % 10 == 3) == [3, 13, 23, 33]
    assert sorted(listing.asked) == [0, 9, 18, 27]


async def test_a_row_that_two_pages_hold_is_given_once() -> None:
    """Also on a page that is none of its own; it is the same row by its identity."""

    class Repeating(Numbers):
        async def page(self, at: Position, limit: int) -> Page[int]:
            page = await super().page(at, limit)
            return Page(at, [*page.rows, 9] if at == 18 else page.rows, page.total)

    assert await walk(Repeating(range(30))) == list(range(30))


async def test_a_first_page_that_is_known_is_not_read_again() -> None:
    """The caller had it to count the pages."""
    listing = Numbers(range(25))
    first = await listing.page(0, 10)
    assert sorted(await walk(listing, first=first)) == list(range(25))
    assert listing.asked == [0, 9, 18]


async def test_a_listing_that_changes_once_is_walked_again() -> None:
    """What came of the first walk is forgotten, the row that went away included."""

    def change(listing: Numbers) -> None:
        listing.rows = range(1, 25)

    listing = Numbers(range(25), changed=change)
    assert sorted(await walk(listing)) == list(range(1, 25))
    assert listing.asked.count(0) == 2


async def test_a_listing_that_never_rests_is_not_vouched_for() -> None:
    """After some walks the run stops, and nothing was decided."""

    def change(listing: Numbers) -> None:
        listing.rows = range(len(listing.rows) + 1)

    listing = Numbers(range(25), changed=change)
    with pytest.raises(StoppedError, match="numbers kept changing"):
        await walk(listing)
    assert listing.asked.count(0) == 3


async def test_the_first_error_is_raised_as_itself() -> None:
    """Not as a group of errors, and the others are called off."""
    finished = []

    async def work(number: int) -> None:
        if number == 2:
            raise StoppedError("the host is gone")
        await asyncio.Event().wait()
        finished.append(number)

    with pytest.raises(StoppedError, match="host is gone"):
        await side_by_side(range(10), work, width=3)
    assert finished == []


@pytest.mark.parametrize(("count", "width"), [(0, 4), (1, 4), (10, 1), (10, 4), (10, 40)])
async def test_each_thing_is_worked_on_once(count: int, width: int) -> None:
    """However many places there are."""
    seen: list[int] = []

    async def work(number: int) -> None:
        await asyncio.sleep(0)
        seen.append(number)

    await side_by_side(range(count), work, width=width)
    assert sorted(seen) == list(range(count))
