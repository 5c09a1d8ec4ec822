"""Changes of an organisation, each already decided. Pure and deterministic: replaying them rebuilds the state.

A change takes plain JSON values, its ids and times included, and returns what took effect on whom. It tolerates
that nothing is left to do and then returns no effect.
"""

from collections.abc import Callable, Sequence
from typing import Any

from bulkops.sandbox.anypoint.organization import (
    ACCEPTED,
    CANCELED,
    INVITED,
    Grant,
    Invite,
    Membership,
    Organization,
    RoleGroup,
    Team,
    User,
)
from bulkops.sandbox.effects import Effect

Change = Callable[..., list[Effect]]


def on_user(name: str, user: User, target: str = "") -> Effect:
    return Effect(name, user.username, target, user.id)


def send_invites(org: Organization, invites: Sequence[dict[str, Any]]) -> list[Effect]:
    """Create invites, or renew one whose id is known; a mail leaves for each."""
    for given in invites:
        known = org.invites.get(given["id"])
        if known is None:
            org.add_invite(Invite(**given))
        else:
            known.expires_at, known.code = given["expires_at"], given["code"]
    return [Effect("invite_sent", given["email"]) for given in invites]


def resend_invites(org: Organization, ids: Sequence[int], expires_at: dict[str, float]) -> list[Effect]:
    """Mail again. `expires_at`: the new end of those that start a new week, by id as text."""
    for number, end in expires_at.items():
        org.invites[int(number)].expires_at = end
    return [Effect("invite_resent", org.invites[number].email) for number in ids]


def revoke_invites(org: Organization, ids: Sequence[int], at: float) -> list[Effect]:
    effects = []
    for number in ids:
        invite = org.invites[number]
        if invite.state == INVITED:
            org.close_invite(invite, CANCELED)
            invite.completed_at = at
            effects.append(Effect("invite_revoked", invite.email))
    return effects


def accept_invite(org: Organization, invite_id: int, user: dict[str, Any], at: float) -> list[Effect]:
    """Somebody followed the link: an account with the invite's grants comes to be."""
    invite = org.invites[invite_id]
    account = User(**user)
    org.add_user(account)
    org.close_invite(invite, ACCEPTED)
    invite.completed_at, invite.completed_by = at, account.id
    if invite.org_id in org.unit_members:
        org.unit_members[invite.org_id][account.id] = None
    for group in invite.grants.get("role_groups", ()):
        assign_rolegroup(org, group["role_group_id"], [account.id], at)
    for team in invite.grants.get("teams", ()):
        set_team_members(org, team["team_id"], {account.id: team["membership_type"]}, at)
    for role in invite.grants.get("roles", ()):
        assign_roles(org, account.id, [[role["role_id"], role["context_params"]]])
    return [Effect("invite_accepted", invite.email), on_user("user_created", account)]


def create_user(org: Organization, user: dict[str, Any]) -> list[Effect]:
    account = User(**user)
    org.add_user(account)
    return [on_user("user_created", account)]


def delete_users(org: Organization, ids: Sequence[str], at: float) -> list[Effect]:
    """Soft delete on the root. A federated account ends up disabled instead, and can be enabled again."""
    effects = []
    for user_id in ids:
        user = org.users[user_id]
        if user.deleted or not (_strip(org, user, None) or user.idprovider_id is None or user.enabled):
            continue
        user.deleted = user.idprovider_id is None
        user.enabled = user.enabled and user.deleted
        user.updated_at = at
        for app in org.apps.values():
            if app.owner_user_id == user_id:
                app.owner_user_id = org.owner_id
        effects.append(on_user("user_deleted", user))
    return effects


def strip_users(org: Organization, unit_id: str, ids: Sequence[str]) -> list[Effect]:
    """Take away what accounts may do in a business group, and their place in it."""
    return [
        on_user("permission_stripped", org.users[user_id], unit_id)
        for user_id in ids
        if _strip(org, org.users[user_id], unit_id)
    ]


def add_members(org: Organization, unit_id: str, ids: Sequence[str]) -> list[Effect]:
    members = org.unit_members[unit_id]
    new = [user_id for user_id in dict.fromkeys(ids) if user_id not in members]
    members.update(dict.fromkeys(new))
    return [on_user("member_added", org.users[user_id], unit_id) for user_id in new]


def _strip(org: Organization, user: User, unit_id: str | None) -> bool:
    """Remove role groups, permissions, teams and memberships: all, or those of one business group."""
    found = False
    for group in org.rolegroups.values():
        if unit_id in (None, group.org_id):
            found |= group.holders.pop(user.id, None) is not None
    held = org.grants.get(user.id, {})
    for grant in [grant for grant in held if unit_id is None or ("org", unit_id) in grant.context]:
        del held[grant]
        found = True
    for unit, members in org.unit_members.items():
        if unit_id in (None, unit) and user.id in members:
            del members[user.id]
            found = True
    for team in org.teams.values() if unit_id is None else ():
        found |= team.members.pop(user.id, None) is not None
    return found


def edit_users(org: Organization, edits: Sequence[dict[str, Any]], at: float) -> list[Effect]:
    """Write fields of accounts. An edit is `{id, field: value}` with the names of User's attributes."""
    effects = []
    for edit in edits:
        user = org.users[edit["id"]]
        changed = {name for name, value in edit.items() if getattr(user, name) != value}
        for name in changed - {"email"}:
            setattr(user, name, edit[name])
        if "email" in changed:
            org.change_email(user, edit["email"])
        if changed:
            user.updated_at = at
            user.index()
        if "enabled" in changed:
            effects.append(on_user("user_enabled" if user.enabled else "user_disabled", user))
        if changed - {"enabled"}:
            effects.append(on_user("user_changed", user))
    return effects


