"""Who and what is in an organisation, read by one walk or by single searches, whichever costs fewer calls."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

import anyio

from bulkops.fetch import side_by_side, walk
from bulkops.providers.base import Caller, Invitation, Listing, Named, Organization, OrganizationFacts, Person

ThingT = TypeVar("ThingT")

SEARCHES_SIDE_BY_SIDE = 8


class Index(Generic[ThingT]):
    """Things of one listing by the names they go by, compared case folded.

    Few keys are searched one by one (each answer is kept); many are looked up in one walk of the whole listing. The
    first page says how many pages a walk takes, so the choice is between counts.
    """

    def __init__(
        self,
        listing: Listing[ThingT],
        *,
        names: Callable[[ThingT], Iterable[str]],
        search: Callable[[str], Awaitable[Sequence[ThingT]]] | None,
        expected: int,
    ) -> None:
        self._listing = listing
        self._names = names
        self._search = search
        self._expected = expected
        self._known: dict[str, Sequence[ThingT]] = {}
        self._walked = False
        self._lock = anyio.Lock()

    async def find(self, keys: Collection[str]) -> Mapping[str, Sequence[ThingT]]:
        """The things that each of `keys` names; empty where there is none."""
        async with self._lock:
            missing = {key.casefold(): key for key in keys if key.casefold() not in self._known}
            if missing and not self._walked:
                await self._learn(missing)
        return {key: self._known.get(key.casefold(), ()) for key in keys}

    def near(self, name: str) -> Sequence[str]:
        """Names close to `name` among those read so far, as they are written, best first."""
        known = {folded: things[0] for folded, things in self._known.items() if things}
        close = difflib.get_close_matches(name.casefold(), known, n=3, cutoff=0.6)
        return [next((one for one in self._names(known[name]) if one.casefold() == name), name) for name in close]

    async def _learn(self, missing: Mapping[str, str]) -> None:
        wanted = max(len(missing), self._expected)
        if self._search is not None and wanted <= 2:
            await self._search_each(missing)
            return
        first = await self._listing.page(0, self._listing.max_limit)
        step = max(1, len(first.rows))
        pages = 1 if first.total is None else -(-first.total // step)
        if self._search is not None and wanted < pages:
            await self._search_each(missing)
            return
        self._fill(await walk(self._listing, first=first))
        self._walked = True

    async def _search_each(self, keys: Mapping[str, str]) -> None:
        """Search for each key as it was written: folding changes letters (ß, ς) that a vendor's search compares."""
        if self._search is None:
            raise RuntimeError("a listing without a search is walked")
        search = self._search

        async def look_up(folded: str) -> None:
            self._known[folded] = await search(keys[folded])

        await side_by_side(keys, look_up, width=min(SEARCHES_SIDE_BY_SIDE, len(keys)))

    def _fill(self, things: Iterable[ThingT]) -> None:
        found: dict[str, list[ThingT]] = defaultdict(list)
        for thing in things:
            for name in {name.casefold() for name in self._names(thing)}:
                found[name].append(thing)
        self._known = dict(found)


class OrganizationRoster:
    """A `Roster` over an organisation's listings and searches. What it read it keeps."""

    def __init__(self, org: Organization, *, caller: Caller, facts: OrganizationFacts, expected: int) -> None:
        self.caller = caller
        self.facts = facts
        self._org = org
        self._people: Index[Person] = Index(org.people(), names=Person.names, search=org.find_people, expected=expected)
        self._departed: Index[Person] = Index(org.departed(), names=Person.names, search=org.find_departed, expected=0)
        self._invitations: Index[Invitation] = Index(
            org.invitations(), names=lambda one: (one.email,), search=org.find_invitations, expected=expected
        )
        self._named: dict[str, Index[Named]] = {}

    async def people(self, keys: Collection[str]) -> Mapping[str, Sequence[Person]]:
        """The members that each key names."""
        return await self._people.find(keys)

    async def departed(self, keys: Collection[str]) -> Mapping[str, Sequence[Person]]:
        """The deleted accounts that each key names."""
        return await self._departed.find(keys)

    async def invitations(self, addresses: Collection[str]) -> Mapping[str, Sequence[Invitation]]:
        """The invitations of each address."""
        return await self._invitations.find(addresses)

    async def named(self, kind: str, names: Collection[str]) -> Mapping[str, Sequence[Named]]:
        """The things of `kind` that each name or id means."""
        return await self._index(kind).find(names)

    async def near(self, kind: str, name: str) -> Sequence[str]:
        """Names close to `name` among those read so far."""
        return self._people.near(name) if kind == "person" else self._index(kind).near(name)

    def _index(self, kind: str) -> Index[Named]:
        if kind not in self._named:
            self._named[kind] = Index(
                self._org.named(kind), names=lambda thing: (thing.id, thing.name), search=None, expected=0
            )
        return self._named[kind]
