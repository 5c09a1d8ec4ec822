"""Who and what is in an organisation, read by one walk or by single searches, whichever costs fewer calls."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import anyio

from bulkops.errors import AccessError, ConfigError, RejectedError
from bulkops.fetch import Page, side_by_side, walk
from bulkops.providers.base import (
    Caller,
    Invitation,
    Link,
    Listing,
    Named,
    Office,
    Organization,
    OrganizationFacts,
    Person,
)

ThingT = TypeVar("ThingT")

SEARCHES_SIDE_BY_SIDE = 8
NEAR_ASKED = 50
"""For so many names near ones are looked for: among ten thousand people it takes a quarter of a second each time."""


class Index(Generic[ThingT]):
    """Things of one listing by the names they go by, compared case folded.

    Few keys are searched one by one (each answer is kept); many are looked up in one walk of the whole listing. The
    first page says how many pages a walk takes, so the choice is between counts. A key that no search finds takes a
    walk anyway. Without `keep_all` a walk keeps only
    what was asked for: enough for one question, however long the listing.
    """

    def __init__(
        self,
        listing: Listing[ThingT],
        *,
        names: Callable[[ThingT], Iterable[str]],
        search: Callable[[str], Awaitable[Sequence[ThingT]]] | None,
        expected: int,
        keep_all: bool = True,
        searchable: Callable[[str], bool] = lambda _text: True,
    ) -> None:
        self._keep_all = keep_all
        self._searchable = searchable
        self._listing = listing
        self._names = names
        self._search = search
        self._expected = expected
        self._known: dict[str, Sequence[ThingT]] = {}
        self._near: dict[str, Sequence[str]] = {}
        self._walked = False
        self._pages = 0
        self._searches = 0
        self._lock = anyio.Lock()

    def how(self) -> str:
        """How it was read, in words; empty when it was not."""
        if self._walked:
            pages = "1 page" if self._pages == 1 else f"{self._pages:,} pages"
            return f"{self._listing.resource}: walked once, {pages}"
        if self._searches:
            searches = "1 search" if self._searches == 1 else f"{self._searches:,} searches, one for each name"
            return f"{self._listing.resource}: {searches}"
        return ""

    async def find(self, keys: Collection[str]) -> Mapping[str, Sequence[ThingT]]:
        """The things that each of `keys` names; empty where there is none."""
        if not self._walked:
            async with self._lock:
                missing = {key.casefold(): key for key in keys if key.casefold() not in self._known}
                if missing and not self._walked:
                    await self._learn(missing)
        known = self._known
        return {key: known.get(key.casefold(), ()) for key in keys}

    async def near(self, name: str) -> Sequence[str]:
        """Up to three names close to `name`, as they are written, best first.

        A listing that was only searched is walked for it, once. None after `NEAR_ASKED` different names.
        """
        if not self._keep_all:
            return ()
        folded = name.casefold()
        if folded not in self._near and len(self._near) < NEAR_ASKED:
            async with self._lock:
                if not self._walked:
                    await self._walk(None)
            self._near[folded] = self._close_to(folded)
        return self._near.get(folded, ())

    def _close_to(self, name: str) -> Sequence[str]:
        known = {folded: things[0] for folded, things in self._known.items() if things}
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
        return [next((one for one in self._names(known[name]) if one.casefold() == name), name) for name in close]

    async def _learn(self, missing: Mapping[str, str]) -> None:
        wanted = max(len(missing), self._expected)
        search = self._search if all(map(self._searchable, missing.values())) else None
        if search is not None and wanted <= 2:
            await self._search_each(missing)
            return
        first = await self._listing.page(self._listing.paging().first, self._listing.max_limit)
        pages = self._pages_after(first)
        if search is not None and wanted < pages:
            await self._search_each(missing)
            return
        self._pages = pages
        await self._walk(first, None if self._keep_all else set(missing))

    def _pages_after(self, first: Page[ThingT]) -> int:
        """How many pages a walk takes, by its first one."""
        others = self._listing.paging().feed(first, [self._listing.identity(row) for row in first.rows])
        counted = 1 if first.total is None else -(-first.total // max(1, len(first.rows)))
        return max(1 + len(others), counted)

    async def _walk(self, first: Page[ThingT] | None, only: set[str] | None = None) -> None:
        if only is None:
            found = await walk(self._listing, first=first)
        else:
            found = await walk(
                self._listing, first=first, wanted=lambda thing: not only.isdisjoint(self._folded(thing))
            )
        self._pages = self._pages or max(1, -(-len(found) // self._listing.max_limit))
        self._fill(found)
        self._walked = only is None
        for name in only or ():
            self._known.setdefault(name, ())  # asked for, and not there

    def _folded(self, thing: ThingT) -> set[str]:
        return {name.casefold() for name in self._names(thing)}

    async def _search_each(self, keys: Mapping[str, str]) -> None:
        """Search for each key as it was written: folding changes letters (ß, ς) that a vendor's search compares."""
        if self._search is None:
            raise RuntimeError("a listing without a search is walked")
        search = self._search

        self._searches += len(keys)

        async def look_up(folded: str) -> None:
            self._known[folded] = await search(keys[folded])

        await side_by_side(keys, look_up, width=min(SEARCHES_SIDE_BY_SIDE, len(keys)))

    def _fill(self, things: Iterable[ThingT]) -> None:
        found: dict[str, list[ThingT]] = defaultdict(list)
        for thing in things:
            for name in self._folded(thing):
                found[name].append(thing)
        self._known.update(found)


