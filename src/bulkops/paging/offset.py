"""Paging by offset and limit under a total, and by the number of a page's first item beside a link to the next."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from bulkops.paging.base import MOST_PAGES, MOST_ROWS, Page, Position, Tally, overlap_of


class OffsetWalk(Tally):
    """A walk by offsets.

    The first page is asked alone; once it names the total, the others may be asked side by side. A server that
    answers with fewer rows than asked (its limit is smaller) sets the step of the walk. An offset is a number that
    shifts when rows change, so the walk is complete only if the total stayed the same, as many different rows came as
    it says, and each page began with the rows that the one before it ended with: where one row goes and another comes,
    the numbers still add up.
    """

    first: int = 0
    by_rows = True

    def __init__(self, limit: int) -> None:
        super().__init__()
        if limit < 1:
            raise ValueError(f"a page holds at least one row, not {limit}")
        self.limit = limit
        self.step = 0
        self.overlap = 0
        self.ended = False
        self._heads: dict[int, list[Hashable]] = {}
        self._tails: dict[int, list[Hashable]] = {}

    def feed(self, page: Page[Any], identities: Iterable[Hashable]) -> list[Position]:
        """Take a page in; `identities` name its rows. Returns the offsets to ask for next."""
        names = list(identities)
        fresh = self._count(names)
        found = self._others_after(page, fresh=fresh)
        self._join(int(page.at), names)
        return found

    def _others_after(self, page: Page[Any], *, fresh: bool) -> list[Position]:
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
        self.overlap = self._overlap(page)
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
        stride = self.step - self.overlap
        return list(range(stride, total - self.overlap, stride))

    def _overlap(self, _page: Page[Any]) -> int:
        return overlap_of(self.step)

    def _join(self, at: int, names: list[Hashable]) -> None:
        """Hold the rows that two pages share against each other, once both are there; only the last page is short."""
        if not self.overlap:
            return
        if self.total is not None and len(names) < min(self.step, self.total - at + self.first):
            self.drifted = True
        self._heads[at] = names[: self.overlap]
        if len(names) >= self.step:
            self._tails[at + self.step - self.overlap] = names[self.step - self.overlap : self.step]
        for seam in (at, at + self.step - self.overlap):
            if seam in self._heads and seam in self._tails:
                self.drifted = self.drifted or self._heads.pop(seam) != self._tails.pop(seam)

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
        return int(page.at) + len(page.rows) - self.overlap


class StartWalk(OffsetWalk):
    """A walk by the number of a page's first item, counted from 1, beside a link to the next page.

    The link says where the next page begins, so it also tells what the number counts: items, or pages on some
    installations. Under a total the others are asked side by side, and each page's own link must agree with the walk.
    A link that is missing before the end, or that points elsewhere, is a listing nobody can vouch for. Pages overlap
    where the first one's link shows that items are counted.
    """

    first: int = 1
    by_rows = False

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._stride = 0  # how far the number moves from one page to the next that shares no row with it
        self._end = 0  # the number of the last item, or of the last page
        self._linked = False

    def feed(self, page: Page[Any], identities: Iterable[Hashable]) -> list[Position]:
        """Take a page in. Returns the starts to ask for next."""
        found = super().feed(page, identities)
        if self._stride and self._linked:
            after = int(page.at) + self._stride
            self.drifted = self.drifted or page.next != (after if after <= self._end else None)
        return found

    def _overlap(self, page: Page[Any]) -> int:
        self.by_rows = page.next is not None and self.step > 1 and int(page.next) == int(page.at) + self.step
        return overlap_of(self.step) if self.by_rows and page.total is not None else 0

    def _others(self, page: Page[Any], total: int) -> list[Position]:
        if total <= len(page.rows):
            return []
        self._stride = self.step if page.next is None else int(page.next) - int(page.at)
        if page.last or self._stride not in {1, self.step}:
            self.drifted = True
            return []
        pages = -(-total // self.step)
        self._linked = page.next is not None
        if self._stride == 1:
            self._end = int(page.at) + pages - 1
            return list(range(int(page.at) + 1, self._end + 1))
        self._end = int(page.at) + total - 1
        stride = self.step - self.overlap
        return list(range(int(page.at) + stride, self._end - self.overlap + 1, stride))

    def _next_without_total(self, page: Page[Any], *, fresh: bool) -> list[Position]:
        if page.rows and fresh and page.next is not None and int(page.next) > int(page.at):
            return [] if self._too_long() else [page.next]
        self.drifted = self.drifted or bool(page.rows and not fresh)
        self.ended = True
        return []
