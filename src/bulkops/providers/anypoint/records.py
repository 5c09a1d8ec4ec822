"""Rows of Anypoint's listings as records: only what is a column here is taken over, so that no secret is even kept.

Left out on purpose: an invite's `code`, an application's `client_secret`, the organisation that a row of users embeds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from bulkops.errors import StoppedError
from bulkops.paging import Page, PageWalk, Position, WholeWalk
from bulkops.providers.anypoint.listings import MAX_LIMIT, OWN_PROVIDER, AnypointListing, invitation, scope_of
from bulkops.providers.resources import Cell, Record
from bulkops.providers.rows import id_in, iso, now_of
from bulkops.transport import Answer, Session

_PLAIN = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d\.\d{3}Z", re.ASCII).fullmatch
Row = Mapping[str, Any]
Parse = Callable[[Row], Record]


class RecordListing(AnypointListing[Record]):
    """A listing of records. `key` tells two of them apart; `dated` parsers are told the moment of the answer."""

    def __init__(
        self,
        session: Session,
        path: str,
        parse: Callable[..., Record],
        *,
        resource: str,
        key: Sequence[str],
        params: Mapping[str, str] | None = None,
        limit: int = MAX_LIMIT,
        dated: bool = False,
    ) -> None:
        super().__init__(session, path, parse, resource=resource, params=params)
        self.max_limit = limit
        self._key = tuple(key)
        self._dated = parse if dated else None

    def _parse_of(self, answer: Answer) -> Parse:
        return self._parse if self._dated is None else partial(self._dated, now=now_of(answer))

    def identity(self, row: Record) -> Hashable:
        """The columns of its key."""
        return row[self._key[0]] if len(self._key) == 1 else tuple(row[name] for name in self._key)


class TreeListing:
    """The organisation and all business groups below it, from one nested answer; each after what it belongs to."""

    resource = "business groups"
    max_limit = MAX_LIMIT

    def __init__(self, session: Session, base: str) -> None:
        self._session = session
        self._base = base

    def paging(self) -> PageWalk:
        """One answer has it all."""
        return WholeWalk()

    async def page(self, at: Position, limit: int) -> Page[Record]:
        """All of it, as the first page. Raises StoppedError for another shape."""
        answer = await self._session.read(f"{self._base}/hierarchy", gate="GET hierarchy")
        found = list(_tree(answer.body, parent=("", ""), depth=0))
        if not found:
            raise StoppedError("the hierarchy of organisations has an unexpected shape: nothing was decided on it")
        return Page(0, found, len(found))

    def identity(self, row: Record) -> Hashable:
        """Its id."""
        return row["id"]


def _tree(node: Any, *, parent: tuple[str, str], depth: int) -> Iterator[Record]:
    if not isinstance(node, dict) or not node.get("id"):
        return
    own = str(node["id"]), text(node, "name")
    yield {
        "id": own[0],
        "name": own[1],
        "parent_id": parent[0],
        "parent": parent[1],
        "depth": depth,
        "owner_id": text(node, "ownerId"),
    }
    children = node.get("subOrganizations")
    for child in children if isinstance(children, list) else ():
        yield from _tree(child, parent=own, depth=depth + 1)


def user(row: Row) -> Record:
    """A row of users."""
    return {
        **member(row),
        "phone": text(row, "phoneNumber"),
        "federated": bool(row.get("isFederated")) or text(row, "idprovider_id", OWN_PROVIDER) != OWN_PROVIDER,
        "updated_at": moment(row.get("updatedAt")),
    }


def member(row: Row) -> Record:
    """A row of members."""
    return {
        "id": id_in(row, "id"),
        "username": text(row, "username"),
        "email": text(row, "email"),
        "first_name": text(row, "firstName"),
        "last_name": text(row, "lastName"),
        "enabled": row.get("enabled") is not False,
        "identity_provider": text(row, "idprovider_id"),
        "created_at": moment(row.get("createdAt")),
        "last_login": moment(row.get("lastLogin")),
    }


def invite(row: Row, *, now: float) -> Record:
    """A row of invites. An expired one may still be listed as sent: its date tells."""
    found = invitation(row, now=now)
    by = row.get("invited_by_user")
    return {
        "invite_id": found.id,
        "email": found.email,
        "status": "EXPIRED" if found.expired else text(row, "status", "INVITED").upper(),
        "invited_at": moment(row.get("invited_at")),
        "expires_at": moment(row.get("expires_at")),
        "invited_by": text(by, "username") if isinstance(by, dict) else "",
        "role_groups": named(row.get("role_groups"), "name", "role_group_id"),
        "teams": named(row.get("teams"), "team_id"),
    }


def role_group(row: Row) -> Record:
    """A row of role groups."""
    count = row.get("user_count")
    return {
        "id": id_in(row, "role_group_id"),
        "name": text(row, "name"),
        "description": text(row, "description"),
        "editable": row.get("editable") is not False,
        "user_count": count if isinstance(count, int) and not isinstance(count, bool) else None,
        "external_names": named(row.get("external_names"), "external_group_name", "name"),
        "created_at": moment(row.get("created_at")),
        "updated_at": moment(row.get("updated_at")),
    }


def role_group_member(row: Row, *, group: Record) -> Record:
    """A person in a role group."""
    return {**_person(row), "role_group": group["id"], "role_group_name": group["name"]}


def team(row: Row) -> Record:
    """A row of teams; the name's key differs between the published descriptions."""
    above = named(row.get("ancestor_team_ids"))
    return {
        "id": id_in(row, "team_id"),
        "name": text(row, "team_name") or text(row, "name"),
        "type": text(row, "team_type"),
        "parent_id": above[-1] if above else "",
        "created_at": moment(row.get("created_at")),
        "updated_at": moment(row.get("updated_at")),
    }


