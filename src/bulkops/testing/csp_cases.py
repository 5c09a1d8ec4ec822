"""A case for each operation on VMware Cloud Services, told by the state of its simulated organisation."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import Any

from bulkops.sandbox import Sandbox
from bulkops.sandbox.vmware_csp.catalogue import CUSTOM_GROUPS, SERVICES
from bulkops.sandbox.vmware_csp.organization import (
    AVAILABLE,
    MEMBER,
    ORGANIZATION,
    REDEEMED,
    REVOKED,
    SERVICE,
    Grant,
    Group,
    Invitation,
    Organization,
    User,
)
from bulkops.testing.operation_contract import Case, Row

DAY_S = 86_400.0
ORG = "/csp/gateway/am/api/orgs/*"
FIXED = 5
"""The first of the simulated people have parts of their own."""


def state_of(sandbox: Sandbox) -> Organization:
    """The simulated organisation itself."""
    vendor: Any = sandbox._vendor  # noqa: SLF001 - what is true is not asked over the wire
    found: Organization = vendor._desk.org  # noqa: SLF001
    return found


def people(sandbox: Sandbox, count: int) -> list[User]:
    """So many ordinary people."""
    found = list(islice(state_of(sandbox).users.values(), FIXED, FIXED + count))
    if len(found) < count:
        raise ValueError(f"the sandbox has {len(found)} ordinary people, and {count} are needed")
    return found


def named(user: User, number: int) -> str:
    """What a row calls somebody: by turns the address, the username, the id."""
    return (user.email.upper(), user.username, user.id)[number % 3]


# invitations


def invite_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """Addresses that nobody has; all are offered the same, so that they may share a call."""
    return [invite_row(sandbox, f"New.{number}@hire.test", {"roles": "org_member"}) for number in range(count)]


def invite_row(sandbox: Sandbox, address: str, cells: dict[str, str]) -> Row:
    """One address."""
    org = state_of(sandbox)

    def done() -> bool:
        return org.pending(address, time.time()) is not None or org.named(address) is not None

    return Row(
        {"email": address, **cells},
        done,
        {"body_contains": f'"{address}"'},
        lambda: invited(org, 1, address=address),
        lambda: sandbox.effects.count("invite_sent", address),
    )


def invited(
    org: Organization,
    count: int,
    *,
    address: str | None = None,
    age_days: float = 1.0,
    days: int = 7,
    status: str = AVAILABLE,
) -> list[Invitation]:
    """New invitations that are outstanding, or expired, for some days, each with roles and a group."""
    groups, service = list(org.groups.values()), SERVICES[0]
    made = []
    for number in range(count):
        at = time.time() - age_days * DAY_S
        terms: list[list[Any]] = [[ORGANIZATION, "", MEMBER, "", None]]
        if number % 2:
            terms.append([SERVICE, service.id, service.roles[0], "", None])
        invitation = Invitation(
            str(uuid.uuid4()),
            address or f"waiting.{len(org.invitations)}@hire.test",
            at,
            at + days * DAY_S,
            "owner@acme.test",
            terms,
            [groups[1].id] if number % 3 else [],
            status,
        )
        org.add_invitation(invitation)
        made.append(invitation)
    return made


def invitation_cells(invitation: Invitation, number: int) -> dict[str, str]:
    """By turns the address, the id, both."""
    cells = {"email": invitation.username, "invite_id": invitation.id}
    return [{"email": cells["email"]}, {"invite_id": cells["invite_id"]}, cells][number % 3]


def resend_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """Outstanding invitations."""
    return [resend_row(sandbox, one, number) for number, one in enumerate(invited(state_of(sandbox), count))]


def resend_row(sandbox: Sandbox, old: Invitation, number: int) -> Row:
    """One invitation: taken back, and a new one like it is there."""
    org = state_of(sandbox)

    def done() -> bool:
        new = org.pending(old.username, time.time())
        if new is None or new.id == old.id:
            return False
        return old.status == REVOKED and (new.terms, new.group_ids) == (old.terms, old.group_ids)

    return Row(
        invitation_cells(old, number),
        done,
        {"body_contains": f'"{old.username}"'},
        partial(revoke, old),
        lambda: sandbox.effects.count("invite_sent", old.username),
    )


def revoke(invitation: Invitation) -> None:
    """As the vendor's own page would."""
    invitation.status, invitation.revoked_at = REVOKED, time.time()


def revoke_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """Outstanding invitations."""

    def revoked(invitation: Invitation) -> bool:
        return invitation.status == REVOKED

    return [
        Row(invitation_cells(one, number), partial(revoked, one), {"path": f"*/{one.id}"}, partial(revoke, one))
        for number, one in enumerate(invited(state_of(sandbox), count))
    ]


# accounts


def delete_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """People who once followed an invitation: the one trace of somebody who is gone."""
    org = state_of(sandbox)
    rows = []
    for number, user in enumerate(people(sandbox, count)):
        invited(org, 1, address=user.email, age_days=90, status=REDEEMED)
        rows.append(
            Row(
                {"user": user.email.upper() if number % 2 else user.email},
                partial(gone, org, user),
                {"body_contains": user.id},
                partial(org.remove_user, user),
            )
        )
    return rows


def gone(org: Organization, user: User) -> bool:
    """Whether somebody is no member."""
    return user.id not in org.users


# roles


