"""For each operation: bringing an organisation into a first state in which every row changes something."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

from tests.chaos.rows import Desk, Wanted
from tests.chaos.world import allowed, facts_of, invited, made, permission, state_fact

SCOPES = ("read:organization", "read:applications", "view:exchange", "manage:apis")


# invitations


def invite(desk: Desk, count: int) -> list[Wanted]:
    """Addresses that nobody has; some with a role group and a team."""
    groups = [(group, desk.holds["role_groups"][group]["name"]) for group in desk.groups()]
    teams = [(team, desk.holds["teams"][team]["name"]) for team in desk.teams()]
    rows = []
    for number in range(count):
        email = f"New.{number}@hire.test"
        cells, grants = {"email": email, "role_groups": "", "teams": ""}, []
        if desk.dice.random() < 0.3:
            (group, name), (team, _) = desk.dice.choice(groups), desk.dice.choice(teams)
            cells.update(role_groups=name, teams=team)
            grants = [f"role group {group}", f"team {team} member"]
        rows.append(
            Wanted(
                cells,
                adds=frozenset([invited(email, grants)]),
                effect=("invite_sent", email.casefold(), ""),
                marks={"body_contains": f'"{email}"'},
            )
        )
    return rows


def _outstanding(desk: Desk, count: int) -> list[dict[str, Any]]:
    """New invitations that wait for an answer."""
    wanted = [{"email": f"waiting.{number}@hire.test"} for number in range(count)]
    desk.arrange("POST", "/invites", wanted)
    desk.look()
    return [one for one in desk.holds["invites"] if one["email"].startswith("waiting.")]


def _invitation_cells(desk: Desk, invite: Mapping[str, Any]) -> dict[str, str]:
    email, number = str(invite["email"]), str(invite["id"])
    return desk.dice.choice(
        [{"email": email, "invite_id": ""}, {"email": "", "invite_id": number}, {"email": email, "invite_id": number}]
    )


def resend(desk: Desk, count: int) -> list[Wanted]:
    """Invitations whose mail is to leave once more, and that are not of this very second.

    The server's Date counts whole seconds, so that a fresh one could not be told from one that was mailed again.
    """
    found = _outstanding(desk, count)
    time.sleep(1.5)
    return [
        Wanted(
            _invitation_cells(desk, one),
            effect=("invite_resent", one["email"], ""),
            marks={"body_contains": str(one["id"])},
        )
        for one in found
    ]


def revoke(desk: Desk, count: int) -> list[Wanted]:
    """Invitations that are to be taken back."""
    return [
        Wanted(
            _invitation_cells(desk, one),
            removes=frozenset([invited(one["email"])]),
            effect=("invite_revoked", one["email"], ""),
            marks={"body_contains": str(one["id"])},
        )
        for one in _outstanding(desk, count)
    ]


# accounts


def delete(desk: Desk, count: int) -> list[Wanted]:
    """With the account goes all that it may do."""
    before = facts_of(desk.holds)
    rows = []
    for user_id in desk.people(count):
        gone = {fact for fact in before if user_id in fact[1:3] and fact[0] not in {"profile", "account"}}
        rows.append(
            Wanted(
                {"user": desk.called(user_id)},
                adds=frozenset([state_fact(user_id, enabled=True, deleted=True)]),
                removes=frozenset({*gone, state_fact(user_id, enabled=True, deleted=False)}),
                effect=("user_deleted", desk.username(user_id), ""),
                marks={"body_contains": user_id},
            )
        )
    return rows


def switch(desk: Desk, count: int, *, on: bool) -> list[Wanted]:
    """Accounts that can be used, or cannot."""
    found = desk.people(count)
    if on:
        users = desk.holds["users"]
        desk.arrange("PUT", "/users", [_account(users[one], one, enabled=False) for one in found])
    return [
        Wanted(
            {"user": desk.called(user_id)},
            adds=frozenset([state_fact(user_id, enabled=on, deleted=False)]),
            removes=frozenset([state_fact(user_id, enabled=not on, deleted=False)]),
            effect=("user_enabled" if on else "user_disabled", desk.username(user_id), ""),
            marks={"body_contains": user_id},
        )
        for user_id in found
    ]


def _account(user: Mapping[str, Any], user_id: str, *, enabled: bool) -> dict[str, Any]:
    """An account as PUT takes it, with nothing changed but whether it can be used."""
    names = {"firstName": "first_name", "lastName": "last_name", "email": "email", "phoneNumber": "phone"}
    return {"id": user_id, "enabled": enabled, **{name: user[field] for name, field in names.items()}}


# what people hold


def role_groups(desk: Desk, count: int, *, held: bool) -> list[Wanted]:
    """People who hold a role group, or do not; the groups by turns."""
    groups = desk.groups()
    pairs = [(groups[number % len(groups)], user) for number, user in enumerate(desk.people(count))]
    _bring_about(desk, "holds", pairs, lambda group: ("POST", f"/rolegroups/{group}/users"), held=held)
    rows = []
    for group, user_id in pairs:
        fact = frozenset([("holds", group, user_id)])
        name = desk.dice.choice([group, desk.holds["role_groups"][group]["name"]])
        effect = "role_group_unassigned" if held else "role_group_assigned"
        rows.append(
            Wanted(
                {"user": desk.called(user_id), "role_group": name},
                adds=frozenset() if held else fact,
                removes=fact if held else frozenset(),
                effect=(effect, desk.username(user_id), group),
                marks={"body_contains": user_id, "path": f"*/rolegroups/{group}/users"},
            )
        )
    return rows


def teams(desk: Desk, count: int, *, inside: bool) -> list[Wanted]:
    """People in a team as members, or outside; then three in ten are to be maintainers."""
    teams = desk.teams()
    pairs = [(teams[number % len(teams)], user) for number, user in enumerate(desk.people(count))]
    for team in teams:
        there = set(desk.holds["teams"][team]["members"])
        chosen = [user for one, user in pairs if one == team]
        if away := [user for user in chosen if user in there]:
            desk.arrange("DELETE", f"/teams/{team}/members", away)
        if inside:
            desk.arrange(
                "PATCH", f"/teams/{team}/members", [{"id": user, "membership_type": "member"} for user in chosen]
            )
    rows = []
    for team, user_id in pairs:
        level = "maintainer" if not inside and desk.dice.random() < 0.3 else "member"
        fact = frozenset([("in", team, user_id, level)])
        cells = {"user": desk.called(user_id), "team": desk.dice.choice([team, desk.holds["teams"][team]["name"]])}
        rows.append(
            Wanted(
                cells if inside else {**cells, "membership": level},
                adds=frozenset() if inside else fact,
                removes=fact if inside else frozenset(),
                effect=("team_removed" if inside else "team_added", desk.username(user_id), team),
                marks={"body_contains": user_id, "path": f"*/teams/{team}/members"},
            )
        )
    return rows


def _bring_about(
    desk: Desk,
    fact: str,
    pairs: Sequence[tuple[str, str]],
    call: Callable[[str], tuple[str, str]],
    *,
    held: bool,
) -> None:
    """See to it that all of `pairs` (a group and a person) hold, or that none does."""
    now = facts_of(desk.holds)
    for group in dict.fromkeys(group for group, _ in pairs):
        method, path = call(group)
        users = [user for one, user in pairs if one == group and ((fact, group, user) in now) != held]
        if users:
            desk.arrange(method if held else "DELETE", path, users)


def roles(desk: Desk, count: int, *, held: bool) -> list[Wanted]:
    """Permissions of a dozen people, in the organisation, its groups and its environments."""
    root = next(iter(desk.holds["units"]))
    contexts: list[tuple[dict[str, str], dict[str, str]]] = [({"org": root}, {"organization": "", "environment": ""})]
    for unit, name in list(desk.holds["units"].items())[1:]:
        contexts.append(({"org": unit}, {"organization": name, "environment": ""}))
    contexts += [
        ({"org": root, "envId": one["id"]}, {"organization": "", "environment": one["name"]})
        for one in desk.holds["environments"]
        if one["organization"] == root
    ]
    persons = desk.people(12)
    choices = list(product(desk.holds["catalogue"].items(), contexts))
    now = facts_of(desk.holds)
    rows = []
    for number in range(count):
        user_id = persons[number % len(persons)]
        (role, name), (context, cells) = choices[number // len(persons)]
        fact = permission(user_id, {"role": role, "context": context})
        if (fact in now) != held:
            desk.world.arrange("POST" if held else "DELETE", f"/users/{user_id}/roles/{role}", context)
        pairs = ",".join(f'"{key}":"{context[key]}"' for key in sorted(context))
        marks = {"path": f"*/users/{user_id}/roles", "body_contains": f'"{role}":{{{pairs}}}'}
        if held:
            marks = {"path": f"*/users/{user_id}/roles/{role}", "body_contains": f"{{{pairs}}}"}
        rows.append(
            Wanted(
                {"user": desk.called(user_id), "role": desk.dice.choice([role, name]), **cells},
                adds=frozenset() if held else frozenset([fact]),
                removes=frozenset([fact]) if held else frozenset(),
                effect=("role_unassigned" if held else "role_assigned", desk.username(user_id), role),
                marks=marks,
            )
        )
    return rows


# new role groups and teams


def new_role_groups(desk: Desk, count: int) -> list[Wanted]:
    """Names that no role group has."""
    root = next(iter(desk.holds["units"]))
    return [
        Wanted(
            {"name": name, "description": desk.dice.choice(["", "for a job"])},
            adds=frozenset([made("role group", name, root)]),
            effect=("role_group_created", name.casefold(), root),
            marks={"body_contains": f'"{name}"'},
        )
        for name in (f"New Group {number}" for number in range(count))
    ]


def new_teams(desk: Desk, count: int) -> list[Wanted]:
    """Names that no team has, under some teams and under the one at the top."""
    places = list(desk.holds["teams"])[:4]
    rows = []
    for number in range(count):
        name, place = f"New Team {number}", places[number % len(places)]
        cell = "" if place == places[0] else desk.dice.choice([place, desk.holds["teams"][place]["name"]])
        rows.append(
            Wanted(
                {"name": name, "parent": cell},
                adds=frozenset([made("team", name, place)]),
                effect=("team_created", name.casefold(), place),
                marks={"body_contains": f'"{name}"'},
            )
        )
    return rows


# the allowlist


def _clients(count: int) -> list[str]:
    return [f"{number:04d}c0ffee" for number in range(count)]


def add_to_allowlist(desk: Desk, count: int) -> list[Wanted]:
    """New apps, and some that are on the list and get more scopes."""
    known = [(client, scopes) for client, scopes in desk.holds["allowlist"].items() if scopes is not None]
    rows = []
    for client, scopes in desk.dice.sample(known, 8):
        more = desk.dice.choice([scope for scope in SCOPES if scope not in scopes])
        rows.append(
            Wanted(
                {"client_id": client, "scopes": more},
                adds=frozenset([allowed(client, [*scopes, more])]),
                removes=frozenset([allowed(client, scopes)]),
                effect=("allowlist_changed", client, ""),
                marks={"body_contains": f'"{client}"'},
            )
        )
    return [*rows, *allow(desk, count - len(rows))]


def allow(desk: Desk, count: int) -> list[Wanted]:
    """Apps that are not on the allowlist."""
    rows = []
    for client in _clients(count):
        scopes = desk.dice.sample(SCOPES, desk.dice.randint(1, 3))
        rows.append(
            Wanted(
                {"client_id": client, "scopes": ";".join(scopes)},
                adds=frozenset([allowed(client, scopes)]),
                effect=("allowlist_added", client, ""),
                marks={"body_contains": f'"{client}"'},
            )
        )
    return rows


def put_on_the_allowlist(desk: Desk, rows: Sequence[Wanted]) -> None:
    """The apps of rows that allow some, as those rows want them."""
    entries = [
        {"client_id": row.cells["client_id"], "authorized_scopes": row.cells["scopes"].split(";")} for row in rows
    ]
    desk.arrange("PATCH", "/connectedApplications/allowlist", entries)


def disallow(desk: Desk, count: int) -> list[Wanted]:
    """Apps that are on it."""
    entries = [{"client_id": client, "authorized_scopes": [SCOPES[0]]} for client in _clients(count)]
    desk.arrange("PATCH", "/connectedApplications/allowlist", entries)
    return [
        Wanted(
            {"client_id": client},
            removes=frozenset([allowed(client, [SCOPES[0]])]),
            effect=("allowlist_removed", client, ""),
            marks={"body_contains": f'"{client}"'},
        )
        for client in _clients(count)
    ]
