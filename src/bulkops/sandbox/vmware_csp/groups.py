"""Groups: list, search, create, remove, and their roles."""

import uuid
from typing import Any

from bulkops.sandbox.calls import Answer, Call, answer_empty, answer_json
from bulkops.sandbox.vmware_csp.desk import ORG, Desk, Endpoint, page
from bulkops.sandbox.vmware_csp.grants import show_roles
from bulkops.sandbox.vmware_csp.organization import AD_GROUP, USER_GROUP, Group
from bulkops.sandbox.vmware_csp.roles import read_change
from bulkops.sandbox.vmware_csp.validation import (
    CspError,
    bad_request,
    flag,
    not_found,
    require_object,
    strings,
    text,
    unique,
)

FOUND = 20


def list_groups(desk: Desk, call: Call) -> Answer:
    group_id = call.first("groupId")
    found = [group for group in desk.org.groups.values() if group_id in (None, group.id)]
    return page(desk, call, found, lambda group: show_group(desk, call, group))


def search_groups(desk: Desk, call: Call) -> Answer:
    """The first 20 whose name contains the term. Plain members see them without roles."""
    term = call.first("groupSearchTerm")
    if not term:
        raise bad_request("groupSearchTerm is required")
    found = [group for group in desk.org.groups.values() if term.casefold() in group.name.casefold()]
    return answer_json({"results": [show_group(desk, call, group) for group in found[:FOUND]]})


def show_group(desk: Desk, call: Call, group: Group) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": group.id,
        "displayName": group.name,
        "description": group.description,
        "groupType": group.kind,
        "usersCount": len(group.members),
        "ownerOrgId": str(uuid.uuid5(uuid.NAMESPACE_OID, "another organisation")) if group.shared else desk.org.id,
        "sharedOrgIds": [desk.org.id] if group.shared else [],
    }
    if group.kind == AD_GROUP:
        row["domain"] = "acme.test"
    if desk.sees_roles(call):
        row.update(show_roles((grant, ends_at, []) for grant, ends_at in group.grants.items()))
    return row


def create_group(desk: Desk, call: Call) -> Answer:
    """200 `{id}`; 409 when a group has the name."""
    body = require_object(call.body)
    name, description = text(body, "name"), text(body, "description")
    if not name or "@" in name:
        raise bad_request("name must not be empty and must not contain @")
    if any(group.name.casefold() == name.casefold() for group in desk.org.groups.values()):
        raise CspError(409, "A group with this name already exists")
    group_id = str(uuid.uuid4())
    desk.commit("create_group", group={"id": group_id, "name": name, "description": description or ""})
    return answer_json({"id": group_id})


def remove_groups(desk: Desk, call: Call) -> Answer:
    """200 `{succeeded, failed, failures}`: an unknown or shared group fails alone."""
    body = require_object(call.body)
    ids = unique(strings(body, "ids", required=True), "ids")
    flag(body, "notifyUsersInGroups", True)
    failures = []
    for group_id in ids:
        group = desk.org.groups.get(group_id)
        if group is None or group.shared:
            code, message = ("404", "Group not found") if group is None else ("403", "Group is shared")
            failures.append({"id": group_id, "errorCode": code, "message": message})
    failed = [failure["id"] for failure in failures]
    done = [group_id for group_id in ids if group_id not in failed]
    if done:
        desk.commit("remove_groups", ids=done)
    return answer_json({"succeeded": done, "failed": failed, "failures": failures})


def check_changeable(desk: Desk, call: Call, group_id: str) -> Group:
    """A group that people may be put into. 404 unknown, 400 enterprise, 403 shared or for owners, who alone may."""
    group = desk.org.groups.get(group_id)
    if group is None:
        raise not_found("Group not found")
    if group.kind != USER_GROUP:
        raise bad_request("Users of an enterprise group cannot be changed")
    if group.shared:
        raise CspError(403, "Users of a shared group cannot be changed")
    if group.is_for_owners and not desk.is_owner(call):
        raise CspError(403, "An owner is needed for this group")
    return group


def patch_group_roles(desk: Desk, call: Call) -> Answer:
    """A delta, all or nothing."""
    group = desk.group(call)
    body = require_object(call.body)
    flag(body, "notifyUsersInGroups", True)
    add, remove = read_change(desk, group.grants, body)
    if add or remove:
        desk.commit("change_group_roles", group_id=group.id, add=add, remove=remove)
    return answer_empty(200)


def endpoints() -> list[Endpoint]:
    return [
        Endpoint("GET", f"{ORG}/groups", list_groups, "groups:read"),
        Endpoint("POST", f"{ORG}/groups", create_group, "groups:write"),
        Endpoint("DELETE", f"{ORG}/groups", remove_groups, "groups:write"),
        Endpoint("GET", f"{ORG}/groups-search", search_groups, "users:read"),
        Endpoint("PATCH", f"{ORG}/groups/{{group}}/roles", patch_group_roles, "groups:write"),
    ]
