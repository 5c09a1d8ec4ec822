"""Access management of VMware Cloud Services as an `Organization`.

Known: calls, bodies, paging and the lists of refusals (the vendor's reference). Not published, and therefore taken
either way: what a 409 means, what the answers to repeats are, who holds a role in a search, how soon a change is
listed. Nobody publishes a call that reads the organisation itself: whether it is there shows at its users.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import anyio

from bulkops.errors import AccessError, ConfigError, RejectedError
from bulkops.model import Batch
from bulkops.providers.base import (
    BatchAnswer,
    Caller,
    Change,
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
from bulkops.providers.vmware_csp import listings, resources, rows
from bulkops.providers.vmware_csp.explaining import OWNER
from bulkops.providers.vmware_csp.profile import API
from bulkops.providers.vmware_csp.support import SUPPORT, WRITES
from bulkops.providers.vmware_csp.writes import Wire
from bulkops.transport import Permit, Session


class CspOrganization:
    """One organisation. Open it with `async with`; tasks may share it."""

    provider = "vmware-csp"
    administrators = OWNER
    administered_by = "role"
    caution = ""

    def __init__(self, session: Session, organization: str, *, settling_s: float, service_link: str) -> None:
        self.organization = organization
        self.settling_s = settling_s
        self.gates = session.gates
        self.meter = session.meter
        self._session = session
        self._service_link = service_link
        self._base = f"{API}/orgs/{quote(organization, safe='')}"
        self._users = f"{API}/v2/orgs/{quote(organization, safe='')}/users"

    @property
    def support(self) -> Mapping[str, OperationSupport]:
        """The operations that the vendor has."""
        return SUPPORT

    @property
    def resources(self) -> Mapping[str, Resource]:
        """The tables of the organisation."""
        return resources.tables(self._session, self._base, self._users, self.organization)

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._session.__aexit__(exc_type, exc, traceback)

    async def facts(self) -> OrganizationFacts:
        """Its id for a name: the vendor's pages have no call that tells another. Its users show that it is there."""
        await self._knock()
        return OrganizationFacts(id=self.organization, name=self.organization, root=True, root_id=self.organization)

    async def _knock(self) -> None:
        params = {"pageStart": "1", "pageLimit": "1", "excludeRoles": ""}
        try:
            await self._session.read(self._users, gate="GET users", params=params)
        except RejectedError as error:
            raise ConfigError(
                f"the organisation {self.organization} cannot be read ({error}): check `organization` in the "
                f"configuration and that the credentials belong to it"
            ) from error

    async def caller(self) -> Caller:
        """Who the token belongs to, by a call that only public clients show. An app is nobody there."""
        try:
            answer = await self._session.read(f"{API}/loggedin/user", gate="GET caller")
        except (AccessError, RejectedError):
            return Caller()
        body: Mapping[str, Any] = answer.body if isinstance(answer.body, dict) else {}
        told = str(body.get("userId") or "")
        return Caller(
            id=told if _is_user_id(told) else "",  # in another form it would be nobody's in a page of users
            username=str(body.get("username") or ""),
            email=str(body.get("email") or ""),
        )

    def people(self) -> Listing[Person]:
        """Members, without their roles."""
        return listings.PagedListing(self._session, self._users, rows.person, resource="users", flags=("excludeRoles",))

    def accounts(self) -> Listing[Person]:
        """The same: no operation writes an account back."""
        return self.people()

    def everybody(self) -> Listing[Person]:
        """The same: there is no organisation above."""
        return self.people()

    def departed(self) -> Listing[Person]:
        """Who once followed an invitation: of others who were removed nothing is known. Members are among them."""
        return listings.ArrayListing(
            self._session, f"{self._base}/invitations", listings.departed_in, resource="accepted invitations"
        )

    def invitations(self) -> Listing[Invitation]:
        """Outstanding and expired ones, with the roles that they grant."""
        return listings.ArrayListing(
            self._session,
            f"{self._base}/invitations",
            listings.invitations_in,
            resource="invitations",
            params={"expand": ""},
        )

    def named(self, kind: str, within: str = "") -> Listing[Named]:
        """Groups, as teams, and the organisation roles that can be given. Roles of services are listed nowhere."""
        if kind == "team":
            parse = partial(rows.group, organization=self.organization)
            return listings.PagedListing(self._session, f"{self._base}/groups", parse, resource="groups")
        if kind == "role":
            return listings.ArrayListing(
                self._session, f"{self._base}/roles", listings.organization_roles_in, resource="roles"
            )
        raise KeyError(kind)

    def links(self, kind: str, parent: str) -> Listing[Link]:
        """People of a group or of an organisation role, organisation or service roles of a person."""
        inner = quote(parent, safe=":@")
        if kind == "team":
            path = f"{self._base}/groups/{inner}/users"
            return listings.PagedListing(self._session, path, rows.member, resource="users of a group")
        if kind == "role":
            holders = partial(listings.holder, role=parent)
            users = listings.PagedListing(self._session, self._users, holders, resource="users")
            return listings.HolderListing(self._session, self._base, users, parent)
        path, rows_of, resource = {
            "person_role": ("roles", listings.roles_in, "roles of a person"),
            "service_role": ("service-roles", listings.service_roles_in, "service roles of a person"),
        }[kind]
        own = f"{API}/v2/users/{inner}/orgs/{quote(self.organization, safe='')}/{path}"
        return listings.ArrayListing(self._session, own, rows_of, resource=resource)

    def searchable(self, text: str) -> bool:
        """By address, username or name, of at most 120 characters; whether by id is published nowhere."""
        return not _is_user_id(text) and len(text) <= listings.LONGEST_TERM

    async def find_people(self, text: str) -> Sequence[Person]:
        """Members by address or username through the search, which is partial; by id through all of them."""
        if self.searchable(text):
            wanted = {"userSearchTerm": text, "excludeRoles": True}
            found = await listings.search(self._session, f"{self._base}/users/search", wanted, "users by name")
            people = [parsed(rows.person, row, "a row of a search for users") for row in found]
        else:
            people = await listings.everything(self.people())
        return list({one.id: one for one in people if text.casefold() in one.names()}.values())

    async def find_accounts(self, text: str) -> Sequence[Person]:
        """The same as `find_people`."""
        return await self.find_people(text)

    async def find_departed(self, text: str) -> Sequence[Person]:
        """Who once followed an invitation to this address; a member may be among them, too."""
        return [one for one in await listings.everything(self.departed()) if text.casefold() in one.names()]

    async def find_invitations(self, address: str) -> Sequence[Invitation]:
        """Those of an address, out of all of them; or the one of an id."""
        if "@" in address:
            found = await listings.everything(self.invitations())
            return [one for one in found if one.email.casefold() == address.casefold()]
        path = f"{self._base}/invitations/{quote(address, safe='')}"
        try:
            answer = await self._session.read(path, gate="GET invitation")
        except RejectedError as error:
            if error.http_status == 404:
                return []
            raise
        invitation = parsed(partial(rows.invitation, now=now_of(answer)), answer.body, "an invitation")
        return [] if invitation.closed else [invitation]

    def clock_ahead_s(self) -> float:
        """By the Date of its answers."""
        return self._session.clock_ahead_s

    async def sharpen_clock(self, *, within_s: float) -> None:
        """Each answer's Date counts whole seconds: asked again and again, it shows when the next one begins."""
        for _ in range(round(2.4 / within_s)):
            if self._session.clock_open_s <= within_s:
                return
            await anyio.sleep(within_s / 2)
            await self._knock()

    async def send(self, operation: str, batch: Batch[Any], permit: Permit) -> BatchAnswer:
        """Send one batch of an operation in `SUPPORT`."""
        return await WRITES[operation](
            Wire(self._session, quote(self.organization, safe=""), self, self._service_link), batch, permit
        )

    async def present(self, changes: Sequence[Change]) -> set[str]:
        """The ids of those people of `changes` who are members now."""
        ids: set[str] = set()
        for change in changes:
            name = change.person.username if change.person is not None else change.key
            ids.update(person.id for person in await self.find_people(name or change.key))
        return ids

    async def owners(self) -> set[str]:
        """The ids of those who own the organisation now."""
        return {link.key for link in await listings.everything(self.links("role", OWNER))}

    async def group(self, group_id: str) -> set[str]:
        """The ids of a group's people now."""
        return {link.key for link in await listings.everything(self.links("team", group_id))}


def _is_user_id(text: str) -> bool:
    """`domain:guid`, as a page of users has it."""
    domain, colon, guid = text.partition(":")
    return bool(domain and colon) and len(guid) >= 32 and "@" not in text
