"""All paging machines: a quiet listing is read whole, and one that is not what it says is not vouched for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkops.paging import LinkWalk, NumberWalk, OffsetWalk, Page, PageWalk, Position, StartWalk, WholeWalk

LIMIT = 7


@dataclass
class Server:
    """A listing of numbers that is served in one of the ways of paging."""

    way: str
    rows: Sequence[int]
    size: int
    counted: bool = True

    def walk(self) -> PageWalk:
        """The machine that goes with it."""
        machines: dict[str, Callable[[], PageWalk]] = {
            "offset": lambda: OffsetWalk(LIMIT),
            "start": lambda: StartWalk(LIMIT),
            "start of pages": lambda: StartWalk(LIMIT),
            "number": lambda: NumberWalk(LIMIT),
            "whole": WholeWalk,
            "link": LinkWalk,
        }
        return machines[self.way]()

    def page(self, at: Position) -> Page[int]:
        """The page that begins there."""
        if self.way == "whole":
            return Page(at, self.rows)
        begin = {
            "offset": lambda: int(at),
            "start": lambda: int(at) - 1,
            "start of pages": lambda: (int(at) - 1) * self.size,
            "number": lambda: (int(at) - 1) * self.size,
            "link": lambda: int(at or 0),
        }[self.way]()
        rows, total = self.rows[begin : begin + self.size], len(self.rows) if self.counted else None
        after = begin + self.size
        more = after < len(self.rows)
        pages = -(-len(self.rows) // self.size) if self.way == "number" and self.counted else None
        link: Position | None = None
        if more and self.way == "link":
            link = str(after)
        elif more and self.way == "start":
            link = after + 1
        elif more and self.way == "start of pages":
            link = int(at) + 1
        return Page(at, rows, total, pages, link)


WAYS = ["offset", "start", "start of pages", "number", "whole", "link"]


def run(server: Server, change: Callable[[Page[int], int], Page[int]] = lambda page, _nth: page) -> PageWalk:
    """Walk to the end; `change` may tamper with the nth page."""
    walk = server.walk()
    todo: list[Position] = [walk.first]
    asked: list[Position] = []
    while todo and not walk.drifted:
        at = todo.pop(0)
        asked.append(at)
        page = change(server.page(at), len(asked))
        todo += walk.feed(page, page.rows)
        assert len(asked) <= len(server.rows) + 3, "the walk does not end"
    assert len(asked) == len(set(asked))
    return walk


@given(way=st.sampled_from(WAYS), count=st.integers(0, 60), served=st.integers(1, LIMIT), counted=st.booleans())
def test_a_quiet_listing_is_read_whole(way: str, count: int, served: int, counted: bool) -> None:
    """Whatever the server makes of the limit, and whether or not it counts."""
    walk = run(Server(way, range(count), served, counted))
    assert walk.complete
    assert walk.seen == count


@given(way=st.sampled_from([way for way in WAYS if way != "whole"]), counted=st.booleans(), data=st.data())
def test_a_repeated_page_is_noticed(way: str, counted: bool, data: Any) -> None:
    """A server that answers with an earlier page again is not believed."""
    nth = data.draw(st.integers(2, 5))
    first: list[Page[int]] = []

    def repeat(page: Page[int], number: int) -> Page[int]:
        first.append(page)
        return replace(page, rows=first[0].rows) if number == nth else page

    assert not run(Server(way, range(40), LIMIT, counted), repeat).complete


@given(way=st.sampled_from(["offset", "start", "number", "link"]), less=st.integers(1, 5), nth=st.integers(2, 6))
def test_a_total_that_shrinks_is_noticed(way: str, less: int, nth: int) -> None:
    """Somebody deletes while the pages are read."""

    def shrink(page: Page[int], number: int) -> Page[int]:
        return replace(page, total=40 - less, pages=None) if number >= nth else page

    assert not run(Server(way, range(40), LIMIT), shrink).complete


@given(way=st.sampled_from([*WAYS[:-2], "link"]), nth=st.integers(2, 6), gone=st.integers(0, 6))
def test_a_row_that_slips_away_between_pages_is_noticed(way: str, nth: int, gone: int) -> None:
    """Fewer rows came than were counted."""

    def drop(page: Page[int], number: int) -> Page[int]:
        rows = [row for place, row in enumerate(page.rows) if place != gone % max(1, len(page.rows))]
        return replace(page, rows=rows) if number == nth else page

    assert not run(Server(way, range(40), LIMIT), drop).complete


@given(where=st.integers(1, 5), to=st.one_of(st.none(), st.integers(-3, 80)))
def test_a_link_that_does_not_lead_to_the_next_item_is_noticed(where: int, to: int | None) -> None:
    """Under a total each page's own link must agree with the walk."""

    def mislead(page: Page[int], number: int) -> Page[int]:
        return replace(page, next=to) if number == where else page

    walk = run(Server("start", range(40), LIMIT), mislead)
    honest = to == (where - 1) * (LIMIT - 1) + 1 + LIMIT  # one row is shared
    silent = where == 1 and to is None  # a server that gives no links at all, and then does
    assert walk.complete is (honest or silent)


def test_a_number_that_counts_pages_is_learnt_from_the_first_link() -> None:
    """Some installations count pages where the others count items."""
    walk = StartWalk(10)
    page = Page(1, range(10), total=35, next=2)
    assert walk.feed(page, page.rows) == [2, 3, 4]


def test_without_a_count_a_first_page_is_never_the_last_by_its_length() -> None:
    """The server may serve less than it was asked for."""
    walk = NumberWalk(200)
    page = Page(1, range(20))
    assert walk.feed(page, page.rows) == [2]
    assert walk.feed(Page(2, ()), ()) == []
    assert walk.complete


def test_a_page_that_says_that_it_is_the_last_ends_the_walk() -> None:
    """No call is made to see an empty page."""
    walk = NumberWalk(200)
    assert walk.feed(Page(1, range(20), last=True), range(20)) == []
    assert walk.complete


def test_a_link_that_was_followed_before_would_go_on_for_ever() -> None:
    """A ring of links is not believed, also where each page brings something new."""
    walk = LinkWalk()
    assert walk.feed(Page("", [1], next="a"), [1]) == ["a"]
    assert walk.feed(Page("a", [2], next="b"), [2]) == ["b"]
    assert walk.feed(Page("b", [3], next="a"), [3]) == []
    assert not walk.complete


@pytest.mark.parametrize("machine", [NumberWalk, OffsetWalk, StartWalk])
def test_a_page_holds_at_least_one_row(machine: Callable[[int], PageWalk]) -> None:
    """Anything less asks for nothing."""
    with pytest.raises(ValueError, match="at least one row"):
        machine(0)


@pytest.mark.parametrize(("way", "total"), [("number", 3_000_000), ("offset", 3_000_000), ("start", 3_000_000)])
def test_a_listing_longer_than_any_organisation_is_endless(way: str, total: int) -> None:
    """It is not asked for page by page."""
    walk = Server(way, range(7), LIMIT).walk()
    assert walk.feed(Page(walk.first, range(7), total), range(7)) == []
    assert walk.endless
    assert not walk.complete
