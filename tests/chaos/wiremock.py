"""WireMock Cloud as a campaign sees it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from tests.chaos.habitat import Done, Habitat
from tests.chaos.rows import PARENTS, Desk, Verb, Wanted
from tests.chaos.world import Fact, invited

FIXED = 4
ADMIN, MEMBER = "organisation_admin", "organisation_member"
INVITATIONS = "/organisations/{org}/invitations"
OPTIONS = ("undocumented_invitation_calls", "undocumented_role_calls")
WATCHED: set[str] = set()
"""Ids of invitations that rows of resend-invite mean: what comes in their place has one that nobody can foresee."""


def facts_of(holds: Mapping[str, Any]) -> frozenset[Fact]:
    """All that is true of an organisation, as a set that can be compared."""
    entities = [("in", holds["teams"]), ("on", holds["mock_apis"]), ("on", holds["data_sources"])]
    return frozenset(
        (
            *(
                ("account", key, user["username"], user["email"], str(user["deleted"]))
                for key, user in holds["users"].items()
            ),
            *(("role", key, user["role"]) for key, user in holds["users"].items() if user["role"]),
            *(
                (kind, key, subject, role)
                for kind, things in entities
                for key, one in things.items()
                for subject, role in one["grants"].items()
            ),
            *(("pending", one["id"]) for one in holds["invites"] if one["id"] in WATCHED),
            *_open(holds["invites"]),
        )
    )


def _open(invitations: Sequence[Mapping[str, Any]]) -> Iterator[Fact]:
    """A second invitation of an address makes another fact of the first: it shows as a difference."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in invitations:
        found[one["email"].casefold()].append(terms_of(one["role"], one["acl_object"]))
    for address, terms in found.items():
        yield ("invited", address, str(len(terms)), *sorted(terms))


def terms_of(role: str, acl_object: str | None) -> str:
    """What an invitation gives."""
    return f"{role} {acl_object or ''}".strip()


class WiremockDesk(Desk):
    """Where a job on WireMock Cloud is made."""

    def _ordinary(self) -> Iterator[str]:
        members = [key for key, user in self.holds["users"].items() if user["role"] is not None]
        yield from (key for key in members[FIXED:] if self.holds["users"][key]["role"] == MEMBER)

    def teams(self) -> list[str]:
        """Teams whose names are theirs alone."""
        names = [one["name"] for one in self.holds["teams"].values()]
        found = (key for key, one in self.holds["teams"].items() if names.count(one["name"]) == 1)
        return list(islice(found, PARENTS))

    def invite(self, address: str, role: str = MEMBER, acl_object: str | None = None) -> None:
        """As the vendor's own page would."""
        self.world.arrange(*invitation(address, role, acl_object))


def invitation(address: str, role: str = MEMBER, acl_object: str | None = None) -> Done:
    """The call that invites."""
    wanted = {"recipientEmailAddress": address, "role": role, "aclObjectId": acl_object}
    return ("POST", INVITATIONS, {"invitation": wanted})


def _wiremock(desk: Desk) -> WiremockDesk:
    if not isinstance(desk, WiremockDesk):
        raise TypeError("a desk of another vendor")
    return desk


def invite(desk: Desk, count: int) -> list[Wanted]:
    """Addresses that nobody has; some to a team, some to a mock API."""
    teams, apis = desk.teams(), list(desk.holds["mock_apis"].values())[:3]
    rows = []
    for number in range(count):
        email, chance = f"New.{number}@hire.test", desk.dice.random()
        role, thing = MEMBER, None
        if chance < 0.3:
            role, thing = "team_member", desk.holds["teams"][desk.dice.choice(teams)]
        elif chance < 0.5:
            role, thing = "mock_api_editor", desk.dice.choice(apis)
        acl_object = thing["acl_object"] if thing else None
        rows.append(
            Wanted(
                {"email": email, "role": role, "acl_object": thing["name"] if thing else ""},
                adds=frozenset([invited(email, [terms_of(role, acl_object)])]),
                effect=("invite_sent", email.casefold(), ""),
                marks={"body_contains": f'"{email}"'},
            )
        )
    return rows


def _outstanding(desk: Desk, count: int) -> list[dict[str, Any]]:
    """New invitations that wait for an answer; half of them are to a team."""
    acl_object = desk.holds["teams"][desk.teams()[0]]["acl_object"]
    for number in range(count):
        terms = ("team_member", acl_object) if number % 2 else (MEMBER, None)
        _wiremock(desk).invite(f"waiting.{number}@hire.test", *terms)
    desk.look()
    return [one for one in desk.holds["invites"] if one["email"].startswith("waiting.")]


