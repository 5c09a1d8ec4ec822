"""Every write that bulkops makes on WireMock Cloud, one row a call.

Most success answers are empty, and the vendor's own mock host answers the same: only an answer that names what was
asked for is taken for its word; what came of the others is read back.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bulkops.errors import BulkopsError, RejectedError
from bulkops.providers.base import BatchAnswer, Change
from bulkops.providers.wiremock_cloud.roles import TEAM_ROLES
from bulkops.providers.wiremock_cloud.seats import Seats
from bulkops.transport import Answer, Permit, Session

GONE = frozenset({404, 410})
SEAT_REFUSALS = frozenset({403, 409, 422})
"""The statuses by which a plan without seats may be told; which of them it is, is published nowhere."""


@dataclass(frozen=True, slots=True)
class Wire:
    """One session, and the path of the organisation. `trusted` is False for a mock, whose answers prove nothing.

    `levels_read` is whether roles can be read back. `is_pending` looks an invitation up by its id.
    """

    session: Session
    base: str
    seats: Seats
    trusted: bool
    levels_read: bool
    is_pending: Callable[[str], Awaitable[bool]]

    async def write(self, method: str, path: str, permit: Permit, *, gate: str, body: Any = None) -> Answer:
        """One write; `gate` names its endpoint class."""
        return await self.session.write(method, path, gate=f"{method} {gate}", permit=permit, body=body)

    def answered(self, answer: Answer, change: Change, *, named: bool = False, complete: bool = False) -> BatchAnswer:
        """What an accepted call tells of its row."""
        return BatchAnswer(
            answer.status,
            answer.request_id,
            named=frozenset({change.key.casefold()}) if named and self.trusted else frozenset(),
            complete=complete and self.trusted,
        )


Write = Callable[[Wire, Change, Permit], Awaitable[BatchAnswer]]


async def invite(wire: Wire, change: Change, permit: Permit) -> BatchAnswer:
    """201 `{invitation}`. Its `newUser` is described as the opposite of its name: nothing is made of it."""
    granted = change.grants.get("acl_object")
    wanted = {"role": change.fields.role, **({"aclObjectId": granted[0].id} if granted else {})}
    answer = await _invite(wire, change.key, wanted, permit)
    return wire.answered(answer, change, named=_recipient(answer) == change.key.casefold())


async def _invite(wire: Wire, address: str, terms: Mapping[str, Any], permit: Permit) -> Answer:
    body = {"invitation": {**terms, "recipientEmailAddress": address}}
    try:
        return await wire.write("POST", f"{wire.base}/invitations", permit, gate="invitations", body=body)
    except RejectedError as error:
        if not error.stops_run and error.http_status in SEAT_REFUSALS and await _full(wire.seats):
            raise _again(error, f"no seat of the plan is left: {error}", code="no_seat", stops_run=True) from error
        raise


async def _full(seats: Seats) -> bool:
    """Whether no seat is left, as far as it can be read: the error for it is published nowhere."""
    try:
        return await seats.left() == 0
    except BulkopsError:
        return False


def _made(answer: Answer) -> Mapping[str, Any]:
    made = answer.body.get("invitation") if isinstance(answer.body, dict) else None
    return made if isinstance(made, dict) else {}


def _recipient(answer: Answer) -> str:
    return str(_made(answer).get("recipientEmailAddress") or "").casefold()


async def revoke(wire: Wire, change: Change, permit: Permit) -> BatchAnswer:
    """DELETE of the invitation's own link; 204 or 200 ?."""
    answer = await wire.write("DELETE", _one(wire, change), permit, gate="invitations")
    return wire.answered(answer, change)


def _one(wire: Wire, change: Change) -> str:
    return f"{wire.base}/invitations/{quote(change.key, safe='')}"


async def resend(wire: Wire, change: Change, permit: Permit) -> BatchAnswer:
    """Taken back, then made anew with the same terms, each noted on its own.

    A 404 means that it is gone already, or that there is no such call: the list of pending ones tells.
    """
    if change.key:
        try:
            await wire.write("DELETE", _one(wire, change), permit, gate="invitations")
        except RejectedError as error:
            if error.http_status not in GONE:
                raise
            if await wire.is_pending(change.key):
                text = f"the invitation cannot be taken back here, so no new one was sent: {error}"
                raise _again(error, text, code="not_allowed") from error
    terms = json.loads(change.terms)
    try:
        answer = await _invite(wire, change.address, terms, permit)
    except RejectedError as error:
        told = ", ".join(f"{name} {value}" for name, value in terms.items())
        text = f"the old invitation is taken back, and a new one was refused: {error}; invite {change.address} ({told})"
        raise _again(error, text) from error
    fresh = str(_made(answer).get("id") or change.key) != change.key
    return wire.answered(answer, change, named=fresh and _recipient(answer) == change.address.casefold())


async def remove_member(wire: Wire, change: Change, permit: Permit) -> BatchAnswer:
    """204. Out of the organisation: never the call that deletes the account itself. 409 for the last administrator."""
    path = f"{wire.base}/members/{quote(change.key, safe='')}"
    try:
        answer = await wire.write("DELETE", path, permit, gate="members")
    except RejectedError as error:
        if error.http_status == 409:  # the one reason that is known for it
            raise _again(error, str(error), code="last_owner") from error
        raise
    return wire.answered(answer, change)


async def set_role(wire: Wire, change: Change, permit: Permit) -> BatchAnswer:
    """PUT of a grant, which adds or replaces: 200 `{grant}` ?, 204 ?. Harmless to repeat."""
    path = f"{wire.base}/acl/user/{quote(change.parent, safe='')}"
    return await _put_grant(wire, change, path, change.level or change.key, permit, gate="organisation grants")


async def _put_grant(wire: Wire, change: Change, path: str, role: str, permit: Permit, *, gate: str) -> BatchAnswer:
    answer = await wire.write("PUT", path, permit, gate=gate, body={"grant": {"role": role}})
    grant = answer.body.get("grant") if isinstance(answer.body, dict) else None
    told = grant.get("role") if isinstance(grant, dict) else None
    # where neither the answer nor a read can tell, the status is all there is
    return wire.answered(answer, change, named=told == role, complete=told is None and not wire.levels_read)


async def add_team_member(wire: Wire, change: Change, permit: Permit) -> BatchAnswer:
    """201, without a body. What somebody is in the team already is not changed by it ?, but by a grant."""
    role, team = TEAM_ROLES[change.level], f"/v1/teams/{quote(change.parent, safe='')}"
    if change.before is not None:
        path = f"{team}/acl/user/{quote(change.key, safe='')}"
        return await _put_grant(wire, change, path, role, permit, gate="team grants")
    body = {"member": {"memberId": change.key, "permissionFriendlyId": role}}
    answer = await wire.write("POST", f"{team}/members", permit, gate="team members", body=body)
    return wire.answered(answer, change)


async def remove_team_member(wire: Wire, change: Change, permit: Permit) -> BatchAnswer:
    """204; 404 for somebody who is not in it."""
    path = f"/v1/teams/{quote(change.parent, safe='')}/members/{quote(change.key, safe='')}"
    return wire.answered(await wire.write("DELETE", path, permit, gate="team members"), change)


def _again(error: RejectedError, text: str, *, code: str | None = None, stops_run: bool | None = None) -> RejectedError:
    """A refusal with other words."""
    return RejectedError(
        text,
        atomic=error.atomic,
        stops_run=error.stops_run if stops_run is None else stops_run,
        code=code or error.code,
        http_status=error.http_status,
        request_id=error.request_id,
    )
