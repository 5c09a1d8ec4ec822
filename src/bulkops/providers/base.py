"""What bulkops asks of a provider, in words that no vendor owns. Each provider is one package beside this file.

Errors are those of `bulkops.errors`: reads raise AccessError, StoppedError or RejectedError; writes raise the
AttemptError family, of which InDoubtError alone may have been applied.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, Protocol, Self

from pydantic import BaseModel

from bulkops.model import Batch, Item
from bulkops.providers.listing import Listing
from bulkops.providers.resources import Resource
from bulkops.transport import Gates, Meter, Permit

__all__ = [
    "AnswerShape",
    "BatchAnswer",
    "Caller",
    "Change",
    "Ending",
    "Invitation",
    "Link",
    "Listing",
    "Named",
    "Office",
    "OperationSupport",
    "Organization",
    "OrganizationFacts",
    "Permit",
    "Person",
    "Roster",
]

NOTHING: Mapping[str, Any] = MappingProxyType({})


class AnswerShape(Enum):
    """How an endpoint answers for the items of a batch."""

    ITEMISED = "itemised"  # names the items that succeeded and those that failed
    ALL_OR_NOTHING = "all or nothing"  # one status; a refusal applied nothing, a success applied all
    OPAQUE = "opaque"  # one status that does not tell: read the state back
    SINGLE = "single"  # one item a call


@dataclass(frozen=True, slots=True)
class Person:
    """An account in an organisation. `deleted` accounts are kept by some vendors, without rights.

    `federated` ones sign in through an identity provider. `profile` holds the vendor's own fields that a change must
    write back, as name and value.
    """

    id: str
    username: str
    email: str
    name: str = ""
    enabled: bool = True
    deleted: bool = False
    federated: bool = False
    profile: tuple[tuple[str, str | None], ...] = ()

    def names(self) -> set[str]:
        """What an administrator may call them, case folded: id, username, address."""
        return {text.casefold() for text in (self.id, self.username, self.email) if text}

    def __str__(self) -> str:
        return f"{self.username} ({self.email}, id {self.id})"


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that is outstanding or expired. Its acceptance code is never kept.

    `closed` ones were accepted or cancelled: a listing has none of them.

    `invited_at` and `expires_at` are epoch seconds, None where the vendor gives none. `mailed_at` is the latest moment
    at which, by these dates, its mail left; sending it again may move it, and need not. `terms` is what a new one like
    it must say, in the provider's own form, where sending again means taking back and inviting anew.
    """

    id: str
    email: str
    expired: bool = False
    closed: bool = False
    invited_at: float | None = None
    expires_at: float | None = None
    mailed_at: float | None = None
    terms: str = field(default="", repr=False)

    @property
    def outstanding(self) -> bool:
        """Whether its link can still be followed."""
        return not (self.expired or self.closed)


@dataclass(frozen=True, slots=True)
class Named:
    """Something that is known by a name and an id: a role group, a team.

    `gives` are the ids of the roles that its people have by it. `fixed` says why its people cannot be changed here, in
    words that follow its name; empty where they can. `sort` tells things apart where one list has several sorts of
    them; `also` are further names that it goes by. `parent` is the id of what it stands under, where such things form a
    tree: empty for the one at the top, None where the provider does not tell.
    """

    id: str
    name: str
    gives: tuple[str, ...] = ()
    fixed: str = ""
    sort: str = ""
    also: tuple[str, ...] = ()
    parent: str | None = None

    def names(self) -> tuple[str, ...]:
        """What an administrator may call it."""
        return (self.id, self.name, *self.also)

    def __str__(self) -> str:
        return f"{self.name} (id {self.id})"


@dataclass(frozen=True, slots=True)
class Office:
    """What makes somebody an administrator: the role_group or role of this id."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of a list that belongs to something: a person in a team, a permission of a person, an allowed app.

    `key` is the id of what is linked. `level` is a membership's kind, empty where the provider does not tell it;
    `detail` is what else tells two entries apart or completes one (a permission's context, an app's scopes), sorted.
    `external` entries come from an identity provider, which would undo a change made here.
    """

    key: str
    level: str = ""
    detail: tuple[str, ...] = ()
    external: bool = False


