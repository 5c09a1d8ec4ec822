"""What Anypoint's organisations hold, as tables.

Sources: the published OpenAPI file of Access Management. Pages of connected applications hold at most 20 rows; teams,
and the allowlist, belong to the root organisation; `users` are those of type host: others live in another organisation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from bulkops.providers.anypoint import records
from bulkops.providers.anypoint.records import RecordListing, TreeListing
from bulkops.providers.listing import Listing
from bulkops.providers.resources import Join, Kind, Record, Resource, columns
from bulkops.transport import Session

APPS_ON_A_PAGE = 20
_ROOT = "/accounts/api/organizations"


_PERSON = "id username email first_name last_name enabled identity_provider created_at last_login"
_PERSON_KINDS = {
    "enabled": Kind.FLAG,
    "created_at": Kind.DATE,
    "last_login": Kind.DATE,
    "updated_at": Kind.DATE,
    "federated": Kind.FLAG,
    "role_groups": Kind.TEXTS,
    "teams": Kind.TEXTS,
}
_JOINS = {
    "role_groups": Join("role-group-members", by="user", gives="role_group_name", on="id"),
    "teams": Join("team-members", by="user", gives="team_name", on="id"),
}


class Shelf:
    """Makes the resources of one organisation."""

    def __init__(self, session: Session, organization: str) -> None:
        self._session = session
        self._base = f"{_ROOT}/{organization}"

    def resources(self) -> Mapping[str, Resource]:
        """All of them, by name."""
        return {one.name: one for one in (*self._people(), *self._groups(), *self._apps(), *self._places())}

    def _people(self) -> Sequence[Resource]:
        light = {"type": "host", "includeProfiles": "false"}
        return (
            Resource(
                "users",
                "accounts, with phone numbers and dates",
                columns(f"{_PERSON} phone federated updated_at role_groups teams", **_PERSON_KINDS),
                ("id",),
                self._one("/users", records.user, "users", "id", params=light),
                feeds={"user": "id"},
                joins=_JOINS,
            ),
            Resource(
                "members",
                "the same people in lighter rows",
                columns(f"{_PERSON} role_groups teams", **_PERSON_KINDS),
                ("id",),
                self._one("/members", records.member, "members", "id"),
                feeds={"user": "id"},
                joins=_JOINS,
            ),
            Resource(
                "invites",
                "invitations that are outstanding or expired",
                columns(
                    "invite_id email status invited_at expires_at invited_by role_groups teams",
                    invited_at=Kind.DATE,
                    expires_at=Kind.DATE,
                    role_groups=Kind.TEXTS,
                    teams=Kind.TEXTS,
                ),
                ("invite_id",),
                self._one("/invites", records.invite, "invites", "invite_id", dated=True),
                feeds={"invite_id": "invite_id", "email": "email"},
            ),
        )

    def _groups(self) -> Sequence[Resource]:
        dates = {"created_at": Kind.DATE, "updated_at": Kind.DATE}
        return (
            Resource(
                "role-groups",
                "role groups",
                columns(
                    "id name description editable user_count external_names created_at updated_at",
                    editable=Kind.FLAG,
                    user_count=Kind.NUMBER,
                    external_names=Kind.TEXTS,
                    **dates,
                ),
                ("id",),
                self._one("/rolegroups", records.role_group, "rolegroups", "id"),
                feeds={"role_group": "id"},
            ),
            Resource(
                "role-group-members",
                "who is in which role group",
                columns(
                    "user username email first_name last_name enabled role_group role_group_name", enabled=Kind.FLAG
                ),
                ("role_group", "user"),
                self._each("/rolegroups/{}/users", records.role_group_member, "role_group entries", "group", "user"),
                within="role-groups",
                feeds={"user": "user", "role_group": "role_group"},
            ),
            Resource(
                "teams",
                "teams",
                columns("id name type parent_id created_at updated_at", **dates),
                ("id",),
                self._one("/teams", records.team, "teams", "id"),
                feeds={"team": "id"},
                root_only=True,
            ),
            Resource(
                "team-members",
                "who is in which team",
                columns("user name team team_name membership external created_at", external=Kind.FLAG, **dates),
                ("team", "user"),
                self._each(
                    "/teams/{}/members",
                    records.team_member,
                    "team entries",
                    "team",
                    "user",
                    params={"identity_type": "user"},
                ),
                within="teams",
                feeds={"user": "user", "team": "team", "membership": "membership"},
                root_only=True,
            ),
            Resource(
                "user-roles",
                "permissions that people hold directly, one call a person",
                columns("user username email role role_name organization environment"),
                ("user", "role", "organization", "environment"),
                self._each(
                    "/users/{}/roles",
                    records.user_role,
                    "person_role entries",
                    "holder",
                    *("role", "organization", "environment"),
                    params={"role_groups": "false", "teams": "false"},
                ),
                within="members",
                feeds={"user": "user", "role": "role", "organization": "organization", "environment": "environment"},
            ),
        )

    def _apps(self) -> Sequence[Resource]:
        return (
            Resource(
                "allowlist",
                "connected apps that people may use",
                columns("client_id scopes apps", scopes=Kind.TEXTS, apps=Kind.TEXTS),
                ("client_id", "scopes"),
                self._one(
                    "/connectedApplications/allowlist",
                    records.allowlist_entry,
                    "allowlist entries",
                    *("client_id", "scopes"),
                ),
                feeds={"client_id": "client_id", "scopes": "scopes"},
                joins={"apps": Join("connected-apps", by="client_id", gives="name", on="client_id")},
                root_only=True,
            ),
            Resource(
                "connected-apps",
                "connected apps, without their secrets",
                columns(
                    "client_id name owner_id enabled audience grant_types scopes",
                    enabled=Kind.FLAG,
                    grant_types=Kind.TEXTS,
                    scopes=Kind.TEXTS,
                ),
                ("client_id",),
                self._one(
                    "/connectedApplications", records.connected_app, "connected apps", "client_id", limit=APPS_ON_A_PAGE
                ),
                feeds={"client_id": "client_id"},
            ),
        )

    def _places(self) -> Sequence[Resource]:
        return (
            Resource(
                "environments",
                "environments of the organisation and of all business groups below it",
                columns("id name type production organization organization_name", production=Kind.FLAG),
                ("id",),
                self._environments,
                within="business-groups",
                feeds={"environment": "id", "organization": "organization"},
            ),
            Resource(
                "business-groups",
                "the organisation and all business groups below it",
                columns("id name parent_id parent depth owner_id", depth=Kind.NUMBER),
                ("id",),
                lambda _parent: TreeListing(self._session, self._base),
                feeds={"organization": "id"},
            ),
        )

    def _one(
        self, path: str, parse: Callable[..., Record], resource: str, *key: str, **more: Any
    ) -> Callable[[Record | None], Listing[Record]]:
        """A resource with one listing."""
        full = self._base + path
        return lambda _parent: RecordListing(self._session, full, parse, resource=resource, key=key, **more)

    def _each(
        self, path: str, parse: Callable[..., Record], resource: str, given: str, *key: str, **more: Any
    ) -> Callable[[Record | None], Listing[Record]]:
        """A resource with a listing for each parent, whose record the parser gets as `given`."""

        def listing(parent: Record | None) -> Listing[Record]:
            if parent is None:
                raise ValueError(f"{resource} are listed for one parent at a time")
            full = self._base + path.format(parent["id"])
            reading = partial(parse, **{given: parent})
            return RecordListing(self._session, full, reading, resource=resource, key=key, **more)

        return listing

    def _environments(self, parent: Record | None) -> Listing[Record]:
        if parent is None:
            raise ValueError("environments are listed for one organisation at a time")
        path = f"{_ROOT}/{parent['id']}/environments"
        reading = partial(records.environment, group=parent)
        return RecordListing(self._session, path, reading, resource="environments", key=("id",))
