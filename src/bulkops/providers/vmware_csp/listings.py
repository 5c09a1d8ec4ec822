"""The listings of VMware Cloud Services.

Sources: the vendor's reference. A page is `{results, totalResults, nextLink, prevLink, errors}`: `pageStart` counts
items from 1 (on some installations pages), the links are relative to the host, and `errors` in a 200 says that rows are
missing. Invitations come in one bare array. Of the flags `expand` and `excludeRoles` only their presence counts.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

import anyio

from bulkops.errors import AccessError, RejectedError, StoppedError
from bulkops.paging import Page, PageWalk, Position, StartWalk, WholeWalk, same_host
from bulkops.providers.base import Invitation, Link, Listing, Named, Person
from bulkops.providers.rows import now_of, parsed
from bulkops.providers.vmware_csp import rows
from bulkops.transport import Answer, Session, words_in

RowT = TypeVar("RowT")
Objects = Sequence[Mapping[str, Any]]

MAX_LIMIT = 200
READS, REREAD_S = 3, 0.25
"""So often a page is read that says itself that rows are missing; seconds before the second read, and twice those."""
SEARCH_PAGES = 200
"""No search goes on for longer: it asks for one person, or for the holders of one role."""
LONGEST_TERM = 120


class _Rows(Generic[RowT]):
    """What all listings here have in common."""

    max_limit = MAX_LIMIT

    def __init__(self, session: Session, path: str, *, resource: str) -> None:
        self.resource = resource
        self._session = session
        self._path = path

    def identity(self, row: RowT) -> Hashable:
        """Its id; a role that is held in several ways is listed as often."""
        return row if isinstance(row, Link) else getattr(row, "id", row)

    def _unexpected(self) -> StoppedError:
        return StoppedError(f"the listing of {self.resource} has an unexpected shape: nothing was decided on it")


class PagedListing(_Rows[RowT]):
    """One listing that comes in pages. Tasks may read its pages side by side."""

    def __init__(
        self,
        session: Session,
        path: str,
        parse: Callable[[Mapping[str, Any]], RowT],
        *,
        resource: str,
        flags: Sequence[str] = (),
    ) -> None:
        super().__init__(session, path, resource=resource)
        self._parse = parse
        self._flags = dict.fromkeys(flags, "")

    def paging(self) -> PageWalk:
        """By the number of the first item, beside links."""
        return StartWalk(self.max_limit)

    async def page(self, at: Position, limit: int) -> Page[RowT]:
        """One page. Raises StoppedError for another shape, and for a page that stays without some of its rows."""
        params = {"pageStart": str(at), "pageLimit": str(limit), **self._flags}
        body = await _whole(
            lambda: self._session.read(self._path, gate=f"GET {self.resource}", params=params), self.resource
        )
        found, total = _envelope(body, self._unexpected)
        following = self._next(body)
        what = f"a row of the listing of {self.resource}"
        return Page(
            at,
            [parsed(self._parse, row, what) for row in found],
            total,
            next=following,
            last=following is None,
        )

    def _next(self, body: Mapping[str, Any]) -> int | None:
        """The start that the link to the next page names. The link itself is not followed."""
        link = body.get("nextLink")
        if not link:
            return None
        try:
            query = parse_qs(urlsplit(same_host(str(link), self._session.base_url)).query)
            return int(query["pageStart"][0])
        except (ValueError, KeyError) as error:
            raise StoppedError(
                f"the listing of {self.resource} has a link to its next page that leads nowhere ({error}): nothing was "
                f"decided on it"
            ) from error


async def _whole(read: Callable[[], Awaitable[Answer]], resource: str) -> Mapping[str, Any]:
    """The body of a page that misses nothing by its own account. Raises StoppedError after some tries."""
    body: Mapping[str, Any] = {}
    for again in range(READS):
        if again:
            await anyio.sleep(again * REREAD_S)
        answer = await read()
        body = answer.body if isinstance(answer.body, dict) else {}
        if not body.get("errors"):
            return body
    raise StoppedError(
        f"the listing of {resource} is incomplete by its own account, {READS} times over ({words_in(body)}): nothing "
        f"was decided on it"
    )


def _envelope(body: Mapping[str, Any], unexpected: Callable[[], StoppedError]) -> tuple[Objects, int | None]:
    found, total = body.get("results"), body.get("totalResults")
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise unexpected()
    return found, total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None


class ArrayListing(_Rows[RowT]):
    """One listing that comes in one answer; `rows_of` finds its rows there. Closed rows are left out."""

    def __init__(
        self,
        session: Session,
        path: str,
        rows_of: Callable[[Answer], Iterable[RowT]],
        *,
        resource: str,
        params: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(session, path, resource=resource)
        self._rows_of = rows_of
        self._params = params

    def paging(self) -> PageWalk:
        """One answer has it all."""
        return WholeWalk()

    async def page(self, at: Position, limit: int) -> Page[RowT]:
        """All of it, whatever is asked for."""
        answer = await self._session.read(self._path, gate=f"GET {self.resource}", params=self._params)
        found = list(self._rows_of(answer))
        return Page(0, found, len(found))


def objects_in(body: Any, what: str) -> Objects:
    """A list of objects. Raises StoppedError for anything else."""
    if not isinstance(body, list) or not all(isinstance(row, dict) for row in body):
        raise StoppedError(f"the listing of {what} has an unexpected shape: nothing was decided on it")
    return body


def invitations_in(answer: Answer) -> Iterator[Invitation]:
    """The invitations that are outstanding or expired by the answer's date: old ones stay listed, and are left out."""
    parse = partial(rows.invitation, now=now_of(answer))
    for row in objects_in(answer.body, "invitations"):
        found = parsed(parse, row, "a row of the listing of invitations")
        if not found.closed:
            yield found