class Change(NamedTuple):
    """What will be sent for one row, its names resolved. `fields` are the row's own, as validated.

    `key` is what the provider calls the thing that changes (an address, an id), `parent` the id of what it belongs to.
    `level` and `detail` are as in `Link`; `grants` maps a kind (role_group, team, role) to what an invitation carries;
    `person` is whom the row means; `since` is when the invitation it means was last sent, epoch seconds. `gone` is what
    leaves a list that is replaced as a whole, although no row names it. `address` and `terms` are those of an
    invitation that is taken back and made anew; without a `key` it is taken back already. `before` is the level that
    is there now, None where there is nothing yet.
    """

    fields: Any
    key: str
    parent: str = ""
    level: str = ""
    detail: tuple[str, ...] = ()
    grants: Mapping[str, tuple[Named, ...]] = NOTHING
    person: Person | None = None
    since: float | None = None
    gone: tuple[str, ...] = ()
    address: str = ""
    terms: str = ""
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who the credentials belong to; empty texts for an application without a user."""

    id: str = ""
    username: str = ""
    email: str = ""
    client: str = ""

    def is_person(self, person: Person) -> bool:
        """Whether `person` is the caller's own account."""
        if self.id:
            return person.id == self.id
        return bool(self.username) and person.username.casefold() == self.username.casefold()


@dataclass(frozen=True, slots=True)
class OrganizationFacts:
    """What is worth knowing of the organisation before a job. `root` is False for a business group or the like.

    `root_id` is the organisation at the top, itself where it is that one. `seats_left` is how many people it may still
    invite, None where nothing limits them or nobody says.
    """

    id: str
    name: str
    owner_id: str | None = None
    root: bool = True
    root_id: str = ""
    seats_left: int | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of an item that an accepted call did not do: it is `already` so, or was refused.

    `code` is the stable word for reports.
    """

    code: str
    message: str
    already: bool = False


class BatchAnswer(NamedTuple):
    """A batch was accepted. `named` are the keys (case folded) that the answer itself says are done.

    `refused` are those that it says are not, with the reason; `endings` those of which a look told more. `complete`
    means that the status speaks for every item that none of them names.
    """

    http_status: int
    request_id: str | None = None
    named: frozenset[str] = frozenset()
    refused: Mapping[str, str] = NOTHING
    complete: bool = False
    endings: Mapping[str, Ending] = NOTHING


@dataclass(frozen=True, slots=True)
class OperationSupport:
    """How one provider does one operation.

    `fields` validates a row's fields; `batch_size` is the default and `max_batch` the most items a call carries;
    `calls` names the calls made, for people to read; `weigh` gives an item's bytes in a body.
    `root_only` operations are not there in a business group. `moot` are the statuses of refusals by which nothing may
    be left to do: what they refuse is looked up before it is called failed. `together` gives what items of one call
    must have in common besides what the operation asks for. `anew`: an invitation is sent again by taking it back and
    making a new one, in two calls that are noted one by one.

    `needs` names the option of the target without which the operation is not there. `effect` and `undo` are the
    provider's own words for the plan, where the operation's are too general. `verbatim(fields, column, name)` says that
    a row names something that no list has, by an id to be sent as it is; `misfit(fields, column, thing)` says why a row
    cannot have a thing that it names, empty where it can. `ranks` are roles of which a member has just one, the lowest
    first: giving one replaces the other. `relevels` says whether the level of a membership can be changed.
    """

    fields: type[BaseModel]
    answers: AnswerShape
    batch_size: int
    max_batch: int
    calls: Sequence[str] = ()
    note: str = ""
    weigh: Callable[[Item[Any]], int] = lambda _item: 48
    root_only: bool = False
    moot: frozenset[int] = frozenset({404, 409, 410})
    together: Callable[[Item[Any]], str] = lambda _item: ""
    anew: bool = False
    needs: str = ""
    effect: str = ""
    undo: str = ""
    verbatim: Callable[[Any, str, str], bool] = lambda _fields, _column, _name: False
    misfit: Callable[[Any, str, Named], str] = lambda _fields, _column, _thing: ""
    ranks: tuple[str, ...] = ()
    relevels: bool = True


class Organization(Protocol):
    """One organisation of one provider. Open it with `async with`; tasks may share it.

    `settling_s` is how long, from the moment a write's answer came or was lost, its effect may still be on the way:
    only after it does a missing effect mean that nothing happened.
    """

    provider: str
    organization: str
    settling_s: float
    administrators: str  # the name of what makes people administrators of the organisation; "" for none
    administered_by: str  # its kind: role_group, or role
    caution: str  # what must be confirmed before a job is aimed at this address; "" for an ordinary one
    gates: Gates
    meter: Meter

    @property
    def support(self) -> Mapping[str, OperationSupport]:
        """The operations that the provider has, by kind."""

    @property
    def resources(self) -> Mapping[str, Resource]:
        """What the organisation has many of and can list as a table, by name."""

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

    def everybody(self) -> Listing[Person]:
        """The members of the organisation at the top; the same as `people` where this is it."""

    def departed(self) -> Listing[Person]:
        """The accounts that were deleted and are still known."""

    def invitations(self) -> Listing[Invitation]:
        """The invitations that are outstanding or expired."""

    def named(self, kind: str, within: str = "") -> Listing[Named]:
        """The things of `kind` (role_group, team, role, organization, environment), where needed of the organisation
        `within`. Raises KeyError for a kind that the provider lacks.
        """

    def links(self, kind: str, parent: str) -> Listing[Link]:
        """The entries of a list: people of a role_group, team or role, roles of a person (`person_role`, or
        `service_role` for those of services), the allowlist.

        Raises KeyError for a kind that the provider lacks.
        """

    def accounts(self) -> Listing[Person]:
        """The members with all the fields that a change must write back; heavier than `people`."""

    def searchable(self, text: str) -> bool:
        """Whether `find_people` can search for this name; else it takes a walk of the whole listing."""

    async def find_people(self, text: str) -> Sequence[Person]:
        """Members whose address or username is exactly `text`, compared without case, or whose id it is."""

    async def find_departed(self, text: str) -> Sequence[Person]:
        """The same among deleted accounts."""

    async def find_accounts(self, text: str) -> Sequence[Person]:
        """The same as `find_people`, as full as `accounts` has them."""

    async def find_invitations(self, address: str) -> Sequence[Invitation]:
        """Outstanding or expired invitations of exactly `address`, compared without case; or the one of that id."""

    def clock_ahead_s(self) -> float:
        """The most that the provider's clock may be ahead of ours, in seconds; 0 before its first answer."""

    async def sharpen_clock(self, *, within_s: float) -> None:
        """Know the provider's clock as closely as this, where a few cheap reads can tell."""

    async def send(self, operation: str, batch: Batch[Any], permit: Permit) -> BatchAnswer:
        """Send one batch of an operation that `support` lists: one write, announced through `permit`."""


