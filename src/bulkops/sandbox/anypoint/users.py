"""Accounts: list, read, change, delete softly."""

from collections.abc import Callable
from typing import Any

from bulkops.sandbox.anypoint.desk import ORG, Desk, Endpoint, containing, timestamp
from bulkops.sandbox.anypoint.organization import Organization, Unit, User
from bulkops.sandbox.anypoint.validation import (
    FLAG,
    NAME,
    TEXT,
    Shape,
    bad_request,
    boolean,
    check_guessed,
    not_found,
    one_of,
    window,
)
from bulkops.sandbox.calls import JSON, Answer, Call, answer_empty, answer_json, answer_text, encode, refuse

IDS = Shape("array", items=TEXT)
FIELDS = {
    "firstName": Shape("string", most=255),
    "lastName": Shape("string", most=255),
    "email": NAME,
    "phoneNumber": Shape("string", most=255, nullable=True),
    "enabled": FLAG,
}
ONE = Shape("object", fields={**FIELDS, "ipAllowlistExcluded": FLAG, "properties": Shape("object")})
MANY = Shape("array", items=Shape("object", required=("id",), fields={**FIELDS, "id": TEXT}))
ATTRIBUTES = {
    "firstName": "first_name",
    "lastName": "last_name",
    "email": "email",
    "phoneNumber": "phone",
    "enabled": "enabled",
    "ipAllowlistExcluded": "ip_allowlist_excluded",
    "properties": "properties",
}
NEEDED = ("firstName", "lastName", "email", "phoneNumber")


def select(desk: Desk, call: Call, unit: Unit) -> list[User]:
    """Accounts by type, deletion and search over username, names and address."""
    kind = one_of(call, "type", ("host", "proxy", "all"))
    if boolean(call, "deleted", False):
        rows = [user for user in desk.org.users.values() if user.deleted and unit.is_root]
    else:
        rows = list(desk.org.live_users(unit))
    if kind != "all":
        rows = [user for user in rows if user.kind == kind]
    return containing(rows, call.first("search"), lambda user: user.haystack)


def list_users(heavy: Callable[[Unit], bytes]) -> Callable[[Desk, Call], Answer]:
    """The list embeds the whole organisation in each row; `heavy` gives its text, rendered once."""

    def handler(desk: Desk, call: Call) -> Answer:
        unit = desk.unit(call)
        wanted = window(call, desk.quirks)
        rows = select(desk, call, unit)
        tail = b',"organization":' + heavy(desk.org.root) if boolean(call, "includeProfiles", True) else b""
        texts = [encode(show_user(user))[:-1] + tail + b"}" for user in rows[wanted]]
        return Answer(200, b'{"data":[' + b",".join(texts) + b'],"total":%d}' % len(rows), JSON)

    return handler


def get_user(desk: Desk, call: Call) -> Answer:
    """One account, a deleted one too."""
    return answer_json(show_user(desk.user(call, desk.unit(call), deleted=True)))


def put_user(desk: Desk, call: Call) -> Answer:
    """Write the fields given. What happens to the others is a quirk."""
    unit = desk.unit(call)
    user = desk.user(call, unit)
    check_guessed(call.body, ONE)
    _check_session(desk, call, user)
    desk.commit("edit_users", edits=[_edit(desk, call.body, user.id)], at=call.now)
    return answer_json(show_user(user)) if desk.quirks.put_user_status == 200 else answer_empty()


def _check_session(desk: Desk, call: Call, user: User) -> None:
    """A new address asks for a recent sign-in of the person behind the token; applications are exempt."""
    session = call.actor
    stale = session.user_id is not None and call.now - session.issued_at > desk.quirks.reauth_after_s
    if stale and session.client_id is None and call.body.get("email", user.email) != user.email:
        raise refuse(answer_json({"error": "Re-authentication required", "location": "/login/reauthenticate"}, 403))


def put_users(desk: Desk, call: Call) -> Answer:
    """Write fields of many accounts, all or none; 400 when an id is foreign."""
    unit = desk.unit(call)
    check_guessed(call.body, MANY)
    for item in call.body:
        user = desk.org.users.get(item["id"])
        if user is None or user.deleted or not desk.org.belongs(user.id, unit):
            raise bad_request("One or more users do not belong to the organization")
    edits = [_edit(desk, item, item["id"]) for item in call.body]
    if edits:
        desk.commit("edit_users", edits=edits, at=call.now)
    return answer_empty()


