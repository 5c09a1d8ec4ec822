"""WireMock Cloud's listings: by page and limit with `meta` and `links`, both optional; or all in one answer.

Neither the default nor the most rows of a page is stated, so that a refused limit is answered with the one that the
vendor's samples show.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from bulkops.errors import RejectedError, StoppedError
from bulkops.paging import NumberWalk, Page, PageWalk, Position, WholeWalk, same_host
from bulkops.providers.base import Invitation, Link, Named, Person
from bulkops.providers.rows import id_in, moment, parsed
from bulkops.transport import Answer, Session

RowT = TypeVar("RowT")

SAMPLE_LIMIT = 20
WANTED_LIMIT = 100
WALKS = 3
"""So often a listing is read anew when it changes under the reading."""


class UnlistedError(StoppedError):
    """What came is no listing, or none that can be vouched for."""


@dataclass(slots=True)
class PageSize:
    """The most rows that are asked for on a page; what was refused once is not asked for again."""

    most: int = WANTED_LIMIT


class PagedListing(Generic[RowT]):
    """One listing that comes in pages, under the key `name` of its answers. Tasks may read its pages side by side.

    `bare_is_whole`: an answer with neither `meta` nor `links` is all there is, unless it is as long as a page may be:
    then the page after it tells, or that neither `page` nor `limit` makes a difference.
    """

    def __init__(
        self,
        session: Session,
        path: str,
        name: str | tuple[str, ...],
        parse: Callable[[Any], RowT],
        *,
        resource: str,
        size: PageSize,
        params: Mapping[str, str] | None = None,
        bare_is_whole: bool = False,
    ) -> None:
        self.resource = resource
        self.max_limit = size.most
        self._session = session
        self._path = path
        self._names = (name,) if isinstance(name, str) else name
        self._parse = parse
        self._size = size
        self._params = dict(params or {})
        self._bare_is_whole = bare_is_whole

    def paging(self) -> PageWalk:
        """By the number of the page."""
        return NumberWalk(self.max_limit)

    async def page(self, at: Position, limit: int) -> Page[RowT]:
        """One page. Raises StoppedError when the answer has another shape than a listing."""
        return await self._page(int(at), limit, self._params)

    async def everything(self, q: str = "") -> list[RowT]:
        """Every row, or those that the vendor's partial search finds, each once.

        Raises StoppedError when the listing keeps changing or does not end.
        """
        params = {**self._params, **({"q": q} if q else {})}
        for _ in range(WALKS):
            walk, todo, found = NumberWalk(self._size.most), deque([1]), dict[Hashable, RowT]()
            first: list[Hashable] = []
            while todo and not walk.drifted:
                page = await self._page(todo.popleft(), walk.step or self._size.most, params)
                identities = [self.identity(row) for row in page.rows]
                first = first or identities
                repeats = self._bare_is_whole and page.at == 2 and page.total is page.pages is None
                if repeats and identities == first and await self._knows_no_limit(len(first), params):
                    return list(found.values())
                found.update(zip(identities, page.rows, strict=True))
                todo.extend(int(at) for at in walk.feed(page, identities))
            if walk.complete:
                return list(found.values())
        raise UnlistedError(f"the listing of {self.resource} keeps changing: nothing was decided on it")

    def identity(self, row: RowT) -> Hashable:
        """Its id."""
        return getattr(row, "id", row)

    async def _knows_no_limit(self, count: int, params: Mapping[str, str]) -> bool:
        """Whether `count` rows come also where half as many are asked for: then there are no pages at all."""
        return len(rows_in(await self._ask(1, max(1, count // 2), params), self._names, self.resource)) == count

    async def _page(self, number: int, limit: int, params: Mapping[str, str]) -> Page[RowT]:
        answer = await self._read(number, limit, params)
        rows = rows_in(answer, self._names, self.resource)
        meta, bare = _part(answer, "meta"), not {"meta", "links"} & set(answer.body)
        whole = bare and self._bare_is_whole and len(rows) not in {min(limit, self._size.most), SAMPLE_LIMIT}
        next_link(answer, self._session.base_url, self.resource)
        what = f"a row of the listing of {self.resource}"
        return Page(
            number,
            [parsed(self._parse, row, what) for row in rows],
            _count(meta.get("total")),
            _count(meta.get("totalPages")),
            last=True if whole else None,
        )

    async def _read(self, number: int, limit: int, params: Mapping[str, str]) -> Answer:
        limit = min(limit, self._size.most)
        try:
            return await self._ask(number, limit, params)
        except RejectedError as error:
            if error.http_status not in {400, 422} or limit <= SAMPLE_LIMIT or number > 1:
                raise
        answer = await self._ask(number, SAMPLE_LIMIT, params)
        self._size.most = SAMPLE_LIMIT
        return answer

    async def _ask(self, number: int, limit: int, params: Mapping[str, str]) -> Answer:
        asked = {**params, "limit": str(limit), "page": str(number)}
        return await self._session.read(self._path, gate=f"GET {self.resource}", params=asked)


class WholeListing(Generic[RowT]):
    """A listing that comes in one answer: invitations, the members of a team."""

    max_limit = 1_000_000

    def __init__(self, session: Session, path: str, name: str, parse: Callable[[Any], RowT], *, resource: str) -> None:
        self.resource = resource
        self._session = session
        self._path = path
        self._name = name
        self._parse = parse

    def paging(self) -> PageWalk:
        """One answer has it all."""
        return WholeWalk()

    async def page(self, at: Position, limit: int) -> Page[RowT]:
        """All of it. Raises StoppedError for another shape, and for an answer that says that it is a part."""
        answer = await self._session.read(self._path, gate=f"GET {self.resource}")
        rows = rows_in(answer, (self._name,), self.resource)
        if (_count(_part(answer, "meta").get("totalPages")) or 1) > 1 or next_link(
            answer, self._session.base_url, self.resource
        ):
            raise StoppedError(
                f"the listing of {self.resource} comes in pages, which it never did before: nothing was decided on it"
            )
        what = f"a row of the listing of {self.resource}"
        return Page(0, [parsed(self._parse, row, what) for row in rows], len(rows))

    def identity(self, row: RowT) -> Hashable:
        """Its id."""
        return row.key if isinstance(row, Link) else getattr(row, "id", row)


class Listed(Generic[RowT]):
    """Rows that are known already, or that `read` brings together, as a listing of one page."""

    max_limit = 1_000_000

    def __init__(self, resource: str, read: Callable[[], Any]) -> None:
        self.resource = resource
        self._read = read

    def paging(self) -> PageWalk:
        """One page has it all."""
        return WholeWalk()

    async def page(self, at: Position, limit: int) -> Page[RowT]:
        """All of it."""
        rows: Sequence[RowT] = await self._read()
        return Page(0, rows, len(rows))

    def identity(self, row: RowT) -> Hashable:
        """Its id."""
        return row.key if isinstance(row, Link) else getattr(row, "id", row)


def rows_in(answer: Answer, names: Sequence[str], resource: str) -> Sequence[Any]:
    """The rows of an answer, under the first of `names` that it has. Raises StoppedError where there are none."""
    body = answer.body if isinstance(answer.body, dict) else {}
    rows = next((body[name] for name in names if name in body), None)
    if not isinstance(rows, list):
        raise UnlistedError(f"the listing of {resource} has an unexpected shape: nothing was decided on it")
    return rows


def next_link(answer: Answer, base_url: str, resource: str) -> str:
    """Where the answer says that the next page is; empty where it says nothing.

    Raises StoppedError for a link that leaves the host: such a listing is not this service's.
    """
    link = _part(answer, "links").get("next")
    if not link:
        return ""
    try:
        return same_host(str(link), base_url)
    except ValueError as error:
        raise UnlistedError(f"the listing of {resource} goes on with {error}: nothing was decided on it") from error


def _part(answer: Answer, name: str) -> Mapping[str, Any]:
    found = answer.body.get(name) if isinstance(answer.body, dict) else None
    return found if isinstance(found, dict) else {}


def _count(value: Any) -> int | None:
    """A count, if it is one. An empty list has 0 of everything, although the schema asks for 1 at least."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def tail(link: Any) -> str:
    """The last name of a link's path, which is an id; empty for no link."""
    return str(link).partition("{")[0].partition("?")[0].rstrip("/").rpartition("/")[2] if link else ""


