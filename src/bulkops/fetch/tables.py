"""Reading a resource whole: one listing, or one for each row of another resource, and what is joined to its rows."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from sys import intern
from typing import cast

from bulkops.errors import RejectedError
from bulkops.fetch.ahead import Ahead, working
from bulkops.fetch.certify import Certainty, Left, Mark, Stretch, key_of, read_through
from bulkops.fetch.walk import IN_FLIGHT
from bulkops.paging import Page
from bulkops.providers.listing import Listing
from bulkops.providers.resources import Cell, Join, Record, Resource

GONE = frozenset({404, 410})

Tables = Mapping[str, Resource]


@dataclass(frozen=True, slots=True)
class Portion:
    """Rows that were not given before. `parent` is the id of what they belong to, empty for a resource of one listing.

    `ended` means that all of the parent's rows came. `mark` is where its listing goes on.
    """

    rows: Sequence[Record]
    names: Sequence[str]
    mark: Mark = field(default_factory=Mark)
    parent: str = ""
    ended: bool = False


@dataclass(slots=True)
class TableLeft:
    """What another process left: the parents that were done, and the listings that were not, by parent."""

    done: set[str] = field(default_factory=set)
    listings: dict[str, Left] = field(default_factory=dict)

    def add(self, portion: Portion) -> None:
        """Note a portion that was given; its rows need not be there."""
        if portion.ended:
            self.done.add(portion.parent)
            self.listings.pop(portion.parent, None)
            return
        known = self.listings.get(portion.parent)
        keys = array("Q") if known is None else cast("array[int]", known.keys)
        keys.extend(map(key_of, portion.names))
        self.listings[portion.parent] = Left(portion.mark, keys)


TakePortion = Callable[[Portion], Awaitable[None]]


async def read_table(
    resource: Resource,
    tables: Tables,
    take: TakePortion,
    *,
    in_flight: int = IN_FLIGHT,
    left: TableLeft | None = None,
) -> Certainty:
    """Give all records of `resource`, each once, to `take`; how sure it is that those were all.

    What belongs to many parents is read parent by parent, their first pages side by side. A parent that is deleted
    meanwhile has no rows.
    """
    left = left or TableLeft()
    if not resource.within:
        return await read_through(
            resource.listing(None), partial(_hand_on, take, ""), in_flight=in_flight, left=left.listings.get("")
        )
    parents: list[Record] = []

    async def keep(portion: Portion) -> None:
        parents.extend(portion.rows)

    sure = await read_table(tables[resource.within], tables, keep, in_flight=in_flight)
    return await _Family(resource, take, left, in_flight, sure).read(parents)


async def _hand_on(take: TakePortion, parent: str, stretch: Stretch[Record]) -> None:
    await take(Portion(stretch.rows, stretch.names, stretch.mark, parent))


@dataclass(slots=True)
class _Family:
    """The listings of many parents. `sure` sums up what is certain so far."""

    resource: Resource
    take: TakePortion
    left: TableLeft
    in_flight: int
    sure: Certainty

    async def read(self, parents: Sequence[Record]) -> Certainty:
        """All of them, in the order of the parents."""
        self.sure = replace(self.sure, seen=0, total=0)
        waiting = deque(parent for parent in parents if str(parent["id"]) not in self.left.done)
        parents_asked: deque[Record] = deque()
        async with working() as tasks:
            ahead: Ahead[Record, tuple[Listing[Record], Page[Record] | None]] = Ahead(
                tasks, self._begin, width=self.in_flight
            )
            while waiting or len(ahead):
                while waiting and ahead.room:
                    parents_asked.append(waiting[0])
                    ahead.push(waiting.popleft())
                listing, first = await ahead.pop()
                await self._read_one(parents_asked.popleft(), listing, first)
        return self.sure

    async def _begin(self, parent: Record) -> tuple[Listing[Record], Page[Record] | None]:
        """The first page of a parent's listing; None once the parent is gone."""
        listing = self.resource.listing(parent)
        try:
            return listing, await listing.page(listing.paging().first, listing.max_limit)
        except RejectedError as error:
            if error.http_status in GONE:
                return listing, None
            raise

    async def _read_one(self, parent: Record, listing: Listing[Record], first: Page[Record] | None) -> None:
        name, proven = str(parent["id"]), True
        if first is not None:
            try:
                found = await read_through(
                    listing,
                    partial(_hand_on, self.take, name),
                    in_flight=self.in_flight,
                    first=first,
                    left=self.left.listings.get(name),
                )
            except RejectedError as error:
                if error.http_status not in GONE:
                    raise
            else:
                proven = found.proven
                self.sure = added(self.sure, found, of=f"{listing.resource} of {parent.get('name') or name}")
        if proven:
            await self.take(Portion((), (), parent=name, ended=True))


def added(one: Certainty, other: Certainty, *, of: str) -> Certainty:
    """Both together; `of` names the other, for the reason that it may give."""
    return Certainty(
        one.proven and other.proven,
        one.seen + other.seen,
        None if one.total is None or other.total is None else one.total + other.total,
        max(one.walks, other.walks),
        one.repairs + other.repairs,
        one.why or (f"{of}: {other.why}" if other.why else ""),
    )


class Joined:
    """The columns of a resource that are read from others: one reading each, kept in memory by whom it belongs to."""

    def __init__(self, resource: Resource, wanted: Collection[str]) -> None:
        self._joins = {name: join for name, join in resource.joins.items() if name in wanted}
        self._lists: dict[str, dict[Cell, list[str]]] = {name: {} for name in self._joins}
        self.sure = Certainty(proven=True, seen=0)

    @property
    def needs(self) -> Sequence[str]:
        """The resources that are read for it."""
        return list(dict.fromkeys(join.resource for join in self._joins.values()))

    async def read(self, tables: Tables, *, in_flight: int = IN_FLIGHT) -> None:
        """Read what is joined."""
        for name, join in self._joins.items():
            lists = self._lists[name]
            take = partial(_gather, join, lists)
            found = await read_table(tables[join.resource], tables, take, in_flight=in_flight)
            self.sure = added(self.sure, found, of=join.resource)

    def complete(self, record: Record) -> Record:
        """The record with its joined columns."""
        if not self._joins:
            return record
        more = {name: tuple(sorted(self._lists[name].get(record[join.on], ()))) for name, join in self._joins.items()}
        return {**record, **more}


async def _gather(join: Join, lists: dict[Cell, list[str]], portion: Portion) -> None:
    for record in portion.rows:
        lists.setdefault(record[join.by], []).append(intern(str(record[join.gives])))
