"""State of one organisation. No HTTP, no clock, no randomness."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

AVAILABLE, REDEEMED, REVOKED = "AVAILABLE", "REDEEMED", "REVOKED"
ORGANIZATION, SERVICE, CUSTOM = "organization", "service", "custom"
USER_GROUP, AD_GROUP = "USER_GROUP", "AD_GROUP"
OWNER, ADMIN, MEMBER = "org_owner", "org_admin", "org_member"
Term = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that is held. `service`: id of a service definition, "" for the other kinds; `resource`: "" for all."""

    kind: str
    service: str
    name: str
    resource: str = ""

    @property
    def label(self) -> str:
        return f"{self.service}/{self.name}" if self.service else self.name


def to_grant(term: Term) -> Grant:
    """A term is plain JSON: `[kind, service, name, resource, expires_at]`, the last in epoch seconds or null."""
    return Grant(*term[:4])


@dataclass(slots=True)
class User:
    """A person with an account. `id` is `domain:guid`; `grants` are the direct ones, each with its end (epoch s)."""

    id: str
    username: str
    email: str
    first_name: str
    last_name: str
    idp_id: str = ""
    accessible: bool = True
    grants: dict[Grant, int | None] = field(default_factory=dict)

    @property
    def domain(self) -> str:
        return self.id.partition(":")[0]

    @property
    def acct(self) -> str:
        return self.username.partition("@")[0]

    def matches(self, folded: str) -> bool:
        """Whether a casefolded text occurs in the address, the username or the names."""
        names = f"{self.first_name} {self.last_name}"
        return any(folded in text.casefold() for text in (self.email, self.username, names))


@dataclass(slots=True)
class Group:
    """`kind`: USER_GROUP for a custom one, AD_GROUP for an enterprise one. `shared`: owned by another organisation."""

    id: str
    name: str
    description: str = ""
    kind: str = USER_GROUP
    shared: bool = False
    members: dict[str, None] = field(default_factory=dict)
    grants: dict[Grant, int | None] = field(default_factory=dict)

    @property
    def is_for_owners(self) -> bool:
        return any(grant.kind == ORGANIZATION and grant.name == OWNER for grant in self.grants)


@dataclass(slots=True)
class Invitation:
    """Times are epoch seconds. No status tells that it has expired: that follows from `expires_at`."""

    id: str
    username: str
    generated_at: float
    expires_at: float
    invited_by: str
    terms: list[list[Any]] = field(default_factory=list)
    group_ids: list[str] = field(default_factory=list)
    status: str = AVAILABLE
    redeemed_at: float | None = None
    revoked_at: float | None = None

    def is_pending(self, now: float) -> bool:
        return self.status == AVAILABLE and self.expires_at > now


@dataclass(frozen=True, slots=True)
class Service:
    """A service definition. `area` is a part of its link: external or paid."""

    id: str
    name: str
    area: str
    roles: tuple[str, ...]

    @property
    def link(self) -> str:
        return f"/csp/gateway/slc/api/definitions/{self.area}/{self.id}"


@dataclass(slots=True)
class Organization:
    """Everything there is.

    `names`: casefolded usernames and addresses of members, to their ids.
    `accounts`: people with an account who are not members, by casefolded address.
    """

    id: str
    users: dict[str, User] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, User] = field(default_factory=dict)
    invitations: dict[str, Invitation] = field(default_factory=dict)
    addresses: dict[str, list[str]] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)

    def add_user(self, user: User) -> None:
        self.accounts.pop(user.email.casefold(), None)
        self.users[user.id] = user
        self.names[user.username.casefold()] = self.names[user.email.casefold()] = user.id

    def remove_user(self, user: User) -> None:
        """Out of the organisation; the account lives on, without roles here."""
        del self.users[user.id]
        self.names.pop(user.username.casefold(), None)
        self.names.pop(user.email.casefold(), None)
        user.grants.clear()
        for group in self.groups.values():
            group.members.pop(user.id, None)
        self.accounts[user.email.casefold()] = user

    def named(self, name: str) -> User | None:
        """The member with this username or address, compared without case."""
        user_id = self.names.get(name.casefold())
        return None if user_id is None else self.users[user_id]

    def add_invitation(self, invitation: Invitation) -> None:
        self.invitations[invitation.id] = invitation
        self.addresses.setdefault(invitation.username.casefold(), []).append(invitation.id)

    def available(self, address: str) -> list[Invitation]:
        """Invitations of an address that are neither redeemed nor revoked, expired ones too."""
        found = (self.invitations[key] for key in self.addresses.get(address.casefold(), ()))
        return [invitation for invitation in found if invitation.status == AVAILABLE]

    def pending(self, address: str, now: float) -> Invitation | None:
        """The newest invitation of an address that can still be followed."""
        return next((i for i in reversed(self.available(address)) if i.is_pending(now)), None)

    def groups_of(self, user_id: str) -> Iterator[Group]:
        return (group for group in self.groups.values() if user_id in group.members)

    def roles_of(self, user: User, now: float) -> Iterable[tuple[Grant, int | None, list[str]]]:
        """What is in force: each direct role with no group ids, each inherited one with those it comes from."""
        for grant, ends_at in user.grants.items():
            if is_live(ends_at, now):
                yield grant, ends_at, []
        inherited: dict[Grant, tuple[int | None, list[str]]] = {}
        for group in self.groups_of(user.id):
            for grant, ends_at in group.grants.items():
                if is_live(ends_at, now):
                    inherited.setdefault(grant, (ends_at, []))[1].append(group.id)
        for grant, (ends_at, group_ids) in inherited.items():
            yield grant, ends_at, group_ids

    def holds(self, user: User, name: str, now: float) -> bool:
        """Whether an organisation role is in force for somebody, directly or through a group."""
        return any(grant.kind == ORGANIZATION and grant.name == name for grant, _, _ in self.roles_of(user, now))

    def owners(self, now: float) -> set[str]:
        """Ids of those who hold the owner's role now, directly or through a group."""
        found = {user.id for user in self.users.values() if _makes_owner(user.grants, now)}
        return found.union(*(group.members for group in self.groups.values() if _makes_owner(group.grants, now)))


def _makes_owner(grants: dict[Grant, int | None], now: float) -> bool:
    return any(g.name == OWNER and g.kind == ORGANIZATION and is_live(end, now) for g, end in grants.items())


def is_live(ends_at: int | None, now: float) -> bool:
    return ends_at is None or ends_at > now
