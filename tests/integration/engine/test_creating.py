"""New role groups and teams: what counts as there already, where a team may stand, and what a lost answer hides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bulkops.engine import Allowance
from bulkops.errors import JobFileError, RefusedError
from bulkops.sandbox.anypoint.organization import Team
from bulkops.testing.anypoint_state import state_of
from bulkops.testing.desk import Desk, open_desk


def team(desk: Desk, name: str) -> Team:
    """The one team of a name."""
    (found,) = [one for one in state_of(desk.sandbox).teams.values() if one.name == name]
    return found


def sent(desk: Desk) -> list[Any]:
    """The bodies of the writes that came."""
    return [one["body"] for one in desk.sandbox.requests if one["method"] != "GET"]


async def refused(desk: Desk, rows: Sequence[str], *words: str) -> None:
    """The job of new teams is refused before anything is sent, saying these words."""
    with pytest.raises(JobFileError) as caught:
        await desk.run("create-team", rows, column="name,parent")
    (problem,) = map(str, caught.value.problems)
    for word in words:
        assert word in problem
    assert sent(desk) == []


async def test_a_row_that_names_the_same_in_other_letters_is_a_repeat(desk: Desk) -> None:
    """By the name in another case, and by the parent's id in place of its name."""
    quality = team(desk, "Quality").id
    rows = ["Testers,Quality", f"TESTERS,{quality}", "Testers,QUALITY"]
    result = await desk.run("create-team", rows, column="name,parent")
    assert (result.counts.succeeded, result.counts.skipped) == (1, 2)
    assert {row["_error"] for row in desk.results()[1:]} == {"duplicate_row"}
    assert desk.sandbox.effects.count("team_created") == 1


async def test_a_name_that_is_the_id_of_another_is_not_there(desk: Desk) -> None:
    """Ids and names are different things, although a row may use either to mean a team."""
    name = team(desk, "Quality").id
    result = await desk.run("create-team", [f"{name},"], column="name,parent")
    assert result.counts.succeeded == 1
    assert team(desk, name).parent_id == team(desk, "Everyone at Acme").id


async def test_a_team_that_stands_elsewhere_is_named_and_not_passed_over(desk: Desk) -> None:
    """What a team gives comes down from its parents: one in another place is not what the row asks for."""
    await refused(desk, ["Platform Core,Quality"], "Platform Core", "under Platform and not under Quality")
    await desk.run("create-team", ["Platform Core,Quality", "Fresh,Quality"], column="name,parent", skip_invalid=True)
    assert [row["_error"] for row in desk.results()] == ["team_elsewhere", ""]


async def test_a_parent_must_be_there_before_its_child_is_planned(desk: Desk) -> None:
    """A parent that the file itself makes is told apart from one that nobody knows."""
    await refused(desk, ["Payments,", "Refunds,payments"], "row 1 of this file makes the team 'payments'", "runs first")
    await refused(desk, ["Refunds,Qualitty"], "no team is called 'Qualitty'", "Quality")


async def test_parents_and_children_are_made_by_two_files(desk: Desk) -> None:
    """Once the first has run, the second finds them."""
    await desk.run("create-team", ["Payments,"], column="name,parent")
    result = await desk.run("create-team", ["Refunds,Payments"], column="name,parent", run_id="r2")
    assert result.counts.succeeded == 1
    assert team(desk, "Refunds").parent_id == team(desk, "Payments").id


async def test_where_no_team_is_known_to_be_at_the_top_the_parent_must_be_named(desk: Desk) -> None:
    """An organisation may show none of that kind, or two."""
    root = team(desk, "Everyone at Acme")
    org = state_of(desk.sandbox)
    org.teams["second"] = Team("second", "Another top", None, 0.0)
    await refused(desk, ["New,"], "2 of the teams that can be read stand at the top", "Another top (id second)")
    org.teams["second"].team_type = "external"
    result = await desk.run("create-team", ["New,"], column="name,parent")
    assert result.counts.succeeded == 1
    assert team(desk, "New").parent_id == root.id


async def test_a_lost_answer_is_not_settled_by_a_team_in_another_place(desk: Desk) -> None:
    """Somebody takes the name elsewhere while the call is lost: it is sent again, and ends by the vendor's word."""
    desk.sandbox.change(quirks={"team_name_taken": "anywhere"})
    desk.sandbox.faults.add("lose_before", method="POST", path="*/teams", times=1)
    org, confirm = state_of(desk.sandbox), desk.observer.confirm
    platform = team(desk, "Platform").id

    async def taken(*args: Any) -> None:
        await confirm(*args)
        org.teams["other"] = Team("other", "New", platform, 0.0)

    desk.observer.confirm = taken  # type: ignore[method-assign, assignment]
    result = await desk.run("create-team", ["New,Quality"], column="name,parent")
    assert (result.counts.failed, len(sent(desk))) == (1, 2)
    assert desk.results()[0]["_error"] == "conflict"
    assert desk.sandbox.effects.count("team_created") == 0


@pytest.mark.parametrize(("kind", "column"), [("create-role-group", "name"), ("create-team", "name,parent")])
async def test_a_limit_as_a_share_is_one_of_what_there_is_of_the_kind(desk: Desk, kind: str, column: str) -> None:
    """Of 12 teams and 15 role groups, whatever the number of people."""
    rows = [f"New {number}" + ("," if "," in column else "") for number in range(3)]
    with pytest.raises(RefusedError, match=r"--max-changes 15%"):
        await desk.run(kind, rows, column=column, max_changes=Allowance(percent=15))
    result = await desk.run(kind, rows, column=column, max_changes=Allowance(percent=30), run_id="r2")
    assert result.counts.succeeded == 3


async def test_a_role_group_belongs_to_the_targets_own_organization(tmp_path: Path) -> None:
    """A business group has its own, so that a name of the root's is free there."""
    async with open_desk(tmp_path) as root:
        org = state_of(root.sandbox)
        unit = next(one for one in org.units.values() if not one.is_root)
        target = root.config.targets["acme"].model_copy(update={"organization": unit.id})
        desk = Desk(root.sandbox, tmp_path, root.config.model_copy(update={"targets": {"acme": target}}))
        result = await desk.run("create-role-group", ["API Creators", "developers"], column="name")
        assert (result.counts.succeeded, result.counts.skipped) == (1, 1)
        assert [group.org_id for group in org.rolegroups.values() if group.name == "API Creators"] == [
            org.root.id,
            unit.id,
        ]


@pytest.mark.parametrize("name", ["two  spaces", "a" * 256, ""])
async def test_a_name_that_could_not_be_found_again_is_refused_before_anything_is_sent(desk: Desk, name: str) -> None:
    """What a service might write otherwise, or cut."""
    with pytest.raises(JobFileError) as caught:
        await desk.run("create-role-group", [f"{name},x"], column="name,description")
    assert "line 2, column name" in str(caught.value.problems[0])
    assert len(desk.sandbox.requests) == 0


async def test_a_name_is_sent_composed(desk: Desk) -> None:
    """Letters with accents have two forms, which look alike and are found by one of them."""
    await desk.run("create-role-group", ["E\u0301quipe,x"], column="name,description")
    assert sent(desk)[0]["name"] == "\u00c9quipe"
    again = await desk.run("create-role-group", ["\u00e9quipe,x"], column="name,description", run_id="r2")
    assert again.counts.skipped == 1
