"""A walk over a listing that changes either proves that it missed nothing, or says that it does not."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from bulkops.errors import StoppedError
from bulkops.fetch import Certainty, Left, Mark, Stretch, read_through, walk
from bulkops.fetch.certify import key_of
from bulkops.paging import Page, Position
from tests.unit.fetch.moving import Moving, moving

WIDTHS = (1, 2, 5, 16)


async def read(
    listing: Moving, changes: int, *, in_flight: int, left: Left | None = None
) -> tuple[Certainty, list[int]]:
    """Read it while rows come and go; the rows in the order in which they were given."""
    found: list[int] = []

    async def take(stretch: Stretch[int]) -> None:
        found.extend(stretch.rows)
        await asyncio.sleep(0)

    changing = asyncio.create_task(listing.change(changes))
    try:
        certainty = await read_through(listing, take, in_flight=in_flight, left=left)
    finally:
        changing.cancel()
    return certainty, found


async def campaign(way: str, seeds: Sequence[int], *, counted: bool = True) -> Counter[str]:
    """How many walks were proven, how many not; fails at the first silent miss."""
    ended: Counter[str] = Counter()
    for seed in seeds:
        listing, changes = moving(seed, way, counted=counted)
        certainty, found = await read(listing, changes, in_flight=WIDTHS[seed % 4])
        assert len(found) == len(set(found)), f"seed {seed}: a row was given twice"
        missed = listing.stayed - set(found)
        assert not (certainty.proven and missed), f"seed {seed}: {len(missed)} rows were missed in silence"
        assert certainty.proven is not bool(certainty.why)
        ended["proven" if certainty.proven else "not proven"] += 1
        ended["moved"] += changes > 0
        ended["repaired"] += certainty.repairs > 0
        ended["missed"] += bool(missed)
    return ended


async def test_no_row_is_missed_in_silence_while_a_fifth_of_them_comes_and_goes() -> None:
    """1,000 walks by offset with up to 16 pages in flight; nearly all prove themselves complete all the same."""
    ended = await campaign("offset", range(1000))
    assert ended["proven"] >= 980
    assert ended["moved"] >= 500
    assert ended["repaired"] >= 100


@pytest.mark.parametrize(
    ("way", "counted"),
    [("offset", False), ("start", True), ("number", True), ("number", False), ("link", True), ("link", False)],
)
async def test_no_row_is_missed_in_silence_however_pages_are_told_apart(way: str, counted: bool) -> None:
    """Where pages cannot share rows, two walks in a row must be the same: those that moved are not vouched for."""
    ended = await campaign(way, range(250), counted=counted)
    assert ended["proven"] >= 100


async def test_what_is_planned_on_was_not_missed_in_silence_either() -> None:
    """The walk that planning rests on refuses a listing that moved, also where what came makes up for what went."""
    refused = 0
    for seed in range(1000):
        listing, changes = moving(seed)
        changing = asyncio.create_task(listing.change(changes))
        try:
            found = set(await walk(listing, in_flight=WIDTHS[seed % 4]))
            assert not listing.stayed - found, f"seed {seed}: rows were missed in silence"
        except StoppedError:
            refused += 1
        changing.cancel()
    assert 0 < refused < 500


async def test_reading_page_after_page_misses_rows_in_these_walks() -> None:
    """What the others prove is worth something: without shared rows some are missing, and at times it adds up."""
    missing = silent = 0
    for seed in range(1000):
        listing, changes = moving(seed)
        changing = asyncio.create_task(listing.change(changes))
        first = await listing.page(0, listing.max_limit)
        pages = [first]
        while pages[-1].rows and len(pages) * listing.max_limit < (first.total or 0):
            pages.append(await listing.page(len(pages) * listing.max_limit, listing.max_limit))
        found = {row for page in pages for row in page.rows}
        adds_up = {page.total for page in pages} == {len(found)}
        missing += bool(listing.stayed - found)
        silent += adds_up and bool(listing.stayed - found)
        changing.cancel()
    assert missing > 100
    assert silent >= 2


class Swapping(Moving):
    """Once the first page was read, its first row goes away and another comes at the end: the total stays."""

    def _look(self, at: Position, limit: int) -> Page[int]:
        page = super()._look(at, limit)
        if at == 0 and self.calls == 1:
            self.stayed.discard(self.rows.pop(0))
            self.rows.append(self.rows[-1] + 1)
        return page


async def test_what_comes_does_not_make_up_for_what_went() -> None:
    """As many rows as the total says came, and the one behind the seam would be missing: it is gone back for."""
    listing = Swapping("offset", random.Random(1), list(range(0, 400, 10)), 10)
    certainty, found = await read(listing, 0, in_flight=1)
    assert certainty.proven
    assert listing.stayed <= set(found)
    strict = Swapping("offset", random.Random(1), list(range(0, 400, 10)), 10)
    assert set(await walk(strict)) >= strict.stayed
    assert strict.calls > 6  # it was read again


async def test_a_quiet_listing_costs_one_walk_in_order() -> None:
    """However many pages are in flight; one page costs one call, and one more where it is full to its last row."""
    for rows, calls in ((list(range(98)), 11), (list(range(9)), 1), ([], 1), (list(range(10)), 2)):
        listing = Moving("offset", random.Random(1), rows, 10)
        certainty, found = await read(listing, 0, in_flight=4)
        assert (certainty.proven, certainty.walks, certainty.repairs) == (True, 1, 0)
        assert (certainty.seen, certainty.total, found) == (len(rows), len(rows), rows)
        assert listing.calls == calls


class Shuffled(Moving):
    """A server without an order of its own."""

    def _look(self, at: Position, limit: int) -> Page[int]:
        self.dice.shuffle(self.rows)
        return super()._look(at, limit)


@pytest.mark.parametrize("seed", range(20))
async def test_a_listing_without_an_order_is_not_vouched_for(seed: int) -> None:
    """Rows that stand elsewhere at each look cannot be chained; after some walks the answer is that nobody knows."""
    listing = Shuffled("offset", random.Random(seed), list(range(60)), 20)
    certainty, found = await read(listing, 0, in_flight=2)
    assert not (certainty.proven and listing.stayed - set(found))
    assert certainty.proven or certainty.walks == 3


@pytest.mark.parametrize("way", ["offset", "start", "number", "link"])
async def test_a_walk_that_was_left_goes_on_where_it_stood(way: str) -> None:
    """Nothing is given again, and nothing is missed, whatever came and went in between."""
    for seed in range(60):
        listing, changes = moving(seed, way)
        given: list[Stretch[int]] = []
        stop_at = listing.dice.randrange(1, 5)

        async def take(stretch: Stretch[int], given: list[Stretch[int]] = given, stop_at: int = stop_at) -> None:
            given.append(stretch)
            if len(given) == stop_at:
                raise StoppedError("killed")

        try:
            await read_through(listing, take, in_flight=4)
        except StoppedError:
            await listing.change(changes)
        left = Left(given[-1].mark, [key_of(name) for stretch in given for name in stretch.names])
        certainty, rest = await read(listing, 0, in_flight=4, left=left)
        found = [row for stretch in given for row in stretch.rows] + rest
        assert certainty.proven, f"seed {seed}: {certainty.why}"
        assert len(found) == len(set(found)), f"seed {seed}"
        assert listing.stayed <= set(found), f"seed {seed}"


async def test_a_walk_that_goes_on_reads_no_page_that_it_has() -> None:
    """Nine tenths of a listing are there: two pages are left, and the first one, which tells the total."""
    listing = Moving("offset", random.Random(1), list(range(1000)), 100)
    left = Left(Mark(891, 100, 1000), [key_of(repr(number)) for number in range(892)])
    certainty, rest = await read(listing, 0, in_flight=4, left=left)
    assert (certainty.proven, rest, listing.calls) == (True, list(range(892, 1000)), 3)


async def test_a_listing_without_an_end_is_left() -> None:
    """Whoever claims more rows than any organisation has is not walked."""

    class Claiming(Moving):
        def _look(self, at: Position, limit: int) -> Page[int]:
            return Page(at, self.rows[:limit], 10**12)

    with pytest.raises(StoppedError, match="claims 1,000,000,000,000 rows"):
        await read(Claiming("offset", random.Random(1), list(range(50)), 10), 0, in_flight=2)


async def test_what_a_page_raises_is_raised_as_itself() -> None:
    """Also from a page that was asked for ahead."""

    class Failing(Moving):
        def _look(self, at: Position, limit: int) -> Page[int]:
            if int(at) > 50:
                raise StoppedError("the host is gone")
            return super()._look(at, limit)

    with pytest.raises(StoppedError, match="host is gone"):
        await read(Failing("offset", random.Random(1), list(range(500)), 10), 0, in_flight=4)