class Roster(Protocol):
    """Who and what is in an organisation, asked in bulk; one walk or single searches, whichever costs less.

    What it read it keeps: a fresh answer takes a fresh roster. Keys are as written, and compared case folded; answers
    are by the key as it was given.
    """

    caller: Caller
    facts: OrganizationFacts
    support: Mapping[str, OperationSupport]

    async def people(self, keys: Collection[str]) -> Mapping[str, Sequence[Person]]:
        """The members that each key (address, username or id) names; an absent key names nobody."""

    async def departed(self, keys: Collection[str]) -> Mapping[str, Sequence[Person]]:
        """The deleted accounts that each key names."""

    async def invitations(self, addresses: Collection[str]) -> Mapping[str, Sequence[Invitation]]:
        """The invitations of each address, or with each id."""

    async def everybody(self, keys: Collection[str]) -> Mapping[str, Sequence[Person]]:
        """The members of the organisation at the top that each key names; nobody where it may not be read."""

    async def accounts(self, keys: Collection[str]) -> Mapping[str, Sequence[Person]]:
        """The members that each key names, with the fields that a change must write back."""

    async def named(self, kind: str, names: Collection[str], within: str = "") -> Mapping[str, Sequence[Named]]:
        """The things of `kind` that each name or id means; an empty name, what stands at the top of their tree."""

    async def links(self, kind: str, parent: str) -> Sequence[Link]:
        """The entries of one list."""

    async def administrators(self) -> Office | None:
        """What makes people administrators of the organisation; None where the provider has no such thing."""

    async def count_invitations(self) -> int | None:
        """How many invitations are outstanding or expired."""

    async def count_people(self) -> int | None:
        """How many members there are."""

    async def count_named(self, kind: str) -> int | None:
        """How many things of `kind` there are."""

    def how(self) -> Sequence[str]:
        """How it was read so far, listing by listing, in words."""

    async def near(self, kind: str, name: str) -> Sequence[str]:
        """Names close to `name`, best first, from what was read so far; for messages."""
