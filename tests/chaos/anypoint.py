"""Anypoint as a campaign sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bulkops.sandbox.options import CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME
from tests.chaos import preparing
from tests.chaos.habitat import Done, Habitat
from tests.chaos.rows import Desk, Verb, Wanted
from tests.chaos.world import Fact, facts_of

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
"""Rows that name nobody, or nothing that is an address."""

ORG = "/accounts/api/organizations/*"

VERBS: Mapping[str, Verb] = {
    "invite": Verb(preparing.invite, "POST", f"{ORG}/invites"),
    "resend-invite": Verb(preparing.resend, "POST", f"{ORG}/invites/resend", settles=False, itemised=True),
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
"""The operations of the contract's table, in its order."""


def again(kind: str, row: Wanted, desk: Desk) -> Wanted:
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
        cells = {"email": desk.address_of(cells["invite_id"]).upper(), "invite_id": ""}
    return replace(row, cells=cells)


def operation_beside(kind: str) -> str:
    """An operation on things that `kind` does not touch."""
    return "allowlist-add" if kind in {"invite", "resend-invite", "revoke-invite"} else "invite"


LOGINS: Mapping[str, Mapping[str, str | None]] = {
    "bearer": {"token": None},
    "connected-app": {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
    "password": {"username": USERNAME, "password": PASSWORD},
}

QUIRKS: Mapping[str, tuple[Any, ...]] = {
    "limit_over_max": ("clamp", "reject"),
    "invite_answer": ("empty", "items"),
    "invite_email_case": ("lower", "keep"),
    "reinvite_pending": ("second", "second", "refresh", "reject"),
    "invite_member": ("accept", "reject"),
    "resend_expired": ("renew", "keep"),
    "bulk_delete_unknown": ("skip", "reject"),
    "delete_deleted": ("not_found", "ok"),
    "delete_status": (204, 200),
    "put_user_partial": ("keep", "reject", "clear"),
    "put_user_status": (200, 204),
    "rolegroup_repeat": ("ok", "conflict"),
    "rolegroup_answer": ("rows", "empty"),
    "rolegroup_name_taken": ("second", "second", "conflict"),
    "team_name_taken": ("second", "second", "sibling", "anywhere"),
    "create_answer": ("empty", "object"),
    "unassign_conflict": ("atomic", "part"),
    "unassign_role_missing": ("not_found", "ok", "conflict"),
    "team_name_field": ("name", "team_name"),
    "allowlist_patch": ("replace", "merge"),
    "allowlist_expand": (True, False),
    "reset_unit": ("epoch", "milliseconds_left"),
}

ANYPOINT = Habitat(
    vendor="anypoint",
    base="/accounts/api/organizations/{org}",
    verbs=VERBS,
    done=DONE,
    nobody=NOBODY,
    facts=facts_of,
    again=again,
    beside=operation_beside,
    quirks=QUIRKS,
    settings={"throttle": "429", "app_forbid": []},
    logins=LOGINS,
    throttling=(429, 503),
    reads="*/organizations/*",
)
