"""A listing that comes in one answer."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from bulkops.paging.base import Page, Position, Tally


class WholeWalk(Tally):
    """One page, which is all there is."""

    first: int = 0

    def __init__(self) -> None:
        super().__init__()
        self.step = 0

    def feed(self, page: Page[Any], identities: Iterable[Hashable]) -> list[Position]:
        """Take the one page in."""
        self._count(identities)
        self.step, self.total = len(page.rows), len(self._seen)
        self._too_long()
        return []

    @property
    def complete(self) -> bool:
        """Whether the page came."""
        return self._pages == 1 and not self.endless
