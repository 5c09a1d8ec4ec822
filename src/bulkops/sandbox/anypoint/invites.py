"""Invites. A batch has one status for all of it; only resend tells ids apart."""

import secrets
from typing import Any

from bulkops.sandbox.anypoint.desk import ORG, Desk, Endpoint, containing, page, timestamp
from bulkops.sandbox.anypoint.organization import CANCELED, EXPIRED, INVITED, Invite, Unit
from bulkops.sandbox.anypoint.validation import (
    MEMBERSHIP,
    NAME,
    ROLE_GRANT,
    Shape,
    bad_request,
    boolean,
    check,
    not_found,
    one_of,
    window,
)
from bulkops.sandbox.calls import Answer, Call, answer_empty, answer_json

LIFE_S = 7 * 86_400.0
ROLE_GROUP = Shape(
    "object", required=("role_group_id", "name"), fields={"role_group_id": NAME, "name": NAME}, closed=True
)
TEAM = Shape("object", required=("team_id",), fields={"team_id": NAME, "membership_type": MEMBERSHIP}, closed=True)
WANTED = Shape(
    "object",
    required=("email",),
    closed=True,
    fields={
        "email": NAME,
        "role_groups": Shape("array", items=ROLE_GROUP),
        "teams": Shape("array", items=TEAM),
        "roles": Shape("array", items=ROLE_GRANT),
    },
)
BATCH = Shape("array", items=WANTED)
IDS = Shape("array", items=Shape("integer"))


def list_invites(desk: Desk, call: Call) -> Answer:
    """A page of outstanding and expired invites, by address or by time."""
    unit = desk.unit(call)
    wanted = window(call, desk.quirks)
    field = one_of(call, "sort", ("invited_email", "invited_at"))
    rows = containing(desk.org.pending_invites(unit.id), call.first("search"), lambda invite: invite.haystack)
    rows.sort(
        key=(lambda i: (i.haystack, i.id)) if field == "invited_email" else (lambda i: (i.invited_at, i.id)),
        reverse=not boolean(call, "ascending", True),
    )
    return page(rows, wanted, lambda invite: show(desk, invite, call.now))


def get_invite(desk: Desk, call: Call) -> Answer:
    """One invite, whatever became of it."""
    number = call.params["invite"]
    if not number.isdigit():
        raise bad_request("Invite id should be an integer")
    invite = desk.org.invites.get(int(number))
    if invite is None or invite.org_id != desk.unit(call).id:
        raise not_found("Invite not found")
    return answer_json(show(desk, invite, call.now))


def create_invites(desk: Desk, call: Call) -> Answer:
    """Invite addresses, all or none. The answer is an empty array unless the quirk says otherwise."""
    unit = desk.unit(call)
    check(call.body, BATCH)
    for item in call.body:
        _check_grants(desk, unit, item)
        _check_address(desk, unit, item["email"])
    made = _make(desk, unit, call)
    if made:
        desk.commit("send_invites", invites=made)
    if desk.quirks.invite_answer == "empty":
        return answer_json([])
    invites = [desk.org.invites[given["id"]] for given in reversed(made)]
    return answer_json([show(desk, invite, call.now) for invite in invites])


def _check_grants(desk: Desk, unit: Unit, item: dict[str, Any]) -> None:
    for group in item.get("role_groups", ()):
        known = desk.org.rolegroups.get(group["role_group_id"])
        if known is None or known.org_id != unit.id:
            raise bad_request("One or more role groups do not exist in this organization")
    for team in item.get("teams", ()):
        if team["team_id"] not in desk.org.teams:
            raise bad_request("One or more teams do not exist")
    for role in item.get("roles", ()):
        if role["role_id"] not in desk.org.catalogue:
            raise bad_request("One or more roles do not exist")


def _check_address(desk: Desk, unit: Unit, email: str) -> None:
    local, _, domain = email.rpartition("@")
    if not local or not domain or any(letter.isspace() for letter in email):
        raise bad_request("One or more email addresses are invalid")
    if desk.quirks.invite_member == "reject" and desk.org.has_account(email):
        raise bad_request("One or more users are already members")
    if desk.quirks.reinvite_pending == "reject" and desk.org.pending_by_address(unit.id, email):
        raise bad_request("One or more users have already been invited")


