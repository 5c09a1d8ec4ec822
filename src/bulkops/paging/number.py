"""Paging by the number of a page, with or without a count of pages."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from bulkops.paging.base import MOST_PAGES, MOST_ROWS, Page, Position, Tally


class NumberWalk(Tally):
    """A walk by page numbers, counted from 1.

    Where the first page counts the pages, the others may be asked side by side, and the walk is complete if the
    counts stayed the same and, where the rows are counted too, as many different ones came. Without counts the end is
    a page that says that it is the last, is empty, or is shorter than the first: a server may serve less than it was
    asked for, so a first page alone never shows the end by its length. A page that repeats an earlier one, or brings
    nothing new, is a listing nobody can vouch for.
    """

    first: int = 1

    def __init__(self, limit: int) -> None:
        super().__init__()
        if limit < 1:
            raise ValueError(f"a page holds at least one row, not {limit}")
        self.limit = limit
        self.step = 0
        self.ended = False
        self._counted: int | None = None

    def feed(self, page: Page[Any], identities: Iterable[Hashable]) -> list[Position]:
        """Take a page in. Returns the numbers to ask for next."""
        fresh = self._count(identities)
        if self._pages == 1:
            self.total, self.step = page.total, len(page.rows) or self.limit
            self._counted = _pages(page, self.step)
            if self._counted is not None:
                return self._others(self._counted)
        elif page.total != self.total or (page.rows and not fresh):
            self.drifted = True
        if self._counted is not None:
            self.drifted = self.drifted or _pages(page, self.step) != self._counted or not fresh
            return []
        return self._next(page, fresh=fresh)

    @property
    def complete(self) -> bool:
        """Whether the rows that came are all there are. Ask when every page was fed."""
        if self.drifted or self.endless:
            return False
        if self.total is not None and len(self._seen) != self.total:
            return False
        return self.ended if self._counted is None else self._pages == max(1, self._counted)

    def _others(self, pages: int) -> list[Position]:
        if pages > MOST_PAGES or (self.total or 0) > MOST_ROWS:
            self.endless = True
            return []
        return list(range(2, pages + 1))

    def _next(self, page: Page[Any], *, fresh: bool) -> list[Position]:
        if page.last or not page.rows or len(page.rows) < self.step:
            self.ended = True
            return []
        if not fresh:
            self.drifted = True
            return []
        return [] if self._too_long() else [int(page.at) + 1]


def _pages(page: Page[Any], step: int) -> int | None:
    """How many pages there are, as the page says or as its total makes it."""
    if page.pages is not None:
        return page.pages
    return None if page.total is None else max(1, -(-page.total // step))
