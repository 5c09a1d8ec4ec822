"""Role groups. Each belongs to one organisation or business group, and only that one's path finds it."""

import uuid
from typing import Any

from bulkops.sandbox.anypoint.desk import ORG, Desk, Endpoint, containing, page, timestamp
from bulkops.sandbox.anypoint.members import show_member
from bulkops.sandbox.anypoint.organization import RoleGroup, Unit
from bulkops.sandbox.anypoint.users import IDS, is_live
from bulkops.sandbox.anypoint.validation import NAME, TEXT, Shape, bad_request, check_guessed, not_found, window
from bulkops.sandbox.calls import Answer, Call, answer_json, refuse

PARENT = "rolegroup/{rolegroup}"
MOST = 500
NEW = Shape(
    "object",
    required=("name",),
    fields={"name": NAME, "description": TEXT, "external_names": Shape("array", items=TEXT)},
)


def list_rolegroups(desk: Desk, call: Call) -> Answer:
    rows = containing(desk.org.rolegroups_of(desk.unit(call)), call.first("search"), lambda row: row.name.casefold())
    return page(rows, window(call, desk.quirks), show)


def get_rolegroup(desk: Desk, call: Call) -> Answer:
    return answer_json(show(desk.rolegroup(call, desk.unit(call))))


def create_rolegroup(desk: Desk, call: Call) -> Answer:
    """One role group; an organisation has 500 at most. A taken name is refused by quirk, compared as it is written."""
    unit = desk.unit(call)
    check_guessed(call.body, NEW)
    there = desk.org.rolegroups_of(unit)
    if len(there) >= MOST:
        raise bad_request("Organization has too many role groups")
    if desk.quirks.rolegroup_name_taken == "conflict" and any(one.name == call.body["name"] for one in there):
        raise refuse(answer_json({"status": 409, "message": "Role group name is taken"}, 409))
    group = {
        "id": str(uuid.uuid4()),
        "org_id": unit.id,
        "name": call.body["name"],
        "description": call.body.get("description", ""),
        "created_at": call.now,
    }
    desk.commit("create_rolegroup", group=group)
    return desk.created(show(desk.org.rolegroups[group["id"]]))


def list_rolegroup_users(desk: Desk, call: Call) -> Answer:
    group = desk.rolegroup(call, desk.unit(call))
    rows = [desk.org.users[user_id] for user_id in group.holders]
    return page(rows, window(call, desk.quirks), show_member)


def list_user_rolegroups(desk: Desk, call: Call) -> Answer:
    """The assignments of an account in this organisation."""
    unit = desk.unit(call)
    user = desk.user(call, unit, deleted=True)
    rows = [group for group in desk.org.rolegroups_of(unit) if user.id in group.holders]
    return page(rows, window(call, desk.quirks), lambda group: show_assignment(group, user.id))


def show(group: RoleGroup) -> dict[str, Any]:
    return {
        "role_group_id": group.id,
        "name": group.name,
        "description": group.description,
        "external_names": [],
        "org_id": group.org_id,
        "editable": group.editable,
        "created_at": timestamp(group.created_at),
        "updated_at": timestamp(group.created_at),
        "user_count": len(group.holders),
    }


def show_assignment(group: RoleGroup, user_id: str) -> dict[str, Any]:
    number, at = group.holders[user_id]
    return {
        **show(group),
        "user_role_group_id": f"{number:08x}-0000-4000-8000-{group.id[-12:]}",
        "user_id": user_id,
        "context_params": {"org": group.org_id},
        "created_at": timestamp(at),
    }


def assign(desk: Desk, call: Call, ids: list[str]) -> Answer:
    """Give the role group to accounts, all or none; an unknown account is a 404."""
    unit = desk.unit(call)
    group = desk.rolegroup(call, unit)
    _check_known(desk, unit, ids)
    if desk.quirks.rolegroup_repeat == "conflict" and any(user_id in group.holders for user_id in ids):
        raise refuse(answer_json({"status": 409, "message": "Role group is already assigned"}, 409))
    if ids:
        desk.commit("assign_rolegroup", group_id=group.id, ids=ids, at=call.now)
    if desk.quirks.rolegroup_answer == "empty":
        return Answer(200)
    return answer_json([show_assignment(group, user_id) for user_id in ids])


def unassign(desk: Desk, call: Call, ids: list[str]) -> Answer:
    """Take the role group away; 409 when some do not hold it, whether or not the others lost it."""
    unit = desk.unit(call)
    group = desk.rolegroup(call, unit)
    _check_known(desk, unit, ids)
    held = [user_id for user_id in ids if user_id in group.holders]
    refused = len(held) < len(ids)
    if held and (not refused or desk.quirks.unassign_conflict == "part"):
        desk.commit("unassign_rolegroup", group_id=group.id, ids=held)
    if refused:
        raise refuse(answer_json({"status": 409, "message": "Role group could not be unassigned"}, 409))
    return answer_json([]) if desk.quirks.rolegroup_answer == "rows" else Answer(200)


def _check_known(desk: Desk, unit: Unit, ids: list[str]) -> None:
    """Any live account of the root may hold a role group of a business group."""
    if not all(is_live(desk.org, desk.org.root, user_id) for user_id in ids):
        raise not_found("User does not exist")


def assign_many(desk: Desk, call: Call) -> Answer:
    return assign(desk, call, _ids(call))


def unassign_many(desk: Desk, call: Call) -> Answer:
    return unassign(desk, call, _ids(call))


def assign_one(desk: Desk, call: Call) -> Answer:
    return assign(desk, call, [call.params["user"]])


def unassign_one(desk: Desk, call: Call) -> Answer:
    return unassign(desk, call, [call.params["user"]])


def _ids(call: Call) -> list[str]:
    check_guessed(call.body, IDS)
    return list(dict.fromkeys(call.body))


def endpoints() -> list[Endpoint]:
    group, read, write = f"{ORG}/rolegroups/{{rolegroup}}", "rolegroups:read", "rolegroups:write"
    found = [
        Endpoint("GET", f"{ORG}/rolegroups", list_rolegroups, read),
        Endpoint("POST", f"{ORG}/rolegroups", create_rolegroup, write),
        Endpoint("GET", group, get_rolegroup, read),
        Endpoint("GET", f"{group}/users", list_rolegroup_users, read),
        Endpoint("GET", f"{ORG}/users/{{user}}/rolegroups", list_user_rolegroups, read),
        Endpoint("POST", f"{group}/users", assign_many, write, PARENT),
        Endpoint("DELETE", f"{group}/users", unassign_many, write, PARENT),
    ]
    for path in (f"{group}/users/{{user}}", f"{ORG}/users/{{user}}/rolegroups/{{rolegroup}}"):
        found += [
            Endpoint("POST", path, assign_one, write, PARENT),
            Endpoint("DELETE", path, unassign_one, write, PARENT),
        ]
    return found
