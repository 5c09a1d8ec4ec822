"""Changes of an organisation, each already decided. Pure and deterministic: replaying them rebuilds the state.

A change takes plain JSON values, its ids and times included, and returns what took effect on whom. It tolerates
that nothing is left to do and then returns no effect. Effects bear the names that every simulated service gives
to the same event: a group of this service counts as a team.
"""

from collections.abc import Callable, Sequence
from typing import Any

from bulkops.sandbox.effects import Effect
from bulkops.sandbox.vmware_csp.organization import (
    AVAILABLE,
    MEMBER,
    ORGANIZATION,
    REDEEMED,
    REVOKED,
    Grant,
    Group,
    Invitation,
    Organization,
    Term,
    User,
    to_grant,
)

Change = Callable[..., list[Effect]]


def on_user(name: str, user: User, target: str = "") -> Effect:
    return Effect(name, user.username, target, user.id)


def invite(
    org: Organization,
    invitations: Sequence[dict[str, Any]],
    joins: Sequence[dict[str, Any]],
    merges: Sequence[dict[str, Any]],
) -> list[Effect]:
    """Create invitations; take people with an account in at once; give members what an invitation names.

    `joins`: `{user, terms, group_ids}`; `merges`: `{user_id, terms, group_ids}`.
    """
    effects = []
    for given in invitations:
        org.add_invitation(Invitation(**given))
        effects.append(Effect("invite_sent", given["username"]))
    for given in joins:
        effects.append(Effect("invite_sent", given["user"]["email"]))
        effects += _join(org, User(**given["user"]), given["terms"], given["group_ids"])
    for given in merges:
        effects += _endow(org, org.users[given["user_id"]], given["terms"], given["group_ids"])
    return effects


def _join(org: Organization, user: User, terms: Sequence[Term], group_ids: Sequence[str]) -> list[Effect]:
    """Somebody becomes a member; without any organisation role, a plain one."""
    org.add_user(user)
    if not any(term[0] == ORGANIZATION for term in terms):
        terms = [[ORGANIZATION, "", MEMBER, "", None], *terms]
    return [on_user("user_created", user), *_endow(org, user, terms, group_ids)]


def _endow(org: Organization, user: User, terms: Sequence[Term], group_ids: Sequence[str]) -> list[Effect]:
    effects = change_roles(org, user.id, add=terms, remove=())
    for group_id in group_ids:
        if group_id in org.groups:
            effects += add_to_group(org, group_id, [user.id])
    return effects


def revoke_invitations(org: Organization, ids: Sequence[str], at: float) -> list[Effect]:
    effects = []
    for key in ids:
        invitation = org.invitations[key]
        if invitation.status == AVAILABLE:
            invitation.status, invitation.revoked_at = REVOKED, at
            effects.append(Effect("invite_revoked", invitation.username))
    return effects


def accept_invitation(org: Organization, invitation_id: str, user: dict[str, Any], at: float) -> list[Effect]:
    """Somebody followed the link: an account with the invitation's roles and groups comes to be a member."""
    invitation = org.invitations[invitation_id]
    invitation.status, invitation.redeemed_at = REDEEMED, at
    effects = _join(org, User(**user), invitation.terms, invitation.group_ids)
    return [Effect("invite_accepted", invitation.username), *effects]


def remove_users(org: Organization, ids: Sequence[str]) -> list[Effect]:
    """Out of the organisation, with all roles and groups."""
    effects = []
    for user_id in ids:
        user = org.users.get(user_id)
        if user is not None:
            org.remove_user(user)
            effects.append(on_user("user_deleted", user))
    return effects


def change_roles(org: Organization, user_id: str, add: Sequence[Term], remove: Sequence[Term]) -> list[Effect]:
    """Take direct roles away, then give some. A role that is held takes over the end that is given."""
    user = org.users[user_id]
    gone, new, changed = _write(user.grants, add, remove)
    effects = [on_user("role_unassigned", user, grant.label) for grant in gone]
    effects += [on_user("role_assigned", user, grant.label) for grant in new]
    return effects + [on_user("role_changed", user, grant.label) for grant in changed]


def change_group_roles(org: Organization, group_id: str, add: Sequence[Term], remove: Sequence[Term]) -> list[Effect]:
    gone, new, changed = _write(org.groups[group_id].grants, add, remove)
    effects = [Effect("team_role_removed", group_id, grant.label) for grant in gone]
    effects += [Effect("team_role_added", group_id, grant.label) for grant in new]
    return effects + [Effect("team_role_changed", group_id, grant.label) for grant in changed]


def _write(
    held: dict[Grant, int | None], add: Sequence[Term], remove: Sequence[Term]
) -> tuple[list[Grant], list[Grant], list[Grant]]:
    """What went, what came, what has another end."""
    gone = [grant for grant in dict.fromkeys(map(to_grant, remove)) if grant in held]
    for grant in gone:
        del held[grant]
    new, changed = [], []
    for term in add:
        grant = to_grant(term)
        if grant not in held:
            new.append(grant)
        elif held[grant] != term[4]:
            changed.append(grant)
        held[grant] = term[4]
    return gone, new, changed


def create_group(org: Organization, group: dict[str, Any]) -> list[Effect]:
    made = Group(**group)
    org.groups[made.id] = made
    return [Effect("team_created", made.id)]


def remove_groups(org: Organization, ids: Sequence[str]) -> list[Effect]:
    return [Effect("team_deleted", group_id) for group_id in ids if org.groups.pop(group_id, None) is not None]


def add_to_group(org: Organization, group_id: str, ids: Sequence[str]) -> list[Effect]:
    members = org.groups[group_id].members
    new = [user_id for user_id in dict.fromkeys(ids) if user_id not in members]
    members.update(dict.fromkeys(new))
    return [on_user("team_added", org.users[user_id], group_id) for user_id in new]


def remove_from_group(org: Organization, group_id: str, ids: Sequence[str]) -> list[Effect]:
    members = org.groups[group_id].members
    gone = [user_id for user_id in dict.fromkeys(ids) if user_id in members]
    for user_id in gone:
        del members[user_id]
    return [on_user("team_removed", org.users[user_id], group_id) for user_id in gone]


CHANGES: dict[str, Change] = {
    change.__name__: change
    for change in (
        invite, revoke_invitations, accept_invitation, remove_users, change_roles, change_group_roles, create_group,
        remove_groups, add_to_group, remove_from_group,
    )
}  # fmt: skip
