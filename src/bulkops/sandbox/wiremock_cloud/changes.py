"""Changes of an organisation, each already decided. Pure and deterministic: replaying them rebuilds the state.

A change takes plain JSON values, its ids and times included, and returns what took effect on whom. It tolerates
that nothing is left to do and then returns no effect.
"""

from collections.abc import Callable
from typing import Any

from bulkops.sandbox.effects import Effect
from bulkops.sandbox.wiremock_cloud.organisation import MEMBER, TEAM_ADMIN, Entity, Invitation, Organisation, User

Change = Callable[..., list[Effect]]


def on_user(name: str, user: User, target: str = "") -> Effect:
    return Effect(name, user.username, target, user.id)


def send_invitation(org: Organisation, invitation: dict[str, Any]) -> list[Effect]:
    """A mail leaves."""
    org.add_invitation(Invitation(**invitation))
    return [Effect("invite_sent", invitation["email"])]


def revoke_invitation(org: Organisation, invitation_id: str) -> list[Effect]:
    invitation = org.invitations.get(invitation_id)
    if invitation is None:
        return []
    org.drop_invitation(invitation)
    return [Effect("invite_revoked", invitation.email)]


def accept_invitation(org: Organisation, invitation_id: str, user: dict[str, Any]) -> list[Effect]:
    """Somebody followed the link: a new account, or one from elsewhere, becomes a member.

    Who is invited to an entity becomes an ordinary member of the organisation besides, as the facts presume.
    """
    invitation = org.invitations[invitation_id]
    org.drop_invitation(invitation)
    effects = [Effect("invite_accepted", invitation.email)]
    account = org.users.get(user["id"])
    if account is None:
        account = User(**user)
        org.add_user(account)
        effects.append(on_user("user_created", account))
    entity = org.root if invitation.acl_object is None else org.objects.get(invitation.acl_object)
    if account.id not in org.members:
        account.organisation_id = org.root.id
        org.members[account.id] = invitation.role if entity is org.root else MEMBER
        effects.append(on_user("member_added", account, org.root.id))
    if entity is not None and entity is not org.root:
        effects += set_grant(org, entity.acl_object, account.id, invitation.role)
    return effects


def remove_member(org: Organisation, user_id: str, organisation_id: str) -> list[Effect]:
    """The account moves to an organisation of its own and loses everything in ours."""
    user = org.users[user_id]
    if not _strip(org, user_id):
        return []
    user.organisation_id = organisation_id
    return [on_user("user_deleted", user)]


def delete_account(org: Organisation, user_id: str) -> list[Effect]:
    """The account itself ends, wherever it is."""
    user = org.users[user_id]
    if user.deleted:
        return []
    _strip(org, user_id)
    user.deleted = True
    return [on_user("account_deleted", user)]


def _strip(org: Organisation, user_id: str) -> bool:
    """Take all grants away. Returns whether there was a membership."""
    for entity in org.owned():
        entity.grants.pop(user_id, None)
    return org.members.pop(user_id, None) is not None


def create_team(org: Organisation, team: dict[str, Any], owner_id: str) -> list[Effect]:
    made = Entity("team", **team)
    made.grants[owner_id] = TEAM_ADMIN
    org.add_entity(made)
    return [Effect("team_created", made.id)]


def delete_team(org: Organisation, team_id: str) -> list[Effect]:
    team = org.teams.pop(team_id, None)
    if team is None:
        return []
    del org.objects[team.acl_object]
    for entity in org.owned():
        entity.grants.pop(team.acl_subject, None)
    return [Effect("team_deleted", team_id)]


def set_grant(org: Organisation, acl_object: str, subject: str, role: str) -> list[Effect]:
    """Add a grant or replace its role. What it is called follows from the kind of entity."""
    entity = org.objects[acl_object]
    before = entity.grants.get(subject)
    if before == role:
        return []
    entity.grants[subject] = role
    if entity is org.root:
        return [_on_subject(org, "role_assigned", subject, role)]
    name = "team" if entity.kind == "team" else "grant"
    target = entity.id if entity.kind == "team" else acl_object
    return [_on_subject(org, f"{name}_{'added' if before is None else 'changed'}", subject, target)]


def withdraw_grant(org: Organisation, acl_object: str, subject: str) -> list[Effect]:
    """Take a grant of a team, a mock API or a data source away."""
    entity = org.objects[acl_object]
    if entity.grants.pop(subject, None) is None:
        return []
    if entity.kind == "team":
        return [_on_subject(org, "team_removed", subject, entity.id)]
    return [_on_subject(org, "grant_removed", subject, acl_object)]


def _on_subject(org: Organisation, name: str, subject: str, target: str) -> Effect:
    user = org.users.get(subject)
    return Effect(name, subject, target) if user is None else on_user(name, user, target)


CHANGES: dict[str, Change] = {
    change.__name__: change
    for change in (
        send_invitation, revoke_invitation, accept_invitation, remove_member, delete_account, create_team,
        delete_team, set_grant, withdraw_grant,
    )
}  # fmt: skip
