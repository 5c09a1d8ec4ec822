"""Everything that an organisation holds, as plain JSON: what a test compares before and after.

Nothing of it is asked over the vendor's own API, whose listings may be bent by quirks and faults.
"""

from typing import Any

from bulkops.sandbox.wiremock_cloud.organisation import Entity, Organisation


def inventory(org: Organisation) -> dict[str, Any]:
    """Accounts (those that left and the deleted ones too), pending invitations, teams, mock APIs, data sources.

    `role` of an account is that in the organisation, None for who is no member. Grants are by ACL subject: the id
    of a person, or a team's or the organisation's `acl_subject`.
    """
    return {
        "organization": _entity(org.root),
        "users": {
            user.id: {
                "username": user.username,
                "email": user.email,
                "role": org.members.get(user.id),
                "organization": user.organisation_id,
                "deleted": user.deleted,
            }
            for user in org.users.values()
        },
        "invites": [
            {
                "id": invitation.id,
                "email": invitation.email,
                "role": invitation.role,
                "acl_object": invitation.acl_object,
                "created_at": invitation.created_at,
            }
            for invitation in org.invitations.values()
        ],
        "teams": {team.id: _entity(team) for team in org.teams.values()},
        "mock_apis": {api.id: _entity(api) for api in org.mock_apis.values()},
        "data_sources": {source.id: _entity(source) for source in org.data_sources.values()},
    }


def _entity(entity: Entity) -> dict[str, Any]:
    return {
        "name": entity.name,
        "acl_object": entity.acl_object,
        "acl_subject": entity.acl_subject,
        "grants": dict(entity.grants),
    }
