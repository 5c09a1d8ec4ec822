"""A job for each operation: rows that change something, rows that repeat others, and rows that should do nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.chaos import preparing
from tests.chaos.rows import Desk, Verb, Wanted
from tests.chaos.world import Fact, World, facts_of


def make_job(kind: str, world: World, dice: random.Random) -> list[Wanted]:
    """The rows of a job, in the order of its file. Afterwards the organisation is in its first state."""
    desk = Desk(world, dice)
    desk.look()
    verb = VERBS[kind]
    count = round(verb.rows * dice.uniform(0.8, 1.2))
    rows = verb.prepare(desk, count)
    desk.look()
    if verb.whole:
        refused = dice.random() < 0.1  # the list is refused as a whole
        if dice.random() < 0.5:
            preparing.put_on_the_allowlist(desk, rows)  # the job only removes: each row is on the list before it runs
            desk.look()
        return [replace(row, refused=refused) for row in _replacing(rows, desk)]
    cut = max(1, count // 20)
    rows, settled = rows[:-cut], rows[-cut:]
    done = _carried_out(kind, settled, desk)
    rows = [_refused(row, dice, 0.04) for row in rows]
    repeats = [_again(kind, row, desk) for row in dice.sample(rows, max(2, count // 15))]
    nobody = [Wanted(NOBODY[kind](number), "nobody") for number in range(count // 40)] if kind in NOBODY else []
    together = [*rows, *done, *repeats, *nobody]
    dice.shuffle(together)
    return together


def _refused(row: Wanted, dice: random.Random, share: float) -> Wanted:
    return replace(row, refused=dice.random() < share)


def _replacing(rows: Sequence[Wanted], desk: Desk) -> list[Wanted]:
    """The file is the list: all that it does not name goes, and a row is true when the whole list is."""
    before = frozenset(fact for fact in facts_of(desk.holds) if fact[0] == "allowed")
    named = {row.cells["client_id"] for row in rows}
    gone = frozenset(fact for fact in before if fact[1] not in named)
    adds = frozenset(fact for row in rows for fact in row.adds)
    return [replace(row, adds=adds, removes=gone) for row in rows]


def make_mixed_job(kind: str, beside: str, world: World, dice: random.Random) -> list[Wanted]:
    """The rows of a job of one operation, and among them some that name another."""
    rows = make_job(kind, world, dice)
    others = make_job(beside, world, dice)[:ROWS_BESIDE]
    named = [replace(row, cells={**row.cells, "operation": beside}, refused=False) for row in others]
    for row in named:
        rows.insert(dice.randint(0, len(rows)), row)
    return rows


def operation_beside(kind: str) -> str:
    """An operation on things that `kind` does not touch."""
    return "allowlist-add" if kind in {"invite", "resend-invite", "revoke-invite"} else "invite"


def _carried_out(kind: str, rows: Sequence[Wanted], desk: Desk) -> list[Wanted]:
    """Rows of which it is so before the job runs; none for a mail, which is never so already."""
    if kind == "resend-invite":
        return []
    for row in rows:
        method, path, body = DONE[kind](row)
        desk.world.arrange(method, path, body)
    desk.look()
    return [replace(row, kind="already", adds=frozenset(), removes=frozenset(), effect=None) for row in rows]


def _again(kind: str, row: Wanted, desk: Desk) -> Wanted:
    """Another row that means the same, by another name where there is one."""
    cells = dict(row.cells)
    if "user" in cells:
        user_id = next(fact[1] if fact[0] in {"account", "may"} else fact[2] for fact in (*row.adds, *row.removes))
        cells["user"] = desk.called(user_id)
    elif "name" in cells:
        cells["name"] = cells["name"].swapcase()
        if "parent" in cells:
            place = _fact(row)[2]
            cells["parent"] = desk.dice.choice([place, desk.holds["teams"][place]["name"]])
    elif cells.get("email"):
        cells["email"] = cells["email"].swapcase()
    elif kind == "resend-invite":
        found = next(one for one in desk.holds["invites"] if str(one["id"]) == cells["invite_id"])
        cells = {"email": found["email"].upper(), "invite_id": ""}
    return replace(row, cells=cells)


ROWS_BESIDE = 40
"""So many rows of a mixed job, at most, are of its second operation."""

Done = tuple[str, str, Any]
ALLOWLIST = "/connectedApplications/allowlist"


def _fact(row: Wanted) -> Fact:
    """What a row is about, for those that are about one thing."""
    return next(iter(row.adds or row.removes))


def _user_of(row: Wanted) -> str:
    return next(fact[1] for fact in row.adds if fact[0] == "account")


def _context(fact: Fact) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in fact[3:])


DONE: Mapping[str, Callable[[Wanted], Done]] = {
    "invite": lambda row: ("POST", "/invites", [{"email": row.cells["email"]}]),
    "revoke-invite": lambda row: ("DELETE", "/invites", [int(row.marks["body_contains"])]),
    "delete-user": lambda row: ("DELETE", "/users", [_user_of(row)]),
    "disable-user": lambda row: ("PUT", f"/users/{_user_of(row)}", {"enabled": False}),
    "enable-user": lambda row: ("PUT", f"/users/{_user_of(row)}", {"enabled": True}),
    "assign-role-group": lambda row: ("POST", f"/rolegroups/{_fact(row)[1]}/users", [_fact(row)[2]]),
    "unassign-role-group": lambda row: ("DELETE", f"/rolegroups/{_fact(row)[1]}/users", [_fact(row)[2]]),
    "assign-role": lambda row: ("POST", f"/users/{_fact(row)[1]}/roles/{_fact(row)[2]}", _context(_fact(row))),
    "unassign-role": lambda row: ("DELETE", f"/users/{_fact(row)[1]}/roles/{_fact(row)[2]}", _context(_fact(row))),
    "add-team-member": lambda row: (
        "PATCH",
        f"/teams/{_fact(row)[1]}/members",
        [{"id": _fact(row)[2], "membership_type": _fact(row)[3]}],
    ),
    "remove-team-member": lambda row: ("DELETE", f"/teams/{_fact(row)[1]}/members", [_fact(row)[2]]),
    "allowlist-add": lambda row: (
        "PATCH",
        ALLOWLIST,
        [{"client_id": _fact(row)[1], "authorized_scopes": _fact(row)[2].split(",")}],
    ),
    "allowlist-remove": lambda row: ("DELETE", ALLOWLIST, [{"client_id": _fact(row)[1]}]),
    "create-role-group": lambda row: ("POST", "/rolegroups", {"name": row.cells["name"]}),
    "create-team": lambda row: (
        "POST",
        "/teams",
        {"team_name": row.cells["name"], "parent_team_id": _fact(row)[2], "team_type": "internal"},
    ),
}
"""How the vendor is told to do what a row wants, for rows that are so before the job runs."""


NOBODY: Mapping[str, Callable[[int], dict[str, str]]] = {
    "resend-invite": lambda number: {"email": f"never.invited.{number}@hire.test", "invite_id": ""},
    "delete-user": lambda number: {"user": f"no.such.person.{number}"},
    "disable-user": lambda number: {"user": f"no.such.person.{number}@acme.test"},
    "enable-user": lambda number: {"user": f"no.such.person.{number}@acme.test"},
    "assign-role-group": lambda number: {"user": f"no.such.person.{number}", "role_group": "Developers"},
    "unassign-role-group": lambda number: {"user": f"no.such.person.{number}", "role_group": "Developers"},
    "assign-role": lambda number: {"user": f"no.such.person.{number}", "role": "Cloudhub Admin"},
    "unassign-role": lambda number: {"user": f"no.such.person.{number}", "role": "Cloudhub Admin"},
    "add-team-member": lambda number: {"user": f"no.such.person.{number}", "team": "Platform", "membership": ""},
    "remove-team-member": lambda number: {"user": f"no.such.person.{number}", "team": "Platform"},
    "create-role-group": lambda number: {"name": f"two  spaces {number}", "description": ""},
    "create-team": lambda number: {"name": f"Of nobody {number}", "parent": f"No such team {number}"},
    "invite": lambda number: {"email": f"no address {number}", "role_groups": "", "teams": ""},
}
"""Rows that name nobody, or nothing that is an address or a name."""

ORG = "/accounts/api/organizations/*"

VERBS: Mapping[str, Verb] = {
    "invite": Verb(preparing.invite, "POST", f"{ORG}/invites"),
    "resend-invite": Verb(preparing.resend, "POST", f"{ORG}/invites/resend", settles=False),
    "revoke-invite": Verb(preparing.revoke, "DELETE", f"{ORG}/invites"),
    "delete-user": Verb(preparing.delete, "DELETE", f"{ORG}/users"),
    "disable-user": Verb(lambda desk, count: preparing.switch(desk, count, on=False), "PUT", f"{ORG}/users"),
    "enable-user": Verb(lambda desk, count: preparing.switch(desk, count, on=True), "PUT", f"{ORG}/users"),
    "assign-role-group": Verb(
        lambda desk, count: preparing.role_groups(desk, count, held=False), "POST", f"{ORG}/rolegroups/*/users"
    ),
    "unassign-role-group": Verb(
        lambda desk, count: preparing.role_groups(desk, count, held=True), "DELETE", f"{ORG}/rolegroups/*/users"
    ),
    "assign-role": Verb(lambda desk, count: preparing.roles(desk, count, held=False), "POST", f"{ORG}/users/*/roles"),
    "unassign-role": Verb(
        lambda desk, count: preparing.roles(desk, count, held=True), "DELETE", f"{ORG}/users/*/roles/*", rows=90
    ),
    "add-team-member": Verb(
        lambda desk, count: preparing.teams(desk, count, inside=False), "PATCH", f"{ORG}/teams/*/members"
    ),
    "remove-team-member": Verb(
        lambda desk, count: preparing.teams(desk, count, inside=True), "DELETE", f"{ORG}/teams/*/members"
    ),
    "allowlist-add": Verb(preparing.add_to_allowlist, "PATCH", f"{ORG}{ALLOWLIST}"),
    "allowlist-remove": Verb(preparing.disallow, "DELETE", f"{ORG}{ALLOWLIST}"),
    "allowlist-replace": Verb(preparing.allow, "PUT", f"{ORG}{ALLOWLIST}", whole=True),
    "create-role-group": Verb(preparing.new_role_groups, "POST", f"{ORG}/rolegroups", rows=90),
    "create-team": Verb(preparing.new_teams, "POST", f"{ORG}/teams", rows=90),
}
"""The operations of the contract's table, in its order, and those that make what the others speak of."""
