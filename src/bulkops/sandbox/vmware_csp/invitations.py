"""Invitations. A batch has one status for all of it and no body; only the lists tell what came of it."""

import uuid
from collections.abc import Sequence
from typing import Any

from bulkops.sandbox.calls import Answer, Call, answer_empty, answer_json
from bulkops.sandbox.vmware_csp import groups
from bulkops.sandbox.vmware_csp.desk import ORG, Desk, Endpoint, milliseconds, present
from bulkops.sandbox.vmware_csp.grants import read_invited, show_roles, show_service_links, to_held
from bulkops.sandbox.vmware_csp.organization import AVAILABLE, ORGANIZATION, Invitation, User
from bulkops.sandbox.vmware_csp.validation import (
    CspError,
    bad_request,
    boolean,
    check_address,
    flag,
    not_found,
    require_object,
    strings,
    text,
    unique,
    whole,
)

DAY_S = 86_400.0
MOST_GROUPS = 15
FLAGS = {
    "notifyUsersOfOrgAccess": True,
    "notifyUsersOfRegistration": True,
    "skipNotify": False,
    "skipNotifyRegistration": False,
}


def post(desk: Desk, call: Call) -> Answer:
    """Invite, or with `?action=revoke` revoke by address. 202 without a body, whatever became of single addresses."""
    action = call.first("action")
    if action not in (None, "revoke"):
        raise bad_request(f"Unknown action: {action}")
    body = require_object(call.body)
    names = strings(body, "usernames", required=True)
    if action == "revoke":
        return _revoke(desk, call, names)
    if 0 < desk.quirks.max_usernames < len(names):
        raise bad_request(f"usernames must have at most {desk.quirks.max_usernames} entries")
    return _invite(desk, call, body, names)


def _invite(desk: Desk, call: Call, body: dict[str, Any], names: list[str]) -> Answer:
    shared = _read_offer(desk, call, body)
    for name in names:
        check_address(name)
    plan: dict[str, list[dict[str, Any]]] = {"invitations": [], "joins": [], "merges": []}
    if desk.quirks.reinvite_pending != "second":
        names = once(names)
    refused = [name for name in names if not _plan(desk, call, name, shared, plan)]
    if refused:
        raise CspError(409, f"Already members or invited: {', '.join(refused)}")
    if any(plan.values()):
        desk.commit("invite", **plan)
    return answer_empty(202)


