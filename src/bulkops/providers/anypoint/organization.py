"""Anypoint Access Management as an `Organization`.

Known: batch invite and batch delete, their bodies, paging, throttling (the published OpenAPI file and support
articles). Not published, and therefore tolerated either way: what the 200 of a batch invite holds (an array of
invitations, or an empty one), whether a batch is applied as a whole, how soon a new invitation is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self

import anyio

from bulkops.errors import ConfigError, RejectedError, StoppedError
from bulkops.model import Batch
from bulkops.providers.anypoint import listings
from bulkops.providers.anypoint.listings import HierarchyListing, InvitationListing
from bulkops.providers.anypoint.resources import Shelf
from bulkops.providers.anypoint.support import SUPPORT, WRITES
from bulkops.providers.anypoint.writes import Wire
from bulkops.providers.base import (
    BatchAnswer,
    Caller,
    Invitation,
    Link,
    Listing,
    Named,
    OperationSupport,
    OrganizationFacts,
    Person,
)
from bulkops.providers.resources import Resource
from bulkops.providers.rows import now_of, parsed
from bulkops.transport import Answer, Permit, Session


class AnypointOrganization:
    """One organisation or business group. Open it with `async with`; tasks may share it."""

    provider = "anypoint"
    administrators = "Organization Administrators"
    administered_by = "role_group"
    caution = ""

    def __init__(self, session: Session, organization: str, *, settling_s: float = 5.0) -> None:
        self.organization = organization
        self.settling_s = settling_s
        self.gates = session.gates
        self.meter = session.meter
        self._session = session
        self._root_id = ""
        self._base = f"/accounts/api/organizations/{organization}"

    @property
    def support(self) -> Mapping[str, OperationSupport]:
        """The operations that Anypoint has here."""
        return SUPPORT

    @property
    def resources(self) -> Mapping[str, Resource]:
        """The tables of the organisation."""
        return Shelf(self._session, self.organization).resources()

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._session.__aexit__(exc_type, exc, traceback)

    async def facts(self) -> OrganizationFacts:
        """Name, owner and kind of the organisation."""
        try:
            answer = await self._session.read(self._base, gate="GET organization")
        except RejectedError as error:
            raise ConfigError(
                f"the organisation {self.organization} cannot be read ({error}): check `organization` in the "
                f"configuration and that the credentials belong to it"
            ) from error
        body = _object(answer, "the organisation", "id")
        parents = body.get("parentOrganizationIds")
        root = not parents if isinstance(parents, list) else body.get("isRoot", True) is not False
        self._root_id = str(parents[0]) if isinstance(parents, list) and parents else str(body["id"])
        return OrganizationFacts(
            id=str(body["id"]),
            name=str(body.get("name") or self.organization),
            owner_id=str(body["ownerId"]) if body.get("ownerId") else None,
            root=root,
            root_id=self._root_id,
        )

    async def caller(self) -> Caller:
        """Who the token belongs to: a user, or a connected app on its own behalf."""
        answer = await self._session.read("/accounts/api/me", gate="GET me")
        body = _object(answer, "the account of the credentials", "user", "client", "id")
        user = body.get("user") if isinstance(body.get("user"), dict) else body
        client = body.get("client") if isinstance(body.get("client"), dict) else {}
        return Caller(
            id=str((user or {}).get("id") or ""),
            username=str((user or {}).get("username") or ""),
            email=str((user or {}).get("email") or ""),
            client=str((client or {}).get("name") or (client or {}).get("client_id") or ""),
        )

    def people(self) -> Listing[Person]:
        """Members: lighter rows than the users call, which repeats the whole organisation in each."""
        return self._listing("/members", listings.person, resource="members")

    def accounts(self) -> Listing[Person]:
        """Users with the fields that a change writes back, without the organisation in each row ?."""
        return self._listing("/users", listings.account, resource="users", params=_LIGHT)

    def everybody(self) -> Listing[Person]:
        """Members of the root organisation, which a business group's facts name; before they are read, of this one."""
        base = f"/accounts/api/organizations/{self._root_id or self.organization}"
        return self._listing(f"{base}/members", listings.person, resource="members of the root")

    def departed(self) -> Listing[Person]:
        """Softly deleted accounts; only the root organisation has any."""
        return self._listing("/users", listings.person, resource="deleted users", params=_DELETED)

    def invitations(self) -> Listing[Invitation]:
        """Outstanding and expired invites."""
        return InvitationListing(self._session, f"{self._base}/invites")

    def named(self, kind: str, within: str = "") -> Listing[Named]:
        """Role groups, teams, permissions, environments of the organisation `within`, or organisations."""
        if kind == "organization":
            return HierarchyListing(self._session, self._base)
        if kind == "environment":
            path = f"/accounts/api/organizations/{within or self.organization}/environments"
            return self._listing(path, listings.environment, resource="environments")
        path, parse, resource = {
            "role_group": (f"{self._base}/rolegroups", listings.role_group, "rolegroups"),
            "team": (f"{self._base}/teams", listings.team, "teams"),
            "role": ("/accounts/api/roles", listings.role, "roles"),
        }[kind]
        return self._listing(path, parse, resource=resource)

    def links(self, kind: str, parent: str) -> Listing[Link]:
        """People of a role group or a team, permissions of a person, the allowlist."""
        path, parse, params = {
            "role_group": (f"/rolegroups/{parent}/users", listings.role_group_user, {}),
            "team": (f"/teams/{parent}/members", listings.team_member, {"identity_type": "user"}),
            "person_role": (
                f"/users/{parent}/roles",
                listings.person_role,
                {"role_groups": "false", "teams": "false"},  # only what the person holds directly can be taken away
            ),
            "allowlist": ("/connectedApplications/allowlist", listings.allowlist_entry, {}),
        }[kind]
        return self._listing(path, parse, resource=f"{kind} entries", params=params)

    def searchable(self, text: str) -> bool:
        """By address and username through `search`, by id through its own path."""
        return True

    async def find_people(self, text: str) -> Sequence[Person]:
        """Members by address or username through `search` (partial), by id through the user's own path."""
        found = await self._listing("/members", listings.person, resource="members").search(text)
        exact = [person for person in found if text.casefold() in person.names()]
        if exact or not _is_uuid(text):
            return exact
        return [person for person in await self._by_id(text, listings.person) if not person.deleted]

    async def find_accounts(self, text: str) -> Sequence[Person]:
        """Users by address, username or id, with the fields that a change writes back."""
        found = await self.accounts_search(text)
        exact = [person for person in found if text.casefold() in person.names()]
        if exact or not _is_uuid(text):
            return exact
        return [person for person in await self._by_id(text, listings.account) if not person.deleted]

    async def accounts_search(self, text: str) -> Sequence[Person]:
        """The vendor's partial search over users."""
        return await self._listing("/users", listings.account, resource="users", params=_LIGHT).search(text)

    async def find_departed(self, text: str) -> Sequence[Person]:
        """Softly deleted accounts by address, username or id."""
        listing = self._listing("/users", listings.person, resource="deleted users", params=_DELETED)
        found = [person for person in await listing.search(text) if text.casefold() in person.names()]
        if found or not _is_uuid(text):
            return found
        return [person for person in await self._by_id(text, listings.person) if person.deleted]

    async def find_invitations(self, address: str) -> Sequence[Invitation]:
        """Invites of exactly one address, since the vendor's search is partial; or the one of an id."""
        if address.isdigit():
            return await self._invite_by_id(address)
        found = await InvitationListing(self._session, f"{self._base}/invites").search(address)
        return [invitation for invitation in found if invitation.email.casefold() == address.casefold()]

    def clock_ahead_s(self) -> float:
        """By the Date of its answers."""
        return self._session.clock_ahead_s

    async def sharpen_clock(self, *, within_s: float) -> None:
        """Each answer's Date counts whole seconds: asked again and again, it shows when the next one begins."""
        for _ in range(round(2.4 / within_s)):  # a second, and a little
            if self._session.clock_open_s <= within_s:
                return
            await anyio.sleep(within_s / 2)
            await self._session.read(f"{self._base}", gate="GET organization")

    async def send(self, operation: str, batch: Batch[Any], permit: Permit) -> BatchAnswer:
        """Send one batch of an operation in `SUPPORT`."""
        return await WRITES[operation](Wire(self._session, self._base), batch, permit)

    async def _invite_by_id(self, invite_id: str) -> Sequence[Invitation]:
        try:
            answer = await self._session.read(f"{self._base}/invites/{invite_id}", gate="GET invite")
        except RejectedError as error:
            if error.http_status == 404:
                return []
            raise
        parse = partial(listings.invitation, now=now_of(answer))
        found = parsed(parse, _object(answer, "an invitation", "id"), "an invitation")
        return [] if found.closed else [found]

    async def _by_id(self, user_id: str, parse: Callable[[Mapping[str, Any]], Person]) -> list[Person]:
        try:
            answer = await self._session.read(f"{self._base}/users/{user_id}", gate="GET user")
        except RejectedError as error:
            if error.http_status == 404:
                return []
            raise
        return [parsed(parse, _object(answer, "a user", "id"), "a user")]

    def _listing(
        self, path: str, parse: Any, *, resource: str, params: Mapping[str, str] | None = None
    ) -> listings.AnypointListing[Any]:
        full = path if path.startswith("/accounts/") else self._base + path
        return listings.AnypointListing(self._session, full, parse, resource=resource, params=params)


_LIGHT = {"type": "all", "includeProfiles": "false"}
_DELETED = {"deleted": "true", "type": "all", "includeProfiles": "false"}


def _object(answer: Answer, what: str, *keys: str) -> Mapping[str, Any]:
    """The answer's object, which must have one of `keys`: guards rest on it, so nothing is guessed in its place."""
    body = answer.body
    if not isinstance(body, dict) or not any(body.get(key) for key in keys):
        raise StoppedError(f"the answer about {what} has an unexpected shape: nothing was decided on it")
    return body


def _is_uuid(text: str) -> bool:
    return len(text) == 36 and all(c in "0123456789abcdefABCDEF-" for c in text)
