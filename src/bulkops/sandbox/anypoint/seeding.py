"""The base of a simulated organisation: the same people, groups and oddities for the same seed."""

import random
from collections.abc import Iterator, Sequence

from bulkops.sandbox.anypoint import catalogue
from bulkops.sandbox.anypoint.changes import to_grant
from bulkops.sandbox.anypoint.organization import (
    ADMINISTRATORS,
    ConnectedApp,
    Environment,
    Invite,
    Membership,
    Organization,
    RoleGroup,
    Team,
    Unit,
    User,
)
from bulkops.sandbox.options import CLIENT_ID, CLIENT_SECRET, USERNAME
from bulkops.sandbox.people import DOMAIN, Person, invent, uuid_maker

DAY = 86_400.0
WEEK = 7 * DAY
FIXED = (
    Person("Olivia", "Owner", "owner", f"owner@{DOMAIN}"),
    Person("Adam", "Admin", USERNAME, f"admin@{DOMAIN}"),
    Person("Shared", "Inbox", "inbox.one", f"team.inbox@{DOMAIN}"),
    Person("Shared", "Inbox", "inbox.two", f"Team.Inbox@{DOMAIN}"),
    Person("Fiona", "Federated", "fiona.federated", f"fiona.federated@{DOMAIN}"),
    Person("Dora", "Disabled", "dora.disabled", f"dora.disabled@{DOMAIN}"),
)
DELETED = Person("Gone", "Already", "gone.already", f"gone.already@{DOMAIN}")
PROXIES = 3
SETTINGS = {
    "grant_types_allowed": ["authorization_code", "client_credentials", "password"],
    "applications_enabled": "all",
    "allowlist_enabled": True,
    "allowlist_internal_applications": False,
}