def team_member(row: Row, *, team: Record) -> Record:
    """A person in a team."""
    return {
        "user": id_in(row, "id"),
        "name": text(row, "name"),
        "team": team["id"],
        "team_name": team["name"],
        "membership": text(row, "membership_type", "member"),
        "external": bool(row.get("is_assigned_via_external_groups")),
        "created_at": moment(row.get("created_at")),
    }


def user_role(row: Row, *, holder: Record) -> Record:
    """A permission that a person holds, in its context."""
    context = row.get("context_params")
    context = context if isinstance(context, dict) else {}
    return {
        "user": holder["id"],
        "username": holder["username"],
        "email": holder["email"],
        "role": id_in(row, "role_id"),
        "role_name": text(row, "name"),
        "organization": text(context, "org"),
        "environment": text(context, "envId"),
    }


def allowlist_entry(row: Row) -> Record:
    """An app on the allowlist."""
    return {"client_id": id_in(row, "client_id"), "scopes": _scopes(row.get("authorized_scopes"))}


def connected_app(row: Row) -> Record:
    """A connected app, without its secret."""
    return {
        "client_id": id_in(row, "client_id"),
        "name": text(row, "client_name"),
        "owner_id": text(row, "owner_user_id"),
        "enabled": row.get("enabled") is not False,
        "audience": text(row, "audience"),
        "grant_types": named(row.get("grant_types")),
        "scopes": _scopes(row.get("scopes")),
    }


def environment(row: Row, *, group: Record) -> Record:
    """An environment of an organisation or business group."""
    return {
        "id": id_in(row, "id"),
        "name": text(row, "name"),
        "type": text(row, "type"),
        "production": bool(row.get("isProduction")),
        "organization": group["id"],
        "organization_name": group["name"],
    }


def _person(row: Row) -> dict[str, Cell]:
    return {
        "user": id_in(row, "id"),
        "username": text(row, "username"),
        "email": text(row, "email"),
        "first_name": text(row, "firstName"),
        "last_name": text(row, "lastName"),
        "enabled": row.get("enabled") is not False,
    }


def text(row: Row, key: str, default: str = "") -> str:
    """A text, or what stands for it."""
    value = row.get(key)
    if type(value) is str:  # nearly always, thousands of times a page
        return value or default
    return default if value is None or isinstance(value, (dict, list)) else str(value)


def named(value: Any, *keys: str) -> tuple[str, ...]:
    """A list of texts; of objects each one's first of `keys` that it has."""
    if not isinstance(value, list):
        return ()
    found = []
    for one in value:
        if isinstance(one, dict):
            found.append(next((text(one, key) for key in keys if one.get(key)), ""))
        elif one is not None and not isinstance(one, list):
            found.append(str(one))
    return tuple(name for name in found if name)


def _scopes(value: Any) -> tuple[str, ...]:
    return tuple(sorted(scope_of(one) for one in value)) if isinstance(value, list) else ()


def moment(value: Any) -> str | None:
    """A date as ISO 8601 in UTC with milliseconds, None where there is none."""
    if type(value) is str and _PLAIN(value):
        return value  # as the service writes it: thousands of rows need not be read and written again
    return iso(value)
