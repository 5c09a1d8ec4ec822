"""WireMock Cloud as the server sees it: routes, admission, state and the look of refusals."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bulkops.sandbox.calls import Answer, Call, Route, answer_json
from bulkops.sandbox.effects import Effect
from bulkops.sandbox.options import SandboxError
from bulkops.sandbox.quota import Ticket
from bulkops.sandbox.wiremock_cloud import acl, apis, auth, invitations, teams, users
from bulkops.sandbox.wiremock_cloud.changes import CHANGES
from bulkops.sandbox.wiremock_cloud.desk import Commit, Desk, new_id
from bulkops.sandbox.wiremock_cloud.inventory import inventory
from bulkops.sandbox.wiremock_cloud.organisation import ADMIN, Invitation
from bulkops.sandbox.wiremock_cloud.quirks import Quirks
from bulkops.sandbox.wiremock_cloud.seeding import Seeding
from bulkops.sandbox.wiremock_cloud.validation import parse_json


class WiremockCloud:
    """See `calls.Vendor`."""

    name = "wiremock-cloud"
    provider = "wiremock-cloud"
    auth: Mapping[str, str] = {"method": "api-key", "api_key_env": "SANDBOX_API_KEY"}
    organization = "acm3g"

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
        if not re.fullmatch(r"[a-z0-9]{5,10}", organization):
            raise SandboxError(f"an organisation's id is 5 to 10 letters and digits, not {organization!r}")
        self._base = (organization, people, seed)
        self._clock = clock
        self._key = auth.Key(token_ttl_s)
        self._desk = Desk(Seeding(*self._base, seeded_at).build(), Quirks().but(quirks), commit)
        self._key.begin(clock())

    def rebuild(self, seeded_at: float) -> None:
        self._desk.org = Seeding(*self._base, seeded_at).build()
        self._key.begin(self._clock())

    def routes(self) -> Sequence[Route]:
        modules = (users, invitations, teams, acl, apis)
        return [endpoint.bind(self._desk) for module in modules for endpoint in module.endpoints()]

    def admit(self, call: Call, route: Route) -> None:
        if route.right is None:
            return
        auth.admit(self._desk, self._key, call, route.right)
        call.body = parse_json(call)

    def apply(self, change: str, arguments: Mapping[str, Any]) -> list[Effect]:
        return CHANGES[change](self._desk.org, **arguments)

    def configure(self, quirks: Mapping[str, Any]) -> None:
        self._desk.quirks = self._desk.quirks.but(quirks)

    def quirks(self) -> dict[str, Any]:
        return self._desk.quirks.view()

    def set_token_ttl(self, ttl_s: float | None) -> None:
        self._key.set_life(ttl_s, self._clock())

    def expire_tokens(self, *, fixed: bool) -> int:
        return self._key.expire(self._clock(), fixed=fixed)

    def accept_invite(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """`wanted`: `{id}` or `{email}`, and optionally `username` for an address without an account."""
        now, org = self._clock(), self._desk.org
        invitation = self._acceptable(wanted, now)
        account = org.account(invitation.email)
        user = {
            "id": new_id() if account is None else account.id,
            "username": str(wanted.get("username") or invitation.email) if account is None else account.username,
            "email": invitation.email,
            "acl_object": new_id(),
            "organisation_id": org.root.id,
            "created_at": now,
        }
        self._desk.commit("accept_invitation", invitation_id=invitation.id, user=user)
        return {"user_id": user["id"], "username": user["username"], "invite_id": invitation.id}

    def _acceptable(self, wanted: Mapping[str, Any], now: float) -> Invitation:
        org, since = self._desk.org, self._desk.since(now)
        if "id" in wanted:
            invitation = org.invitations.get(str(wanted["id"]))
        else:
            invitation = org.pending_by_address(str(wanted.get("email", "")), since)
        if invitation is None or invitation.created_at <= since:
            raise SandboxError("no invite is pending for that")
        return invitation

    def summary(self) -> dict[str, Any]:
        """Counts of what there is now."""
        org = self._desk.org
        pending = len(org.pending(self._desk.since(self._clock())))
        return {
            "organization": org.root.id,
            "people": len(org.members),
            "admins": sum(role == ADMIN for role in org.members.values()),
            "deleted": sum(user.deleted for user in org.users.values()),
            "invites_pending": pending,
            "teams": len(org.teams),
            "mock_apis": len(org.mock_apis),
        }

    def inventory(self) -> dict[str, Any]:
        """See `wiremock_cloud.inventory`."""
        return inventory(self._desk.org)

    def limit_headers(self, ticket: Ticket) -> dict[str, str]:
        """Nothing: no page names a header."""
        return {}

    def throttle(self, ticket: Ticket) -> Answer:
        return answer_json({"code": 429, "message": "HTTP 429 Too Many Requests"}, 429)

    def serial_write_s(self) -> float | None:
        return None

    def busy(self) -> Answer:
        return Answer(503)

    def trace(self) -> dict[str, str]:
        return {}
