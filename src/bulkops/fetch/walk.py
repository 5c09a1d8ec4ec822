"""Walking a listing: pages side by side once the total is known, and an answer on whether it was all of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import structlog

from bulkops.errors import StoppedError
from bulkops.fetch.parallel import side_by_side
from bulkops.paging import OffsetWalk, Page
from bulkops.providers.base import Listing

log = structlog.get_logger(__name__)
RowT = TypeVar("RowT")

WALKS = 3
"""How often a listing that changed while it was read is read again."""


async def walk(
    listing: Listing[RowT],
    *,
    in_flight: int = 4,
    first: Page[RowT] | None = None,
    wanted: Callable[[RowT], bool] = lambda _row: True,
) -> list[RowT]:
    """The rows of `listing` that are `wanted`, each once, in no particular order; all of them are counted.

    `in_flight` pages are read side by side; `first` is its first page, where the caller has it already.
    Raises StoppedError when it changed during each of several walks, or has no end: then nobody can vouch for it.
    """
    for again in range(WALKS):
        rows: dict[Hashable, RowT] = {}

        def keep(page: Page[RowT], rows: dict[Hashable, RowT] = rows) -> None:
            for row in page.rows:
                if wanted(row):
                    rows.setdefault(listing.identity(row), row)

        state = await _walk_once(listing, keep, in_flight=in_flight, first=first if again == 0 else None)
        if state.complete:
            return list(rows.values())
        if state.endless:
            claim = f"claims {state.total:,} rows" if state.total is not None else "does not end"
            raise StoppedError(f"the listing of {listing.resource} {claim}: nothing was decided on it")
        log.info("listing.drifted", resource=listing.resource, total=state.total, seen=state.seen, walk=again + 1)
    raise StoppedError(
        f"the listing of {listing.resource} kept changing while it was read, {WALKS} times over. Nothing was decided "
        f"on it; continue when the organisation is quiet."
    )


async def _walk_once(
    listing: Listing[RowT], keep: Callable[[Page[RowT]], None], *, in_flight: int, first: Page[RowT] | None
) -> OffsetWalk:
    state = OffsetWalk(limit=listing.max_limit)
    page = first or await listing.page(0, listing.max_limit)
    offsets = _take(listing, state, keep, page)
    while len(offsets) == 1:
        offsets = _take(listing, state, keep, await listing.page(offsets[0], state.step))
    if offsets:
        await _read_side_by_side(listing, state, keep, offsets, in_flight)
    return state


async def _read_side_by_side(
    listing: Listing[RowT],
    state: OffsetWalk,
    keep: Callable[[Page[RowT]], None],
    offsets: Sequence[int],
    in_flight: int,
) -> None:
    async def read(offset: int) -> None:
        if not state.drifted:
            _take(listing, state, keep, await listing.page(offset, state.step))

    await side_by_side(offsets, read, width=min(in_flight, len(offsets)))


def _take(listing: Listing[RowT], state: OffsetWalk, keep: Callable[[Page[RowT]], None], page: Page[RowT]) -> list[int]:
    keep(page)
    return state.feed(page, [listing.identity(row) for row in page.rows])
