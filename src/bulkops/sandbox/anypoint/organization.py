"""State of one root organisation and its business groups. No HTTP, no clock, no randomness."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

INVITED, ACCEPTED, CANCELED, EXPIRED = "INVITED", "ACCEPTED", "CANCELED", "EXPIRED"
ADMINISTRATORS = "Organization Administrators"


@dataclass(frozen=True, slots=True)
class Unit:
    """The root organisation or a business group."""

    id: str
    name: str
    parent_id: str | None

    @property
    def is_root(self) -> bool:
        return self.parent_id is None


@dataclass(slots=True)
class User:
    """An account. `kind`: host, or proxy for one that lives in another organisation. Times are epoch seconds.

    A deleted account stays, without permissions. `idprovider_id` is set for a federated one.
    """

    id: str
    username: str
    first_name: str
    last_name: str
    email: str
    created_at: float
    phone: str = ""
    enabled: bool = True
    deleted: bool = False
    kind: str = "host"
    idprovider_id: str | None = None
    ip_allowlist_excluded: bool = False
    properties: dict[str, Any] = field(default_factory=dict)
    updated_at: float = 0.0
    last_login: float | None = None
    haystack: str = ""

    def index(self) -> None:
        """Prepare the text that searches run over. Call after any change of a name or address."""
        self.haystack = f"{self.username}\n{self.first_name}\n{self.last_name}\n{self.email}".casefold()


@dataclass(slots=True)
class Invite:
    """`code` is the secret of the link. `state` never says EXPIRED: that follows from `expires_at`."""

    id: int
    org_id: str
    code: str
    email: str
    invited_at: float
    expires_at: float
    invited_by: str
    state: str = INVITED
    completed_at: float | None = None
    completed_by: str | None = None
    grants: dict[str, list[Any]] = field(default_factory=dict)
    haystack: str = ""

    def status(self, now: float) -> str:
        return EXPIRED if self.state == INVITED and self.expires_at <= now else self.state


@dataclass(slots=True)
class RoleGroup:
    """`holders`: user id to (number of the assignment, when)."""

    id: str
    org_id: str
    name: str
    description: str
    created_at: float
    editable: bool = True
    roles: list["Grant"] = field(default_factory=list)
    holders: dict[str, tuple[int, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Role:
    """An entry of the catalogue of permissions."""

    id: str
    name: str
    namespace: str
    description: str


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission in its context: sorted (name, value) pairs such as org and envId."""

    role_id: str
    context: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Membership:
    membership_type: str
    external: bool
    created_at: float


@dataclass(slots=True)
class Team:
    """`members`: user id to membership. Child teams are found by their `parent_id`."""

    id: str
    name: str
    parent_id: str | None
    created_at: float
    team_type: str = "internal"
    members: dict[str, Membership] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)


@dataclass(slots=True)
class ConnectedApp:
    client_id: str
    client_name: str
    client_secret: str
    owner_user_id: str
    scopes: list[str]


@dataclass(slots=True)
class Environment:
    id: str
    org_id: str
    name: str
    type: str

    @property
    def is_production(self) -> bool:
        return self.type == "production"


@dataclass(slots=True)
class Organization:
    """Everything there is. `units` starts with the root; `unit_members` has the business groups only.

    `allowlist`: client id to its scopes, None for all that the application has.
    """

    root: Unit
    owner_id: str = ""
    units: dict[str, Unit] = field(default_factory=dict)
    unit_members: dict[str, dict[str, None]] = field(default_factory=dict)
    environments: list[Environment] = field(default_factory=list)
    users: dict[str, User] = field(default_factory=dict)
    usernames: dict[str, str] = field(default_factory=dict)
    emails: dict[str, set[str]] = field(default_factory=dict)
    invites: dict[int, Invite] = field(default_factory=dict)
    addresses: dict[str, list[int]] = field(default_factory=dict)
    pending: dict[str, dict[int, None]] = field(default_factory=dict)
    next_invite_id: int = 1
    rolegroups: dict[str, RoleGroup] = field(default_factory=dict)
    next_assignment: int = 1
    catalogue: dict[str, Role] = field(default_factory=dict)
    grants: dict[str, dict[Grant, None]] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    apps: dict[str, ConnectedApp] = field(default_factory=dict)
    allowlist: dict[str, list[str] | None] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    def add_user(self, user: User) -> None:
        user.index()
        self.users[user.id] = user
        self.usernames[user.username.casefold()] = user.id
        self.emails.setdefault(user.email.casefold(), set()).add(user.id)

    def change_email(self, user: User, email: str) -> None:
        self.emails.get(user.email.casefold(), set()).discard(user.id)
        user.email = email
        self.emails.setdefault(email.casefold(), set()).add(user.id)

    def add_invite(self, invite: Invite) -> None:
        invite.haystack = invite.email.casefold()
        self.invites[invite.id] = invite
        self.addresses.setdefault(invite.haystack, []).append(invite.id)
        self.next_invite_id = max(self.next_invite_id, invite.id + 1)
        if invite.state == INVITED:
            self.pending.setdefault(invite.org_id, {})[invite.id] = None

    def close_invite(self, invite: Invite, state: str) -> None:
        invite.state = state
        self.pending[invite.org_id].pop(invite.id, None)

    def pending_invites(self, org_id: str) -> Iterator[Invite]:
        """Outstanding and expired invites, oldest first."""
        return (self.invites[number] for number in self.pending.get(org_id, ()))

    def pending_by_address(self, org_id: str, email: str) -> Invite | None:
        """The newest pending invite of an address, compared without case."""
        folded = email.casefold()
        found = [self.invites[number] for number in self.addresses.get(folded, ())]
        return next((i for i in reversed(found) if i.org_id == org_id and i.state == INVITED), None)

    def has_account(self, email: str) -> bool:
        """Whether a live account has this address."""
        return any(not self.users[user_id].deleted for user_id in self.emails.get(email.casefold(), ()))

    def live_users(self, unit: Unit) -> Iterable[User]:
        """Accounts of a unit that are not deleted, of either kind."""
        if unit.is_root:
            return (user for user in self.users.values() if not user.deleted)
        users = (self.users[user_id] for user_id in self.unit_members[unit.id])
        return (user for user in users if not user.deleted)

    def belongs(self, user_id: str, unit: Unit) -> bool:
        """Whether the account is, or was before its deletion, in the unit."""
        return user_id in self.users and (unit.is_root or user_id in self.unit_members[unit.id])

    def rolegroups_of(self, unit: Unit) -> list[RoleGroup]:
        return [group for group in self.rolegroups.values() if group.org_id == unit.id]

    def is_administrator(self, user: User) -> bool:
        """Whether the account may administer: an enabled one that holds the root's administrators role group."""
        if user.deleted or not user.enabled:
            return False
        groups = (group for group in self.rolegroups.values() if group.name == ADMINISTRATORS)
        return any(group.org_id == self.root.id and user.id in group.holders for group in groups)

    def ancestors(self, team: Team) -> list[str]:
        """Ids from the root team down to the parent."""
        chain: list[str] = []
        parent_id = team.parent_id
        while parent_id is not None:
            chain.insert(0, parent_id)
            parent_id = self.teams[parent_id].parent_id
        return chain
