"""What moving people takes: nobody twice, nothing lost, nobody let go who has not arrived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from bulkops.planning.census import Census
from bulkops.planning.findings import Migration
from bulkops.planning.mapping import NameMapping
from bulkops.planning.migration import plan_migration
from bulkops.providers.base import Invitation, Link, Named, Person

OPERATIONS = frozenset({"invite", "assign-role-group", "add-team-member", "create-role-group", "create-team"})
COLUMNS = frozenset({"email", "role_groups", "teams"})


def census(
    people: Sequence[Person] = (),
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    **more: Any,
) -> Census:
    """An organisation; `groups` are role groups by name, with the ids of who is in them. Ids are names."""
    named = [Named(name, name) for name in groups or {}]
    members = {("role_group", name): [Link(one) for one in ids] for name, ids in (groups or {}).items()}
    fields: dict[str, Any] = {"invitations": (), "operations": OPERATIONS, "invite_columns": COLUMNS, **more}
    return Census("id", "Acme", "anypoint", people, groups={"role_group": named, "team": []}, members=members, **fields)


def person(name: str, address: str | None = None, **more: Any) -> Person:
    """Somebody whose id is their name."""
    return Person(name, name, address or f"{name}@old.test", **more)


def plan(
    source: Census, goal: Census, *, apps: frozenset[str] | None = None, create: bool = False, **mapping: Any
) -> Migration:
    """The migration."""
    return plan_migration(source, goal, NameMapping(**mapping), create=create, apps_there=apps)


def codes(migration: Migration) -> dict[str, list[str]]:
    """The subjects of each finding."""
    found: dict[str, list[str]] = {}
    for one in migration.findings:
        found.setdefault(one.code, []).append(one.subject)
    return found


def test_two_addresses_that_become_one_are_invited_once_with_what_both_hold() -> None:
    """Otherwise the second row would repeat the first, and what it grants would be lost."""
    two = [person("a", "eve@old.test"), person("b", "EVE@new.test")]
    source = census(two, groups={"One": ["a"], "Two": ["b"]})
    found = plan(source, census(groups={"One": [], "Two": []}), domains={"old.test": "new.test"})
    assert [(row["email"], row["role_groups"]) for row in found.invites] == [("eve@new.test", ["One", "Two"])]
    assert codes(found)["several_accounts"] == ["eve@old.test"]


def test_an_invitation_of_somebody_who_is_here_is_not_taken_for_another_person() -> None:
    """Compared by the address there: an enabled person is invited once, a disabled one not at all."""
    people = [person("eve"), person("off", enabled=False)]
    invitations = [Invitation("1", "eve@old.test"), Invitation("2", "off@old.test"), Invitation("3", "new@old.test")]
    found = plan(census(people, invitations=invitations), census(), domains={"old.test": "new.test"})
    assert [row["email"] for row in found.invites] == ["eve@new.test", "new@new.test"]
    assert codes(found)["pending_invite"] == ["new@old.test"]


def test_only_who_has_arrived_with_everything_may_be_let_go() -> None:
    """Not the invited, not who still lacks a role group, and not who would lose one that is missing there."""
    names = ("there", "lacking", "losing", "invited", "unknown")
    source = census([person(one) for one in names], groups={"One": ["there", "lacking"], "Gone": ["losing"]})
    goal = census(
        [person("there"), person("lacking"), person("losing")],
        groups={"One": ["there"]},
        invitations=[Invitation("1", "invited@old.test")],
    )
    found = plan(source, goal)
    assert [one.id for one, _address in found.offboarding] == ["there"]
    assert {one.id for one, _address in found.waiting} == set(names) - {"there"}
    assert found.arrived == {"there@old.test"}


def test_a_disabled_account_there_is_no_arrival() -> None:
    """Nothing is given to it, and the one here stays."""
    goal = census([person("eve", enabled=False)], groups={"One": []})
    found = plan(census([person("eve")], groups={"One": ["eve"]}), goal)
    assert codes(found)["disabled_there"] == ["eve@old.test"]
    assert (found.offboarding, found.arrived, dict(found.assignments)) == ([], set(), {})


def test_a_membership_whose_kind_is_not_told_is_enough() -> None:
    """Either side may be silent: a row would be written anew each time, and refused or skipped."""

    def teams(level: str) -> Census:
        team = Named("t", "Team", parent=None)
        found = census([person("eve")])
        return replace(found, groups={"team": [team]}, members={("team", "t"): [Link("eve", level=level)]})

    for here, there, said in (
        ("member", "", 0),
        ("", "member", 0),
        ("maintainer", "", 1),
        ("maintainer", "maintainer", 0),
    ):
        found = plan(teams(here), teams(there))
        assert (dict(found.assignments), found.arrived) == ({}, {"eve@old.test"}), (here, there)
        assert len(codes(found).get("level_unknown", [])) == said
    (row,) = plan(teams("maintainer"), teams("member")).assignments["add-team-member"]
    assert row["membership"] == "maintainer"


def test_two_groups_of_one_name_are_made_once() -> None:
    """By the mapping, or because names are compared without case; both give their people the one that is made."""
    source = census([person("a"), person("b")], groups={"One": ["a"], "Two": ["b"]})
    found = plan(source, census(), create=True, role_groups={"Two": "ONE"})
    assert [[row["name"] for row in rows] for _operation, rows in found.creates] == [["One"]]
    assert [row["role_groups"] for row in found.invites] == [["One"], ["One"]]
    assert codes(found)["become_one"] == ["ONE"]


def test_what_every_invitation_gets_is_added_to_what_a_person_holds() -> None:
    """And never takes the place of the address."""
    invite = {"role_groups": "Everybody; One", "email": "x@y.test"}
    found = plan(census([person("eve")], groups={"One": ["eve"]}), census(groups={"One": []}), invite=invite)
    assert found.invites == [{"email": "eve@old.test", "role_groups": ["Everybody", "One"]}]


def test_scopes_of_an_app_that_is_listed_twice_add_up() -> None:
    """One row for each app: a second one would repeat the first."""
    source = census(allowlist=[Link("app", detail=("a",)), Link("app", detail=("b",)), Link("whole")])
    found = plan(source, census(allowlist=[Link("whole", detail=("a",))]))
    assert found.allowlist == [{"client_id": "app", "scopes": ["a", "b"]}]
    assert codes(found)["narrower_there"] == ["whole"]
    assert "unchecked_apps" in codes(found)


@pytest.mark.parametrize(("apps", "rows"), [(frozenset({"known"}), ["known"]), (None, ["known", "other"])])
def test_only_apps_that_are_known_there_are_allowed(apps: frozenset[str] | None, rows: list[str]) -> None:
    """Where nobody can say which are, all are, and that is told."""
    found = plan(census(allowlist=[Link("known"), Link("other")]), census(allowlist=[]), apps=apps)
    assert [row["client_id"] for row in found.allowlist] == rows
    assert codes(found).get("unknown_app", []) == ([] if apps is None else ["other"])


def test_a_mapping_that_nothing_here_has_is_told() -> None:
    """Somebody who was to be left behind would be invited."""
    found = plan(census([person("eve")]), census(), people={"vee@old.test": None}, domains={"odl.test": "new.test"})
    assert codes(found)["unknown_mapping"] == ["vee@old.test", "odl.test"]


@pytest.mark.parametrize("mapping", [{"people": {"a@b.test": " "}}, {"role_groups": {"": "x"}}, {"teams": {"x": ""}}])
def test_a_name_of_nothing_is_refused(mapping: dict[str, Any]) -> None:
    """An empty address would be a row without one."""
    with pytest.raises(ValidationError, match="null for what is left behind"):
        NameMapping(**mapping)