def _edit(desk: Desk, body: dict[str, Any], user_id: str) -> dict[str, Any]:
    """The change of one account, with the names of its attributes."""
    missing = [name for name in NEEDED if name not in body]
    if missing and desk.quirks.put_user_partial == "reject":
        raise bad_request(f"Missing required field: {missing[0]}")
    edit: dict[str, Any] = {"id": user_id}
    if desk.quirks.put_user_partial == "clear":
        edit.update({ATTRIBUTES[name]: "" for name in missing if name != "email"})
    known = {name: value for name, value in body.items() if name in ATTRIBUTES}
    return {**edit, **{ATTRIBUTES[name]: "" if value is None else value for name, value in known.items()}}


def delete_user(desk: Desk, call: Call) -> Answer:
    """Delete one account; the second time is a 404 unless the quirk says otherwise."""
    unit = desk.unit(call)
    user = desk.user(call, unit, deleted=True)
    if user.deleted and desk.quirks.delete_deleted == "not_found":
        raise not_found("User does not exist")
    guard(desk, call, unit, [user.id])
    remove(desk, call, unit, [user.id])
    if desk.quirks.delete_status == 200:
        return answer_json({"id": user.id})
    return answer_empty()


def delete_users(desk: Desk, call: Call) -> Answer:
    """Delete many: 204 and not a word about any of them."""
    unit = desk.unit(call)
    check_guessed(call.body, IDS)
    known = [user_id for user_id in dict.fromkeys(call.body) if is_live(desk.org, unit, user_id)]
    if len(known) < len(set(call.body)) and desk.quirks.bulk_delete_unknown == "reject":
        raise not_found("User does not exist")
    guard(desk, call, unit, known)
    remove(desk, call, unit, known)
    return answer_empty()


def is_live(org: Organization, unit: Unit, user_id: str) -> bool:
    return org.belongs(user_id, unit) and not org.users[user_id].deleted


def guard(desk: Desk, call: Call, unit: Unit, ids: list[str]) -> None:
    """The owner cannot be deleted, nor oneself where the quirk forbids it. 403 for the whole batch."""
    own = call.actor.user_id
    if unit.is_root and desk.org.owner_id in ids:
        raise refuse(answer_text("Forbidden", 403))
    if unit.is_root and own in ids and desk.quirks.delete_self == "reject":
        raise refuse(answer_text("Forbidden", 403))


def remove(desk: Desk, call: Call, unit: Unit, ids: list[str]) -> None:
    """On the root a soft delete, on a business group only its permissions go."""
    if ids and unit.is_root:
        desk.commit("delete_users", ids=ids, at=call.now)
    elif ids:
        desk.commit("strip_users", unit_id=unit.id, ids=ids)


def show_user(user: User) -> dict[str, Any]:
    """An account as the vendor shows it, without the organisation."""
    return {
        "id": user.id,
        "createdAt": timestamp(user.created_at),
        "updatedAt": timestamp(user.updated_at),
        "username": user.username,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "email": user.email,
        "phoneNumber": user.phone,
        "idprovider_id": user.idprovider_id or "mulesoft",
        "isFederated": user.idprovider_id is not None,
        "enabled": user.enabled,
        "deleted": user.deleted,
        "lastLogin": timestamp(user.last_login),
        "mfaVerificationExcluded": False,
        "mfaVerifiersConfigured": "false",
        "ipAllowlistExcluded": user.ip_allowlist_excluded,
        "type": user.kind,
        "properties": user.properties,
    }


def endpoints(heavy: Callable[[Unit], bytes]) -> list[Endpoint]:
    return [
        Endpoint("GET", f"{ORG}/users", list_users(heavy), "users:read"),
        Endpoint("PUT", f"{ORG}/users", put_users, "users:write"),
        Endpoint("DELETE", f"{ORG}/users", delete_users, "users:write"),
        Endpoint("GET", f"{ORG}/users/{{user}}", get_user, "users:read"),
        Endpoint("PUT", f"{ORG}/users/{{user}}", put_user, "users:write"),
        Endpoint("DELETE", f"{ORG}/users/{{user}}", delete_user, "users:write"),
    ]
