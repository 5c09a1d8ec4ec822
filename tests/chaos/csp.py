"""VMware Cloud Services as a campaign sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from bulkops.sandbox.options import CLIENT_ID, CLIENT_SECRET, TOKEN
from tests.chaos.habitat import Done, Habitat
from tests.chaos.rows import PARENTS, Desk, Verb, Wanted
from tests.chaos.world import EffectKey, Fact, invited

FIXED = 5
BATCH = 20
ROLES = ("developer", "support_user", "org_admin")
INVITATIONS = "/orgs/{org}/invitations"


def facts_of(holds: Mapping[str, Any]) -> frozenset[Fact]:
    """All that is true of an organisation, as a set that can be compared."""
    return frozenset(
        (
            *(("account", user_id, user["username"], user["email"]) for user_id, user in holds["users"].items()),
            *(may(user_id, role["role"]) for user_id, user in holds["users"].items() for role in user["roles"]),
            *(("in", group, user) for group, one in holds["groups"].items() for user in one["members"]),
            *(("revoked", key) for key, one in holds["invitations"].items() if one["status"] == "REVOKED"),
            *_open(holds["invitations"].values()),
        )
    )


def may(user_id: str, role: str) -> Fact:
    """A role of somebody's own."""
    return ("may", user_id, role)


def _open(invitations: Any) -> Iterator[Fact]:
    """A second invitation of an address makes another fact of the first: it shows as a difference."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for one in invitations:
        if one["status"] == "AVAILABLE":
            found.setdefault(one["username"].casefold(), []).append(one)
    for address, several in found.items():
        yield ("invited", address, str(len(several)), *sorted(grant for one in several for grant in grants_of(one)))


def grants_of(invitation: Mapping[str, Any]) -> list[str]:
    """What an invitation gives."""
    roles = [f"role {service} {name}".replace("  ", " ") for _, service, name, *_ in invitation["roles"]]
    return [*roles, *(f"group {group}" for group in invitation["groups"])]


class CspDesk(Desk):
    """Where a job on VMware Cloud Services is made."""

    def _ordinary(self) -> Iterator[str]:
        yield from islice(self.holds["users"], FIXED, None)

    def address_of(self, invite_id: str) -> str:
        """Whom an invitation is for."""
        return str(self.holds["invitations"][invite_id]["username"])

    def teams(self) -> list[str]:
        """Custom groups whose names are theirs alone, and that make nobody an owner."""
        groups = self.holds["groups"]
        names = [one["name"] for one in groups.values()]
        return [
            key
            for key, one in groups.items()
            if one["kind"] == "USER_GROUP"
            and not one["shared"]
            and names.count(one["name"]) == 1
            and not any(role["role"] == "org_owner" for role in one["roles"])
        ][:PARENTS]

    def invite(self, addresses: Sequence[str], **offer: Any) -> None:
        """As the vendor's own page would."""
        for start in range(0, len(addresses), BATCH):
            self.world.arrange("POST", INVITATIONS, {"usernames": addresses[start : start + BATCH], **offer})


def _csp(desk: Desk) -> CspDesk:
    if not isinstance(desk, CspDesk):
        raise TypeError("a desk of another vendor")
    return desk


def invite(desk: Desk, count: int) -> list[Wanted]:
    """Addresses that nobody has; some with a role, some with a group."""
    teams = desk.teams()
    rows = []
    for number in range(count):
        email = f"New.{number}@hire.test"
        cells, grants = {"email": email, "roles": "", "groups": ""}, []
        if desk.dice.random() < 0.3:
            cells["roles"] = "Developer"
            grants.append("role developer")
        if desk.dice.random() < 0.3:
            team = desk.dice.choice(teams)
            cells["groups"] = desk.holds["groups"][team]["name"]
            grants.append(f"group {team}")
        rows.append(
            Wanted(
                cells,
                adds=frozenset([invited(email, grants)]),
                effect=("invite_sent", email.casefold(), ""),
                marks={"body_contains": f'"{email}"'},
            )
        )
    return rows


def _outstanding(desk: Desk, count: int) -> list[tuple[str, Mapping[str, Any]]]:
    """New invitations that wait for an answer; half of them give something."""
    addresses = [f"waiting.{number}@hire.test" for number in range(count)]
    csp, cut = _csp(desk), count // 2
    csp.invite(addresses[:cut])
    offer = {"organizationRoles": [{"name": "org_member"}], "customGroupsIds": csp.teams()[:1]}
    csp.invite(addresses[cut:], **offer, invitationExpirationInDays=30)
    desk.look()
    return [item for item in desk.holds["invitations"].items() if item[1]["username"].startswith("waiting.")]