def _fact_of(one: Mapping[str, Any]) -> Fact:
    return invited(one["email"], [terms_of(one["role"], one["acl_object"])])


def _cells(desk: Desk, one: Mapping[str, Any]) -> dict[str, str]:
    email, key = one["email"], one["id"]
    return desk.dice.choice(
        [{"email": email, "invite_id": ""}, {"email": "", "invite_id": key}, {"email": email, "invite_id": key}]
    )


def resend(desk: Desk, count: int) -> list[Wanted]:
    """The old one is gone, and one like it is there."""
    found = _outstanding(desk, count)
    WATCHED.update(one["id"] for one in found)
    return [
        Wanted(
            _cells(desk, one),
            adds=frozenset([_fact_of(one)]),
            removes=frozenset([("pending", one["id"])]),
            effect=("invite_sent", one["email"], ""),
            marks={"body_contains": f'"{one["email"]}"'},
        )
        for one in found
    ]


def revoke(desk: Desk, count: int) -> list[Wanted]:
    """Invitations that are to be taken back."""
    return [
        Wanted(
            _cells(desk, one),
            removes=frozenset([_fact_of(one)]),
            effect=("invite_revoked", one["email"], ""),
            marks={"path": f"*/invitations/{one['id']}"},
        )
        for one in _outstanding(desk, count)
    ]


def delete(desk: Desk, count: int) -> list[Wanted]:
    """With the membership goes all that somebody may do here; the account stays."""
    before = facts_of(desk.holds)
    return [
        Wanted(
            {"user": desk.holds["users"][user_id]["email"]},
            removes=frozenset(fact for fact in before if fact[0] != "account" and user_id in fact[1:3]),
            effect=("user_deleted", desk.username(user_id), ""),
            marks={"path": f"*/members/{user_id}"},
        )
        for user_id in desk.people(count)
    ]


def roles(desk: Desk, count: int, *, raised: bool) -> list[Wanted]:
    """Members who are to be administrators, or administrators who are to be none any more."""
    old, new = (MEMBER, ADMIN) if raised else (ADMIN, MEMBER)
    rows = []
    for user_id in desk.people(count):
        if not raised:
            desk.world.arrange(*granting(user_id, ADMIN))
        rows.append(
            Wanted(
                {"user": desk.called(user_id), "role": desk.dice.choice([ADMIN, "admin"])},
                adds=frozenset([("role", user_id, new)]),
                removes=frozenset([("role", user_id, old)]),
                effect=("role_assigned", desk.username(user_id), new),
                marks={"path": f"*/acl/user/{user_id}"},
            )
        )
    return rows


def granting(user_id: str, role: str) -> Done:
    """The call that sets a role in the organisation."""
    return ("PUT", f"/organisations/{{org}}/acl/user/{user_id}", {"grant": {"role": role}})


def teams(desk: Desk, count: int, *, inside: bool) -> list[Wanted]:
    """People in a team, or outside; some are to administer it."""
    found = desk.teams()
    pairs = [(found[number % len(found)], user_id) for number, user_id in enumerate(desk.people(count))]
    rows = []
    for team, user_id in pairs:
        one = desk.holds["teams"][team]
        if inside and user_id not in one["grants"]:
            desk.world.arrange(*placing(team, user_id, add=True))
        elif not inside and user_id in one["grants"]:
            desk.world.arrange(*placing(team, user_id, add=False))
        level = "" if inside else desk.dice.choice(["", "member", "maintainer"])
        held = one["grants"].get(user_id, "team_member") if inside else ""
        fact: Fact = ("in", team, user_id, held or ("team_admin" if level == "maintainer" else "team_member"))
        cells = {"user": desk.called(user_id), "team": desk.dice.choice([team, one["name"].upper()])}
        rows.append(
            Wanted(
                cells if inside else {**cells, "membership": level},
                adds=frozenset() if inside else frozenset([fact]),
                removes=frozenset([fact]) if inside else frozenset(),
                effect=("team_removed" if inside else "team_added", desk.username(user_id), team),
                marks={"path": f"*/teams/{team}/members/{user_id}"}
                if inside
                else {"path": f"*/teams/{team}/members", "body_contains": f'"{user_id}"'},
            )
        )
    return rows


def placing(team: str, user_id: str, *, add: bool, role: str = "team_member") -> Done:
    """The call that puts somebody into a team, or takes them out."""
    if not add:
        return ("DELETE", f"/teams/{team}/members/{user_id}", None)
    return ("POST", f"/teams/{team}/members", {"member": {"memberId": user_id, "permissionFriendlyId": role}})


def _fact(row: Wanted, kind: str) -> Fact:
    return next(fact for fact in (*row.adds, *row.removes) if fact[0] == kind)


def _id_of(row: Wanted) -> str:
    return row.marks["path"].rpartition("/")[2]


