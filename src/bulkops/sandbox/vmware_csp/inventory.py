"""Everything that an organisation holds, as plain JSON: what a test compares before and after.

Nothing of it is asked over the vendor's own API, whose listings may be bent by faults.
"""

from typing import Any

from bulkops.sandbox.vmware_csp.catalogue import CUSTOM_ROLES, ORGANIZATION_ROLES
from bulkops.sandbox.vmware_csp.organization import Grant, Group, Invitation, Organization, User


def inventory(org: Organization) -> dict[str, Any]:
    """Members with their direct roles, all invitations, groups, and what there is to give."""
    return {
        "users": {user.id: _user(user) for user in org.users.values()},
        "invitations": {invitation.id: _invitation(invitation) for invitation in org.invitations.values()},
        "groups": {group.id: _group(group) for group in org.groups.values()},
        "roles": [*ORGANIZATION_ROLES, *CUSTOM_ROLES],
        "services": {service.id: {"name": service.name, "roles": service.roles} for service in org.services.values()},
    }


def _user(user: User) -> dict[str, Any]:
    return {
        "username": user.username,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "roles": _grants(user.grants),
    }


def _invitation(invitation: Invitation) -> dict[str, Any]:
    return {
        "username": invitation.username,
        "status": invitation.status,
        "generated_at": invitation.generated_at,
        "expires_at": invitation.expires_at,
        "redeemed_at": invitation.redeemed_at,
        "revoked_at": invitation.revoked_at,
        "roles": invitation.terms,
        "groups": invitation.group_ids,
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "kind": group.kind,
        "shared": group.shared,
        "members": list(group.members),
        "roles": _grants(group.grants),
    }


def _grants(held: dict[Grant, int | None]) -> list[dict[str, Any]]:
    return [
        {"role": grant.label, "kind": grant.kind, "resource": grant.resource, "expires_at": ends_at}
        for grant, ends_at in held.items()
    ]