def _cells(desk: Desk, key: str, email: str) -> dict[str, str]:
    return desk.dice.choice(
        [{"email": email, "invite_id": ""}, {"email": "", "invite_id": key}, {"email": email, "invite_id": key}]
    )


def resend(desk: Desk, count: int) -> list[Wanted]:
    """The old one is revoked, and one like it is there."""
    return [
        Wanted(
            _cells(desk, key, one["username"]),
            adds=frozenset([("revoked", key), invited(one["username"], grants_of(one))]),
            effect=("invite_sent", one["username"], ""),
            marks={"body_contains": f'"{one["username"]}"'},
        )
        for key, one in _outstanding(desk, count)
    ]


def revoke(desk: Desk, count: int) -> list[Wanted]:
    """Invitations that are to be taken back."""
    return [
        Wanted(
            _cells(desk, key, one["username"]),
            adds=frozenset([("revoked", key)]),
            removes=frozenset([invited(one["username"], grants_of(one))]),
            effect=("invite_revoked", one["username"], ""),
            marks={"path": f"*/invitations/{key}"},
        )
        for key, one in _outstanding(desk, count)
    ]


def delete(desk: Desk, count: int) -> list[Wanted]:
    """With the account goes all that it may do here."""
    before = facts_of(desk.holds)
    return [
        Wanted(
            {"user": desk.holds["users"][user_id]["email"]},
            removes=frozenset(fact for fact in before if user_id in fact[1:3]),
            effect=("user_deleted", desk.username(user_id), ""),
            marks={"body_contains": user_id},
        )
        for user_id in desk.people(count)
    ]


