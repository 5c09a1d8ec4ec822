"""What bulkops asks of a provider, in words that no vendor owns. Each provider is one package beside this file.

Errors are those of `bulkops.errors`: reads raise AccessError, StoppedError or RejectedError; writes raise the
AttemptError family, of which InDoubtError alone may have been applied.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from pydantic import BaseModel

from bulkops.model import Item
from bulkops.paging import Page
from bulkops.transport import Gates, Meter, Permit

__all__ = [
    "AnswerShape",
    "BatchAnswer",
    "Caller",
    "Invitation",
    "Listing",
    "Named",
    "OperationSupport",
    "Organization",
    "OrganizationFacts",
    "Permit",
    "Person",
    "Roster",
]

RowT = TypeVar("RowT")


class AnswerShape(Enum):
    """How an endpoint answers for the items of a batch."""

    ITEMISED = "itemised"  # names the items that succeeded and those that failed
    ALL_OR_NOTHING = "all or nothing"  # one status; a refusal applied nothing, a success applied all
    OPAQUE = "opaque"  # one status that does not tell: read the state back
    SINGLE = "single"  # one item a call


@dataclass(frozen=True, slots=True)
class Person:
    """An account in an organisation. `deleted` accounts are kept by some vendors, without rights."""

    id: str
    username: str
    email: str
    name: str = ""
    enabled: bool = True
    deleted: bool = False

    def names(self) -> set[str]:
        """What an administrator may call them, case folded: id, username, address."""
        return {text.casefold() for text in (self.id, self.username, self.email) if text}

    def __str__(self) -> str:
        return f"{self.username} ({self.email}, id {self.id})"


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that is outstanding or expired. Its acceptance code is never kept.

    `invited_at` and `expires_at` are epoch seconds, None where the vendor gives none.
    """

    id: str
    email: str
    expired: bool = False
    invited_at: float | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """Something that is known by a name and an id: a role group, a team."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who the credentials belong to; empty texts for an application without a user."""

    id: str = ""
    username: str = ""
    email: str = ""
    client: str = ""

    def is_person(self, person: Person) -> bool:
        """Whether `person` is the caller's own account."""
        return bool(self.id) and person.id == self.id


@dataclass(frozen=True, slots=True)
class OrganizationFacts:
    """What is worth knowing of the organisation before a job. `root` is False for a business group or the like."""

    id: str
    name: str
    owner_id: str | None = None
    root: bool = True


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """A batch was accepted. `named` are the keys (case folded) that the answer itself says are done."""

    http_status: int
    request_id: str | None = None
    named: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class OperationSupport:
    """How one provider does one operation.

    `fields` validates a row's fields; `batch_size` is the default and `max_batch` the most items a call carries;
    `calls` names the calls made, for people to read.
    """

    fields: type[BaseModel]
    answers: AnswerShape
    batch_size: int
    max_batch: int
    calls: Sequence[str] = ()
    note: str = ""


class Listing(Protocol[RowT]):
    """A listing read by offset and limit. Tasks may read its pages side by side."""

    resource: str
    max_limit: int

    async def page(self, offset: int, limit: int) -> Page[RowT]:
        """One page."""

    def identity(self, row: RowT) -> Hashable:
        """What makes a row the same row on another page."""


class Organization(Protocol):
    """One organisation of one provider. Open it with `async with`; tasks may share it.

    `settling_s` is how long, from the moment a write was sent, its effect may still be on the way: only after it
    does a missing effect mean that nothing happened.
    """

    provider: str
    organization: str
    settling_s: float
    gates: Gates
    meter: Meter

    @property
    def support(self) -> Mapping[str, OperationSupport]:
        """The operations that the provider has, by kind."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    async def facts(self) -> OrganizationFacts:
        """Name, owner and kind. Raises ConfigError if there is no such organisation for these credentials."""

    async def caller(self) -> Caller:
        """Who the credentials belong to."""

    def people(self) -> Listing[Person]:
        """The accounts that are members now."""

    def departed(self) -> Listing[Person]:
        """The accounts that were deleted and are still known."""

    def invitations(self) -> Listing[Invitation]:
        """The invitations that are outstanding or expired."""

    def named(self, kind: str) -> Listing[Named]:
        """The things of `kind` ("role_group", "team"). Raises KeyError for a kind that the provider lacks."""

    async def find_people(self, text: str) -> Sequence[Person]:
        """Members whose address or username is exactly `text`, compared without case, or whose id it is."""

    async def find_departed(self, text: str) -> Sequence[Person]:
        """The same among deleted accounts."""

    async def find_invitations(self, address: str) -> Sequence[Invitation]:
        """Outstanding or expired invitations of exactly `address`, compared without case."""

    async def invite(self, items: Sequence[Item[Any]], permit: Permit) -> BatchAnswer:
        """Invite each item's address. Not harmless to repeat: each call sends mail."""

    async def delete_people(self, items: Sequence[Item[Any]], permit: Permit) -> BatchAnswer:
        """Delete each item's person. Harmless to repeat."""


class Roster(Protocol):
    """Who and what is in an organisation, asked in bulk; one walk or single searches, whichever costs less.

    What it read it keeps: a fresh answer takes a fresh roster. Keys are compared case folded.
    """

    caller: Caller
    facts: OrganizationFacts

    async def people(self, keys: Collection[str]) -> Mapping[str, Sequence[Person]]:
        """The members that each key (address, username or id) names; an absent key names nobody."""

    async def departed(self, keys: Collection[str]) -> Mapping[str, Sequence[Person]]:
        """The deleted accounts that each key names."""

    async def invitations(self, addresses: Collection[str]) -> Mapping[str, Sequence[Invitation]]:
        """The invitations of each address."""

    async def named(self, kind: str, names: Collection[str]) -> Mapping[str, Sequence[Named]]:
        """The things of `kind` that each name or id means."""

    async def near(self, kind: str, name: str) -> Sequence[str]:
        """Names close to `name`, best first, from what was read so far; for messages."""
