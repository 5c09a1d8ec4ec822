"""What a listing is, whatever it lists."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol, TypeVar

from bulkops.paging import Page, PageWalk, Position

RowT = TypeVar("RowT")


class Listing(Protocol[RowT]):
    """A listing that is read page by page. Tasks may read its pages side by side.

    `max_limit` is the most rows that the provider puts on a page.
    """

    resource: str
    max_limit: int

    def paging(self) -> PageWalk:
        """A new walk, which says what to ask for."""

    async def page(self, at: Position, limit: int) -> Page[RowT]:
        """One page. Raises StoppedError when the answer is no listing, or says that it is a part of one."""

    def identity(self, row: RowT) -> Hashable:
        """What makes a row the same row on another page."""
