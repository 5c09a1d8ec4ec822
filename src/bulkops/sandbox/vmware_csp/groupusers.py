"""Who is in a group: list, add by username, remove by id."""

import uuid
from typing import Any

from bulkops.sandbox.calls import Answer, Call, answer_json
from bulkops.sandbox.vmware_csp.desk import ORG, Desk, Endpoint, page
from bulkops.sandbox.vmware_csp.groups import check_changeable
from bulkops.sandbox.vmware_csp.invitations import DAY_S, account_of, joins_at_once, once
from bulkops.sandbox.vmware_csp.organization import Group
from bulkops.sandbox.vmware_csp.users import show_account
from bulkops.sandbox.vmware_csp.validation import (
    CspError,
    check_address,
    flag,
    not_found,
    require_object,
    strings,
    text,
)

PATH = f"{ORG}/groups/{{group}}/users"
WEEK_S = 7 * DAY_S


def list_users(desk: Desk, call: Call) -> Answer:
    """A page of people, flat: without the `user` that wraps them elsewhere."""
    members = [desk.org.users[user_id] for user_id in desk.group(call).members]
    return page(desk, call, members, show_account)


def add_users(desk: Desk, call: Call) -> Answer:
    """200 `{succeeded, failed}`, usernames as they were given."""
    group = check_changeable(desk, call, call.params["group"])
    body = require_object(call.body)
    names = once(strings(body, "usernamesToAdd", required=True))
    flag(body, "notifyUsers", True)
    strangers = [name for name in names if desk.org.named(name) is None]
    if strangers and desk.quirks.group_stranger == "not_found":
        raise not_found(f"Users not found: {', '.join(strangers)}")
    ids = {name: user.id for name in names if (user := desk.org.named(name)) is not None}
    inside = [name for name, user_id in ids.items() if user_id in group.members]
    if inside and desk.quirks.group_held == "conflict":
        raise CspError(409, f"Already in the group: {', '.join(inside)}")
    failed = inside if desk.quirks.group_held == "failed" else []
    if desk.quirks.group_stranger == "invite":
        _invite(desk, call, group, strangers, text(body, "invitedBy"))
    else:
        failed = [*failed, *strangers]
    new = [user_id for name, user_id in ids.items() if name not in inside]
    if new:
        desk.commit("add_to_group", group_id=group.id, ids=new)
    return answer_json({"succeeded": [name for name in names if name not in failed], "failed": failed})


def _invite(desk: Desk, call: Call, group: Group, names: list[str], invited_by: str | None) -> None:
    """People from outside are invited into the organisation and the group."""
    for name in names:
        check_address(name)
    offer: dict[str, Any] = {"terms": [], "group_ids": [group.id]}
    joins = [{"user": account_of(desk, name), **offer} for name in names if joins_at_once(desk, name)]
    invitations = [
        {
            "id": str(uuid.uuid4()),
            "username": name,
            "generated_at": call.now,
            "expires_at": call.now + WEEK_S,
            "invited_by": invited_by or desk.caller_name(call),
            **offer,
        }
        for name in names
        if not joins_at_once(desk, name)
    ]
    if names:
        desk.commit("invite", invitations=invitations, joins=joins, merges=[])


def remove_users(desk: Desk, call: Call) -> Answer:
    """200 `{succeeded, failed}`, ids."""
    group = check_changeable(desk, call, call.params["group"])
    body = require_object(call.body)
    ids = list(dict.fromkeys(strings(body, "ids", required=True)))
    flag(body, "notifyUsers", True)
    missing = [user_id for user_id in ids if user_id not in group.members]
    if missing and desk.quirks.group_missing == "not_found":
        raise not_found(f"Users not found: {', '.join(missing)}")
    found = [user_id for user_id in ids if user_id in group.members]
    if found:
        desk.commit("remove_from_group", group_id=group.id, ids=found)
    failed = missing if desk.quirks.group_missing == "failed" else []
    return answer_json({"succeeded": [user_id for user_id in ids if user_id not in failed], "failed": failed})


def endpoints() -> list[Endpoint]:
    return [
        Endpoint("GET", PATH, list_users, "groups:read"),
        Endpoint("POST", PATH, add_users, "groups:write"),
        Endpoint("DELETE", PATH, remove_users, "groups:write"),
    ]
