"""Reading a listing in order, page by page, with an answer on whether it was all of it."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

from bulkops.errors import StoppedError
from bulkops.fetch.ahead import Ahead, working
from bulkops.fetch.walk import IN_FLIGHT, WALKS
from bulkops.paging import MOST_PAGES, MOST_ROWS, Fit, Keys, Page, PageWalk, Place, Position, Seams
from bulkops.providers.listing import Listing

log = structlog.get_logger(__name__)
RowT = TypeVar("RowT")

_BITS = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Certainty:
    """How sure it is that every row which was there from the beginning to the end of the walk came.

    `why` says in words why not; it is empty when `proven`. `seen` counts the different rows, `total` is the provider's
    last count (None: it gives none), `walks` how often the listing was gone through, `repairs` how many pages were read
    again because rows had moved.
    """

    proven: bool
    seen: int
    total: int | None = None
    walks: int = 1
    repairs: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a walk goes on: the position, the rows of a page, and the provider's first count.

    `position` is None where only a new walk can go on; what came before is then not given again.
    """

    position: int | None = None
    step: int = 0
    first_total: int | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """What another process left of a walk: where it stood, and `key_of` all rows that it had given, in order."""

    mark: Mark
    keys: Sequence[int]


@dataclass(frozen=True, slots=True)
class Stretch(Generic[RowT]):
    """Rows that were not given before, in the listing's order; their names, which tell them apart; and the mark."""

    rows: Sequence[RowT]
    names: Sequence[str]
    mark: Mark


Take = Callable[[Stretch[RowT]], Awaitable[None]]


class _LostError(Exception):
    """This walk cannot be shown to be complete; its text says why."""


async def read_through(
    listing: Listing[RowT],
    take: Take[RowT],
    *,
    in_flight: int = IN_FLIGHT,
    first: Page[RowT] | None = None,
    left: Left | None = None,
) -> Certainty:
    """Give all rows of `listing`, each once, to `take`, page after page; how sure it is that those were all.

    Where positions count rows, pages share rows with their neighbours and are chained by them (`paging.seams` has the
    proof); elsewhere the listing is gone through until two walks in a row are the same. A walk that cannot be proven is
    repeated a few times. Rows that go away meanwhile may be among those given, and those that come may be missing.
    Raises StoppedError for a listing without an end.
    """
    reader = _Reader(listing, take, in_flight, left if left is not None and left.keys else None)
    return await reader.run(first)


@dataclass(slots=True)
class _Reader(Generic[RowT]):
    """One reading, of one or several walks. `given` are the keys of what was handed on in earlier walks."""

    listing: Listing[RowT]
    take: Take[RowT]
    in_flight: int
    left: Left | None
    given: Keys | None = None
    walks: int = 0
    repairs: int = 0
    total: int | None = None
    digest: bytes = b""
    _names: list[str] = field(default_factory=list)

    async def run(self, first: Page[RowT] | None) -> Certainty:
        why = ""
        for _ in range(WALKS):
            self.walks += 1
            page = first or await self.listing.page(self.listing.paging().first, self.listing.max_limit)
            first = None
            try:
                why = await self._walk(page)
            except _LostError as error:
                why = str(error)
            self.left = None
            if not why:
                break
            log.info("listing.drifted", resource=self.listing.resource, why=why, walk=self.walks)
        seen = len(self.given) if self.given is not None else 0
        return Certainty(not why, seen, self.total, self.walks, self.repairs, why)

    async def _walk(self, page: Page[RowT]) -> str:
        """One walk from its first page on; why it proves nothing, or an empty text."""
        machine = self.listing.paging()
        others = machine.feed(page, [self.listing.identity(row) for row in page.rows])
        self._refuse_endless(machine)
        self.total = page.total
        if machine.by_rows and machine.step > 1:
            return await self._chain(machine, page)
        return await self._repeat(machine, page, others)

    # Chained by shared rows

    async def _chain(self, machine: PageWalk, page: Page[RowT]) -> str:
        seams = Seams(first=int(machine.first), limit=self.listing.max_limit)
        following: Page[RowT] | None = page
        left, known = self.left, self.given
        if left is not None:
            if left.mark.position is not None and left.keys:
                seams.recall(
                    left.keys, forward=left.mark.position, step=left.mark.step, first_total=left.mark.first_total
                )
                seams.total, following = page.total, None
            else:
                known = Keys()
                known.add(left.keys)
        try:
            async with working() as tasks:
                ahead: Ahead[int, Page[RowT]] = Ahead(
                    tasks, lambda at: self.listing.page(at, seams.step), width=self.in_flight
                )
                await _Chain(self, seams, ahead, known).follow(following)
        finally:
            self.repairs += seams.repairs
            self.total = seams.total
            self.given = seams.known if known is None else known
        return seams.proven()

    # Walked until two walks are the same

    async def _repeat(self, machine: PageWalk, page: Page[RowT], others: list[Position]) -> str:
        if self.given is None:
            self.given = Keys()
            self.given.add(self.left.keys if self.left is not None else [])
        whole = hashlib.sha256()
        waiting = deque(others)
        async with working() as tasks:
            ahead: Ahead[Position, Page[RowT]] = Ahead(
                tasks, lambda at: self.listing.page(at, machine.step), width=self.in_flight
            )
            await self._give(page, whole)
            while waiting or len(ahead):
                while waiting and ahead.room:
                    ahead.push(waiting.popleft())
                page = await ahead.pop()
                waiting.extend(machine.feed(page, [self.listing.identity(row) for row in page.rows]))
                self._refuse_endless(machine)
                await self._give(page, whole)
                if machine.drifted:
                    break
        self.total = machine.total
        if not machine.complete:
            self.digest = b""
            return "rows moved between its pages"
        before, self.digest = self.digest, whole.digest()
        alone = not others  # one answer is of one moment
        return "" if alone or before == self.digest else "two walks in a row were not the same"

    async def _give(self, page: Page[RowT], whole: hashlib._Hash) -> None:
        names = [name_of(self.listing.identity(row)) for row in page.rows]
        whole.update("\n".join(names).encode("utf-8", "surrogatepass") + b"\n\n")
        if self.given is None:
            raise RuntimeError("a walk without a record of what it gave")
        fresh = self.given.add([key_of(name) for name in names])
        await self.hand_on(page, names, fresh, Mark())

    async def hand_on(self, page: Page[RowT], names: Sequence[str], fresh: Sequence[int], mark: Mark) -> None:
        """Give the fresh rows of a page."""
        rows = page.rows if len(fresh) == len(page.rows) else [page.rows[index] for index in fresh]
        told = names if len(fresh) == len(names) else [names[index] for index in fresh]
        await self.take(Stretch(rows, told, mark))

    def _refuse_endless(self, machine: PageWalk) -> None:
        if machine.endless:
            refuse_endless(self.listing.resource, machine.total)


