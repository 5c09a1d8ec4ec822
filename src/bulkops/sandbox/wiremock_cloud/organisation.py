"""State of one organisation. No HTTP, no clock, no randomness.

Who may do what is told by grants alone: a grant of the organisation makes a member, one of a team makes a member
of the team. A grant's key is an ACL subject: that of a person is the person's id, teams and organisations have
one of their own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

ADMIN, MEMBER = "organisation_admin", "organisation_member"
TEAM_ADMIN, TEAM_MEMBER = "team_admin", "team_member"
ROLES = (
    ADMIN,
    MEMBER,
    TEAM_ADMIN,
    TEAM_MEMBER,
    *(
        f"{kind}_{level}"
        for kind in ("mock_api", "api_template", "api_template_catalogue", "data_source", "key")
        for level in ("admin", "editor", "user")
    ),
)
"""The nineteen roles that an invitation may name."""


def fits(role: str, kind: str) -> bool:
    """Whether a role is one of those for this kind of entity."""
    return role in ROLES and role.rpartition("_")[0] == kind.replace("-", "_")


def roles_of(kind: str) -> list[str]:
    return [role for role in ROLES if fits(role, kind)]


@dataclass(slots=True)
class User:
    """An account. `organisation_id` is that of its own one-person organisation once it was removed from ours."""

    id: str
    username: str
    email: str
    acl_object: str
    organisation_id: str
    created_at: float
    deleted: bool = False
    haystack: str = ""


@dataclass(slots=True)
class Invitation:
    """One that is pending: closed ones are not kept. `acl_object`: the entity invited to, None for none."""

    id: str
    sender_id: str
    email: str
    role: str
    acl_object: str | None
    created_at: float
    new_user: bool


@dataclass(slots=True)
class Entity:
    """Something with an ACL. `kind`: organisation, team, mock-api or data-source. `grants`: role by subject."""

    kind: str
    id: str
    name: str
    acl_object: str
    created_at: float
    acl_subject: str = ""
    grants: dict[str, str] = field(default_factory=dict)

    def is_last_admin(self, subject: str) -> bool:
        """Whether this subject alone has the role of an administrator."""
        admins = [key for key, role in self.grants.items() if role.endswith("_admin")]
        return admins == [subject]


@dataclass(slots=True)
class Organisation:
    """Everything there is. `emails`: account by casefolded address; `addresses`: pending invitations by address."""

    root: Entity
    subscription_id: str = ""
    caller_id: str = ""
    users: dict[str, User] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)
    invitations: dict[str, Invitation] = field(default_factory=dict)
    addresses: dict[str, list[str]] = field(default_factory=dict)
    teams: dict[str, Entity] = field(default_factory=dict)
    mock_apis: dict[str, Entity] = field(default_factory=dict)
    data_sources: dict[str, Entity] = field(default_factory=dict)
    objects: dict[str, Entity] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.objects[self.root.acl_object] = self.root

    @property
    def members(self) -> dict[str, str]:
        """Role in the organisation by user id."""
        return self.root.grants

    @property
    def collections(self) -> Mapping[str, dict[str, Entity]]:
        """Entities by id, under the names that paths have for them."""
        return {
            "organisations": {self.root.id: self.root},
            "teams": self.teams,
            "mock-apis": self.mock_apis,
            "data-sources": self.data_sources,
        }

    def add_user(self, user: User) -> None:
        user.haystack = f"{user.username}\n{user.email}".casefold()
        self.users[user.id] = user
        self.emails[user.email.casefold()] = user.id

    def account(self, email: str) -> User | None:
        """The live account with this address, in our organisation or not."""
        user = self.users.get(self.emails.get(email.casefold(), ""))
        return None if user is None or user.deleted else user

    def member(self, user_id: str) -> User | None:
        """The account with this id if it is a member."""
        return self.users[user_id] if user_id in self.members else None

    def add_entity(self, entity: Entity) -> None:
        self.collections[f"{entity.kind}s"][entity.id] = entity
        self.objects[entity.acl_object] = entity

    def add_invitation(self, invitation: Invitation) -> None:
        self.invitations[invitation.id] = invitation
        self.addresses.setdefault(invitation.email.casefold(), []).append(invitation.id)

    def drop_invitation(self, invitation: Invitation) -> None:
        del self.invitations[invitation.id]
        self.addresses[invitation.email.casefold()].remove(invitation.id)

    def pending(self, since: float) -> list[Invitation]:
        """Pending invitations made after `since`, oldest first."""
        return [invitation for invitation in self.invitations.values() if invitation.created_at > since]

    def pending_by_address(self, email: str, since: float) -> Invitation | None:
        """The newest pending invitation of an address, compared without case."""
        found = (self.invitations[number] for number in reversed(self.addresses.get(email.casefold(), ())))
        return next((invitation for invitation in found if invitation.created_at > since), None)

    def subjects_of(self, user_id: str) -> set[str]:
        """The ACL subjects that a member is: itself, its teams, the organisation."""
        teams = {team.acl_subject for team in self.teams.values() if user_id in team.grants}
        return {user_id, self.root.acl_subject, *teams}

    def owned(self) -> Iterator[Entity]:
        """Teams, mock APIs and data sources."""
        for name in ("teams", "mock-apis", "data-sources"):
            yield from self.collections[name].values()