class OrganizationRoster:
    """A `Roster` over an organisation's listings and searches. What it read it keeps."""

    def __init__(
        self, org: Organization, *, caller: Caller, facts: OrganizationFacts, expected: int, keep_all: bool = True
    ) -> None:
        self.caller = caller
        self.facts = facts
        self.support = org.support
        self._org = org
        self._people: Index[Person] = Index(
            org.people(),
            names=Person.names,
            search=org.find_people,
            expected=expected,
            keep_all=keep_all,
            searchable=org.searchable,
        )
        self._departed: Index[Person] = Index(
            org.departed(), names=Person.names, search=org.find_departed, expected=0, keep_all=keep_all
        )
        self._invitations: Index[Invitation] = Index(
            org.invitations(),
            names=lambda one: (one.email, one.id),
            search=org.find_invitations,
            expected=expected,
            keep_all=keep_all,
        )
        self._accounts: Index[Person] = Index(
            org.accounts(),
            names=Person.names,
            search=org.find_accounts,
            expected=expected,
            keep_all=keep_all,
            searchable=org.searchable,
        )
        self._everybody: Index[Person] = Index(
            org.everybody(), names=Person.names, search=None, expected=expected, keep_all=keep_all
        )
        self._named: dict[tuple[str, str], Index[Named]] = {}
        self._links: dict[tuple[str, str], Sequence[Link]] = {}
        self._link_locks: dict[tuple[str, str], anyio.Lock] = {}

    async def people(self, keys: Collection[str]) -> Mapping[str, Sequence[Person]]:
        """The members that each key names."""
        return await self._people.find(keys)

    async def departed(self, keys: Collection[str]) -> Mapping[str, Sequence[Person]]:
        """The deleted accounts that each key names."""
        return await self._departed.find(keys)

    async def invitations(self, addresses: Collection[str]) -> Mapping[str, Sequence[Invitation]]:
        """The invitations of each address, or with each id."""
        return await self._invitations.find(addresses)

    async def everybody(self, keys: Collection[str]) -> Mapping[str, Sequence[Person]]:
        """The members of the organisation at the top that each key names; nobody where it may not be read."""
        try:
            return await self._everybody.find(keys)
        except (AccessError, ConfigError, RejectedError):
            return dict.fromkeys(keys, ())  # rights in a business group alone do not open the organisation above it

    async def accounts(self, keys: Collection[str]) -> Mapping[str, Sequence[Person]]:
        """The members that each key names, with the fields that a change must write back."""
        return await self._accounts.find(keys)

    async def named(self, kind: str, names: Collection[str], within: str = "") -> Mapping[str, Sequence[Named]]:
        """The things of `kind` that each name or id means."""
        return await self._index(kind, within).find(names)

    async def links(self, kind: str, parent: str) -> Sequence[Link]:
        """The entries of one list; read once, whoever asks."""
        lock = self._link_locks.setdefault((kind, parent), anyio.Lock())
        async with lock:
            if (kind, parent) not in self._links:
                self._links[kind, parent] = await walk(self._org.links(kind, parent))
        return self._links[kind, parent]

    async def administrators(self) -> Office | None:
        """What makes people administrators of the organisation."""
        name = self._org.administrators
        if not name:
            return None
        kind = self._org.administered_by
        found = (await self.named(kind, [name]))[name]
        return Office(kind, found[0].id) if len(found) == 1 else None

    async def count_people(self) -> int | None:
        """How many members there are, by the total of their listing."""
        return await _total(self._org.people())

    async def count_invitations(self) -> int | None:
        """How many invitations are outstanding or expired, by the total of their listing."""
        return await _total(self._org.invitations())

    async def count_named(self, kind: str) -> int | None:
        """How many things of `kind` there are, by the total of their listing."""
        return await _total(self._org.named(kind))

    def how(self) -> Sequence[str]:
        """How each listing was read so far, in words."""
        indexes: list[Index[Any]] = [self._people, self._accounts, self._invitations, self._departed]
        indexes.extend(self._named.values())
        told = [text for index in indexes if (text := index.how())]
        lists: dict[str, int] = defaultdict(int)
        for kind, _parent in self._links:
            lists[kind] += 1
        told.extend(
            f"{kind.replace('_', ' ')} entries: {number:,} {'list' if number == 1 else 'lists'} read"
            for kind, number in lists.items()
        )
        return told

    async def near(self, kind: str, name: str) -> Sequence[str]:
        """Names close to `name`."""
        return await (self._people if kind == "person" else self._index(kind)).near(name)

    def _index(self, kind: str, within: str = "") -> Index[Named]:
        if (kind, within) not in self._named:
            self._named[kind, within] = Index(self._org.named(kind, within), names=_names_of, search=None, expected=0)
        return self._named[kind, within]


def _names_of(thing: Named) -> Iterable[str]:
    """What it may be called; an empty name means the one at the top."""
    return (*thing.names(), "") if thing.parent == "" else thing.names()


async def _total(listing: Listing[Any]) -> int | None:
    """By a page of one row."""
    return (await listing.page(listing.paging().first, 1)).total
