"""Paging by offset and limit under a total, as a state machine that sends nothing."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")

MOST_PAGES = 20_000
MOST_ROWS = 2_000_000
"""No organisation is larger: a listing that claims more, or that goes on for longer, is not believed."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One answer of a listing. `total` is the provider's count of all rows, None where it gives none."""

    offset: int
    rows: Sequence[T]
    total: int | None


@dataclass(slots=True)
class OffsetWalk:
    """Which offsets to ask for, and whether what came back is the whole listing.

    The first page is asked alone; once it names the total, the others may be asked side by side. A server that
    answers with fewer rows than asked (its limit is smaller) sets the step of the walk. An offset is a number that
    shifts when rows change, so the walk is complete only if the total stayed the same and as many different rows
    came as it says. Once it cannot be any more, `drifted` says so, and nothing more need be asked; `endless` where it
    is longer than any organisation.
    """

    limit: int
    total: int | None = None
    step: int = 0
    ended: bool = False
    drifted: bool = False
    endless: bool = False
    _seen: set[Hashable] = field(default_factory=set)
    _pages: int = 0

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"a page holds at least one row, not {self.limit}")

    def feed(self, page: Page[Any], identities: Iterable[Hashable]) -> list[int]:
        """Take a page in; `identities` name its rows. Returns the offsets to ask for next."""
        before = len(self._seen)
        self._seen.update(identities)
        self._pages += 1
        if self._pages == 1:
            return self._start(page)
        fresh = len(self._seen) > before
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

    @property
    def seen(self) -> int:
        """Different rows so far."""
        return len(self._seen)

    def _start(self, page: Page[Any]) -> list[int]:
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
        return list(range(self.step, self.total, self.step))

    def _next_without_total(self, page: Page[Any], *, fresh: bool) -> list[int]:
        """One page at a time until an empty or short one; a page that repeats would go on for ever."""
        if len(page.rows) < self.step or not page.rows:
            self.ended = True
            return []
        if not fresh:
            self.drifted = True
            return []
        if self._pages >= MOST_PAGES or len(self._seen) > MOST_ROWS:
            self.endless = True
            return []
        return [page.offset + len(page.rows)]