def again(kind: str, row: Wanted, desk: Desk) -> Wanted:
    """Another row that means the same, by another name; whoever is gone is known by none but the one that was used."""
    cells = dict(row.cells)
    if kind == "delete-user":
        cells["user"] = cells["user"].swapcase()
    elif "user" in cells:
        name = row.effect[1] if row.effect else ""
        users = desk.holds["users"].items()
        cells["user"] = next(desk.called(key) for key, user in users if user["username"].casefold() == name)
    elif cells.get("email"):
        cells["email"] = cells["email"].swapcase()
    else:
        cells["invite_id"] = cells["invite_id"].upper()
    return replace(row, cells=cells)


VERBS: Mapping[str, Verb] = {
    "invite": Verb(invite, "POST", "/v1/organisations/*/invitations", rows=80),
    "resend-invite": Verb(resend, "POST", "/v1/organisations/*/invitations", rows=60),
    "revoke-invite": Verb(revoke, "DELETE", "/v1/organisations/*/invitations/*", rows=80),
    "delete-user": Verb(delete, "DELETE", "/v1/organisations/*/members/*", rows=80),
    "assign-role": Verb(
        lambda desk, count: roles(desk, count, raised=True), "PUT", "/v1/organisations/*/acl/*", rows=80
    ),
    "unassign-role": Verb(
        lambda desk, count: roles(desk, count, raised=False), "PUT", "/v1/organisations/*/acl/*", rows=80
    ),
    "add-team-member": Verb(
        lambda desk, count: teams(desk, count, inside=False), "POST", "/v1/teams/*/members", rows=80
    ),
    "remove-team-member": Verb(
        lambda desk, count: teams(desk, count, inside=True), "DELETE", "/v1/teams/*/members/*", rows=80
    ),
}

DONE: Mapping[str, Callable[[Wanted], Done]] = {
    "invite": lambda row: invitation(row.cells["email"]),
    "revoke-invite": lambda row: ("DELETE", f"{INVITATIONS}/{_id_of(row)}", None),
    "delete-user": lambda row: ("DELETE", f"/organisations/{{org}}/members/{_id_of(row)}", None),
    "assign-role": lambda row: granting(_id_of(row), ADMIN),
    "unassign-role": lambda row: granting(_id_of(row), MEMBER),
    "add-team-member": lambda row: placing(*_fact(row, "in")[1:3], add=True, role=_fact(row, "in")[3]),
    "remove-team-member": lambda row: placing(*_fact(row, "in")[1:3], add=False),
}

NOBODY: Mapping[str, Callable[[int], dict[str, str]]] = {
    "invite": lambda number: {"email": f"no address {number}", "role": MEMBER, "acl_object": ""},
    "resend-invite": lambda number: {"email": f"never.invited.{number}@hire.test", "invite_id": ""},
    "delete-user": lambda number: {"user": f"no.such.person.{number}@acme.test"},
    "assign-role": lambda number: {"user": f"no.such.person.{number}", "role": ADMIN},
    "unassign-role": lambda number: {"user": f"no.such.person.{number}", "role": ADMIN},
    "add-team-member": lambda number: {"user": f"no.such.person.{number}", "team": "Platform", "membership": ""},
    "remove-team-member": lambda number: {"user": f"no.such.person.{number}", "team": "Platform"},
}

WIREMOCK = Habitat(
    vendor="wiremock-cloud",
    base="/v1",
    verbs=VERBS,
    done=DONE,
    nobody=NOBODY,
    facts=facts_of,
    again=again,
    beside=lambda kind: "add-team-member" if "invite" in kind else "invite",
    quirks={
        "self_redirect": ("relative", "absolute"),
        "paging": ("full", "meta", "links", "bare"),
        "limit_max": (100, 30),
        "limit_over_max": ("clamp", "reject"),
        "remove_unknown": (404, 204),
        "invite_member": ("conflict", "second", "silent"),
        "reinvite_pending": ("second", "second", "conflict", "silent"),
        "invite_email_case": ("keep", "lower"),
        "new_user": ("literal", "described"),
        "revoke_status": (204, 200),
        "team_repeat": ("conflict", "ok"),
        "team_remove_unknown": (404, 204),
        "team_not_found": ("errors", "message"),
        "acl_status": (200, 204),
        "grants_form": ("objects", "ids", "acl_grants"),
        "grants_paged": (False, True),
    },
    logins={"api-key": {"api_key": None}},
    throttling=(429,),
    reads="/v1/*",
    forgets=frozenset({"delete-user"}),
    desk=WiremockDesk,
    scheme="Token",
    tells_quota=False,
    options=dict.fromkeys(OPTIONS, True),
)
