"""A case for each operation on WireMock Cloud, told by the state of its simulated organisation."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from bulkops.sandbox import Sandbox
from bulkops.sandbox.wiremock_cloud.organisation import (
    ADMIN,
    MEMBER,
    TEAM_ADMIN,
    TEAM_MEMBER,
    Entity,
    Invitation,
    Organisation,
    User,
)
from bulkops.testing.operation_contract import Case, Row

DAY_S = 86_400.0
ORG = "/v1/organisations/*"
FIXED = 4
"""The first of the simulated people have parts of their own."""


def state_of(sandbox: Sandbox) -> Organisation:
    """The simulated organisation itself."""
    vendor: Any = sandbox.vendor  # what is true is not asked over the wire
    found: Organisation = vendor._desk.org  # noqa: SLF001
    return found


def people(sandbox: Sandbox, count: int, role: str = MEMBER) -> list[User]:
    """So many ordinary members with a role."""
    org = state_of(sandbox)
    found = [org.users[user_id] for user_id, held in list(org.members.items())[FIXED:] if held == role]
    if len(found) < count:
        raise ValueError(f"the sandbox has {len(found)} such people, and {count} are needed")
    return found[:count]


def named(user: User, number: int) -> str:
    """What a row calls somebody: by turns the address, the username, the id."""
    return (user.email.upper(), user.username, user.id)[number % 3]


# invitations


def invite_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """Addresses that nobody has; by turns into the organisation, to a team, to a mock API."""
    org = state_of(sandbox)
    team, api = next(iter(org.teams.values())), next(iter(org.mock_apis.values()))
    ways = (
        {"role": MEMBER},
        {"role": TEAM_MEMBER, "acl_object": team.name.upper()},
        {"role": "mock_api_editor", "acl_object": api.id},
    )
    return [invite_row(sandbox, f"New.{number}@hire.test", ways[number % 3]) for number in range(count)]


def invite_row(sandbox: Sandbox, address: str, cells: dict[str, str]) -> Row:
    """One address."""
    org = state_of(sandbox)
    return Row(
        {"email": address, **cells},
        lambda: org.pending_by_address(address, 0.0) is not None,
        {"body_contains": f'"{address}"'},
        lambda: invited(org, 1, address=address),
        lambda: sandbox.effects.count("invite_sent", address),
    )


def invited(org: Organisation, count: int, *, address: str | None = None) -> list[Invitation]:
    """New pending invitations, by turns into the organisation and to a team."""
    team = next(iter(org.teams.values()))
    made = []
    for _ in range(count):
        number = len(org.invitations)
        role, acl_object = (MEMBER, None) if number % 2 else (TEAM_MEMBER, team.acl_object)
        invitation = Invitation(
            f"w{number:05}",
            org.caller_id,
            address or f"waiting.{number}@hire.test",
            role,
            acl_object,
            created_at=time.time() - DAY_S,
            new_user=True,
        )
        org.add_invitation(invitation)
        made.append(invitation)
    return made


def invitation_cells(invitation: Invitation, number: int) -> dict[str, str]:
    """By turns the address, the id, both."""
    cells = {"email": invitation.email.upper(), "invite_id": invitation.id}
    return [{"email": cells["email"]}, {"invite_id": cells["invite_id"]}, cells][number % 3]


def resend_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """Pending invitations."""
    return [resend_row(sandbox, one, number) for number, one in enumerate(invited(state_of(sandbox), count))]


def resend_row(sandbox: Sandbox, invitation: Invitation, number: int) -> Row:
    """One invitation: done once the old one is gone, and a new one says the same."""
    org = state_of(sandbox)

    def done() -> bool:
        now = org.pending_by_address(invitation.email, 0.0)
        same = now is not None and (now.role, now.acl_object) == (invitation.role, invitation.acl_object)
        return same and now is not None and now.id != invitation.id

    return Row(
        invitation_cells(invitation, number),
        done,
        {"body_contains": f'"{invitation.email}"'},
        None,
        lambda: sandbox.effects.count("invite_sent", invitation.email),
    )


def revoke_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """Pending invitations."""
    org = state_of(sandbox)

    def gone(invitation: Invitation) -> bool:
        return invitation.id not in org.invitations

    return [
        Row(
            invitation_cells(one, number),
            partial(gone, one),
            {"path": f"*/invitations/{one.id}"},
            partial(org.drop_invitation, one),
        )
        for number, one in enumerate(invited(org, count))
    ]


# members


def delete_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """Members."""
    org = state_of(sandbox)

    def gone(user: User) -> bool:
        return user.id not in org.members and not user.deleted

    return [
        Row(
            {"user": named(user, number)},
            partial(gone, user),
            {"path": f"*/members/{user.id}"},
            partial(leave, org, user),
        )
        for number, user in enumerate(people(sandbox, count))
    ]


def leave(org: Organisation, user: User) -> None:
    """Somebody is a member no longer."""
    del org.members[user.id]
    user.organisation_id = "elsewhere"


def role_rows(sandbox: Sandbox, count: int, parents: int, *, role: str, cell: str) -> list[Row]:
    """Members who are to have a role."""
    org = state_of(sandbox)
    held = MEMBER if role == ADMIN else ADMIN
    found = people(sandbox, count)
    for user in found:
        org.members[user.id] = held

    def has(user: User) -> bool:
        return org.members.get(user.id) == role

    return [
        Row(
            {"user": named(user, number), "role": cell},
            partial(has, user),
            {"path": f"*/acl/user/{user.id}"},
            partial(org.members.__setitem__, user.id, role),
        )
        for number, user in enumerate(found)
    ]


# teams


def team_rows(sandbox: Sandbox, count: int, parents: int, *, inside: bool) -> list[Row]:
    """People outside some teams, or inside; one in three is to become a maintainer."""
    teams = list(state_of(sandbox).teams.values())[1 : 1 + parents]

    def put(user: User, team: Entity, role: str | None) -> None:
        team.grants.pop(user.id, None)
        if role is not None:
            team.grants[user.id] = role

    def so(user: User, team: Entity, role: str | None) -> bool:
        return team.grants.get(user.id) == role

    rows = []
    for number, user in enumerate(people(sandbox, count)):
        team = teams[number % parents]
        put(user, team, TEAM_MEMBER if inside else None)
        cells = {"user": named(user, number), "team": team.name if number % 2 else team.id}
        wanted = None if inside else TEAM_MEMBER
        if not inside and number % 3 == 2:
            wanted, cells["membership"] = TEAM_ADMIN, "maintainer"
        marks = {"path": f"*/members/{user.id}"} if inside else {"body_contains": f'"{user.id}"'}
        rows.append(Row(cells, partial(so, user, team, wanted), marks, partial(put, user, team, wanted)))
    return rows


def so(cells: Callable[[Organisation], dict[str, str]]) -> Callable[[Sandbox], Row]:
    """A row of which nothing else matters."""
    return lambda sandbox: Row(cells(state_of(sandbox)), lambda: True)


def _first(org: Organisation) -> User:
    return org.users[list(org.members)[FIXED + 1]]


def _in_team(org: Organisation, *, inside: bool) -> dict[str, str]:
    user, team = _first(org), list(org.teams.values())[1]
    team.grants.pop(user.id, None)
    if inside:
        team.grants[user.id] = TEAM_ADMIN
    return {"user": user.username, "team": team.name, "membership": "maintainer"}


CASES: Sequence[Case] = (
    Case(
        "invite", "invite_sent", "POST", f"{ORG}/invitations", 1, invite_rows,
        so(lambda _org: {"email": "PENDING.1@acme.test", "role": MEMBER}), "already_invited",
    ),
    Case(
        "resend-invite", "invite_sent", "POST", f"{ORG}/invitations", 1, resend_rows,
        so(lambda org: {"email": _first(org).email}), "already_member", calls=2,
    ),
    Case(
        "revoke-invite", "invite_revoked", "DELETE", f"{ORG}/invitations/*", 1, revoke_rows,
        so(lambda _org: {"invite_id": "nobody"}), "not_invited",
    ),
    Case(
        "delete-user", "user_deleted", "DELETE", f"{ORG}/members/*", 1, delete_rows,
        None, "",
    ),
    Case(
        "assign-role", "role_assigned", "PUT", f"{ORG}/acl/user/*", 1,
        partial(role_rows, role=ADMIN, cell="organisation_admin"),
        so(lambda org: {"user": _first(org).email, "role": "Member"}), "already_assigned",
    ),
    Case(
        "unassign-role", "role_assigned", "PUT", f"{ORG}/acl/user/*", 1,
        partial(role_rows, role=MEMBER, cell="admin"),
        so(lambda org: {"user": _first(org).email, "role": "organisation_admin"}), "not_assigned",
    ),
    Case(
        "add-team-member", "team_added", "POST", "/v1/teams/*/members", 1,
        partial(team_rows, inside=False), so(partial(_in_team, inside=True)), "already_in_team",
    ),
    Case(
        "remove-team-member", "team_removed", "DELETE", "/v1/teams/*/members/*", 1,
        partial(team_rows, inside=True), so(partial(_in_team, inside=False)), "not_in_team",
    ),
)  # fmt: skip
"""One for each operation."""
