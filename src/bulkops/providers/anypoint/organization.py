"""Anypoint Access Management as an `Organization`.

Known: batch invite and batch delete, their bodies, paging, throttling (the published OpenAPI file and support
articles). Not published, and therefore tolerated either way: what the 200 of a batch invite holds (an array of
invitations, or an empty one), whether a batch is applied as a whole, how soon a new invitation is listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from bulkops.errors import ConfigError, RejectedError
from bulkops.model import Item
from bulkops.providers.anypoint import listings
from bulkops.providers.anypoint.fields import InviteFields, UserFields
from bulkops.providers.base import (
    AnswerShape,
    BatchAnswer,
    Caller,
    Invitation,
    Listing,
    Named,
    OperationSupport,
    OrganizationFacts,
    Person,
)
from bulkops.transport import Permit, Session

SUPPORT: Mapping[str, OperationSupport] = {
    "invite": OperationSupport(
        fields=InviteFields,
        answers=AnswerShape.OPAQUE,
        batch_size=50,
        max_batch=100,
        calls=("POST /organizations/{org}/invites",),
        note="success is read back from the listing of invites; the mail's link lives 7 days",
    ),
    "delete-user": OperationSupport(
        fields=UserFields,
        answers=AnswerShape.OPAQUE,
        batch_size=100,
        max_batch=100,
        calls=("DELETE /organizations/{org}/users",),
        note="in the root organisation a soft delete; in a business group only its permissions go",
    ),
}


class AnypointOrganization:
    """One organisation or business group. Open it with `async with`; tasks may share it."""

    provider = "anypoint"

    def __init__(self, session: Session, organization: str, *, settling_s: float = 5.0) -> None:
        self.organization = organization
        self.settling_s = settling_s
        self.gates = session.gates
        self.meter = session.meter
        self._session = session
        self._base = f"/accounts/api/organizations/{organization}"

    @property
    def support(self) -> Mapping[str, OperationSupport]:
        """The operations that Anypoint has here."""
        return SUPPORT

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
        body = answer.body if isinstance(answer.body, dict) else {}
        parents = body.get("parentOrganizationIds")
        root = not parents if isinstance(parents, list) else body.get("isRoot", True) is not False
        return OrganizationFacts(
            id=str(body.get("id") or self.organization),
            name=str(body.get("name") or self.organization),
            owner_id=str(body["ownerId"]) if body.get("ownerId") else None,
            root=root,
        )

    async def caller(self) -> Caller:
        """Who the token belongs to: a user, or a connected app on its own behalf."""
        answer = await self._session.read("/accounts/api/me", gate="GET me")
        body = answer.body if isinstance(answer.body, dict) else {}
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

    def departed(self) -> Listing[Person]:
        """Softly deleted accounts; only the root organisation has any."""
        return self._listing("/users", listings.person, resource="deleted users", params=_DELETED)

    def invitations(self) -> Listing[Invitation]:
        """Outstanding and expired invites."""
        return self._listing("/invites", listings.invitation, resource="invites")

    def named(self, kind: str) -> Listing[Named]:
        """Role groups or teams. Raises KeyError for another kind."""
        path, parse = {"role_group": ("/rolegroups", listings.role_group), "team": ("/teams", listings.team)}[kind]
        return self._listing(path, parse, resource=path[1:])

    async def find_people(self, text: str) -> Sequence[Person]:
        """Members by address or username through `search` (partial), by id through the user's own path."""
        found = await self._listing("/members", listings.person, resource="members").search(text)
        exact = [person for person in found if text.casefold() in person.names()]
        if exact or not _is_uuid(text):
            return exact
        return [person for person in await self._by_id(text) if not person.deleted]

    async def find_departed(self, text: str) -> Sequence[Person]:
        """Softly deleted accounts by address, username or id."""
        listing = self._listing("/users", listings.person, resource="deleted users", params=_DELETED)
        found = [person for person in await listing.search(text) if text.casefold() in person.names()]
        if found or not _is_uuid(text):
            return found
        return [person for person in await self._by_id(text) if person.deleted]

    async def find_invitations(self, address: str) -> Sequence[Invitation]:
        """Invites of exactly one address; the vendor's search is partial."""
        found = await self._listing("/invites", listings.invitation, resource="invites").search(address)
        return [invitation for invitation in found if invitation.email.casefold() == address.casefold()]

    async def invite(self, items: Sequence[Item[Any]], permit: Permit) -> BatchAnswer:
        """POST the batch. Both id and name of a role group go on the wire."""
        answer = await self._session.write(
            "POST",
            f"{self._base}/invites",
            gate="POST invites",
            permit=permit,
            body=[_invite_body(item) for item in items],
        )
        made = answer.body if isinstance(answer.body, list) else []
        named = frozenset(
            str(one.get("invited_email") or one.get("email") or "").casefold() for one in made if isinstance(one, dict)
        )
        return BatchAnswer(answer.status, answer.request_id, named)

    async def delete_people(self, items: Sequence[Item[Any]], permit: Permit) -> BatchAnswer:
        """DELETE with a body of ids; the answer is a bare 204. Accounts that are unknown are not told apart."""
        answer = await self._session.write(
            "DELETE",
            f"{self._base}/users",
            gate="DELETE users",
            permit=permit,
            body=[item.payload.person.id for item in items],
        )
        return BatchAnswer(answer.status, answer.request_id)

    async def _by_id(self, user_id: str) -> list[Person]:
        try:
            answer = await self._session.read(f"{self._base}/users/{user_id}", gate="GET user")
        except RejectedError as error:
            if error.http_status == 404:
                return []
            raise
        return [listings.person(answer.body)] if isinstance(answer.body, dict) and "id" in answer.body else []

    def _listing(
        self, path: str, parse: Any, *, resource: str, params: Mapping[str, str] | None = None
    ) -> listings.AnypointListing[Any]:
        return listings.AnypointListing(self._session, self._base + path, parse, resource=resource, params=params)


_DELETED = {"deleted": "true", "type": "all", "includeProfiles": "false"}


def _is_uuid(text: str) -> bool:
    return len(text) == 36 and all(c in "0123456789abcdefABCDEF-" for c in text)


def _invite_body(item: Item[Any]) -> dict[str, Any]:
    payload = item.payload
    body: dict[str, Any] = {"email": payload.email}
    if role_groups := payload.grants.get("role_group"):
        body["role_groups"] = [{"role_group_id": group.id, "name": group.name} for group in role_groups]
    if teams := payload.grants.get("team"):
        body["teams"] = [{"team_id": team.id, "membership_type": "member"} for team in teams]
    return body
