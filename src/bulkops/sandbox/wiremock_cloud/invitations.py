"""Invitations, one address a call."""

from dataclasses import asdict
from typing import Any

from bulkops.sandbox.calls import Answer, Call, answer_empty, answer_json
from bulkops.sandbox.wiremock_cloud import samples
from bulkops.sandbox.wiremock_cloud.desk import ORG, Desk, Endpoint, containing, new_id, timestamp
from bulkops.sandbox.wiremock_cloud.organisation import ROLES, Entity, Invitation, fits
from bulkops.sandbox.wiremock_cloud.users import seats
from bulkops.sandbox.wiremock_cloud.validation import errors, member, not_found, one_of, optional, unprocessable

INVITED = "The user has already been invited"
JOINED = "The user is already a member of the organisation"


def list_invitations(desk: Desk, call: Call) -> Answer:
    """All that are pending, in one answer; `q` is part of the address."""
    desk.organisation(call)
    rows = containing(desk.org.pending(desk.since(call.now)), call, lambda row: row.email.casefold())
    return answer_json({"invitations": [show(desk, row) for row in rows]})


def get_invitation(desk: Desk, call: Call) -> Answer:
    return answer_json({"invitation": show(desk, _find(desk, call))})


def revoke(desk: Desk, call: Call) -> Answer:
    invitation = _find(desk, call)
    desk.commit("revoke_invitation", invitation_id=invitation.id)
    return answer_json({}) if desk.quirks.revoke_status == 200 else answer_empty()


def _find(desk: Desk, call: Call) -> Invitation:
    desk.organisation(call)
    invitation = desk.org.invitations.get(call.params["invitation"])
    if invitation is None or invitation.created_at <= desk.since(call.now):
        raise not_found()
    return invitation


def invite(desk: Desk, call: Call) -> Answer:
    """201 `{invitation}`."""
    root = desk.organisation(call)
    wanted = member(call.body, "/invitation", "object")
    role = one_of(wanted, "/invitation/role", ROLES)
    email = _address(desk, wanted)
    acl_object = optional(wanted, "/invitation/aclObjectId")
    _check_role(desk, role, root if acl_object is None else desk.org.objects.get(acl_object))
    silent = _is_silent(desk, email, call.now)
    account = desk.org.account(email)
    made = Invitation(
        id=new_id(),
        sender_id=call.actor.id,
        email=email,
        role=role,
        acl_object=acl_object,
        created_at=call.now,
        new_user=(account is None) == (desk.quirks.new_user == "literal"),
    )
    if silent:
        made = desk.org.pending_by_address(email, desk.since(call.now)) or made
    else:
        _check_seats(desk, call.now)
        desk.commit("send_invitation", invitation=asdict(made))
    return answer_json({"invitation": show(desk, made)}, 201)


def _address(desk: Desk, wanted: dict[str, Any]) -> str:
    email = str(member(wanted, "/invitation/recipientEmailAddress", "string"))
    local, _, domain = email.rpartition("@")
    if not local or not domain or any(letter.isspace() for letter in email):
        raise unprocessable("json pointer /invitation/recipientEmailAddress must be an email address")
    return email.lower() if desk.quirks.invite_email_case == "lower" else email


def _check_role(desk: Desk, role: str, entity: Entity | None) -> None:
    """The role must be one for the kind of entity: `aclObjectId` is no entity's `id` or `aclSubject`."""
    if entity is None:
        raise errors(desk.quirks.invite_mismatch, "Unknown ACL object")
    if not fits(role, entity.kind):
        detail = f"{role} is not a role of a {entity.kind}"
        raise errors(desk.quirks.invite_mismatch, "Role does not fit the ACL object", detail)


def _is_silent(desk: Desk, email: str, now: float) -> bool:
    """Whether the answer is 201 without anything being sent. Raises 409 where a repeat is a conflict."""
    account = desk.org.account(email)
    cases = (
        (account is not None and account.id in desk.org.members, desk.quirks.invite_member, JOINED),
        (desk.org.pending_by_address(email, desk.since(now)) is not None, desk.quirks.reinvite_pending, INVITED),
    )
    ways = []
    for is_so, way, title in cases:
        if is_so and way == "conflict":
            raise errors(409, title)
        ways.append(is_so and way == "silent")
    return any(ways)


def _check_seats(desk: Desk, now: float) -> None:
    limit = desk.quirks.seat_limit
    if limit is not None and sum(seats(desk, now)) >= limit:
        raise errors(desk.quirks.seat_refusal, "Seat limit reached", f"The plan's seat limit is {limit}")


def show(desk: Desk, invitation: Invitation) -> dict[str, Any]:
    return {
        "id": invitation.id,
        "senderId": invitation.sender_id,
        "recipientEmailAddress": invitation.email,
        "newUser": invitation.new_user,
        "role": invitation.role,
        **({} if invitation.acl_object is None else {"aclObjectId": invitation.acl_object}),
        "created": timestamp(invitation.created_at),
        "links": {"self": f"/v1/organisations/{desk.org.root.id}/invitations/{invitation.id}"},
    }


def endpoints() -> list[Endpoint]:
    every, one = f"{ORG}/invitations", f"{ORG}/invitations/{{invitation}}"
    read, write = "invitations:read", "invitations:write"
    return [
        Endpoint("GET", every, list_invitations, read),
        Endpoint("POST", every, invite, write, samples.INVITATION),
        Endpoint("GET", one, get_invitation, read, quirk="one_invitation"),
        Endpoint("DELETE", one, revoke, write, samples.EMPTY, "one_invitation"),
    ]
