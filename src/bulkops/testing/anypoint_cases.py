"""A case for each operation on Anypoint, told by the state of its simulated organisation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice, product

from bulkops.sandbox import Sandbox
from bulkops.sandbox.anypoint.organization import (
    CANCELED,
    Grant,
    Invite,
    Membership,
    Organization,
    RoleGroup,
    Team,
    User,
)
from bulkops.testing.anypoint_creating import new_role_group_rows, new_team_rows
from bulkops.testing.anypoint_state import state_of
from bulkops.testing.operation_contract import Case, Row

DAY_S = 86_400.0
ORG = "/accounts/api/organizations/*"


def ordinary(org: Organization) -> Iterator[User]:
    """Enabled people with an account of their own and an address that is theirs alone."""
    for number, user in enumerate(org.users.values()):
        plain = user.idprovider_id is None and user.kind == "host" and user.enabled and not user.deleted
        if number >= 6 and plain and len(org.emails[user.email.casefold()]) == 1:
            yield user


def named(user: User, number: int) -> str:
    """What a row calls somebody: by turns the address, the username, the id."""
    return (user.email.upper(), user.username, user.id)[number % 3]


def of_person(users: Sequence[User], done: Callable[[User], bool], act: Callable[[User], object]) -> list[Row]:
    """A row for each person, of whom it is `done` after `act`."""
    return [
        Row({"user": named(user, number)}, partial(done, user), {"body_contains": user.id}, partial(act, user))
        for number, user in enumerate(users)
    ]


def delete(user: User) -> None:
    """The account is gone."""
    user.deleted = True


def flag(user: User, *, enabled: bool) -> None:
    """The account is enabled, or is not."""
    user.enabled = enabled


def people(sandbox: Sandbox, count: int) -> list[User]:
    """So many ordinary people."""
    found = list(islice(ordinary(state_of(sandbox)), count))
    if len(found) < count:
        raise ValueError(f"the sandbox has {len(found)} ordinary people, and {count} are needed")
    return found


# invitations


def invite_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """Addresses that nobody has."""
    org = state_of(sandbox)
    return [invite_row(sandbox, org, f"New.{number}@hire.test") for number in range(count)]


def invite_row(sandbox: Sandbox, org: Organization, address: str) -> Row:
    """One address."""
    return Row(
        {"email": address},
        lambda: org.pending_by_address(org.root.id, address) is not None,
        {"body_contains": f'"{address}"'},
        lambda: pending(org, 1, address=address),
        lambda: sandbox.effects.count("invite_sent", address),
    )


def pending(org: Organization, count: int, *, expired: bool = False, address: str | None = None) -> list[Invite]:
    """New invitations that are outstanding, or expired, for some days."""
    now = time.time()
    made = []
    for number in range(count):
        at = now - (9 if expired else 1 + number / 1000) * DAY_S
        invite = Invite(
            org.next_invite_id,
            org.root.id,
            "-",
            address or f"waiting.{org.next_invite_id}@hire.test",
            at,
            at + 7 * DAY_S,
            org.owner_id,
        )
        org.add_invite(invite)
        made.append(invite)
    return made


def invitation_cells(invite: Invite, number: int) -> dict[str, str]:
    """By turns the address, the id, both."""
    cells = {"email": invite.email, "invite_id": str(invite.id)}
    return [{"email": cells["email"]}, {"invite_id": cells["invite_id"]}, cells][number % 3]


def resend_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """Outstanding invitations."""
    invites = pending(state_of(sandbox), count)
    return [resend_row(sandbox, invite, number) for number, invite in enumerate(invites)]


def resend_row(sandbox: Sandbox, invite: Invite, number: int) -> Row:
    """One invitation."""

    def mails() -> int:
        return sandbox.effects.count("invite_resent", invite.email)

    return Row(invitation_cells(invite, number), lambda: mails() > 0, {"body_contains": str(invite.id)}, None, mails)


def revoke_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """Outstanding invitations."""
    org = state_of(sandbox)

    def revoked(invite: Invite) -> bool:
        return invite.state == CANCELED

    return [
        Row(
            invitation_cells(invite, number),
            partial(revoked, invite),
            {"body_contains": str(invite.id)},
            partial(org.close_invite, invite, CANCELED),
        )
        for number, invite in enumerate(pending(org, count))
    ]


# accounts


def delete_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """People."""
    return of_person(people(sandbox, count), lambda user: user.deleted, delete)


def disable_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """Enabled people."""
    return of_person(people(sandbox, count), lambda user: not user.enabled, partial(flag, enabled=False))


def enable_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """Disabled people."""
    found = people(sandbox, count)
    for user in found:
        flag(user, enabled=False)
    return of_person(found, lambda user: user.enabled, partial(flag, enabled=True))


# role groups


def role_group_rows(sandbox: Sandbox, count: int, parents: int, *, held: bool) -> list[Row]:
    """People who hold a role group, or do not; the groups by turns."""
    org = state_of(sandbox)
    groups = [group for group in org.rolegroups_of(org.root) if group.editable][:parents]

    def put(user: User, group: RoleGroup, *, holds: bool) -> None:
        group.holders.pop(user.id, None)
        if holds:
            group.holders[user.id] = (1, 0.0)

    def changed(user: User, group: RoleGroup) -> bool:
        return (user.id in group.holders) != held

    rows = []
    for number, user in enumerate(people(sandbox, count)):
        group = groups[number % parents]
        put(user, group, holds=held)
        cells = {"user": named(user, number), "role_group": group.name if number % 2 else group.id}
        act = partial(put, user, group, holds=not held)
        rows.append(Row(cells, partial(changed, user, group), {"body_contains": user.id}, act))
    return rows


# single permissions


def role_rows(sandbox: Sandbox, count: int, parents: int, *, held: bool) -> list[Row]:
    """Permissions of some people in several contexts, held or not."""
    org = state_of(sandbox)
    units = list(org.units.values())
    contexts: list[tuple[str, str]] = [(unit.id, "") for unit in units[1:]]
    contexts += [(row.org_id, row.id) for row in org.environments if row.org_id == org.root.id]
    contexts = [(org.root.id, ""), *contexts]
    persons = people(sandbox, parents)
    for user in persons:
        org.grants[user.id] = {}

    def put(user: User, grant: Grant, *, has: bool) -> None:
        org.grants[user.id].pop(grant, None)
        if has:
            org.grants[user.id][grant] = None

    def changed(user: User, grant: Grant) -> bool:
        return (grant in org.grants[user.id]) != held

    choices = list(product(contexts, org.catalogue.values()))
    rows = []
    for number in range(count):
        user = persons[number % parents]
        (unit_id, env_id), role = choices[number // parents]
        context = {"org": unit_id, **({"envId": env_id} if env_id else {})}
        grant = Grant(role.id, tuple(sorted(context.items())))
        put(user, grant, has=held)
        cells = {"user": named(user, number), "role": role.name if number % 2 else role.id}
        if unit_id != org.root.id:
            cells["organization"] = org.units[unit_id].name
        if env_id:
            cells["environment"] = next(row.name for row in org.environments if row.id == env_id)
        act = partial(put, user, grant, has=not held)
        rows.append(Row(cells, partial(changed, user, grant), _role_marks(user, grant, held=held), act))
    return rows


def _role_marks(user: User, grant: Grant, *, held: bool) -> dict[str, str]:
    context = dict(grant.context)
    if held:
        return {"path": f"*/users/{user.id}/roles/{grant.role_id}", "body_contains": _json(context)}
    return {"path": f"*/users/{user.id}/roles", "body_contains": f'"{grant.role_id}":{_json(context)}'}


def _json(context: dict[str, str]) -> str:
    return "{" + ",".join(f'"{name}":"{context[name]}"' for name in sorted(context)) + "}"


# teams


def team_rows(sandbox: Sandbox, count: int, parents: int, *, inside: bool) -> list[Row]:
    """People outside some teams, or inside; one in three is to become a maintainer."""
    org = state_of(sandbox)
    teams = list(org.teams.values())[1 : 1 + parents]

    def put(user: User, team: Team, kind: str | None) -> None:
        team.members.pop(user.id, None)
        if kind is not None:
            team.members[user.id] = Membership(kind, external=False, created_at=0.0)

    def changed(user: User, team: Team, wanted: str | None) -> bool:
        held = team.members.get(user.id)
        return (held.membership_type if held else None) == wanted

    rows = []
    for number, user in enumerate(people(sandbox, count)):
        team = teams[number % parents]
        put(user, team, "member" if inside else None)
        cells = {"user": named(user, number), "team": team.name if number % 2 else team.id}
        wanted = None if inside else "member"
        if not inside and number % 3 == 2:
            wanted = cells["membership"] = "maintainer"
        act = partial(put, user, team, wanted)
        rows.append(Row(cells, partial(changed, user, team, wanted), {"body_contains": user.id}, act))
    return rows


# the allowlist


def allowlist_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """Apps that are not on the allowlist yet."""
    org = state_of(sandbox)
    scopes = ["read:applications", "read:organization"]
    return [allowlist_row(org, client, scopes[: 1 + number % 2]) for number, client in enumerate(clients(count))]


def listed_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """Apps that are on the allowlist."""
    org = state_of(sandbox)
    org.allowlist.update({client: ["read:organization"] for client in clients(count)})

    def gone(client: str) -> bool:
        return client not in org.allowlist

    return [
        Row({"client_id": client}, partial(gone, client), _client_marks(client), partial(org.allowlist.pop, client))
        for client in clients(count)
    ]


def clients(count: int) -> list[str]:
    """So many client ids that nobody has."""
    return [f"{number:04d}c0ffee" for number in range(count)]


def allowlist_row(org: Organization, client: str, scopes: list[str]) -> Row:
    """One app with its scopes."""
    return Row(
        {"client_id": client, "scopes": ";".join(scopes)},
        lambda: client in org.allowlist and set(org.allowlist[client] or ()) >= set(scopes),
        _client_marks(client),
        lambda: org.allowlist.update({client: scopes}),
    )


def _client_marks(client: str) -> dict[str, str]:
    return {"body_contains": f'"{client}"'}


def replace_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """The whole list anew, where there was none."""
    state_of(sandbox).allowlist.clear()
    return allowlist_rows(sandbox, count, parents)


def same_list(sandbox: Sandbox) -> Row:
    """The one app that is on the list."""
    org = state_of(sandbox)
    org.allowlist.clear()
    org.allowlist["0000c0ffee"] = ["read:applications"]
    return allowlist_row(org, "0000c0ffee", ["read:applications"])


def so(cells: Callable[[Organization], dict[str, str]]) -> Callable[[Sandbox], Row]:
    """A row of which nothing else matters."""
    return lambda sandbox: Row(cells(state_of(sandbox)), lambda: True)


def _holder(org: Organization) -> dict[str, str]:
    group = next(group for group in org.rolegroups_of(org.root) if group.name == "Developers")
    user = next(ordinary(org))
    group.holders[user.id] = (1, 0.0)
    return {"user": user.id, "role_group": "developers"}


def _no_holder(org: Organization) -> dict[str, str]:
    return {**_holder(org), "role_group": "Organization Administrators"}


def _permission(org: Organization, *, held: bool) -> dict[str, str]:
    user, role = next(ordinary(org)), next(iter(org.catalogue.values()))
    org.grants[user.id] = {Grant(role.id, (("org", org.root.id),)): None} if held else {}
    return {"user": user.email, "role": role.name.upper()}


def _member(org: Organization, *, inside: bool) -> dict[str, str]:
    user, team = next(ordinary(org)), list(org.teams.values())[1]
    team.members.pop(user.id, None)
    if inside:
        team.members[user.id] = Membership("maintainer", external=False, created_at=0.0)
    return {"user": user.username, "team": team.name, "membership": "maintainer"}


CASES: Sequence[Case] = (
    Case(
        "invite", "invite_sent", "POST", f"{ORG}/invites", 100, invite_rows,
        so(lambda _org: {"email": "PENDING.1@acme.test"}), "already_invited",
    ),
    Case(
        "resend-invite", "invite_resent", "POST", f"{ORG}/invites/resend", 100, resend_rows,
        so(lambda org: {"email": next(ordinary(org)).email}), "already_member", settles=False,
    ),
    Case(
        "revoke-invite", "invite_revoked", "DELETE", f"{ORG}/invites", 100, revoke_rows,
        so(lambda _org: {"invite_id": "1"}), "not_invited",
    ),
    Case(
        "delete-user", "user_deleted", "DELETE", f"{ORG}/users", 100, delete_rows,
        so(lambda _org: {"user": "gone.already"}), "already_gone",
    ),
    Case(
        "disable-user", "user_disabled", "PUT", f"{ORG}/users", 100, disable_rows,
        so(lambda _org: {"user": "dora.disabled"}), "already_disabled",
    ),
    Case(
        "enable-user", "user_enabled", "PUT", f"{ORG}/users", 100, enable_rows,
        so(lambda org: {"user": next(ordinary(org)).email}), "already_enabled",
    ),
    Case(
        "assign-role-group", "role_group_assigned", "POST", f"{ORG}/rolegroups/*/users", 100,
        lambda sandbox, count, parents: role_group_rows(sandbox, count, parents, held=False),
        so(_holder), "already_assigned",
    ),
    Case(
        "unassign-role-group", "role_group_unassigned", "DELETE", f"{ORG}/rolegroups/*/users", 100,
        lambda sandbox, count, parents: role_group_rows(sandbox, count, parents, held=True),
        so(_no_holder), "not_assigned",
    ),
    Case(
        "assign-role", "role_assigned", "POST", f"{ORG}/users/*/roles", 25,
        lambda sandbox, count, parents: role_rows(sandbox, count, parents, held=False),
        so(lambda org: _permission(org, held=True)), "already_assigned",
    ),
    Case(
        "unassign-role", "role_unassigned", "DELETE", f"{ORG}/users/*/roles/*", 1,
        lambda sandbox, count, parents: role_rows(sandbox, count, parents, held=True),
        so(lambda org: _permission(org, held=False)), "not_assigned",
    ),
    Case(
        "add-team-member", "team_added", "PATCH", f"{ORG}/teams/*/members", 100,
        lambda sandbox, count, parents: team_rows(sandbox, count, parents, inside=False),
        so(lambda org: _member(org, inside=True)), "already_in_team",
    ),
    Case(
        "remove-team-member", "team_removed", "DELETE", f"{ORG}/teams/*/members", 100,
        lambda sandbox, count, parents: team_rows(sandbox, count, parents, inside=True),
        so(lambda org: _member(org, inside=False)), "not_in_team",
    ),
    Case(
        "allowlist-add", "allowlist_added", "PATCH", f"{ORG}/connectedApplications/allowlist", 100,
        allowlist_rows,
        so(lambda org: {"client_id": next(iter(org.allowlist))}), "already_allowed",
    ),
    Case(
        "allowlist-remove", "allowlist_removed", "DELETE", f"{ORG}/connectedApplications/allowlist", 100,
        listed_rows,
        so(lambda _org: {"client_id": "never-listed"}), "not_allowed_before",
    ),
    Case(
        "allowlist-replace", "allowlist_added", "PUT", f"{ORG}/connectedApplications/allowlist", 10_000,
        replace_rows, same_list, "already_allowed",
    ),
    Case(
        "create-role-group", "role_group_created", "POST", f"{ORG}/rolegroups", 1, new_role_group_rows,
        so(lambda _org: {"name": "DEVELOPERS"}), "already_there",
    ),
    Case(
        "create-team", "team_created", "POST", f"{ORG}/teams", 1, new_team_rows,
        so(lambda _org: {"name": "platform core", "parent": "Platform"}), "already_there",
    ),
)  # fmt: skip
"""One for each operation."""