def person(row: Mapping[str, Any]) -> Person:
    """A row of users or of members of a team; nothing in it tells their role."""
    return Person(
        id=id_in(row, "id"), username=str(row.get("username") or ""), email=str(row.get("emailAddress") or "")
    )


def invitation(row: Mapping[str, Any]) -> Invitation:
    """A pending invitation. There is no date of expiry, and `newUser` tells nothing that could be relied on."""
    terms = {"role": str(row["role"]), **({"aclObjectId": str(row["aclObjectId"])} if row.get("aclObjectId") else {})}
    at = moment(row.get("created"))
    return Invitation(
        id=id_in(row, "id"),
        email=str(row["recipientEmailAddress"]),
        invited_at=at,
        mailed_at=at,
        terms=json.dumps(terms),
    )


def team(row: Mapping[str, Any]) -> Named:
    """A row of teams."""
    return Named(id_in(row, "id"), str(row.get("name") or ""), sort="team")


def acl_object(sort: str) -> Callable[[Mapping[str, Any]], Named]:
    """A team or mock API by its ACL object, which is neither its id nor its ACL subject."""

    def parse(row: Mapping[str, Any]) -> Named:
        own = id_in(row, "id")
        return Named(acl_object_of(row), str(row.get("name") or ""), sort=sort, also=(own,))

    return parse


def acl_object_of(row: Mapping[str, Any]) -> str:
    """The ACL object of a row, itself or by its link. Raises ValueError where there is neither."""
    links = row.get("links")
    found = row.get("aclObject") or tail(links.get("aclObject") if isinstance(links, dict) else "")
    if not isinstance(found, str) or not found:
        raise ValueError("there is no aclObject")
    return found


def grant(row: Any) -> tuple[str, str]:
    """Subject and role of a grant, which is an object or its bare id, `subject-object-role`. A person's is their id.

    Raises ValueError for another shape.
    """
    given = row if isinstance(row, dict) else {"id": row}
    parts = str(given.get("id") or "").split("-")
    by_id = (parts[0], parts[2]) if len(parts) == 3 else ("", "")
    links = given.get("links")
    linked = tail(links.get("aclSubject")) if isinstance(links, dict) else ""
    found = str(given.get("aclSubject") or linked or by_id[0]), str(given.get("role") or by_id[1])
    if not all(found):
        raise ValueError("a grant without a subject or a role")
    return found