class _Chain(Generic[RowT]):
    """One chained walk: pages asked for ahead are put in their places one after the other, gaps are gone back for."""

    def __init__(self, reader: _Reader[RowT], seams: Seams, ahead: Ahead[int, Page[RowT]], given: Keys | None) -> None:
        self._reader = reader
        self._seams = seams
        self._ahead = ahead
        self._given = given
        self._planned = 0

    async def follow(self, page: Page[RowT] | None) -> None:
        """From `page`, or from where the seams stand, to the end. Raises _LostError."""
        while True:
            if page is None:
                page = await self._next()
            names, keys = self._named(page)
            if self._seams.joins(page, keys):
                if await self._place(page, names, keys):
                    return
                page = None
            else:
                page = await self._bridge(page, keys)
                if page is None:
                    return

    async def _next(self) -> Page[RowT]:
        """The next page: one that was asked for already, or the one at the end of what is known."""
        seams, ahead = self._seams, self._ahead
        stride = seams.step - seams.overlap
        self._planned = max(self._planned, seams.forward) if len(ahead) else seams.forward
        end = seams.first + seams.total - seams.overlap if seams.total is not None else 0
        while ahead.room and self._planned < end:
            ahead.push(self._planned)
            self._planned += stride
        if not len(ahead):
            ahead.push(seams.forward)
        return await ahead.pop()

    async def _bridge(self, apart: Page[RowT], keys: Sequence[int]) -> Page[RowT] | None:
        """Go back until pages join, and forward again up to `apart`; what is to be placed next, None at the end."""
        seams = self._seams
        stride = seams.step - seams.overlap
        at, distance = seams.behind(int(apart.at), stride), stride
        while True:
            page = await self._again(at)
            names, found = self._named(page)
            if not seams.joins(page, found):
                distance *= 2
                at = seams.behind(int(page.at), distance)
                continue
            if await self._place(page, names, found):
                return None
            if seams.joins(apart, keys):
                return apart
            if seams.forward >= int(apart.at):  # its first row is gone: it is of no use any more
                return await self._again(seams.forward)
            at, distance = seams.forward, stride

    async def _again(self, at: int) -> Page[RowT]:
        self._seams.quiet = False
        self._seams.repairs += 1
        if self._seams.exhausted:
            raise _LostError("it changed faster than it could be read")
        return await self._reader.listing.page(at, self._seams.step)

    async def _place(self, page: Page[RowT], names: Sequence[str], keys: Sequence[int]) -> bool:
        """Put a page that joins in its place, and give its rows. Whether it was the last."""
        seams = self._seams
        place: Place = seams.place(page, keys)
        if place.fit is Fit.BROKEN:
            raise _LostError("its rows do not keep their order, or are fewer than it says")
        if seams.pages > MOST_PAGES or seams.seen > MOST_ROWS:
            refuse_endless(self._reader.listing.resource, seams.total)
        fresh, mark = place.fresh, Mark(seams.forward, seams.step, seams.first_total)
        if self._given is not None:
            new = self._given.add([keys[index] for index in fresh])
            fresh, mark = [fresh[index] for index in new], Mark()  # what was given is more than this chain holds
        await self._reader.hand_on(page, names, fresh, mark)
        return place.ended

    def _named(self, page: Page[RowT]) -> tuple[list[str], list[int]]:
        identity = self._reader.listing.identity
        names = [name_of(identity(row)) for row in page.rows]
        return names, [hash(name) & _BITS for name in names]


def name_of(identity: object) -> str:
    """A row's identity as one line of text."""
    return identity if isinstance(identity, str) and "\n" not in identity else repr(identity)


def key_of(name: str) -> int:
    """A row's name as a number, the same throughout one process."""
    return hash(name) & _BITS


def refuse_endless(resource: str, total: int | None) -> None:
    """Raise StoppedError: no organisation has so many rows."""
    claim = f"claims {total:,} rows" if total is not None else "does not end"
    raise StoppedError(f"the listing of {resource} {claim}: nothing was decided on it")
