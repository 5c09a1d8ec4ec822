"""The administration of a WireMock Cloud organisation as an `Organization`.

What is only linked to from documented answers (roles and grants, single invitations) is used where the target's
options say so: see `support`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from bulkops.errors import ConfigError, RejectedError, StoppedError
from bulkops.model import Batch
from bulkops.paging import same_host
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
from bulkops.providers.rows import parsed
from bulkops.providers.wiremock_cloud import listings, resources
from bulkops.providers.wiremock_cloud.fields import ID
from bulkops.providers.wiremock_cloud.grants import Grants
from bulkops.providers.wiremock_cloud.listings import Listed, PagedListing, PageSize, WholeListing
from bulkops.providers.wiremock_cloud.roles import ADMIN, LEVELS, ORGANISATION, roles_of
from bulkops.providers.wiremock_cloud.seats import Seats
from bulkops.providers.wiremock_cloud.support import WRITES, WiremockOptions, support
from bulkops.providers.wiremock_cloud.writes import Wire
from bulkops.transport import Answer, Permit, Session

HOPS = 3
"""So many redirects are followed."""


class WiremockOrganization:
    """One organisation. Open it with `async with`; tasks may share it."""

    provider = "wiremock-cloud"
    administered_by = "role"

    def __init__(
        self, session: Session, organization: str, *, settling_s: float = 5.0, options: WiremockOptions | None = None
    ) -> None:
        self.organization = organization
        self.settling_s = settling_s
        self.caution = ""
        self.gates = session.gates
        self.meter = session.meter
        self._session = session
        self._options = options or WiremockOptions()
        self._support = support(self._options)
        # who administers it is told by grants alone
        self.administrators = ADMIN if self._options.undocumented_role_calls else ""
        self._base = f"/v1/organisations/{quote(organization, safe='')}"
        self._size = PageSize()
        self._grants = Grants(session, self._size)
        self._seats = Seats(session)
        self._caller_id = ""
        self._acl_object = ""

    @property
    def support(self) -> Mapping[str, OperationSupport]:
        """The operations that the options allow."""
        return self._support

    @property
    def resources(self) -> Mapping[str, Resource]:
        """The tables of the organisation."""
        return resources.tables(self._session, self._base, self._size)

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._session.__aexit__(exc_type, exc, traceback)

    async def facts(self) -> OrganizationFacts:
        """Name of the organisation, and the seats that its plan has left."""
        try:
            answer = await self._session.read(self._base, gate="GET organisation")
        except RejectedError as error:
            raise ConfigError(
                f"the organisation {self.organization} cannot be read ({error}): check `organization` in the "
                f"configuration and that the API key's user belongs to it"
            ) from error
        body = _object(answer, "organisation", "the organisation")
        links = body.get("links")
        self._seats.link = str(links.get("subscription") or "") if isinstance(links, dict) else ""
        self._acl_object = parsed(listings.acl_object_of, body, "the organisation")
        return OrganizationFacts(
            id=str(body["id"]),
            name=str(body.get("name") or self.organization),
            root_id=str(body["id"]),
            seats_left=await self._seats.left(),
        )

    async def caller(self) -> Caller:
        """Whose API key it is. The vendor answers with a redirect to that user's own address, which is followed."""
        path = "/v1/users/self"
        for _ in range(HOPS):
            answer = await self._session.read(path, gate="GET user", redirects=True)
            if not answer.location:
                person = parsed(listings.person, _object(answer, "user", "the API key's user"), "the API key's user")
                self._caller_id = person.id
                return Caller(id=person.id, username=person.username, email=person.email)
            try:
                path = same_host(answer.location, self._session.base_url)
            except ValueError as error:
                raise StoppedError(f"GET {path} redirects along {error}, which is not followed") from error
        raise StoppedError("GET /v1/users/self redirects without an end")

    def people(self) -> PagedListing[Person]:
        """The members."""
        return self._paged(f"{self._base}/users", "users", listings.person, "users")

    everybody = accounts = people

    def departed(self) -> Listing[Person]:
        """Nobody: who was removed is in another organisation."""
        return Listed("departed users", _nothing)

    def invitations(self) -> Listing[Invitation]:
        """The pending invitations, in one answer."""
        path = f"{self._base}/invitations"
        return WholeListing(self._session, path, "invitations", listings.invitation, resource="invitations")

    def named(self, kind: str, within: str = "") -> Listing[Named]:
        """Teams, what an invitation can be to (by its ACL object), or the roles in the organisation."""
        if kind == "team":
            return self._teams(listings.team)
        if kind == "acl_object":
            return Listed("teams and mock APIs", self._acl_objects)
        if kind == "role":
            return Listed("roles", _organisation_roles)
        raise KeyError(kind)

    def links(self, kind: str, parent: str) -> Listing[Link]:
        """The members of a team, or who has a role in the organisation."""
        if kind == "team":
            return Listed("team entries", partial(self._team_members, parent))
        if kind == "role":
            return Listed("role entries", partial(self._role_holders, parent))
        raise KeyError(kind)

    def searchable(self, text: str) -> bool:
        """By address or username; an id takes a walk: who may read which account is published nowhere."""
        return not ID.fullmatch(text)

    async def find_people(self, text: str) -> Sequence[Person]:
        """Members by address or username through `q`, which is partial; by id through all of them.

        Nobody says whether `q` tells capitals apart: what is not found as written is looked for in small letters.
        """
        for q in dict.fromkeys((text, text.lower())):
            found = await self.people().everything(q)
            if exact := [person for person in found if text.casefold() in person.names()]:
                return exact
        return [] if self.searchable(text) else [one for one in await self.people().everything() if one.id == text]

    find_accounts = find_people

    async def find_departed(self, text: str) -> Sequence[Person]:
        """Nobody."""
        return []

    async def find_invitations(self, address: str) -> Sequence[Invitation]:
        """Pending invitations of exactly one address or id, out of the whole list: it comes in one answer anyway."""
        found = (await self.invitations().page(0, 1)).rows
        return [one for one in found if address.casefold() in (one.email.casefold(), one.id.casefold())]

    def clock_ahead_s(self) -> float:
        """By the Date of its answers."""
        return self._session.clock_ahead_s

    async def sharpen_clock(self, *, within_s: float) -> None:
        """Not needed: no operation here is told from its like by a date."""

    async def send(self, operation: str, batch: Batch[Any], permit: Permit) -> BatchAnswer:
        """Send one row of an operation that `support` lists."""
        wire = Wire(
            self._session,
            self._base,
            self._seats,
            trusted=not self.caution,
            levels_read=self._grants.readable,
            is_pending=self._is_pending,
        )
        return await WRITES[operation](wire, batch.items[0].payload, permit)

    async def _acl_objects(self) -> list[Named]:
        if not self._caller_id:
            await self.caller()
        teams = await self._teams(listings.acl_object("team")).everything()
        path = f"/v1/users/{self._caller_id}/apis"
        apis = self._paged(path, "mockApis", listings.acl_object("mock_api"), "mock APIs")
        return [*teams, *await apis.everything()]

    async def _team_members(self, team_id: str) -> list[Link]:
        """The members of a team; as what, where grants may be read and can be."""
        path = f"/v1/teams/{quote(team_id, safe='')}"
        members = WholeListing(self._session, f"{path}/members", "members", listings.person, resource="team members")
        found = (await members.page(0, 1)).rows
        roles: Mapping[str, str] = {}
        if self._options.undocumented_role_calls and found:
            answer = await self._session.read(path, gate="GET team")
            roles = await self._grants.of(parsed(listings.acl_object_of, _object(answer, "team", "a team"), "a team"))
        return [Link(person.id, level=LEVELS.get(roles.get(person.id, ""), "")) for person in found]

    async def _role_holders(self, role: str) -> list[Link]:
        """Who has a role in the organisation; nobody where it cannot be read, since somebody administers it."""
        if not self._acl_object:
            await self.facts()
        found = await self._grants.of(self._acl_object)
        return [Link(subject, level=role) for subject, held in found.items() if held == role]

    async def _is_pending(self, invitation_id: str) -> bool:
        return bool(await self.find_invitations(invitation_id))

    def _teams(self, parse: Any) -> PagedListing[Named]:
        return self._paged(f"{self._base}/teams", "teams", parse, "teams")

    def _paged(self, path: str, name: str, parse: Any, resource: str) -> PagedListing[Any]:
        return PagedListing(self._session, path, name, parse, resource=resource, size=self._size)


async def _nothing() -> list[Person]:
    return []


async def _organisation_roles() -> list[Named]:
    """Each by its whole name, and by the part of it that people say."""
    return [Named(role, role.removeprefix(f"{ORGANISATION}_")) for role in roles_of(ORGANISATION)]


def _object(answer: Answer, name: str, what: str) -> Mapping[str, Any]:
    """The object under `name`, which has an id: guards rest on it, so nothing is guessed in its place."""
    found = answer.body.get(name) if isinstance(answer.body, dict) else None
    if not isinstance(found, dict) or not found.get("id"):
        raise StoppedError(f"the answer about {what} has an unexpected shape: nothing was decided on it")
    return found
