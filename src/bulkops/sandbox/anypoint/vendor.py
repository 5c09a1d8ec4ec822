"""Anypoint as the server sees it: routes, admission, state and the look of refusals."""

import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bulkops.sandbox.anypoint import (
    allowlist,
    auth,
    invites,
    members,
    organizations,
    rolegroups,
    roles,
    teams,
    users,
)
from bulkops.sandbox.anypoint.changes import CHANGES
from bulkops.sandbox.anypoint.desk import Commit, Desk, is_uuid
from bulkops.sandbox.anypoint.inventory import inventory
from bulkops.sandbox.anypoint.organization import EXPIRED, Invite, Unit
from bulkops.sandbox.anypoint.quirks import Quirks
from bulkops.sandbox.anypoint.seeding import Seeding
from bulkops.sandbox.anypoint.validation import parse_json
from bulkops.sandbox.calls import Answer, Call, Route, answer_text, encode
from bulkops.sandbox.effects import Effect
from bulkops.sandbox.options import DEFAULT_ORGANIZATION, USERNAME, SandboxError
from bulkops.sandbox.quota import Ticket


class Anypoint:
    """See `calls.Vendor`."""

    name = "anypoint"
    provider = "sandbox"
    auth: Mapping[str, str] = {"method": "bearer", "token_env": "SANDBOX_TOKEN"}
    organization = DEFAULT_ORGANIZATION

    def __init__(
        self,
        *,
        organization: str,
        people: int,
        seed: int,
        token_ttl_s: float | None,
        quirks: Mapping[str, Any],
        clock: Callable[[], float],
        commit: Commit,
        seeded_at: float,
        empty: bool = False,
    ) -> None:
        if not is_uuid(organization):
            raise SandboxError(f"an organisation's id is a UUID, not {organization!r}")
        self._base = (organization, people, seed)
        self._empty = empty
        self._clock = clock
        self._tokens = auth.Tokens(token_ttl_s)
        self._heavy: dict[str, bytes] = {}
        org = Seeding(*self._base, seeded_at).build(empty=empty)
        self._desk = Desk(org, Quirks().but(quirks), commit, random.Random(seed))
        self._begin()

    def rebuild(self, seeded_at: float) -> None:
        self._desk.org = Seeding(*self._base, seeded_at).build(empty=self._empty)
        self._begin()

    def _begin(self) -> None:
        self._heavy.clear()
        self._tokens.begin(self._desk.org.usernames[USERNAME], self._clock())

    def routes(self) -> Sequence[Route]:
        endpoints = [
            *auth.Counter(self._tokens).endpoints(),
            *organizations.endpoints(),
            *invites.endpoints(),
            *users.endpoints(self._organization_text),
            *members.endpoints(),
            *rolegroups.endpoints(),
            *roles.endpoints(),
            *teams.endpoints(),
            *allowlist.endpoints(),
        ]
        return [endpoint.bind(self._desk) for endpoint in endpoints]

    def _organization_text(self, unit: Unit) -> bytes:
        """The organisation as JSON; a page of accounts repeats it hundreds of times."""
        if unit.id not in self._heavy:
            self._heavy[unit.id] = encode(organizations.show_unit(self._desk, unit))
        return self._heavy[unit.id]

    def admit(self, call: Call, route: Route) -> None:
        if route.right is None:
            return  # the endpoint reads its own credentials
        auth.admit(self._desk, self._tokens, call, route.right)
        call.body = parse_json(call, self._desk.quirks)

    def apply(self, change: str, arguments: Mapping[str, Any]) -> list[Effect]:
        return CHANGES[change](self._desk.org, **arguments)

    def configure(self, quirks: Mapping[str, Any]) -> None:
        self._desk.quirks = self._desk.quirks.but(quirks)

    def quirks(self) -> dict[str, Any]:
        return self._desk.quirks.view()

    def set_token_ttl(self, ttl_s: float | None) -> None:
        self._tokens.set_life(ttl_s, self._clock())

    def expire_tokens(self, *, fixed: bool) -> int:
        return self._tokens.expire(self._clock(), fixed=fixed)

    def accept_invite(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """`wanted`: `{id}` or `{email}`, and optionally `username`, `first_name`, `last_name`."""
        now = self._clock()
        invite = self._acceptable(wanted, now)
        username = str(wanted.get("username") or f"{invite.email.partition('@')[0]}.{invite.id}")
        if username.casefold() in self._desk.org.usernames:
            raise SandboxError(f"username {username!r} is taken")  # also by a deleted account
        user = {
            "id": str(uuid.uuid4()),
            "username": username,
            "first_name": str(wanted.get("first_name", "New")),
            "last_name": str(wanted.get("last_name", "Person")),
            "email": invite.email,
            "created_at": now,
            "updated_at": now,
        }
        self._desk.commit("accept_invite", invite_id=invite.id, user=user, at=now)
        return {"user_id": user["id"], "username": username, "invite_id": invite.id}

    def _acceptable(self, wanted: Mapping[str, Any], now: float) -> Invite:
        org = self._desk.org
        if "id" in wanted:
            invite = org.invites.get(wanted["id"])
        else:
            invite = org.pending_by_address(org.root.id, str(wanted.get("email", "")))
        if invite is None or invite.status(now) != "INVITED":
            raise SandboxError("no invite is pending for that")
        return invite

    def summary(self) -> dict[str, Any]:
        """Counts of what there is now."""
        org, now = self._desk.org, self._clock()
        pending = [invite for unit in org.units for invite in org.pending_invites(unit)]
        expired = sum(invite.status(now) == EXPIRED for invite in pending)
        live = [user for user in org.users.values() if not user.deleted and user.kind == "host"]
        return {
            "organization": org.root.id,
            "people": len(live),
            "disabled": sum(not user.enabled for user in live),
            "deleted": sum(user.deleted for user in org.users.values()),
            "invites_pending": len(pending) - expired,
            "invites_expired": expired,
            "role_groups": len(org.rolegroups),
            "teams": len(org.teams),
            "allowlist": len(org.allowlist),
            "business_groups": {unit.id: unit.name for unit in org.units.values() if not unit.is_root},
        }

    def inventory(self) -> dict[str, Any]:
        """See `anypoint.inventory`."""
        return inventory(self._desk.org)

    def limit_headers(self, ticket: Ticket) -> dict[str, str]:
        style = self._desk.quirks.quota_headers
        if style != "vendor":
            return draft_headers(ticket, style)
        milliseconds = self._desk.quirks.reset_unit == "milliseconds_left"
        return {
            "X-RateLimit-Limit": str(ticket.limit),
            "X-RateLimit-Remaining": str(ticket.remaining),
            "X-RateLimit-Reset": str(ticket.left_ms if milliseconds else ticket.reset),
        }

    def throttle(self, ticket: Ticket) -> Answer:
        style = self._desk.quirks.throttle
        if style == "mixed":
            style = self._desk.dice.choice(("503", "429"))
        if style == "503":
            return Answer(503)
        answer = answer_text("Too Many Requests", 429)
        answer.headers.update(self.limit_headers(ticket))
        return answer

    def serial_write_s(self) -> float | None:
        quirks = self._desk.quirks
        return quirks.parent_write_ms / 1000 if quirks.serialize_writes else None

    def busy(self) -> Answer:
        return Answer(503)

    def trace(self) -> dict[str, str]:
        return {"X-ANYPNT-TRX-ID": str(uuid.uuid4())}


def draft_headers(ticket: Ticket, style: str) -> dict[str, str]:
    """What a service that follows the IETF draft says; nothing for the style `none`."""
    seconds = str(-(-ticket.left_ms // 1000))
    if style == "draft":
        return {
            "RateLimit-Policy": f'"default";q={ticket.limit};w={ticket.window_s:.0f}',
            "RateLimit": f'"default";r={ticket.remaining};t={seconds}',
        }
    if style == "draft_old":
        names = {"Limit": str(ticket.limit), "Remaining": str(ticket.remaining), "Reset": seconds}
        return {f"RateLimit-{name}": value for name, value in names.items()}
    return {}