def _read_offer(desk: Desk, call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """What is the same for every address of the batch."""
    terms = read_invited(desk, body)
    if desk.quirks.invite_needs_roles and not any(term[0] == ORGANIZATION for term in terms):
        raise bad_request("At least one organization role is required")
    group_ids = unique(strings(body, "customGroupsIds"), "customGroupsIds", MOST_GROUPS)
    for group_id in group_ids:
        groups.check_changeable(desk, call, group_id)
    for name, default in FLAGS.items():
        flag(body, name, default)
    days = whole(body, "invitationExpirationInDays", 7, 1, 90)
    return {
        "terms": terms,
        "group_ids": group_ids,
        "expires_at": call.now + days * DAY_S,
        "invited_by": text(body, "invitedBy") or desk.caller_name(call),
    }


def _plan(desk: Desk, call: Call, name: str, shared: dict[str, Any], plan: dict[str, list[dict[str, Any]]]) -> bool:
    """What an invitation does for one address; False where it is to be refused."""
    offer = {key: shared[key] for key in ("terms", "group_ids")}
    member = desk.org.named(name)
    if member is not None and desk.quirks.invite_member != "second":
        if desk.quirks.invite_member == "merge":
            plan["merges"].append({"user_id": member.id, **offer})
        return desk.quirks.invite_member != "conflict"
    if desk.org.pending(name, call.now) is not None and desk.quirks.reinvite_pending != "second":
        return desk.quirks.reinvite_pending != "conflict"
    if member is None and joins_at_once(desk, name):
        if not any(join["user"]["email"].casefold() == name.casefold() for join in plan["joins"]):
            plan["joins"].append({"user": account_of(desk, name), **offer})
        return True
    given = {"id": str(uuid.uuid4()), "username": name, "generated_at": call.now, **shared}
    plan["invitations"].append(given)
    return True


def once(names: Sequence[str]) -> list[str]:
    """Each address once, as it was first written; case does not tell them apart."""
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(name.casefold(), name)
    return list(first.values())


def joins_at_once(desk: Desk, address: str) -> bool:
    """Whether inviting an address that is no member's makes it one: it has an account, and the quirk says so."""
    domain = address.casefold().rpartition("@")[2]
    known = address.casefold() in desk.org.accounts or domain in desk.quirks.account_domains
    return known and desk.quirks.account_invited == "joins"


def account_of(desk: Desk, address: str) -> dict[str, Any]:
    """The person behind an address, as the changes take one: the known account, or a new one."""
    known = desk.org.accounts.get(address.casefold())
    if known is not None:
        names = ("id", "username", "email", "first_name", "last_name", "idp_id", "accessible")
        return {name: getattr(known, name) for name in names}
    return new_account(address, "New", "Person")


def new_account(address: str, first_name: str, last_name: str, username: str | None = None) -> dict[str, Any]:
    user = User(
        f"{address.rpartition('@')[2].lower()}:{uuid.uuid4()}", username or address, address, first_name, last_name
    )
    names = ("id", "username", "email", "first_name", "last_name")
    return {name: getattr(user, name) for name in names}


def _revoke(desk: Desk, call: Call, names: list[str]) -> Answer:
    """Every invitation of an address that is still available, expired or not."""
    found = {name: [invitation.id for invitation in desk.org.available(name)] for name in names}
    unknown = [name for name, ids in found.items() if not ids]
    if unknown and desk.quirks.revoke_unknown == "not_found":
        raise not_found(f"No invitations for: {', '.join(unknown)}")
    ids = list(dict.fromkeys(key for keys in found.values() for key in keys))
    if ids:
        desk.commit("revoke_invitations", ids=ids, at=call.now)
    return answer_empty(202)


def list_invitations(desk: Desk, call: Call) -> Answer:
    """A bare array without paging, old ones too. Roles only with `expand`, of which the value does not matter."""
    group_id = call.first("customGroupId")
    with_groups = boolean(call, "expandCustomGroups")
    found = [i for i in desk.org.invitations.values() if group_id is None or group_id in i.group_ids]
    expand = "expand" in call.query
    return answer_json([show(desk, call, i, expand=expand, with_groups=with_groups) for i in found])


def get_invitation(desk: Desk, call: Call) -> Answer:
    return answer_json(show(desk, call, _named(desk, call), expand=True))


def delete_invitation(desk: Desk, call: Call) -> Answer:
    invitation = _named(desk, call)
    if invitation.status == AVAILABLE:
        desk.commit("revoke_invitations", ids=[invitation.id], at=call.now)
    elif desk.quirks.delete_closed_invitation == "not_found":
        raise not_found("Organization or role with this identifier is not found.")
    return answer_empty(200)


def _named(desk: Desk, call: Call) -> Invitation:
    invitation = desk.org.invitations.get(call.params["invitation"])
    if invitation is None:
        raise not_found("Organization or role with this identifier is not found.")
    return invitation


def show(
    desk: Desk, call: Call, invitation: Invitation, *, expand: bool = False, with_groups: bool = False
) -> dict[str, Any]:
    """Times in milliseconds, but `expirationTime` as the quirk says. The status never tells that one has expired."""
    in_seconds = desk.quirks.expiration_unit == "seconds"
    row: dict[str, Any] = {
        "username": invitation.username,
        "status": invitation.status,
        "refLink": f"{root(desk)}/{invitation.id}",
        "generatedAt": milliseconds(invitation.generated_at),
        "redeemedAt": milliseconds(invitation.redeemed_at),
        "revokedAt": milliseconds(invitation.revoked_at),
        "expirationTime": round(invitation.expires_at * (1 if in_seconds else 1000)),
        "invitedBy": invitation.invited_by,
        "customGroupsIds": invitation.group_ids,
    }
    if expand:
        held = to_held(invitation.terms)
        roles = show_roles(held)
        row["organizationRoles"], row["customRoles"] = roles["organizationRoles"], roles["customRoles"]
        row["serviceRolesDtos"] = show_service_links(desk, held)
    if with_groups:
        known = [desk.org.groups[key] for key in invitation.group_ids if key in desk.org.groups]
        row["customGroups"] = [groups.show_group(desk, call, group) for group in known]
    return present(row)


def root(desk: Desk) -> str:
    return f"{ORG.format(org=desk.org.id)}/invitations"


def endpoints() -> list[Endpoint]:
    many, one = f"{ORG}/invitations", f"{ORG}/invitations/{{invitation}}"
    return [
        Endpoint("POST", many, post, "invitations:write"),
        Endpoint("GET", many, list_invitations, "invitations:read"),
        Endpoint("GET", one, get_invitation, "invitations:read"),
        Endpoint("DELETE", one, delete_invitation, "invitations:write"),
    ]
