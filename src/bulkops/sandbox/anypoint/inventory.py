"""Everything that an organisation holds, as plain JSON: what a test compares before and after.

Nothing of it is asked over the vendor's own API, whose listings may be bent by faults.
"""

from collections.abc import Iterable
from typing import Any

from bulkops.sandbox.anypoint.organization import Grant, Invite, Organization, User


def inventory(org: Organization) -> dict[str, Any]:
    """Accounts (the deleted ones too), pending and expired invites, role groups, permissions, teams, the allowlist.

    `catalogue`, `units` and `environments` tell names by id. Codes and secrets are left out.
    """
    return {
        "users": {user.id: _account(user) for user in org.users.values()},
        "invites": [_invite(invite) for unit in org.units for invite in org.pending_invites(unit)],
        "role_groups": {
            group.id: {
                "name": group.name,
                "description": group.description,
                "organization": group.org_id,
                "editable": group.editable,
                "holders": list(group.holders),
            }
            for group in org.rolegroups.values()
        },
        "permissions": {user_id: _grants(held) for user_id, held in org.grants.items() if held},
        "teams": {
            team.id: {
                "name": team.name,
                "parent": team.parent_id,
                "members": {user_id: held.membership_type for user_id, held in team.members.items()},
                "external": [user_id for user_id, held in team.members.items() if held.external],
            }
            for team in org.teams.values()
        },
        "allowlist": dict(org.allowlist),
        "catalogue": {role.id: role.name for role in org.catalogue.values()},
        "units": {unit.id: unit.name for unit in org.units.values()},
        "environments": [{"id": row.id, "organization": row.org_id, "name": row.name} for row in org.environments],
    }


def _account(user: User) -> dict[str, Any]:
    return {
        "username": user.username,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "phone": user.phone,
        "enabled": user.enabled,
        "deleted": user.deleted,
        "kind": user.kind,
        "federated": user.idprovider_id is not None,
    }


def _invite(invite: Invite) -> dict[str, Any]:
    return {
        "id": invite.id,
        "email": invite.email,
        "organization": invite.org_id,
        "expires_at": invite.expires_at,
        "grants": invite.grants,
    }


def _grants(held: Iterable[Grant]) -> list[dict[str, Any]]:
    return [{"role": grant.role_id, "context": dict(grant.context)} for grant in held]