def role_rows(sandbox: Sandbox, count: int, parents: int, *, held: bool) -> list[Row]:
    """Roles of the organisation and of services, on a resource each, that some people have or do not."""
    persons = people(sandbox, parents)
    service = SERVICES[1]
    rows = []
    for number in range(count):
        user, resource = persons[number % parents], f"project:{number:03d}"
        cells = {"user": named(user, number), "resource": resource}
        if number // parents % 2:
            grant = Grant(SERVICE, service.id, service.roles[number % 3], resource)
            cells |= {"role": grant.name, "service": service.link if number % 5 else service.id}
        else:
            grant = Grant(ORGANIZATION, "", ("developer", MEMBER)[number % 2], resource)
            cells |= {"role": grant.name.upper() if number % 3 else grant.name}
        put(user, grant, has=held)
        rows.append(
            Row(
                cells,
                partial(has_changed, user, grant, held=held),
                {"body_contains": f'"{resource}"'},
                partial(put, user, grant, has=not held),
            )
        )
    return rows


def put(user: User, grant: Grant, *, has: bool) -> None:
    """Somebody has a role of their own, or has not."""
    user.grants.pop(grant, None)
    if has:
        user.grants[grant] = None


def has_changed(user: User, grant: Grant, *, held: bool) -> bool:
    """Whether it is the other way round."""
    return (grant in user.grants) != held


# groups


def custom_groups(org: Organization) -> list[Group]:
    """Groups whose people can be changed and whose names are theirs alone."""
    return [next(one for one in org.groups.values() if one.name == name) for name in CUSTOM_GROUPS[:4]]


def group_rows(sandbox: Sandbox, count: int, parents: int, *, inside: bool) -> list[Row]:
    """People outside some groups, or inside."""
    groups = custom_groups(state_of(sandbox))[:parents]
    rows = []
    for number, user in enumerate(people(sandbox, count)):
        group = groups[number % parents]
        place(user, group, inside=inside)
        rows.append(
            Row(
                {"user": named(user, number), "team": group.name.upper() if number % 2 else group.id},
                partial(is_inside, user, group, wanted=not inside),
                {"body_contains": f'"{user.id if inside else user.username}"'},
                partial(place, user, group, inside=not inside),
            )
        )
    return rows


def place(user: User, group: Group, *, inside: bool) -> None:
    """Somebody is in a group, or is not."""
    group.members.pop(user.id, None)
    if inside:
        group.members[user.id] = None


def is_inside(user: User, group: Group, *, wanted: bool) -> bool:
    """Whether it is so."""
    return (user.id in group.members) is wanted


def so(cells: Callable[[Sandbox], dict[str, str]]) -> Callable[[Sandbox], Row]:
    """A row of which nothing else matters."""
    return lambda sandbox: Row(cells(sandbox), lambda: True)


def _departed(sandbox: Sandbox) -> dict[str, str]:
    user = people(sandbox, 1)[0]
    invited(state_of(sandbox), 1, address=user.email, age_days=90, status=REDEEMED)
    state_of(sandbox).remove_user(user)
    return {"user": user.email}


def _role(sandbox: Sandbox, *, held: bool) -> dict[str, str]:
    user = people(sandbox, 1)[0]
    put(user, Grant(ORGANIZATION, "", "developer"), has=held)
    return {"user": user.email, "role": "Developer"}


def _placed(sandbox: Sandbox, *, inside: bool) -> dict[str, str]:
    user, group = people(sandbox, 1)[0], custom_groups(state_of(sandbox))[0]
    place(user, group, inside=inside)
    return {"user": user.username, "team": group.name}


CASES: Sequence[Case] = (
    Case(
        "invite", "invite_sent", "POST", f"{ORG}/invitations", 100, invite_rows,
        so(lambda _sandbox: {"email": "PENDING.1@acme.test"}), "already_invited",
    ),
    Case(
        "resend-invite", "invite_sent", "POST", f"{ORG}/invitations", 1, resend_rows,
        so(lambda sandbox: {"email": people(sandbox, 1)[0].email}), "already_member", calls=2,
    ),
    Case(
        "revoke-invite", "invite_revoked", "DELETE", f"{ORG}/invitations/*", 1, revoke_rows,
        so(lambda _sandbox: {"invite_id": "0f8fad5b-d9cb-469f-a165-70867728950e"}), "not_invited",
    ),
    Case(
        "delete-user", "user_deleted", "DELETE", "/csp/gateway/am/api/v2/orgs/*/users", 20, delete_rows,
        so(_departed), "already_gone",
    ),
    Case(
        "assign-role", "role_assigned", "PATCH", "/csp/gateway/am/api/v3/users/*/orgs/*/roles", 1,
        partial(role_rows, held=False), so(partial(_role, held=True)), "already_assigned",
    ),
    Case(
        "unassign-role", "role_unassigned", "PATCH", "/csp/gateway/am/api/v3/users/*/orgs/*/roles", 1,
        partial(role_rows, held=True), so(partial(_role, held=False)), "not_assigned",
    ),
    Case(
        "add-team-member", "team_added", "POST", f"{ORG}/groups/*/users", 100,
        partial(group_rows, inside=False), so(partial(_placed, inside=True)), "already_in_team",
    ),
    Case(
        "remove-team-member", "team_removed", "DELETE", f"{ORG}/groups/*/users", 100,
        partial(group_rows, inside=True), so(partial(_placed, inside=False)), "not_in_team",
    ),
)  # fmt: skip
"""One for each operation that the vendor has."""
