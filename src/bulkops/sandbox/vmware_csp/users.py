"""Members: list and remove."""

from typing import Any

from bulkops.sandbox.calls import Answer, Call, answer_json
from bulkops.sandbox.vmware_csp.desk import API, ORG, Desk, Endpoint, page
from bulkops.sandbox.vmware_csp.grants import Held, show_roles
from bulkops.sandbox.vmware_csp.organization import User
from bulkops.sandbox.vmware_csp.validation import bad_request, flag, not_found, require_object, strings, unique

MOST_REMOVED = 20
FOUND = 20


def list_users(desk: Desk, call: Call) -> Answer:
    """A page of members. Of `expandProfile`, `excludeRoles` and `includeGroupIdsInRoles` the value does not matter."""
    service_id = call.first("serviceDefinitionId")
    found = list(desk.org.users.values())
    if service_id is not None:
        found = [user for user in found if _uses(desk, call, user, service_id)]

    def show(user: User) -> dict[str, Any]:
        return show_member(
            desk,
            call,
            user,
            profile="expandProfile" in call.query,
            roles="excludeRoles" not in call.query,
            group_ids="includeGroupIdsInRoles" in call.query,
        )

    return page(desk, call, found, show)


def _uses(desk: Desk, call: Call, user: User, service_id: str) -> bool:
    return any(grant.service == service_id for grant, _, _ in desk.org.roles_of(user, call.now))


def show_member(
    desk: Desk,
    call: Call,
    user: User,
    *,
    profile: bool = False,
    roles: bool = True,
    group_ids: bool = False,
    held: Held | None = None,
) -> dict[str, Any]:
    """A member under `user`, with roles for those who may see them. `held`: other roles than those in force."""
    full = desk.sees_roles(call)
    row: dict[str, Any] = {"user": show_account(user, profile=profile and full), "orgId": desk.org.id}
    if roles and full:
        row.update(show_roles(desk.org.roles_of(user, call.now) if held is None else held, group_ids=group_ids))
    return row


def show_account(user: User, *, profile: bool = False) -> dict[str, Any]:
    """The person, flat."""
    row: dict[str, Any] = {
        "userId": user.id,
        "username": user.username,
        "email": user.email,
        "acct": user.acct,
        "domain": user.domain,
        "idpId": user.idp_id or user.domain,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "accessible": user.accessible,
    }
    if profile:
        row["userProfile"] = {"locale": "en_US", "language": "en"}
    return row


def delete_users(desk: Desk, call: Call) -> Answer:
    """Remove 1 to 20: 200 `{succeeded, failed}`, ids without a reason. 400 for the batch with the last owner in it."""
    body = require_object(call.body)
    ids = unique(strings(body, "ids", required=True), "ids", MOST_REMOVED)
    flag(body, "notifyUsers", True)
    known = [user_id for user_id in ids if user_id in desk.org.users]
    unknown = [user_id for user_id in ids if user_id not in desk.org.users]
    if unknown and desk.quirks.remove_unknown == "not_found":
        raise not_found(f"Users not found: {', '.join(unknown)}")
    owners = desk.org.owners(call.now)
    if owners and owners <= set(known):
        raise bad_request("The last organization owner cannot be added")  # the vendor's own slip for "removed"
    if known:
        desk.commit("remove_users", ids=known)
    return answer_json({"succeeded": known, "failed": unknown})


def search_old(desk: Desk, call: Call) -> Answer:
    """The deprecated search: the first 20 and no word about more."""
    term = call.first("userSearchTerm")
    if not term:
        raise bad_request("userSearchTerm is required")
    found = [user for user in desk.org.users.values() if user.matches(term.casefold())]
    return answer_json({"results": [show_member(desk, call, user) for user in found[:FOUND]]})


def get_caller(desk: Desk, call: Call) -> Answer:
    """The caller's own account, flat; an app has none. The vendor's pages do not list it, public clients call it."""
    user = desk.caller(call)
    if user is None or desk.quirks.own_account == "missing":
        raise not_found("No user is logged in")
    return answer_json(show_account(user))


def endpoints() -> list[Endpoint]:
    return [
        Endpoint("GET", f"{API}/loggedin/user", get_caller, "users:read"),
        Endpoint("GET", f"{API}/v2/orgs/{{org}}/users", list_users, "users:read"),
        Endpoint("DELETE", f"{API}/v2/orgs/{{org}}/users", delete_users, "users:write"),
        Endpoint("GET", f"{ORG}/users/search", search_old, "users:read"),
    ]
