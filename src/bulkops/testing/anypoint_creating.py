"""Rows that make role groups and teams on the simulated Anypoint."""

from __future__ import annotations

from bulkops.sandbox import Sandbox
from bulkops.sandbox.anypoint.organization import RoleGroup, Team
from bulkops.testing.anypoint_state import state_of
from bulkops.testing.operation_contract import Row


def new_role_group_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """Names that no role group has."""
    return [new_role_group_row(sandbox, f"New group {number}") for number in range(count)]


def new_role_group_row(sandbox: Sandbox, name: str) -> Row:
    """One name."""
    org = state_of(sandbox)

    def make() -> None:
        group = RoleGroup(f"by-others-{name}", org.root.id, name, "", 0.0)
        org.rolegroups[group.id] = group

    return Row(
        {"name": name, "description": "made by a job"},
        lambda: any(group.name == name for group in org.rolegroups_of(org.root)),
        {"body_contains": f'"{name}"'},
        make,
        lambda: sandbox.effects.count("role_group_created", name),
    )


def new_team_rows(sandbox: Sandbox, count: int, parents: int) -> list[Row]:
    """Names that no team has, under some teams: the one at the top, and others by name and by id."""
    above = list(state_of(sandbox).teams.values())[:parents]
    return [new_team_row(sandbox, f"New team {number}", above[number % parents], number) for number in range(count)]


def new_team_row(sandbox: Sandbox, name: str, parent: Team, number: int) -> Row:
    """One name under a parent."""
    org = state_of(sandbox)

    def make() -> None:
        team = Team(f"by-others-{name}", name, parent.id, 0.0)
        org.teams[team.id] = team

    called = (parent.name.upper(), parent.id)[number % 2]
    return Row(
        {"name": name, "parent": "" if parent.parent_id is None and number % 3 else called},
        lambda: any((team.name, team.parent_id) == (name, parent.id) for team in org.teams.values()),
        {"body_contains": f'"{name}"'},
        make,
        lambda: sandbox.effects.count("team_created", name),
    )
