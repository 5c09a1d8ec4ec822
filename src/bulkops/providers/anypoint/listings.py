"""Anypoint's listings: offset and limit (default 25, so 500 is asked for), an envelope of `data` and `total`.

Rows are cut down to what bulkops needs as they arrive; an invitation's acceptance code is dropped here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Generic, TypeVar

from bulkops.errors import StoppedError
from bulkops.paging import OffsetWalk, Page, PageWalk, Position, WholeWalk
from bulkops.providers.base import Invitation, Link, Named, Person
from bulkops.providers.rows import id_in, moment, now_of, parsed
from bulkops.transport import Answer, Session

RowT = TypeVar("RowT")

MAX_LIMIT = 500
SEARCH_PAGES = 200
"""No search goes on for longer: it asks for one address or name."""
INVITATION_LIFE_S = 7 * 86_400.0
"""The link in an invitation's mail ends so long after it was sent."""
OWN_PROVIDER = "mulesoft"
"""The identity provider of accounts that are not federated."""


class AnypointListing(Generic[RowT]):
    """One listing. Tasks may read its pages side by side."""

    def __init__(
        self,
        session: Session,
        path: str,
        parse: Callable[[Mapping[str, Any]], RowT],
        *,
        resource: str,
        params: Mapping[str, str] | None = None,
    ) -> None:
        self.resource = resource
        self.max_limit = MAX_LIMIT
        self._session = session
        self._path = path
        self._parse = parse
        self._params = dict(params or {})

    def paging(self) -> PageWalk:
        """By offset and limit, under a total."""
        return OffsetWalk(self.max_limit)

    async def page(self, at: Position, limit: int) -> Page[RowT]:
        """One page. Raises StoppedError when the answer has another shape than a listing."""
        offset = int(at)
        params = {**self._params, "offset": str(offset), "limit": str(limit)}
        answer = await self._session.read(self._path, gate=f"GET {self.resource}", params=params)
        rows, total = _envelope(answer, self.resource, offset, limit)
        return Page(offset, self._parsed(rows, answer), total)

    async def search(self, text: str) -> list[RowT]:
        """Every row of a partial, case-insensitive search, each once; the caller compares exactly.

        Raises StoppedError when it does not end.
        """
        found: dict[Hashable, RowT] = {}
        offset = 0
        for _ in range(SEARCH_PAGES):
            params = {**self._params, "search": text, "offset": str(offset), "limit": str(self.max_limit)}
            answer = await self._session.read(self._path, gate=f"GET {self.resource}", params=params)
            rows, total = _envelope(answer, self.resource, offset, self.max_limit)
            known = len(found)
            found.update((self.identity(row), row) for row in self._parsed(rows, answer))
            offset += len(rows)
            # without a total the end is a page that brings nothing new
            if len(found) == known or (total is not None and offset >= total):
                return list(found.values())
        raise StoppedError(f"the search in {self.resource} does not end: nothing was decided on it")

    def _parsed(self, rows: Sequence[Mapping[str, Any]], answer: Answer) -> list[RowT]:
        parse = self._parse_of(answer)
        return [parsed(parse, row, f"a row of the listing of {self.resource}") for row in rows]

    def _parse_of(self, answer: Answer) -> Callable[[Mapping[str, Any]], RowT]:
        return self._parse

    def identity(self, row: RowT) -> Hashable:
        """Its id."""
        if isinstance(row, Link):
            return row.key, row.detail
        return getattr(row, "id", row)


class InvitationListing(AnypointListing[Invitation]):
    """Invitations: the date of each answer says which of them have expired."""

    def __init__(self, session: Session, path: str) -> None:
        super().__init__(session, path, invitation, resource="invites")

    def _parse_of(self, answer: Answer) -> Callable[[Mapping[str, Any]], Invitation]:
        return partial(invitation, now=now_of(answer))


class HierarchyListing:
    """The organisation and all its business groups: one nested answer, which is not paged."""

    resource = "organizations"
    max_limit = MAX_LIMIT

    def __init__(self, session: Session, base: str) -> None:
        self._session = session
        self._base = base

    def paging(self) -> PageWalk:
        """One answer has it all."""
        return WholeWalk()

    async def page(self, at: Position, limit: int) -> Page[Named]:
        """All of it, as the first page."""
        answer = await self._session.read(f"{self._base}/hierarchy", gate="GET hierarchy")
        found = list(_flattened(answer.body))
        if not found:
            raise StoppedError("the hierarchy of organisations has an unexpected shape: nothing was decided on it")
        return Page(0, found, len(found))

    def identity(self, row: Named) -> Hashable:
        """Its id."""
        return row.id


def _flattened(node: Any) -> Iterator[Named]:
    if isinstance(node, dict) and node.get("id"):
        yield Named(str(node["id"]), str(node.get("name") or ""))
        children = node.get("subOrganizations")
        for child in children if isinstance(children, list) else ():
            yield from _flattened(child)


