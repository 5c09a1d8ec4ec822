"""The base of a simulated organisation: the same people, groups and oddities for the same seed."""

import random
from collections.abc import Sequence

from bulkops.sandbox.options import USERNAME
from bulkops.sandbox.people import DOMAIN, Person, invent, uuid_maker
from bulkops.sandbox.vmware_csp.catalogue import (
    CUSTOM_GROUPS,
    CUSTOM_ROLES,
    ENTERPRISE_GROUPS,
    OWNERS_GROUP,
    SERVICES,
    SHARED_GROUP,
)
from bulkops.sandbox.vmware_csp.organization import (
    AD_GROUP,
    ADMIN,
    AVAILABLE,
    CUSTOM,
    MEMBER,
    ORGANIZATION,
    OWNER,
    REDEEMED,
    REVOKED,
    SERVICE,
    USER_GROUP,
    Grant,
    Group,
    Invitation,
    Organization,
    User,
)

DAY = 86_400.0
WEEK = 7 * DAY
FEDERATED = f"corp.{DOMAIN}"
CALLERS = {"owner": f"owner@{DOMAIN}", "admin": f"{USERNAME}@{DOMAIN}", "member": f"mona.member@{DOMAIN}"}
"""Who may hold the fixed token, by the quirk `caller`."""
FIXED = (
    (Person("Olivia", "Owner", CALLERS["owner"], CALLERS["owner"]), OWNER),
    (Person("Adam", "Admin", CALLERS["admin"], CALLERS["admin"]), ADMIN),
    (Person("Mona", "Member", CALLERS["member"], CALLERS["member"]), MEMBER),
    (Person("Oscar", "Owner", f"second.owner@{DOMAIN}", f"second.owner@{DOMAIN}"), OWNER),
    (Person("Fiona", "Federated", f"fiona.federated@{FEDERATED}", f"fiona.federated@{DOMAIN}"), MEMBER),
)


class Seeding:
    """Builds one organisation. Every draw comes from named, seeded dice, so parts do not disturb each other."""

    def __init__(self, organization: str, people: int, seed: int, at: float) -> None:
        self._dice = random.Random(f"csp:{seed}")
        self._ids = uuid_maker(seed, "csp-ids")
        self._user_ids = uuid_maker(seed, "csp-users")
        self._people = people
        self._seed = seed
        self._at = at
        self.org = Organization(organization)

    def build(self) -> Organization:
        self.org.services = {service.id: service for service in SERVICES}
        self._users()
        self._groups()
        self._invitations()
        return self.org

    def _users(self) -> None:
        """One in five has a service role, one in thirty a custom role, one in sixty signs in elsewhere."""
        for person, role in FIXED[: self._people]:
            self._user(person, person.username, role)
        for number, person in enumerate(invent(max(0, self._people - len(FIXED)), self._seed)):
            name = f"{person.username}@{FEDERATED}" if number % 60 == 17 else person.email
            user = self._user(person, name, "support_user" if number % 25 == 3 else MEMBER)
            if number % 5 == 1:
                service = self._dice.choice(SERVICES)
                user.grants[Grant(SERVICE, service.id, self._dice.choice(service.roles))] = None
            if number % 30 == 4:
                user.grants[Grant(CUSTOM, "", self._dice.choice(CUSTOM_ROLES), "project:blue")] = None
            if number % 30 == 5:
                user.grants[Grant(ORGANIZATION, "", "developer")] = int(self._at + 90 * DAY)

    def _user(self, person: Person, username: str, role: str) -> User:
        domain = username.rpartition("@")[2].lower()
        user = User(f"{domain}:{next(self._user_ids)}", username, person.email, person.given, person.family)
        user.grants[Grant(ORGANIZATION, "", role)] = None
        self.org.add_user(user)
        return user

    def _groups(self) -> None:
        live = list(self.org.users)[len(FIXED) :]
        owners = self._group(OWNERS_GROUP, USER_GROUP)
        owners.grants[Grant(ORGANIZATION, "", OWNER)] = None
        owners.members = dict.fromkeys(list(self.org.users)[:1])
        for number, name in enumerate(CUSTOM_GROUPS):
            group = self._group(name, USER_GROUP)
            group.members = dict.fromkeys(self._sample(live, 4 + len(live) // 25))
            service = SERVICES[number % len(SERVICES)]
            if number % 2 == 0:
                group.grants[Grant(SERVICE, service.id, service.roles[0])] = None
        for name in ENTERPRISE_GROUPS:
            group = self._group(name, AD_GROUP)
            group.members = dict.fromkeys(self._sample(live, 4 + len(live) // 10))
            group.grants[Grant(ORGANIZATION, "", "developer")] = None
        self._group(SHARED_GROUP, USER_GROUP).shared = True

    def _group(self, name: str, kind: str) -> Group:
        group = Group(next(self._ids), name, f"{name} of Acme", kind)
        self.org.groups[group.id] = group
        return group

    def _sample(self, ids: Sequence[str], count: int) -> list[str]:
        return self._dice.sample(list(ids), min(count, len(ids)))

    def _invitations(self) -> None:
        """Pending, expired, revoked and redeemed ones; one address was invited again after it was revoked."""
        for number in range(1, 1 + max(10, self._people // 40)):
            self._invitation(f"pending.{number}@{DOMAIN}", self._dice.uniform(0.1, 5))
        for number in range(1, 1 + max(3, self._people // 200)):
            self._invitation(f"expired.{number}@{DOMAIN}", self._dice.uniform(8, 40))
            self._invitation(f"revoked.{number}@{DOMAIN}", self._dice.uniform(8, 40), REVOKED)
        self._invitation(f"Back.Again@{DOMAIN}", 20, REVOKED)
        self._invitation(f"back.again@{DOMAIN}", 1)
        for user in list(self.org.users.values())[len(FIXED) : len(FIXED) + 10]:
            self._invitation(user.email, self._dice.uniform(50, 400), REDEEMED)

    def _invitation(self, address: str, age_days: float, status: str = AVAILABLE) -> None:
        at = self._at - age_days * DAY
        closed = at + DAY / 2
        self.org.add_invitation(
            Invitation(
                next(self._ids),
                address,
                at,
                at + WEEK,
                CALLERS["owner"],
                [[ORGANIZATION, "", MEMBER, "", None]],
                status=status,
                redeemed_at=closed if status == REDEEMED else None,
                revoked_at=closed if status == REVOKED else None,
            )
        )
