"""What all paging state machines have in common."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")

Position = int | str
"""Where a page begins: an offset, the number of an item or of a page, or a link that the provider gave."""

MOST_PAGES = 20_000
MOST_ROWS = 2_000_000
"""No organisation is larger: a listing that claims more, or that goes on for longer, is not believed."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One answer of a listing.

    `total` is the provider's count of all rows, `pages` its count of pages, None where it gives none. `next` is where
    the provider says that the next page begins; `last` whether it says that there is none, None where it says nothing.
    """

    at: Position
    rows: Sequence[T]
    total: int | None = None
    pages: int | None = None
    next: Position | None = None
    last: bool | None = None


class PageWalk(Protocol):
    """Which pages to ask for, and whether what came back is the whole listing. It sends nothing.

    `first` is asked alone. `step` is how many rows the server puts on a page, known after the first. Once the listing
    cannot be vouched for any more `drifted` says so, and nothing more need be asked; `endless` where it is longer than
    any organisation. Where `by_rows` holds, known after the first page, a position counts rows and a page may begin at
    any of them.
    """

    by_rows: bool

    @property
    def first(self) -> Position: ...

    @property
    def step(self) -> int: ...

    @property
    def total(self) -> int | None: ...

    @property
    def drifted(self) -> bool: ...

    @property
    def endless(self) -> bool: ...

    @property
    def seen(self) -> int:
        """Different rows so far."""

    @property
    def complete(self) -> bool:
        """Whether the rows that came are all there are. Ask when every position was fed."""

    def feed(self, page: Page[Any], identities: Iterable[Hashable]) -> list[Position]:
        """Take a page in; `identities` name its rows. Returns the positions to ask for next, in the listing's order.

        Several may be asked side by side.
        """


def overlap_of(step: int) -> int:
    """How many rows a page of `step` rows shares with the next, so that nothing can slip through between the two."""
    return 0 if step < 2 else max(1, step // 100)


class Tally:
    """What came so far: pages, and different rows."""

    by_rows = False

    def __init__(self) -> None:
        self.total: int | None = None
        self.drifted = False
        self.endless = False
        self._pages = 0
        self._seen: set[Hashable] = set()

    @property
    def seen(self) -> int:
        """Different rows so far."""
        return len(self._seen)

    def _count(self, identities: Iterable[Hashable]) -> bool:
        """Whether the page brought a row that was not there before."""
        before = len(self._seen)
        self._seen.update(identities)
        self._pages += 1
        return len(self._seen) > before

    def _too_long(self) -> bool:
        """Whether more came already than any organisation has; then it is endless."""
        self.endless = self.endless or self._pages >= MOST_PAGES or len(self._seen) > MOST_ROWS
        return self.endless