def _envelope(answer: Answer, resource: str, offset: int, limit: int) -> tuple[Sequence[Mapping[str, Any]], int | None]:
    """The rows of a page and the total. A bare list that fills its page may go on: it has no total."""
    body = answer.body
    rows = body.get("data") if isinstance(body, dict) else body
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise StoppedError(f"the listing of {resource} has an unexpected shape: nothing was decided on it")
    if not isinstance(body, dict):
        return rows, len(rows) if offset == 0 and len(rows) < limit else None
    total = body.get("total")
    return rows, total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None


def person(row: Mapping[str, Any]) -> Person:
    """A row of users or members."""
    first, last = (row.get("firstName") or ""), (row.get("lastName") or "")
    return Person(
        id=id_in(row, "id"),
        username=str(row.get("username") or ""),
        email=str(row.get("email") or ""),
        name=f"{first} {last}".strip(),
        enabled=row.get("enabled") is not False,
        deleted=bool(row.get("deleted")),
        federated=bool(row.get("isFederated")) or (row.get("idprovider_id") or OWN_PROVIDER) != OWN_PROVIDER,
    )


def account(row: Mapping[str, Any]) -> Person:
    """A row of users, with the fields that a change of the account writes back."""
    found = person(row)
    profile = tuple((name, row.get(name)) for name in ("firstName", "lastName", "email", "phoneNumber") if name in row)
    return replace(found, profile=profile)


def invitation(row: Mapping[str, Any], *, now: float | None = None) -> Invitation:
    """A row of invites. Expired ones stay listed, with their status or only by their date.

    `now` is in epoch seconds, by our clock if it is not given.
    """
    invited_at, expires_at = moment(row.get("invited_at")), moment(row.get("expires_at"))
    renewed_at = expires_at - INVITATION_LIFE_S if expires_at is not None else None
    status = str(row.get("status") or "").upper()
    expired = status == "EXPIRED" or (expires_at is not None and expires_at < (time.time() if now is None else now))
    return Invitation(
        id=id_in(row, "id"),
        email=str(row.get("invited_email") or row.get("email") or ""),
        expired=expired,
        closed=status in {"CANCELED", "CANCELLED", "ACCEPTED"},
        invited_at=invited_at,
        expires_at=expires_at,
        mailed_at=max((at for at in (invited_at, renewed_at) if at is not None), default=None),
    )


def role_group(row: Mapping[str, Any]) -> Named:
    """A row of role groups."""
    return Named(id_in(row, "role_group_id"), str(row.get("name") or ""))


def team(row: Mapping[str, Any]) -> Named:
    """A row of teams; the name's key differs between the published descriptions.

    Those above it are listed from the internal or the external root team down to its parent.
    """
    above = row.get("ancestor_team_ids")
    return Named(
        id_in(row, "team_id"),
        str(row.get("team_name") or row.get("name") or ""),
        parent=_parent(above, row.get("team_type")) if isinstance(above, list) else None,
    )


def _parent(above: Sequence[Any], team_type: Any) -> str | None:
    if above:
        return str(above[-1])
    return "" if team_type in (None, "internal") else None


def role(row: Mapping[str, Any]) -> Named:
    """A row of the catalogue of permissions."""
    return Named(id_in(row, "role_id"), str(row.get("name") or ""))


def environment(row: Mapping[str, Any]) -> Named:
    """A row of environments."""
    return Named(id_in(row, "id"), str(row.get("name") or ""))


def role_group_user(row: Mapping[str, Any]) -> Link:
    """A person who holds a role group."""
    return Link(id_in(row, "id"))


def team_member(row: Mapping[str, Any]) -> Link:
    """A member of a team; one from an identity provider's group comes back at their next sign-in."""
    return Link(
        id_in(row, "id"),
        level=str(row.get("membership_type") or "member"),
        external=bool(row.get("is_assigned_via_external_groups")),
    )


def person_role(row: Mapping[str, Any]) -> Link:
    """A permission that a person holds, with its context."""
    context = row.get("context_params")
    pairs = context.items() if isinstance(context, dict) else ()
    return Link(id_in(row, "role_id"), detail=tuple(sorted(f"{name}={value}" for name, value in pairs if value)))


def allowlist_entry(row: Mapping[str, Any]) -> Link:
    """An app on the allowlist, with its scopes. A client id may come more than once."""
    scopes = row.get("authorized_scopes")
    return Link(id_in(row, "client_id"), detail=tuple(sorted(scope_of(one) for one in scopes or ())))


def scope_of(value: Any) -> str:
    """A scope as text: some descriptions have plain names, others objects."""
    return str(value.get("scope") or value.get("name")) if isinstance(value, dict) else str(value)
