"""Roles of a user: read and change; and the roles that can be given."""

from collections.abc import Mapping
from typing import Any

from bulkops.sandbox.calls import Answer, Call, answer_empty, answer_json
from bulkops.sandbox.vmware_csp.catalogue import ORGANIZATION_ROLES
from bulkops.sandbox.vmware_csp.desk import API, ORG, Desk, Endpoint
from bulkops.sandbox.vmware_csp.grants import read_delta, show_role, show_roles, show_service_links
from bulkops.sandbox.vmware_csp.organization import ORGANIZATION, OWNER, Grant, Term, User, to_grant
from bulkops.sandbox.vmware_csp.validation import CspError, bad_request, flag, not_found, require_object

USER = "/users/{user}/orgs/{org}"


def read_change(
    desk: Desk, held: Mapping[Grant, int | None], body: dict[str, Any]
) -> tuple[list[list[Any]], list[list[Any]]]:
    """The roles to add and to take away that a body asks for. Raises 400, 404 or 409 as the quirks say.

    Only what is held directly can be taken away or updated. An update finds a role by its name and gives it the
    resource and the end named.
    """
    add, update, remove = read_delta(desk, body)
    if desk.quirks.role_held == "conflict" and any(to_grant(term) in held for term in add):
        raise CspError(409, "Role already assigned")
    missing = [term for term in remove if to_grant(term) not in held]
    for term in update:
        known = [grant for grant in held if (grant.kind, grant.service, grant.name) == tuple(term[:3])]
        missing += [] if known else [term]
        add += [term] if known else []
        remove += [[g.kind, g.service, g.name, g.resource, None] for g in known if g.resource != term[3]]
    if missing and desk.quirks.role_missing != "ok":
        text = f"Role not assigned: {missing[0][2]}"
        raise not_found(text) if desk.quirks.role_missing == "not_found" else bad_request(text)
    return add, remove


def patch_user_roles(desk: Desk, call: Call) -> Answer:
    """A delta, all or nothing."""
    user = desk.user(call)
    body = require_object(call.body)
    flag(body, "notifyUsers", True)
    add, remove = read_change(desk, user.grants, body)
    _guard(desk, call, user, add, remove)
    if add or remove:
        desk.commit("change_roles", user_id=user.id, add=add, remove=remove)
    if desk.quirks.patch_answer == "roles":
        return answer_json(show_roles(desk.org.roles_of(user, call.now)))
    return answer_empty(200)


def _guard(desk: Desk, call: Call, user: User, add: list[list[Any]], remove: list[list[Any]]) -> None:
    """The last owner stays one, where the quirk says so."""
    loses = any(map(is_owners, remove)) and not any(map(is_owners, add))
    if loses and desk.quirks.last_owner_roles == "reject" and desk.org.owners(call.now) == {user.id}:
        raise bad_request("The last organization owner cannot lose the role")


def is_owners(term: Term) -> bool:
    return (term[0], term[2]) == (ORGANIZATION, OWNER)


def get_user_roles(desk: Desk, call: Call) -> Answer:
    """The organisation roles, a bare array."""
    held = desk.org.roles_of(desk.user(call), call.now)
    return answer_json([show_role(*row) for row in held if row[0].kind == ORGANIZATION])


def get_service_roles(desk: Desk, call: Call) -> Answer:
    """`{serviceRoles: [{serviceDefinitionLink, serviceRoleNames, serviceRoles}]}`, of one service on request."""
    rows = show_service_links(desk, desk.org.roles_of(desk.user(call), call.now))
    link = call.first("serviceDefinitionLink")
    return answer_json({"serviceRoles": [row for row in rows if link in (None, row["serviceDefinitionLink"])]})


def list_roles(desk: Desk, call: Call) -> Answer:
    """Organisation roles that can be given: `{refLinks, orgRolesData}`."""
    names = (call.first("name") or "").split(",") if call.first("name") else list(ORGANIZATION_ROLES)
    link = ORG.format(org=desk.org.id)
    rows = [
        {
            "name": name,
            "displayName": ORGANIZATION_ROLES[name],
            "refLink": f"{link}/roles/{name}",
            "organizationLink": link,
            "visible": True,
        }
        for name in names
        if name in ORGANIZATION_ROLES
    ]
    return answer_json({"refLinks": [row["refLink"] for row in rows], "orgRolesData": rows})


def endpoints() -> list[Endpoint]:
    return [
        Endpoint("PATCH", f"{API}/v3{USER}/roles", patch_user_roles, "roles:write"),
        Endpoint("GET", f"{API}/v2{USER}/roles", get_user_roles, "roles:read"),
        Endpoint("GET", f"{API}/v2{USER}/service-roles", get_service_roles, "roles:read"),
        Endpoint("GET", f"{ORG}/roles", list_roles, "roles:read"),
    ]
