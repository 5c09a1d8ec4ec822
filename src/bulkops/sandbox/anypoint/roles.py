"""Single permissions ("roles" in the API) and their catalogue."""

from collections.abc import Iterator
from typing import Any

from bulkops.sandbox.anypoint.changes import to_grant
from bulkops.sandbox.anypoint.desk import ORG, Desk, Endpoint, containing, page
from bulkops.sandbox.anypoint.organization import Grant, Role, User
from bulkops.sandbox.anypoint.validation import (
    CONTEXT,
    Shape,
    bad_request,
    boolean,
    check_guessed,
    not_found,
    one_of,
    window,
)
from bulkops.sandbox.calls import Answer, Call, answer_json, refuse

BY_ID = Shape("object", values=CONTEXT)


def list_roles(desk: Desk, call: Call) -> Answer:
    """The catalogue of permissions; there are more of them than a default page holds."""
    rows = list(desk.org.catalogue.values())
    for name in ("name", "description"):
        value = call.first(name)
        if value:
            rows = [role for role in rows if getattr(role, name).casefold() == value.casefold()]
    rows = containing(rows, call.first("search"), lambda role: f"{role.name}\n{role.description}".casefold())
    key = one_of(call, "sort", ("name", "role_id", "description", "internal"))
    attribute = {"name": "name", "role_id": "id", "description": "description", "internal": "id"}[key]
    rows.sort(key=lambda role: str(getattr(role, attribute)), reverse=not boolean(call, "ascending", True))
    return page(rows, window(call, desk.quirks), show_role)


def get_role(desk: Desk, call: Call) -> Answer:
    role = desk.org.catalogue.get(call.params["role"])
    if role is None:
        raise not_found("Role not found")
    return answer_json(show_role(role))


def show_role(role: Role) -> dict[str, Any]:
    return {
        "role_id": role.id,
        "name": role.name,
        "description": role.description,
        "namespaces": [role.namespace],
        "internal": False,
        "shareable": True,
    }


def show_grant(desk: Desk, grant: Grant) -> dict[str, Any]:
    role = desk.org.catalogue[grant.role_id]
    return {"role_id": role.id, "name": role.name, "description": role.description} | {
        "context_params": dict(grant.context)
    }


def list_user_roles(desk: Desk, call: Call) -> Answer:
    """Permissions held directly, and on request those that come by role groups and by teams."""
    user = desk.user(call, desk.unit(call), deleted=True)
    rows = list(desk.org.grants.get(user.id, {}))
    if boolean(call, "role_groups", False):
        rows += _by_rolegroups(desk, user)
    if boolean(call, "teams", False):
        rows += _by_teams(desk, user)
    namespace = call.first("namespace") or call.first("namepace")
    if namespace:
        rows = [grant for grant in rows if desk.org.catalogue[grant.role_id].namespace == namespace]
    return page(list(dict.fromkeys(rows)), window(call, desk.quirks), lambda grant: show_grant(desk, grant))


def _by_rolegroups(desk: Desk, user: User) -> Iterator[Grant]:
    return (grant for group in desk.org.rolegroups.values() if user.id in group.holders for grant in group.roles)


def _by_teams(desk: Desk, user: User) -> Iterator[Grant]:
    return (grant for team in desk.org.teams.values() if user.id in team.members for grant in team.grants)


def assign_roles(desk: Desk, call: Call) -> Answer:
    """Body `{role id: {org, envId?}}`."""
    check_guessed(call.body, BY_ID)
    return _assign(desk, call, [(role_id, context) for role_id, context in call.body.items()])


def assign_role(desk: Desk, call: Call) -> Answer:
    """Body `{org, envId?}`."""
    check_guessed(call.body, CONTEXT)
    return _assign(desk, call, [(call.params["role"], call.body)])


def _assign(desk: Desk, call: Call, wanted: list[tuple[str, dict[str, str]]]) -> Answer:
    """Giving a held permission has no effect."""
    user = desk.user(call, desk.unit(call))
    check_roles(desk, wanted)
    if wanted:
        desk.commit("assign_roles", user_id=user.id, roles=[list(pair) for pair in wanted])
    return answer_json([show_grant(desk, to_grant(role_id, context)) for role_id, context in wanted])


def check_roles(desk: Desk, wanted: list[tuple[str, dict[str, str]]]) -> None:
    """400 for a permission outside the catalogue, or a context outside the organisation."""
    for role_id, context in wanted:
        if role_id not in desk.org.catalogue:
            raise bad_request("Invalid role")
        if context.get("org") not in desk.org.units:
            raise bad_request("Invalid context: org")
        if "envId" in context and context["envId"] not in {row.id for row in desk.org.environments}:
            raise bad_request("Invalid context: envId")


def unassign_role(desk: Desk, call: Call) -> Answer:
    """Body `{org, envId?}`: the permission in exactly that context."""
    user = desk.user(call, desk.unit(call))
    check_guessed(call.body, CONTEXT)
    grant = to_grant(call.params["role"], call.body)
    if grant in desk.org.grants.get(user.id, {}):
        desk.commit("unassign_roles", user_id=user.id, roles=[[call.params["role"], call.body]])
    elif desk.quirks.unassign_role_missing == "not_found":
        raise not_found("Role is not assigned")
    elif desk.quirks.unassign_role_missing == "conflict":
        raise refuse(answer_json({"status": 409, "message": "Role could not be unassigned"}, 409))
    return answer_json([])


def endpoints() -> list[Endpoint]:
    user, read, write = f"{ORG}/users/{{user}}/roles", "roles:read", "roles:write"
    return [
        Endpoint("GET", "/accounts/api/roles", list_roles, read),
        Endpoint("GET", "/accounts/api/roles/{role}", get_role, read),
        Endpoint("GET", user, list_user_roles, read),
        Endpoint("POST", user, assign_roles, write),
        Endpoint("POST", f"{user}/{{role}}", assign_role, write),
        Endpoint("DELETE", f"{user}/{{role}}", unassign_role, write),
    ]
