"""Walking a listing: pages side by side once the total is known, and an answer on whether it was all of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import structlog

from bulkops.errors import StoppedError
from bulkops.fetch.parallel import side_by_side
from bulkops.paging import Page, Position
from bulkops.providers.base import Listing

log = structlog.get_logger(__name__)
RowT = TypeVar("RowT")

WALKS = 3
"""How often a listing that changed while it was read is read again."""

IN_FLIGHT = 16
"""Pages asked for side by side; the target's gates let no more of them leave than its concurrency allows."""


async def walk(
    listing: Listing[RowT],
    *,
    in_flight: int = IN_FLIGHT,
    first: Page[RowT] | None = None,
    wanted: Callable[[RowT], bool] | None = None,
) -> list[RowT]:
    """The rows of `listing` that are `wanted` (None: all), each once, in its order; all of them are counted.

    `in_flight` pages are read side by side; `first` is its first page, where the caller has it already.
    Raises StoppedError when it changed during each of several walks, or has no end: then nobody can vouch for it.
    """
    for again in range(WALKS):
        one = _Walk(listing, wanted)
        await one.read(in_flight=in_flight, first=first if again == 0 else None)
        state = one.state
        if state.complete:
            return one.rows()
        if state.endless:
            claim = f"claims {state.total:,} rows" if state.total is not None else "does not end"
            raise StoppedError(f"the listing of {listing.resource} {claim}: nothing was decided on it")
        log.info("listing.drifted", resource=listing.resource, total=state.total, seen=state.seen, walk=again + 1)
    raise StoppedError(
        f"the listing of {listing.resource} kept changing while it was read, {WALKS} times over. Nothing was decided "
        f"on it; continue when the organisation is quiet."
    )


class _Walk(Generic[RowT]):
    """One walk. Pages come in any order, so what is kept of each waits under its position."""

    def __init__(self, listing: Listing[RowT], wanted: Callable[[RowT], bool] | None) -> None:
        self._listing = listing
        self._wanted = wanted
        self._order: list[Position] = []
        self._kept: dict[Position, dict[Hashable, RowT]] = {}
        self.state = listing.paging()

    async def read(self, *, in_flight: int, first: Page[RowT] | None) -> None:
        """Read every page, `in_flight` at a time where the machine names several."""
        start = self.state.first
        self._order.append(start)
        positions = self._take(first or await self._listing.page(start, self._listing.max_limit))
        while positions:
            later: list[Position] = []

            async def read_page(at: Position, later: list[Position] = later) -> None:
                if not self.state.drifted:  # else nothing that comes now could make it a whole
                    later.extend(self._take(await self._listing.page(at, self.state.step)))

            if len(positions) == 1:
                await read_page(positions[0])
            else:
                await side_by_side(positions, read_page, width=min(in_flight, len(positions)))
            positions = later

    def rows(self) -> list[RowT]:
        """What was kept, in the order of the listing. The pages are let go of as they are joined."""
        found: dict[Hashable, RowT] = {}
        for position in self._order:
            found.update(self._kept.pop(position, {}))
        return list(found.values())

    def _take(self, page: Page[RowT]) -> list[Position]:
        identities = [self._listing.identity(row) for row in page.rows]
        named, wanted = zip(identities, page.rows, strict=True), self._wanted
        self._kept[page.at] = dict(named) if wanted is None else {key: row for key, row in named if wanted(row)}
        positions = self.state.feed(page, identities)
        self._order.extend(positions)
        return positions
