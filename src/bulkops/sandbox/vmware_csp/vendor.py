"""VMware Cloud Services as the server sees it: routes, admission, state and the look of refusals."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from typing import Any

from bulkops.sandbox.calls import Answer, Call, Route, refuse
from bulkops.sandbox.effects import Effect
from bulkops.sandbox.options import SandboxError
from bulkops.sandbox.quota import Ticket
from bulkops.sandbox.vmware_csp import auth, groups, groupusers, invitations, roles, searching, users
from bulkops.sandbox.vmware_csp.changes import CHANGES
from bulkops.sandbox.vmware_csp.desk import Commit, Desk, respond
from bulkops.sandbox.vmware_csp.inventory import inventory
from bulkops.sandbox.vmware_csp.organization import AVAILABLE, Invitation
from bulkops.sandbox.vmware_csp.quirks import Quirks
from bulkops.sandbox.vmware_csp.seeding import Seeding
from bulkops.sandbox.vmware_csp.validation import CspError, parse_json


class VmwareCsp:
    """See `calls.Vendor`."""

    name = "vmware-csp"
    provider = "vmware-csp"
    auth: Mapping[str, str] = {"method": "bearer", "token_env": "SANDBOX_TOKEN"}
    organization = "c5b0a1de-0000-4000-8000-000000000001"

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
    ) -> None:
        if not is_uuid(organization):
            raise SandboxError(f"an organisation's id is a UUID, not {organization!r}")
        self._base = (organization, people, seed)
        self._clock = clock
        self._tokens = auth.Tokens(token_ttl_s)
        self._desk = Desk(Seeding(*self._base, seeded_at).build(), Quirks().but(quirks), commit)
        self._tokens.begin(clock())

    def rebuild(self, seeded_at: float) -> None:
        self._desk.org = Seeding(*self._base, seeded_at).build()
        self._tokens.begin(self._clock())

    def routes(self) -> Sequence[Route]:
        endpoints = [
            *auth.Counter(self._tokens).endpoints(),
            *invitations.endpoints(),
            *users.endpoints(),
            *searching.endpoints(),
            *roles.endpoints(),
            *groups.endpoints(),
            *groupusers.endpoints(),
        ]
        return [endpoint.bind(self._desk) for endpoint in endpoints]

    def admit(self, call: Call, route: Route) -> None:
        if route.right is None:
            return  # the endpoint reads its own credentials
        try:
            auth.admit(self._desk, self._tokens, call, route.right)
            call.body = parse_json(call)
        except CspError as error:
            raise refuse(respond(error, self._desk.quirks)) from None

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
        now, org = self._clock(), self._desk.org
        invitation = self._acceptable(wanted, now)
        address = invitation.username
        username = str(wanted.get("username") or address)
        if org.named(username) is not None or org.named(address) is not None:
            raise SandboxError(f"{username!r} is a member already")
        if address.casefold() in org.accounts:
            user = invitations.account_of(self._desk, address)
        else:
            first, last = str(wanted.get("first_name", "New")), str(wanted.get("last_name", "Person"))
            user = invitations.new_account(address, first, last, username)
        self._desk.commit("accept_invitation", invitation_id=invitation.id, user=user, at=now)
        return {"user_id": user["id"], "username": user["username"], "invite_id": invitation.id}

    def _acceptable(self, wanted: Mapping[str, Any], now: float) -> Invitation:
        org = self._desk.org
        if "id" in wanted:
            invitation = org.invitations.get(wanted["id"])
        else:
            invitation = org.pending(str(wanted.get("email", "")), now)
        if invitation is None or not invitation.is_pending(now):
            raise SandboxError("no invite is pending for that")
        return invitation

    def summary(self) -> dict[str, Any]:
        """Counts of what there is now."""
        org, now = self._desk.org, self._clock()
        open_ones = [invitation for invitation in org.invitations.values() if invitation.status == AVAILABLE]
        pending = sum(invitation.is_pending(now) for invitation in open_ones)
        return {
            "organization": org.id,
            "people": len(org.users),
            "owners": len(org.owners(now)),
            "invites": len(org.invitations),
            "invites_pending": pending,
            "invites_expired": len(open_ones) - pending,
            "groups": len(org.groups),
        }

    def inventory(self) -> dict[str, Any]:
        """See `vmware_csp.inventory`."""
        return inventory(self._desk.org)

    def limit_headers(self, ticket: Ticket) -> dict[str, str]:
        """The vendor says nothing about its limits."""
        return {}

    def throttle(self, ticket: Ticket) -> Answer:
        answer = respond(CspError(429, "The user has sent too many requests"), self._desk.quirks)
        style = self._desk.quirks.retry_after
        if style == "seconds":
            answer.headers["Retry-After"] = str(-(-ticket.left_ms // 1000))
        elif style == "date":
            answer.headers["Retry-After"] = formatdate(ticket.reset, usegmt=True)
        return answer

    def serial_write_s(self) -> float | None:
        """Writes may overlap."""
        return None

    def busy(self) -> Answer:
        return respond(CspError(409, "A conflicting change is going on"), self._desk.quirks)

    def trace(self) -> dict[str, str]:
        """Nothing: the request's id stands in the body of errors only."""
        return {}


def is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return len(text) == 36
