"""What writes answer when nothing is changed: status and body as the vendor's pages show them."""

from typing import Any

Sample = tuple[int, Any]

EMPTY: Sample = (204, None)
INVITATION: Sample = (
    201,
    {
        "invitation": {
            "id": "neqek",
            "senderId": "9gd5l",
            "recipientEmailAddress": "docsmember2@example.com",
            "newUser": True,
            "role": "organisation_admin",
            "created": "2024-10-30T19:28:23.802551Z",
            "links": {"self": "/v1/organisations/mgk7g/invitations/neqek"},
        }
    },
)
TEAM: Sample = (
    201,
    {
        "team": {
            "id": "p9e4r",
            "aclSubject": "dyv8j",
            "aclObject": "626vg",
            "name": "Elite Team",
            "links": {
                "organisation": "/v1/organisations/mgk7g",
                "aclSubject": "/v1/acl/subjects/dyv8j",
                "aclObject": "/v1/acl/objects/626vg",
                "acl": "/v1/teams/p9e4r/acl{?subjectId}",
            },
        }
    },
)
TEAM_GONE: Sample = (200, {})
MEMBER_ADDED: Sample = (201, None)
GRANT: Sample = (200, {"grant": {"role": "mock_api_editor"}})
