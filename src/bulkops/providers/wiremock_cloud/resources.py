"""What a WireMock Cloud organisation holds, as tables: users, invitations, teams and who is in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from bulkops.providers.listing import Listing
from bulkops.providers.resources import Keyed, Kind, Record, Resource, columns
from bulkops.providers.rows import iso
from bulkops.providers.wiremock_cloud import listings
from bulkops.providers.wiremock_cloud.listings import PagedListing, PageSize, WholeListing
from bulkops.transport import Session


def tables(session: Session, base: str, size: PageSize) -> Mapping[str, Resource]:
    """All of them by name. `base` is the path of the organisation."""

    def paged(name: str, parse: Callable[[Any], Record]) -> Callable[[Record | None], Listing[Record]]:
        def listing(_parent: Record | None) -> Listing[Record]:
            return Keyed(PagedListing(session, f"{base}/{name}", name, parse, resource=name, size=size), "id")

        return listing

    def listed_invitations(_parent: Record | None) -> Listing[Record]:
        return Keyed(
            WholeListing(session, f"{base}/invitations", "invitations", invitation, resource="invitations"), "invite_id"
        )

    def listed_members(parent: Record | None) -> Listing[Record]:
        if parent is None:
            raise ValueError("people are listed for one team at a time")
        path = f"/v1/teams/{quote(str(parent['id']), safe='')}/members"
        parse = partial(member, team=parent)
        return Keyed(WholeListing(session, path, "members", parse, resource="team members"), "user")

    found = (
        Resource("users", "members", columns("id username email"), ("id",), paged("users", user), feeds={"user": "id"}),
        Resource(
            "invitations",
            "pending invitations",
            columns("invite_id email role invited_at", invited_at=Kind.DATE),
            ("invite_id",),
            listed_invitations,
            feeds={"invite_id": "invite_id", "email": "email", "role": "role"},
        ),
        Resource("teams", "teams", columns("id name"), ("id",), paged("teams", team), feeds={"team": "id"}),
        Resource(
            "team-members",
            "who is in which team; in which role is not listed",
            columns("user username email team team_name"),
            ("team", "user"),
            listed_members,
            within="teams",
            feeds={"user": "user", "team": "team"},
        ),
    )
    return {one.name: one for one in found}


def user(row: Mapping[str, Any]) -> Record:
    """A row of users."""
    found = listings.person(row)
    return {"id": found.id, "username": found.username, "email": found.email}


def invitation(row: Mapping[str, Any]) -> Record:
    """A pending invitation; what it could be accepted by is dropped."""
    found = listings.invitation(row)
    return {
        "invite_id": found.id,
        "email": found.email,
        "role": str(row["role"]),
        "invited_at": iso(row.get("created")),
    }


def team(row: Mapping[str, Any]) -> Record:
    """A row of teams."""
    found = listings.team(row)
    return {"id": found.id, "name": found.name}


def member(row: Mapping[str, Any], *, team: Record) -> Record:
    """Somebody in a team."""
    found = listings.person(row)
    return {
        "user": found.id,
        "username": found.username,
        "email": found.email,
        "team": team["id"],
        "team_name": team["name"],
    }