class Seeding:
    """Builds one organisation. Every draw comes from named, seeded dice, so parts do not disturb each other."""

    def __init__(self, organization: str, people: int, seed: int, at: float) -> None:
        self._dice = random.Random(f"seeding:{seed}")
        self._ids = uuid_maker(seed, "ids")
        self._user_ids = uuid_maker(seed, "users")
        self._people = people
        self._seed = seed
        self._at = at
        self.org = Organization(Unit(organization, "Acme", None))

    def build(self, *, empty: bool = False) -> Organization:
        if empty:
            return self._build_empty()
        self._units()
        self._users()
        self._rolegroups()
        self._teams()
        self._invites()
        self._apps()
        return self.org

    def _build_empty(self) -> Organization:
        """A new organisation: its owner, its administrator, their role group and the team of all."""
        org = self.org
        org.units[org.root.id] = org.root
        org.environments.append(Environment(next(self._ids), org.root.id, "Sandbox", "sandbox"))
        org.catalogue = {role.id: role for role in catalogue.roles(uuid_maker(0, "catalogue"))}
        for person in FIXED[:2]:
            self._user(person)
        org.owner_id = org.usernames["owner"]
        group = RoleGroup(
            next(self._ids), org.root.id, ADMINISTRATORS, f"{ADMINISTRATORS} of {org.root.name}", self._at
        )
        group.editable = False
        for user_id in self._administrators(org.root):
            group.holders[user_id] = (org.next_assignment, self._at)
            org.next_assignment += 1
        org.rolegroups[group.id] = group
        self._team("Everyone at Acme", None)
        org.apps[CLIENT_ID] = self._app(CLIENT_ID, "Sandbox automation", org.owner_id)
        org.apps[CLIENT_ID].client_secret = CLIENT_SECRET
        org.settings = dict(SETTINGS)
        return org

    def _units(self) -> None:
        org = self.org
        org.units[org.root.id] = org.root
        for name in catalogue.BUSINESS_GROUPS:
            unit = Unit(next(self._ids), name, org.root.id)
            org.units[unit.id] = unit
            org.unit_members[unit.id] = {}
        for unit in org.units.values():
            for name, kind in (("Production", "production"), ("Sandbox", "sandbox"), ("Design", "design")):
                org.environments.append(Environment(next(self._ids), unit.id, name, kind))
        org.catalogue = {
            role.id: role for role in catalogue.roles(uuid_maker(0, "catalogue"))
        }  # the same in every organisation

    def _users(self) -> None:
        provider = next(self._ids)
        for number, person in enumerate(self._everyone()):
            user = self._user(person)
            if person.username.endswith(".federated") or (number >= len(FIXED) and number % 61 == 0):
                user.idprovider_id = provider
            if person.username.endswith(".disabled") or (number >= len(FIXED) and number % 53 == 0):
                user.enabled = False
        self._idle()
        self.org.owner_id = self.org.usernames["owner"]
        self._departed()
        self._proxies()
        live = [user.id for user in self.org.users.values() if not user.deleted and user.kind == "host"]
        for members in self.org.unit_members.values():
            members.update(dict.fromkeys(self._sample(live, max(1, len(live) // 10))))

    def _idle(self) -> None:
        """One in seventeen was away for months, one in twenty-nine never signed in."""
        dice = random.Random(f"idle:{self._seed}")
        for number, user in enumerate(self.org.users.values()):
            if number >= len(FIXED) and number % 17 == 5:
                user.last_login = self._at - dice.uniform(100, 400) * DAY
            elif number >= len(FIXED) and number % 29 == 7:
                user.last_login = None

    def _everyone(self) -> Iterator[Person]:
        yield from FIXED[: self._people]
        yield from invent(max(0, self._people - len(FIXED)), self._seed)

    def _departed(self) -> None:
        """Accounts that were deleted long ago; one shares its address with an invite that is pending."""
        for number in range(1 + self._people // 100):
            person = DELETED if number == 0 else Person("Left", "Earlier", f"left.{number}", f"left.{number}@{DOMAIN}")
            self._user(person).deleted = True

    def _proxies(self) -> None:
        for number in range(1, PROXIES + 1):
            user = self._user(Person("Partner", "Proxy", f"partner.{number}", f"partner.{number}@partner.test"))
            user.kind = "proxy"

    def _user(self, person: Person) -> User:
        created = self._at - self._dice.uniform(10, 900) * DAY
        user = User(
            next(self._user_ids),
            person.username,
            person.given,
            person.family,
            person.email,
            created,
            updated_at=created,
            phone="555-0100",
            last_login=self._at - self._dice.uniform(0, 9) * DAY,
        )
        self.org.add_user(user)
        return user

    def _live(self) -> list[str]:
        """Accounts that seeding hands things to: not the deleted ones, not the fixed ones, not the proxies."""
        users = list(self.org.users.values())[len(FIXED) :]
        return [user.id for user in users if not user.deleted and user.kind == "host"]

    def _sample(self, ids: Sequence[str], count: int) -> list[str]:
        return self._dice.sample(list(ids), min(count, len(ids)))

    def _rolegroups(self) -> None:
        org, live = self.org, self._live()
        for unit in org.units.values():
            names = catalogue.ROOT_ROLE_GROUPS if unit.is_root else catalogue.UNIT_ROLE_GROUPS
            for name in names:
                group = RoleGroup(next(self._ids), unit.id, name, f"{name} of {unit.name}", self._at - 900 * DAY)
                group.editable = name != ADMINISTRATORS
                role_id = self._dice.choice(list(org.catalogue))
                group.roles.append(to_grant(role_id, {"org": unit.id}))
                org.rolegroups[group.id] = group
                chosen = self._sample(live, 3 + len(live) // 30) if group.editable else []
                for user_id in self._administrators(unit) if not group.editable else chosen:
                    group.holders[user_id] = (org.next_assignment, self._at - 30 * DAY)
                    org.next_assignment += 1
        for user_id in self._sample(live, len(live) // 5):
            role_id = self._dice.choice(list(org.catalogue))
            org.grants[user_id] = {to_grant(role_id, {"org": org.root.id}): None}

    def _administrators(self, unit: Unit) -> list[str]:
        return [self.org.usernames[name] for name in ("owner", USERNAME)] if unit.is_root else []

    def _teams(self) -> None:
        live = self._live()
        top = self._team("Everyone at Acme", None)
        for name, children in catalogue.TEAMS.items():
            parent = self._team(name, top.id)
            self._fill(parent, live)
            for child in children:
                self._fill(self._team(child, parent.id), live)

    def _team(self, name: str, parent_id: str | None) -> Team:
        team = Team(next(self._ids), name, parent_id, self._at - 800 * DAY)
        self.org.teams[team.id] = team
        return team

    def _fill(self, team: Team, live: Sequence[str]) -> None:
        """One member in six comes from the identity provider, one in eight is a maintainer."""
        for number, user_id in enumerate(self._sample(live, 6 + len(live) // 25)):
            kind = "maintainer" if number % 8 == 0 else "member"
            team.members[user_id] = Membership(kind, external=number % 6 == 5, created_at=self._at - 100 * DAY)

    def _invites(self) -> None:
        """Pending ones; every seventh has expired; one address was invited twice, one is an account's."""
        addresses = [f"pending.{number}@{DOMAIN}" for number in range(1, 1 + max(10, self._people // 40))]
        addresses += [f"Pending.Twice@{DOMAIN}", f"pending.twice@{DOMAIN}", DELETED.email, f"inbox.new+1@{DOMAIN}"]
        for number, address in enumerate(addresses, 1):
            age = self._dice.uniform(8, 40) if number % 7 == 0 else self._dice.uniform(0.1, 5)
            invited = self._at - age * DAY
            self.org.add_invite(
                Invite(
                    4000 + number,
                    self.org.root.id,
                    f"{self._dice.getrandbits(128):032x}",
                    address,
                    invited,
                    invited + WEEK,
                    self.org.owner_id,
                )
            )

    def _apps(self) -> None:
        owners = [self.org.owner_id, *self._sample(self._live(), 10)]
        self.org.apps[CLIENT_ID] = self._app(CLIENT_ID, "Sandbox automation", self.org.owner_id)
        self.org.apps[CLIENT_ID].client_secret = CLIENT_SECRET
        for number in range(1, 48):
            client_id = next(self._ids).replace("-", "")
            self.org.apps[client_id] = self._app(client_id, f"Application {number:02}", owners[number % len(owners)])
        for client_id in list(self.org.apps)[1:40]:
            scopes = self.org.apps[client_id].scopes
            self.org.allowlist[client_id] = scopes[:2] if self._dice.random() < 0.6 else None
        self.org.settings = dict(SETTINGS)

    def _app(self, client_id: str, name: str, owner_id: str) -> ConnectedApp:
        scopes = self._sample(catalogue.SCOPES, 4)
        return ConnectedApp(client_id, name, f"{self._dice.getrandbits(128):032x}", owner_id, scopes)