def assign_rolegroup(org: Organization, group_id: str, ids: Sequence[str], at: float) -> list[Effect]:
    group = org.rolegroups[group_id]
    effects = []
    for user_id in ids:
        if user_id not in group.holders:
            group.holders[user_id] = (org.next_assignment, at)
            org.next_assignment += 1
            effects.append(on_user("role_group_assigned", org.users[user_id], group_id))
    return effects


def unassign_rolegroup(org: Organization, group_id: str, ids: Sequence[str]) -> list[Effect]:
    holders = org.rolegroups[group_id].holders
    gone = [user_id for user_id in ids if holders.pop(user_id, None) is not None]
    return [on_user("role_group_unassigned", org.users[user_id], group_id) for user_id in gone]


def to_grant(role_id: str, context: dict[str, str]) -> Grant:
    return Grant(role_id, tuple(sorted(context.items())))


def assign_roles(org: Organization, user_id: str, roles: Sequence[Sequence[Any]]) -> list[Effect]:
    """Give permissions. `roles`: pairs of a role id and its context."""
    held = org.grants.setdefault(user_id, {})
    effects = []
    for role_id, context in roles:
        grant = to_grant(role_id, context)
        if grant not in held:
            held[grant] = None
            effects.append(on_user("role_assigned", org.users[user_id], role_id))
    return effects


def unassign_roles(org: Organization, user_id: str, roles: Sequence[Sequence[Any]]) -> list[Effect]:
    held = org.grants.get(user_id, {})
    effects = []
    for role_id, context in roles:
        grant = to_grant(role_id, context)
        if grant in held:
            del held[grant]
            effects.append(on_user("role_unassigned", org.users[user_id], role_id))
    return effects


def set_team_members(org: Organization, team_id: str, members: dict[str, str], at: float) -> list[Effect]:
    """Add people to a team or change their membership. `members`: user id to member or maintainer."""
    team = org.teams[team_id]
    effects = []
    for user_id, kind in members.items():
        held = team.members.get(user_id)
        if held is None:
            team.members[user_id] = Membership(kind, external=False, created_at=at)
            effects.append(on_user("team_added", org.users[user_id], team_id))
        elif held.membership_type != kind:
            held.membership_type = kind
            effects.append(on_user("team_changed", org.users[user_id], team_id))
    return effects


def remove_team_members(org: Organization, team_id: str, ids: Sequence[str]) -> list[Effect]:
    members = org.teams[team_id].members
    gone = [user_id for user_id in ids if members.pop(user_id, None) is not None]
    return [on_user("team_removed", org.users[user_id], team_id) for user_id in gone]


def change_team_roles(org: Organization, team_id: str, roles: Sequence[Sequence[Any]], add: bool) -> list[Effect]:
    """Add permissions to a team or take them away."""
    held = org.teams[team_id].grants
    effects = []
    for role_id, context in roles:
        grant = to_grant(role_id, context)
        if (grant in held) != add:
            (held.append if add else held.remove)(grant)
            effects.append(Effect("team_role_added" if add else "team_role_removed", team_id, role_id))
    return effects


def write_allowlist(org: Organization, entries: dict[str, list[str] | None], replace: bool) -> list[Effect]:
    """Put entries on the allowlist, by client id. `replace`: entries that are not named go away."""
    gone = [client_id for client_id in org.allowlist if client_id not in entries] if replace else []
    effects = remove_allowlist(org, gone)
    for client_id, scopes in entries.items():
        if client_id not in org.allowlist:
            effects.append(Effect("allowlist_added", client_id))
        elif org.allowlist[client_id] != scopes:
            effects.append(Effect("allowlist_changed", client_id))
        org.allowlist[client_id] = scopes
    return effects


def remove_allowlist(org: Organization, client_ids: Sequence[str]) -> list[Effect]:
    effects = []
    for client_id in client_ids:
        if client_id in org.allowlist:
            del org.allowlist[client_id]
            effects.append(Effect("allowlist_removed", client_id))
    return effects


def create_rolegroup(org: Organization, group: dict[str, Any]) -> list[Effect]:
    """One more role group; `group` has the names of RoleGroup's attributes."""
    made = RoleGroup(**group)
    org.rolegroups[made.id] = made
    return [Effect("role_group_created", made.name, made.org_id)]


def create_team(org: Organization, team: dict[str, Any]) -> list[Effect]:
    """One more team; `team` has the names of Team's attributes."""
    made = Team(**team)
    org.teams[made.id] = made
    return [Effect("team_created", made.name, str(made.parent_id))]


def change_settings(org: Organization, settings: dict[str, Any]) -> list[Effect]:
    changed = {name: value for name, value in settings.items() if org.settings.get(name) != value}
    org.settings.update(changed)
    return [Effect("settings_changed", org.root.id)] if changed else []


CHANGES: dict[str, Change] = {
    change.__name__: change
    for change in (
        send_invites, resend_invites, revoke_invites, accept_invite, create_user, delete_users, strip_users,
        add_members, edit_users, assign_rolegroup, unassign_rolegroup, assign_roles, unassign_roles,
        set_team_members, remove_team_members, change_team_roles, write_allowlist, remove_allowlist, create_rolegroup,
        create_team, change_settings,
    )
}  # fmt: skip