def roles(desk: Desk, count: int, *, held: bool) -> list[Wanted]:
    """Roles of the organisation and of services, of a dozen people."""
    choices = [("", name) for name in ROLES]
    choices += [(key, name) for key, one in desk.holds["services"].items() for name in one["roles"]]
    persons = desk.people(12)
    now = facts_of(desk.holds)
    rows = []
    for number in range(min(count, len(persons) * len(choices))):
        user_id, (service, name) = persons[number % len(persons)], choices[number // len(persons)]
        label = f"{service}/{name}" if service else name
        fact = may(user_id, label)
        if (fact in now) != held:
            desk.world.arrange(*delta(user_id, label, add=held))
        rows.append(
            Wanted(
                {"user": desk.called(user_id), "role": name, "service": service},
                adds=frozenset() if held else frozenset([fact]),
                removes=frozenset([fact]) if held else frozenset(),
                effect=("role_unassigned" if held else "role_assigned", desk.username(user_id), label),
                marks={"path": f"*/users/{user_id}/orgs/*", "body_contains": f'"name":"{name}"'},
            )
        )
    return rows


def delta(user_id: str, label: str, *, add: bool) -> Done:
    """The call that gives a role, or takes it."""
    service, _, name = label.rpartition("/")
    change = {"rolesToAdd" if add else "rolesToRemove": [{"name": name}]}
    body = {"serviceRoles": [{"serviceDefinitionId": service, **change}]} if service else {"organizationRoles": change}
    return ("PATCH", f"/v3/users/{user_id}/orgs/{{org}}/roles", body)


def groups(desk: Desk, count: int, *, inside: bool) -> list[Wanted]:
    """People in a group, or outside."""
    teams = desk.teams()
    pairs = [(teams[number % len(teams)], user) for number, user in enumerate(desk.people(count))]
    now = facts_of(desk.holds)
    rows = []
    for team, user_id in pairs:
        fact: Fact = ("in", team, user_id)
        username = desk.holds["users"][user_id]["username"]
        if (fact in now) != inside:
            desk.world.arrange(*placing(team, user_id if not inside else username, add=inside))
        rows.append(
            Wanted(
                {"user": desk.called(user_id), "team": desk.dice.choice([team, desk.holds["groups"][team]["name"]])},
                adds=frozenset() if inside else frozenset([fact]),
                removes=frozenset([fact]) if inside else frozenset(),
                effect=("team_removed" if inside else "team_added", desk.username(user_id), team),
                marks={"path": f"*/groups/{team}/users", "body_contains": f'"{user_id if inside else username}"'},
            )
        )
    return rows


def placing(team: str, name: str, *, add: bool) -> Done:
    """The call that puts somebody into a group by the username, or takes them out by the id."""
    body = {"usernamesToAdd": [name]} if add else {"ids": [name]}
    return ("POST" if add else "DELETE", f"/orgs/{{org}}/groups/{team}/users", body)


def _fact(row: Wanted, kind: str) -> Fact:
    return next(fact for fact in (*row.adds, *row.removes) if fact[0] == kind)


def _mark(row: Wanted) -> str:
    return row.marks["body_contains"].strip('"')


def again(kind: str, row: Wanted, desk: Desk) -> Wanted:
    """Another row that means the same, by another name; whoever is gone is known by none but the one that was used."""
    cells = dict(row.cells)
    if kind == "delete-user":
        cells["user"] = cells["user"].swapcase()
    elif "user" in cells:
        effect: EffectKey = row.effect or ("", "", "")
        cells["user"] = next(
            desk.called(key) for key, user in desk.holds["users"].items() if user["username"].casefold() == effect[1]
        )
    elif cells.get("email"):
        cells["email"] = cells["email"].swapcase()
    else:
        cells["invite_id"] = cells["invite_id"].upper()
    return replace(row, cells=cells)


ORG = "/csp/gateway/am/api/orgs/*"
PEOPLE = "/csp/gateway/am/api/v3/users/*/orgs/*/roles"

VERBS: Mapping[str, Verb] = {
    "invite": Verb(invite, "POST", f"{ORG}/invitations"),
    "resend-invite": Verb(resend, "POST", f"{ORG}/invitations", rows=90),
    "revoke-invite": Verb(revoke, "DELETE", f"{ORG}/invitations/*", rows=90),
    "delete-user": Verb(delete, "DELETE", "/csp/gateway/am/api/v2/orgs/*/users", itemised=True),
    "assign-role": Verb(lambda desk, count: roles(desk, count, held=False), "PATCH", PEOPLE, rows=80),
    "unassign-role": Verb(lambda desk, count: roles(desk, count, held=True), "PATCH", PEOPLE, rows=80),
    "add-team-member": Verb(
        lambda desk, count: groups(desk, count, inside=False), "POST", f"{ORG}/groups/*/users", itemised=True
    ),
    "remove-team-member": Verb(
        lambda desk, count: groups(desk, count, inside=True), "DELETE", f"{ORG}/groups/*/users", itemised=True
    ),
}

DONE: Mapping[str, Callable[[Wanted], Done]] = {
    "invite": lambda row: ("POST", INVITATIONS, {"usernames": [row.cells["email"]]}),
    "revoke-invite": lambda row: ("DELETE", f"{INVITATIONS}/{_fact(row, 'revoked')[1]}", None),
    "delete-user": lambda row: ("DELETE", "/v2/orgs/{org}/users", {"ids": [_fact(row, "account")[1]]}),
    "assign-role": lambda row: delta(*_fact(row, "may")[1:3], add=True),
    "unassign-role": lambda row: delta(*_fact(row, "may")[1:3], add=False),
    "add-team-member": lambda row: placing(_fact(row, "in")[1], _mark(row), add=True),
    "remove-team-member": lambda row: placing(_fact(row, "in")[1], _mark(row), add=False),
}

NOBODY: Mapping[str, Callable[[int], dict[str, str]]] = {
    "invite": lambda number: {"email": f"no address {number}", "roles": "", "groups": ""},
    "resend-invite": lambda number: {"email": f"never.invited.{number}@hire.test", "invite_id": ""},
    "delete-user": lambda number: {"user": f"no.such.person.{number}@acme.test"},
    "assign-role": lambda number: {"user": f"no.such.person.{number}", "role": "developer", "service": ""},
    "unassign-role": lambda number: {"user": f"no.such.person.{number}", "role": "developer", "service": ""},
    "add-team-member": lambda number: {"user": f"no.such.person.{number}", "team": "Billing Viewers"},
    "remove-team-member": lambda number: {"user": f"no.such.person.{number}", "team": "Billing Viewers"},
}

CSP = Habitat(
    vendor="vmware-csp",
    base="/csp/gateway/am/api",
    verbs=VERBS,
    done=DONE,
    nobody=NOBODY,
    facts=facts_of,
    again=again,
    beside=lambda kind: "add-team-member" if "invite" in kind else "invite",
    quirks={
        "page_start": ("items", "pages"),
        "expiration_unit": ("milliseconds", "seconds"),
        "own_account": ("told", "missing"),
        "invite_member": ("conflict", "silent", "merge"),
        "reinvite_pending": ("second", "second", "conflict", "silent"),
        "delete_closed_invitation": ("not_found", "ok"),
        "remove_unknown": ("failed", "not_found"),
        "role_held": ("ok", "conflict"),
        "role_missing": ("ok", "reject", "not_found"),
        "patch_answer": ("empty", "roles"),
        "group_held": ("succeeded", "failed", "conflict"),
        "group_missing": ("failed", "succeeded", "not_found"),
        "error_fields": ("all", "message", "none"),
        "retry_after": ("none", "seconds", "date"),
    },
    logins={
        "bearer": {"token": None},
        "api-token": {"api_token": TOKEN},
        "oauth-app": {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
    },
    throttling=(429,),
    reads="*/orgs/*",
    forgets=frozenset({"delete-user"}),
    desk=CspDesk,
)
