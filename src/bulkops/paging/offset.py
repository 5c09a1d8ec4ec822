"""Paging by offset and limit under a total, and by the number of a page's first item beside a link to the next."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from bulkops.paging.base import MOST_PAGES, MOST_ROWS, Page, Position, Tally


class OffsetWalk(Tally):
    """A walk by offsets.

    The first page is asked alone; once it names the total, the others may be asked side by side. A server that
    answers with fewer rows than asked (its limit is smaller) sets the step of the walk. An offset is a number that
    shifts when rows change, so the walk is complete only if the total stayed the same and as many different rows
    came as it says.
    """

    first: int = 0

    def __init__(self, limit: int) -> None:
        super().__init__()
        if limit < 1:
            raise ValueError(f"a page holds at least one row, not {limit}")
        self.limit = limit
        self.step = 0
        self.ended = False

    def feed(self, page: Page[Any], identities: Iterable[Hashable]) -> list[Position]:
        """Take a page in; `identities` name its rows. Returns the offsets to ask for next."""
        fresh = self._count(identities)
        if self._pages == 1:
            return self._start(page)
        # under a total each page must bring rows, or there are fewer than it says
        if page.total != self.total or (self.total is not None and not fresh):
            self.drifted = True
        if self.total is not None:
            return []
        return self._next_without_total(page, fresh=fresh)

    @property
    def complete(self) -> bool:
        """Whether the rows that came are all there are. Ask when every offset was fed."""
        if self.drifted or self.endless:
            return False
        return self.ended if self.total is None else len(self._seen) == self.total

    def _start(self, page: Page[Any]) -> list[Position]:
        self.total = page.total
        self.step = min(self.limit, len(page.rows)) or self.limit
        if self.total is None:
            return self._next_without_total(page, fresh=True)
        if not page.rows and self.total:
            self.drifted = True  # an empty first page of a listing that claims rows
            return []
        if self.total > min(MOST_ROWS, MOST_PAGES * self.step):
            self.endless = True
            return []
        return self._others(page, self.total)

    def _others(self, page: Page[Any], total: int) -> list[Position]:
        """Where all other pages of a listing of `total` rows begin."""
        return list(range(self.step, total, self.step))

    def _next_without_total(self, page: Page[Any], *, fresh: bool) -> list[Position]:
        """One page at a time until an empty or short one; a page that repeats would go on for ever."""
        if len(page.rows) < self.step or not page.rows:
            self.ended = True
            return []
        if not fresh:
            self.drifted = True
            return []
        return [] if self._too_long() else [self._after(page)]

    def _after(self, page: Page[Any]) -> Position:
        return int(page.at) + len(page.rows)


class StartWalk(OffsetWalk):
    """A walk by the number of a page's first item, counted from 1, beside a link to the next page.

    The link says where the next page begins, so it also tells what the number counts: items, or pages on some
    installations. Under a total the others are asked side by side, and each page's own link must agree with the walk.
    A link that is missing before the end, or that points elsewhere, is a listing nobody can vouch for.
    """

    first: int = 1

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._stride = 0  # how far the number moves from one page to the next
        self._end = 0  # where the last page begins
        self._linked = False

    def feed(self, page: Page[Any], identities: Iterable[Hashable]) -> list[Position]:
        """Take a page in. Returns the starts to ask for next."""
        found = super().feed(page, identities)
        if self._stride and self._linked:
            expected = int(page.at) + self._stride if int(page.at) < self._end else None
            self.drifted = self.drifted or page.next != expected
        return found

    def _others(self, page: Page[Any], total: int) -> list[Position]:
        if total <= len(page.rows):
            return []
        self._stride = self.step if page.next is None else int(page.next) - int(page.at)
        if page.last or self._stride not in {1, self.step}:
            self.drifted = True
            return []
        pages = -(-total // self.step)
        self._linked = page.next is not None
        self._end = int(page.at) + self._stride * (pages - 1)
        return [int(page.at) + self._stride * number for number in range(1, pages)]

    def _next_without_total(self, page: Page[Any], *, fresh: bool) -> list[Position]:
        if page.rows and fresh and page.next is not None and int(page.next) > int(page.at):
            return [] if self._too_long() else [page.next]
        self.drifted = self.drifted or bool(page.rows and not fresh)
        self.ended = True
        return []