def departed_in(answer: Answer) -> Iterator[Person]:
    """Those who followed an invitation once: the one trace of somebody who was removed since."""
    for row in objects_in(answer.body, "invitations"):
        if str(row.get("status") or "").upper() == "REDEEMED" and (address := str(row.get("username") or "")):
            yield Person(address, address, address, deleted=True)


def roles_in(answer: Answer) -> Iterator[Link]:
    """The organisation roles that a person has: a bare array, or one under its name."""
    what = "the roles of a person"
    row = _under("organizationRoles", answer.body, what)
    yield from parsed(partial(rows.organization_links, now=now_of(answer)), row, what)


def service_roles_in(answer: Answer) -> Iterator[Link]:
    """The service roles that a person has."""
    what = "the service roles of a person"
    for row in objects_in(_under("serviceRoles", answer.body, what)["serviceRoles"], what):
        yield from parsed(partial(rows.service_links, now=now_of(answer)), row, what)


def organization_roles_in(answer: Answer) -> Iterator[Named]:
    """The organisation roles that can be given."""
    what = "roles"
    for row in objects_in(_under("orgRolesData", answer.body, what)["orgRolesData"], what):
        yield parsed(rows.organization_role, row, "a row of the listing of roles")


def _under(name: str, body: Any, what: str) -> Mapping[str, Any]:
    """An object that has `name`; a bare array is taken for what stands under it."""
    found = {name: body} if isinstance(body, list) else body
    if not isinstance(found, dict) or name not in found:
        raise StoppedError(f"the listing of {what} has an unexpected shape: nothing was decided on it")
    return found


async def search(session: Session, path: str, wanted: Mapping[str, Any], resource: str) -> Objects:
    """Every row of a search, page after page up to its total. Raises StoppedError when it does not come to its end."""
    found: list[Mapping[str, Any]] = []
    for number in range(SEARCH_PAGES):
        body = {**wanted, "pageStart": 1 + number * MAX_LIMIT, "pageLimit": MAX_LIMIT}
        page, total = _envelope(
            await _whole(partial(session.read, path, gate=f"POST {resource}", body=body), resource),
            lambda: StoppedError(f"the search in {resource} has an unexpected shape: nothing was decided on it"),
        )
        found.extend(page)
        if len(found) >= total if total is not None else len(page) < MAX_LIMIT:
            return found
        if not page:
            break
    raise StoppedError(f"the search in {resource} does not come to its end: nothing was decided on it")


async def everything(listing: Listing[RowT]) -> list[RowT]:
    """All rows of a listing, page by page. Raises StoppedError where nobody can vouch for them, after some tries."""
    for _ in range(READS):
        state, kept = listing.paging(), dict[Hashable, RowT]()
        left = [state.first]
        while left:
            page = await listing.page(left.pop(0), state.step or listing.max_limit)
            kept.update((listing.identity(row), row) for row in page.rows)
            left.extend(state.feed(page, [listing.identity(row) for row in page.rows]))
        if state.complete:
            return list(kept.values())
    raise StoppedError(f"the listing of {listing.resource} kept changing while it was read: nothing was decided on it")


class HolderListing(_Rows[Link]):
    """The people who have one organisation role, directly or through a group.

    They are searched for by the role. Whether the search knows roles that come from a group is published nowhere, so
    that an empty answer, or one without the roles themselves, is not believed: then all users are walked.
    """

    def __init__(self, session: Session, base: str, users: Listing[tuple[str, bool]], role: str) -> None:
        super().__init__(session, f"{base}/users/search", resource=f"holders of {role}")
        self._users = users
        self._role = role

    def paging(self) -> PageWalk:
        """Read as a whole."""
        return WholeWalk()

    async def page(self, at: Position, limit: int) -> Page[Link]:
        """All of them."""
        ids = await self._searched() or [user_id for user_id, has in await everything(self._users) if has]
        return Page(0, [Link(user_id) for user_id in ids], len(ids))

    async def _searched(self) -> list[str]:
        wanted = {"rolesSearchTerm": {"orgRoles": [{"roleName": self._role}]}}
        try:
            found = await search(self._session, self._path, wanted, self.resource)
        except (RejectedError, AccessError):
            return []  # the shape of a search by roles is published less surely than the listing
        parse = partial(holder, role=self._role)
        told = [parsed(parse, row, "a row of a search for roles") for row in found]
        return [user_id for user_id, has in told if has]


def holder(row: Mapping[str, Any], *, role: str) -> tuple[str, bool]:
    """A user's id, and whether they have the role now."""
    return rows.person(row).id, rows.holds(row, role, now=time.time())
