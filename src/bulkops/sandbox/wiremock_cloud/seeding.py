"""The base of a simulated organisation: the same people, teams and oddities for the same seed."""

import random
from collections.abc import Sequence

from bulkops.sandbox.options import USERNAME
from bulkops.sandbox.people import DOMAIN, Person, invent
from bulkops.sandbox.wiremock_cloud.desk import ALPHABET, DAY_S
from bulkops.sandbox.wiremock_cloud.organisation import (
    ADMIN,
    MEMBER,
    TEAM_ADMIN,
    TEAM_MEMBER,
    Entity,
    Invitation,
    Organisation,
    User,
)

FIXED = (
    Person("Adam", "Admin", USERNAME, f"admin@{DOMAIN}"),
    Person("Olivia", "Owner", "owner", f"owner@{DOMAIN}"),
    Person("Ann", "Part", f"ann@{DOMAIN}", f"ann@{DOMAIN}"),
    Person("Joann", "Whole", f"joann@{DOMAIN}", f"joann@{DOMAIN}"),  # a search for ann finds her too
)
# "Quality" is a mock API as well, two teams share a name, and one name is part of another.
TEAMS = ("Elite Team", "Platform", "Platform On-Call", "Integration", "Quality", "Support", "Support", "Ops, nights")
MOCK_APIS = ("Orders API", "Orders API v2", "Payments API", "Quality")
SQUADS, SERVICES, PRIVATE, DATA_SOURCES = 20, 44, 3, 3


class Seeding:
    """Builds one organisation. `at`: epoch seconds of its beginning."""

    def __init__(self, organisation: str, people: int, seed: int, at: float) -> None:
        self._dice = random.Random(f"wiremock-cloud:{seed}")
        self._taken = {organisation}
        self._people = people
        self._seed = seed
        self._at = at
        root = Entity("organisation", organisation, "Acme", self._id(), at - 900 * DAY_S, self._id())
        self.org = Organisation(root, subscription_id=self._id())

    def build(self) -> Organisation:
        self._users()
        self._teams()
        self._shared()
        self._invitations()
        return self.org

    def _id(self) -> str:
        while True:
            made = "".join(self._dice.choices(ALPHABET, k=5))
            if made not in self._taken:
                self._taken.add(made)
                return made

    def _users(self) -> None:
        """Members, administrators the first two and every fiftieth; then some who left."""
        everyone = [*FIXED[: self._people], *invent(max(0, self._people - len(FIXED)), self._seed)]
        for number, person in enumerate(everyone):
            named = number < len(FIXED) or number % 10 == 0
            user = self._user(person.username if named else person.email, person.email, self.org.root.id)
            self.org.members[user.id] = ADMIN if number < 2 or number % 50 == 0 else MEMBER
            if number == 0:
                self.org.caller_id = user.id
        for number in range(1, 2 + self._people // 100):
            self._user(f"left.{number}@{DOMAIN}", f"left.{number}@{DOMAIN}", self._id())

    def _user(self, username: str, email: str, organisation_id: str) -> User:
        created = self._at - self._dice.uniform(10, 800) * DAY_S
        user = User(self._id(), username, email, self._id(), organisation_id, created)
        self.org.add_user(user)
        return user

    def _entity(self, kind: str, name: str, subject: str = "") -> Entity:
        created = self._at - self._dice.uniform(10, 800) * DAY_S
        entity = Entity(kind, self._id(), name, self._id(), created, subject)
        self.org.add_entity(entity)
        return entity

    def _sample(self, ids: Sequence[str], count: int) -> list[str]:
        return self._dice.sample(ids, min(count, len(ids)))

    def _teams(self) -> None:
        """More than a page of them."""
        ordinary = list(self.org.members)[len(FIXED) :]
        for name in (*TEAMS, *(f"Squad {number:02}" for number in range(1, SQUADS + 1))):
            team = self._entity("team", name, self._id())
            team.grants[self.org.caller_id] = TEAM_ADMIN
            for number, user_id in enumerate(self._sample(ordinary, 3 + len(ordinary) // 30)):
                team.grants[user_id] = TEAM_ADMIN if number % 5 == 4 else TEAM_MEMBER

    def _shared(self) -> None:
        """Mock APIs and data sources. The last few mock APIs are another administrator's alone."""
        owner_id = list(self.org.members)[1]
        teams = [team.acl_subject for team in self.org.teams.values()]
        names = [*MOCK_APIS, *(f"Service {number:02}" for number in range(1, SERVICES + 1))]
        names += [f"Private {number}" for number in range(1, PRIVATE + 1)]
        for number, name in enumerate(names):
            private = name.startswith("Private")
            api = self._entity("mock-api", name)
            api.grants[owner_id if private else self.org.caller_id] = "mock_api_admin"
            if not private and number % 3 == 0:
                api.grants[self._dice.choice(teams)] = "mock_api_editor"
            if not private and number % 3 == 1:
                api.grants[self.org.root.acl_subject] = "mock_api_user"
        for number in range(1, DATA_SOURCES + 1):
            self._entity("data-source", f"Data {number}").grants[self.org.caller_id] = "data_source_admin"

    def _invitations(self) -> None:
        """Pending ones; an address was invited twice, one address is part of another, one has capitals."""
        addresses = [f"pending.{number}@{DOMAIN}" for number in range(1, 1 + max(10, self._people // 40))]
        addresses += [f"x.pending.1@{DOMAIN}", f"Pending.Twice@{DOMAIN}", f"pending.twice@{DOMAIN}"]
        team, api = next(iter(self.org.teams.values())), next(iter(self.org.mock_apis.values()))
        wanted = ((MEMBER, None), (ADMIN, None), (TEAM_MEMBER, team.acl_object), ("mock_api_editor", api.acl_object))
        for number, address in enumerate(addresses):
            role, acl_object = wanted[number % 4 if number % 3 == 0 else 0]
            created = self._at - self._dice.uniform(0.1, 40) * DAY_S
            self.org.add_invitation(
                Invitation(self._id(), self.org.caller_id, address, role, acl_object, created, new_user=True)
            )
