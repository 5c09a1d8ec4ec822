"""What an organisation of VMware Cloud Services holds, as tables: users, invitations, groups, roles."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from bulkops.providers.listing import Listing
from bulkops.providers.resources import Keyed, Kind, Record, Resource, columns
from bulkops.providers.rows import iso, now_of, parsed
from bulkops.providers.vmware_csp import rows
from bulkops.providers.vmware_csp.listings import ArrayListing, PagedListing, objects_in, organization_roles_in
from bulkops.transport import Answer, Session


def tables(session: Session, base: str, users: str, organization: str) -> Mapping[str, Resource]:
    """All of them by name. `base` and `users` are the paths of the organisation and of its users."""

    def listed_users(_parent: Record | None) -> Listing[Record]:
        return Keyed(PagedListing(session, users, user, resource="users"), "id")

    def listed_invitations(_parent: Record | None) -> Listing[Record]:
        path = f"{base}/invitations"
        return Keyed(
            ArrayListing(session, path, invitations_in, resource="invitations", params={"expand": ""}), "invite_id"
        )

    def listed_groups(_parent: Record | None) -> Listing[Record]:
        parse = partial(group, organization=organization)
        return Keyed(PagedListing(session, f"{base}/groups", parse, resource="groups"), "id")

    def listed_group_members(parent: Record | None) -> Listing[Record]:
        if parent is None:
            raise ValueError("people are listed for one group at a time")
        path = f"{base}/groups/{quote(str(parent['id']), safe=':@')}/users"
        return Keyed(PagedListing(session, path, partial(member, team=parent), resource="users of a group"), "user")

    def listed_roles(_parent: Record | None) -> Listing[Record]:
        return Keyed(ArrayListing(session, f"{base}/roles", roles_in, resource="roles"), "role")

    found = (
        Resource(
            "users",
            "members, with the organisation roles that they have",
            columns("id username email first_name last_name roles", roles=Kind.TEXTS),
            ("id",),
            listed_users,
            feeds={"user": "id"},
        ),
        Resource(
            "invitations",
            "invitations that are outstanding or expired",
            columns(
                "invite_id email status roles invited_at expires_at",
                roles=Kind.TEXTS,
                invited_at=Kind.DATE,
                expires_at=Kind.DATE,
            ),
            ("invite_id",),
            listed_invitations,
            feeds={"invite_id": "invite_id", "email": "email"},
        ),
        Resource(
            "groups",
            "groups, with the organisation roles that they give",
            columns("id name roles editable", roles=Kind.TEXTS, editable=Kind.FLAG),
            ("id",),
            listed_groups,
            feeds={"team": "id"},
        ),
        Resource(
            "group-members",
            "who is in which group",
            columns("user username email team team_name"),
            ("team", "user"),
            listed_group_members,
            within="groups",
            feeds={"user": "user", "team": "team"},
        ),
        Resource(
            "roles",
            "organisation roles that can be given",
            columns("role name"),
            ("role",),
            listed_roles,
            feeds={"role": "role"},
        ),
    )
    return {one.name: one for one in found}


def user(row: Mapping[str, Any]) -> Record:
    """A user, with the names of the organisation roles in force."""
    held = rows.organization_links(row, now=time.time())
    return {**_person(row), "roles": tuple(sorted({link.key for link in held}))}


def _person(row: Mapping[str, Any]) -> dict[str, Any]:
    wrapped = row.get("user")
    found: Mapping[str, Any] = wrapped if isinstance(wrapped, dict) else row
    someone = rows.person(row)
    return {
        "id": someone.id,
        "username": someone.username,
        "email": someone.email,
        "first_name": str(found.get("firstName") or ""),
        "last_name": str(found.get("lastName") or ""),
    }


def invitations_in(answer: Answer) -> Iterator[Record]:
    """Those that are outstanding or expired; the links by which they are accepted are dropped."""
    for row in objects_in(answer.body, "invitations"):
        found = parsed(partial(rows.invitation, now=now_of(answer)), row, "a row of the listing of invitations")
        if not found.closed:
            roles = [role for role in row.get("organizationRoles") or () if isinstance(role, dict)]
            yield {
                "invite_id": found.id,
                "email": found.email,
                "status": "EXPIRED" if found.expired else "OUTSTANDING",
                "roles": tuple(str(role["name"]) for role in roles if role.get("name")),
                "invited_at": iso(row.get("generatedAt")),
                "expires_at": iso(row.get("expirationTime")),
            }


def group(row: Mapping[str, Any], *, organization: str) -> Record:
    """A group. One that comes from a directory, or that another organisation shares, cannot be changed here."""
    found = rows.group(row, organization=organization)
    return {"id": found.id, "name": found.name, "roles": tuple(found.gives), "editable": not found.fixed}


def member(row: Mapping[str, Any], *, team: Record) -> Record:
    """Somebody in a group."""
    found = rows.person(row)
    return {
        "user": found.id,
        "username": found.username,
        "email": found.email,
        "team": team["id"],
        "team_name": team["name"],
    }


def roles_in(answer: Answer) -> Iterator[Record]:
    """The organisation roles that can be given."""
    for found in organization_roles_in(answer):
        yield {"role": found.id, "name": found.name}
