"""Mock APIs: `apis` under a user, `mock-apis` elsewhere."""

from collections.abc import Sequence
from typing import Any

from bulkops.sandbox.calls import Answer, Call, answer_json
from bulkops.sandbox.wiremock_cloud.acl import show_grant
from bulkops.sandbox.wiremock_cloud.desk import Desk, Endpoint, containing, page, timestamp
from bulkops.sandbox.wiremock_cloud.organisation import Entity
from bulkops.sandbox.wiremock_cloud.validation import errors, not_found

SORTS = {"name": "name", "createdDate": "created_at"}


def list_user_apis(desk: Desk, call: Call) -> Answer:
    """A page of the mock APIs that somebody has a grant on: its own, its teams', or the whole organisation's.

    `{mockApis, aclObjects, meta, links}`: the ACL objects of the page with the ids of their grants.
    """
    user = desk.user(call)
    subjects = desk.org.subjects_of(user.id)
    rows = [api for api in desk.org.mock_apis.values() if not subjects.isdisjoint(api.grants)]
    wanted = _wanted_subject(desk, call)
    if wanted is not None:
        rows = [api for api in rows if wanted in api.grants]
    rows = containing(rows, call, lambda api: api.name.casefold())
    _sort(call, rows)
    return page(desk, call, "mockApis", rows, lambda api: show(desk, api), aclObjects=_acl_objects)


def _wanted_subject(desk: Desk, call: Call) -> str | None:
    """The ACL subject that `subjectType` and `subjectId` name; they come together or not at all."""
    kind, entity_id = call.first("subjectType"), call.first("subjectId")
    if kind is None and entity_id is None:
        return None
    if kind not in ("user", "team") or entity_id is None:
        raise errors(400, "Invalid query parameter format", "subjectType and subjectId must be used together")
    team = desk.org.teams.get(entity_id)
    return team.acl_subject if kind == "team" and team is not None else entity_id


def _sort(call: Call, rows: list[Entity]) -> None:
    """Sort by a list of fields, the last of which is applied first; `-` turns one around."""
    for given in reversed((call.first("sort") or "-createdDate").split(",")):
        attribute = SORTS.get(given.removeprefix("-"))
        if attribute is None:
            raise errors(400, "Invalid query parameter format", "The sort parameter takes name and createdDate")
        rows.sort(key=lambda row, name=attribute: getattr(row, name), reverse=given.startswith("-"))  # type: ignore[misc]


def _acl_objects(rows: Sequence[Entity]) -> list[dict[str, Any]]:
    return [
        {
            "id": api.acl_object,
            "objectType": api.kind,
            "name": api.name,
            "aclGrants": [show_grant(api, pair) for pair in api.grants.items()],
            "links": {
                "self": f"/v1/acl/objects/{api.acl_object}",
                "grants": f"/v1/acl/grants?aclObjectId={api.acl_object}",
            },
        }
        for api in rows
    ]


def get_api(desk: Desk, call: Call) -> Answer:
    api = desk.org.mock_apis.get(call.params["entity"])
    if api is None:
        raise not_found()
    return answer_json({"mockApi": show(desk, api)})


def show(desk: Desk, api: Entity) -> dict[str, Any]:
    me = f"/v1/mock-apis/{api.id}"
    return {
        "id": api.id,
        "aclObject": api.acl_object,
        "name": api.name,
        "state": "RUNNING",
        "createdDate": timestamp(api.created_at),
        "links": {
            "self": me,
            "organisation": f"/v1/organisations/{desk.org.root.id}",
            "aclObject": f"/v1/acl/objects/{api.acl_object}",
            "aclRoles": f"/v1/acl/objects/{api.acl_object}/roles",
            "acl": me + "/acl{?subjectId}",
        },
    }


def endpoints() -> list[Endpoint]:
    return [
        Endpoint("GET", "/v1/users/{user}/apis", list_user_apis, "apis:read"),
        Endpoint("GET", "/v1/mock-apis/{entity}", get_api, "apis:read"),
    ]
