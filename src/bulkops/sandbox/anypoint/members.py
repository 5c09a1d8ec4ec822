"""Members: the same accounts in lighter rows, and their place in a business group."""

from typing import Any

from bulkops.sandbox.anypoint.desk import ORG, Desk, Endpoint, containing, page, timestamp
from bulkops.sandbox.anypoint.organization import Unit, User
from bulkops.sandbox.anypoint.users import IDS, guard, is_live, remove
from bulkops.sandbox.anypoint.validation import bad_request, check_guessed, not_found, window
from bulkops.sandbox.calls import Answer, Call, answer_empty


def list_members(desk: Desk, call: Call) -> Answer:
    """A page of members. `search` is partial; username, firstName and lastName must match in full."""
    unit = desk.unit(call)
    wanted = window(call, desk.quirks)
    rows = containing(desk.org.live_users(unit), call.first("search"), lambda user: user.haystack)
    rows = [user for user in rows if user.kind == "host"]
    for name, attribute in (("username", "username"), ("firstName", "first_name"), ("lastName", "last_name")):
        value = call.first(name)
        if value:
            rows = [user for user in rows if getattr(user, attribute).casefold() == value.casefold()]
    return page(rows, wanted, show_member)


def show_member(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "username": user.username,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "email": user.email,
        "enabled": user.enabled,
        "idprovider_id": user.idprovider_id or "mulesoft",
        "createdAt": timestamp(user.created_at),
        "lastLogin": timestamp(user.last_login),
    }


def put_members(desk: Desk, call: Call) -> Answer:
    """Take accounts of the root into the unit; 400 when some cannot be, whether or not the others were."""
    unit = desk.unit(call)
    check_guessed(call.body, IDS)
    good = [user_id for user_id in dict.fromkeys(call.body) if _can_join(desk, user_id)]
    if len(good) < len(set(call.body)):
        if desk.quirks.members_partial == "part":
            _add(desk, unit, good)
        raise bad_request("Some members could not be added")
    _add(desk, unit, good)
    return answer_empty()


def put_member(desk: Desk, call: Call) -> Answer:
    unit = desk.unit(call)
    if not _can_join(desk, call.params["user"]):
        raise not_found("User does not exist")
    _add(desk, unit, [call.params["user"]])
    return answer_empty()


def _can_join(desk: Desk, user_id: str) -> bool:
    return is_live(desk.org, desk.org.root, user_id)


def _add(desk: Desk, unit: Unit, ids: list[str]) -> None:
    if ids and not unit.is_root:
        desk.commit("add_members", unit_id=unit.id, ids=ids)


def delete_members(desk: Desk, call: Call) -> Answer:
    """Remove many; 400 when some cannot be, whether or not the others were."""
    unit = desk.unit(call)
    check_guessed(call.body, IDS)
    good = [user_id for user_id in dict.fromkeys(call.body) if is_live(desk.org, unit, user_id)]
    guard(desk, call, unit, good)
    if len(good) < len(set(call.body)):
        if desk.quirks.members_partial == "part":
            remove(desk, call, unit, good)
        raise bad_request("Some members could not be removed")
    remove(desk, call, unit, good)
    return answer_empty()


def delete_member(desk: Desk, call: Call) -> Answer:
    unit = desk.unit(call)
    user = desk.user(call, unit)
    guard(desk, call, unit, [user.id])
    remove(desk, call, unit, [user.id])
    return answer_empty()


def endpoints() -> list[Endpoint]:
    return [
        Endpoint("GET", f"{ORG}/members", list_members, "members:read"),
        Endpoint("PUT", f"{ORG}/members", put_members, "members:write"),
        Endpoint("DELETE", f"{ORG}/members", delete_members, "members:write"),
        Endpoint("PUT", f"{ORG}/members/{{user}}", put_member, "members:write"),
        Endpoint("DELETE", f"{ORG}/members/{{user}}", delete_member, "members:write"),
    ]