def _make(desk: Desk, unit: Unit, call: Call) -> list[dict[str, Any]]:
    """The invites to send, as the change takes them; a repeated address gets one each time."""
    made: list[dict[str, Any]] = []
    renewed: dict[str, int] = {}
    next_id = desk.org.next_invite_id
    for item in call.body:
        email = item["email"] if desk.quirks.invite_email_case == "keep" else item["email"].lower()
        known = desk.org.pending_by_address(unit.id, email) if desk.quirks.reinvite_pending == "refresh" else None
        number = known.id if known is not None else renewed.get(email.casefold())
        if number is None:
            number, next_id = next_id, next_id + 1
        if desk.quirks.reinvite_pending == "refresh":
            renewed[email.casefold()] = number
        made.append(_invite(desk, unit, call, number, email, item))
    return made


def _invite(desk: Desk, unit: Unit, call: Call, number: int, email: str, item: dict[str, Any]) -> dict[str, Any]:
    actor = desk.actor(call)
    grants = {name: list(item[name]) for name in ("role_groups", "teams", "roles") if item.get(name)}
    if "teams" in grants:
        grants["teams"] = [{"membership_type": "member", **team} for team in grants["teams"]]
    return {
        "id": number,
        "org_id": unit.id,
        "code": secrets.token_hex(16),
        "email": email,
        "invited_at": call.now,
        "expires_at": call.now + LIFE_S,
        "invited_by": actor.id if actor is not None else desk.org.owner_id,
        "grants": grants,
    }


def delete_invites(desk: Desk, call: Call) -> Answer:
    """Revoke. Unknown and closed ids are passed over; 400 when nothing is left."""
    unit = desk.unit(call)
    check(call.body, IDS)
    invites = [desk.org.invites.get(number) for number in dict.fromkeys(call.body)]
    found = [i.id for i in invites if i is not None and i.org_id == unit.id and i.state == INVITED]
    if not found:
        raise bad_request("No invites were deleted")
    desk.commit("revoke_invites", ids=found, at=call.now)
    return answer_empty()


def resend_invites(desk: Desk, call: Call) -> Answer:
    """Mail again: 200 `{succeeded, failed}`. 400 when an id is foreign, or when no mail left."""
    unit = desk.unit(call)
    check(call.body, IDS)
    invites = [desk.org.invites.get(number) for number in dict.fromkeys(call.body)]
    known = [invite for invite in invites if invite is not None and invite.org_id == unit.id]
    if len(known) < len(invites):
        raise bad_request("One or more invites do not belong to this organization")
    sent = [invite for invite in known if _can_be_sent(desk, invite, call.now)]
    if not sent:
        raise bad_request("No invites were sent")
    renew = desk.quirks.resend_expired == "renew"
    ends = {str(invite.id): call.now + LIFE_S for invite in sent} if renew else {}
    desk.commit("resend_invites", ids=[invite.id for invite in sent], expires_at=ends)
    done = {invite.id for invite in sent}
    return answer_json({"succeeded": sorted(done), "failed": [i.id for i in known if i.id not in done]})


def _can_be_sent(desk: Desk, invite: Invite, now: float) -> bool:
    status = invite.status(now)
    return status == INVITED or (status == EXPIRED and desk.quirks.resend_expired != "fail")


def show(desk: Desk, invite: Invite, now: float) -> dict[str, Any]:
    """An invite as the vendor lists it, its secret code included."""
    status = invite.status(now)
    by = desk.org.users.get(invite.invited_by)
    unit = desk.org.units[invite.org_id]
    return {
        "id": invite.id,
        "code": invite.code,
        "invited_email": invite.email,
        "invited_at": timestamp(invite.invited_at),
        "expires_at": timestamp(invite.expires_at),
        "status": status,
        "completed_at": None if status == CANCELED else timestamp(invite.completed_at),
        "completed_by_user": invite.completed_by,
        "invited_by_user": {"id": by.id, "username": by.username, "email": by.email} if by else None,
        "invited_to_org": {"id": unit.id, "name": unit.name},
        **invite.grants,
    }


def endpoints() -> list[Endpoint]:
    """The five calls below an organisation, and the same five that take it from the query or the token."""
    found = []
    for prefix in (ORG, "/accounts/api"):
        found += [
            Endpoint("GET", f"{prefix}/invites", list_invites, "invites:read"),
            Endpoint("POST", f"{prefix}/invites", create_invites, "invites:write"),
            Endpoint("DELETE", f"{prefix}/invites", delete_invites, "invites:write"),
            Endpoint("POST", f"{prefix}/invites/resend", resend_invites, "invites:write"),
            Endpoint("GET", f"{prefix}/invites/{{invite}}", get_invite, "invites:read"),
        ]
    return found
