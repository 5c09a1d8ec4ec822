"""The search for members by words, roles and resources."""

from collections.abc import Callable
from typing import Any

from bulkops.sandbox.calls import Answer, Call, answer_json
from bulkops.sandbox.vmware_csp.desk import LARGEST_PAGE, ORG, Desk, Endpoint, window
from bulkops.sandbox.vmware_csp.grants import Held
from bulkops.sandbox.vmware_csp.organization import CUSTOM, ORGANIZATION, SERVICE, Grant, User
from bulkops.sandbox.vmware_csp.users import show_member
from bulkops.sandbox.vmware_csp.validation import bad_request, boolean, flag, objects, require_object, text, whole

COMPARE: dict[str, Callable[[str, str], bool]] = {
    "EXACT_MATCH": str.__eq__,
    "CONTAINS": str.__contains__,
    "STARTS_WITH": str.startswith,
    "ENDS_WITH": str.endswith,
}
"""How `searchType` compares the resource of a role with the one that is looked for."""


def search(desk: Desk, call: Call) -> Answer:
    """A page without links. `userSearchTerm` is part of a name, address or username, whatever its case.

    A member is found who has one of the roles, on a resource that compares; an empty `resource` stands for roles
    without one. With `filterResults` only those roles are shown.
    """
    body = require_object(call.body)
    term = (text(body, "userSearchTerm", 120) or "").casefold()
    wanted = window(
        desk.quirks, whole(body, "pageStart", 1, 1), whole(body, "pageLimit", LARGEST_PAGE, 1, LARGEST_PAGE)
    )
    fits = _read_filter(body)
    found: list[tuple[User, Held]] = []
    for user in desk.org.users.values():
        held = [row for row in desk.org.roles_of(user, call.now) if fits is None or fits(row[0])]
        if (fits is None or held) and user.matches(term):
            found.append((user, held))
    narrow = boolean(call, "filterResults")
    profile, hidden = flag(body, "expandProfile", False), flag(body, "excludeRoles", False)
    group_ids = flag(body, "includeGroupIdsInRoles", False)
    rows = [
        show_member(
            desk, call, user, profile=profile, roles=not hidden, group_ids=group_ids, held=held if narrow else None
        )
        for user, held in wanted.rows(found)
    ]
    return answer_json({"results": rows, "totalResults": len(found)})


def _read_filter(body: dict[str, Any]) -> Callable[[Grant], bool] | None:
    """Which roles count, None when all do."""
    resource = text(body, "resource", 200)
    kind = text(body, "searchType") or "EXACT_MATCH"
    if kind not in COMPARE:
        raise bad_request(f"searchType must be one of {', '.join(COMPARE)}")
    roles = _read_roles(require_object(body.get("rolesSearchTerm") or {}, "rolesSearchTerm"))
    if resource is None and not roles:
        return None
    compare = COMPARE[kind] if resource else COMPARE["EXACT_MATCH"]

    def fits(grant: Grant) -> bool:
        named = not roles or (grant.kind, grant.service, grant.name) in roles
        return named and (resource is None or compare(grant.resource, resource))

    return fits


def _read_roles(body: dict[str, Any]) -> set[tuple[str, str, str]]:
    """`{orgRoles, customRoles: [{roleName}], serviceRoles: [{serviceDefinitionId, serviceRoles: [{roleName}]}]}`."""
    wanted = set()
    for field, kind in (("orgRoles", ORGANIZATION), ("customRoles", CUSTOM)):
        wanted |= {(kind, "", text(entry, "roleName") or "") for entry in objects(body, field)}
    for entry in objects(body, "serviceRoles"):
        service_id = text(entry, "serviceDefinitionId") or ""
        wanted |= {(SERVICE, service_id, text(role, "roleName") or "") for role in objects(entry, "serviceRoles")}
    return wanted


def endpoints() -> list[Endpoint]:
    return [Endpoint("POST", f"{ORG}/users/search", search, "roles:read")]
