"""New role groups and teams."""

from typing import Any

import pytest


async def test_a_new_role_group_belongs_to_the_organization_of_the_path(admin: Any) -> None:
    """201 without a body; it is listed with its description, and nobody holds it."""
    unit = admin.business_group()
    made = await admin.call("POST", "rolegroups", {"name": "New", "description": "d", "external_names": []}, org=unit)
    assert (made.status, made.raw) == (201, b"")
    (row,) = [row for row in (await admin.call("GET", "rolegroups", org=unit)).json["data"] if row["name"] == "New"]
    assert (row["description"], row["org_id"], row["user_count"], row["editable"]) == ("d", unit, 0, True)
    assert "New" not in {row["name"] for row in await admin.rows("rolegroups")}
    assert admin.sandbox.effects.view()["targets"]["new"]["role_group_created"] == {unit: 1}


@pytest.mark.parametrize(("quirk", "status"), [("second", 201), ("conflict", 409)])
async def test_a_name_of_a_role_group_may_be_taken(start: Any, quirk: str, status: int) -> None:
    """By quirk there are two of it, or a 409."""
    admin = await start(quirks={"rolegroup_name_taken": quirk})
    assert (await admin.call("POST", "rolegroups", {"name": "Developers"})).status == status
    assert admin.sandbox.effects.totals == ({"role_group_created": 1} if status == 201 else {})


async def test_a_new_team_stands_under_its_parent(start: Any) -> None:
    """201 with the team by quirk; it is among the parent's members, and its own ancestors end with the parent."""
    admin = await start(quirks={"create_answer": "object"})
    parent = await admin.team("Quality")
    body = {"team_name": "Testers", "parent_team_id": parent, "team_type": "private"}
    made = await admin.call("POST", "teams", body)
    assert (made.status, made.json["team_name"], made.json["team_type"]) == (201, "Testers", "private")
    assert made.json["ancestor_team_ids"][-1] == parent
    assert made.json["team_id"] in {row["id"] for row in await admin.rows(f"teams/{parent}/members")}
    assert [row["team_id"] for row in await admin.rows("teams", parent_team_id=parent)] == [made.json["team_id"]]
    assert admin.sandbox.effects.view()["targets"]["testers"]["team_created"] == {parent: 1}


@pytest.mark.parametrize(
    ("quirk", "here", "there"), [("second", 201, 201), ("sibling", 409, 201), ("anywhere", 409, 409)]
)
async def test_a_name_of_a_team_may_be_taken(start: Any, quirk: str, here: int, there: int) -> None:
    """By quirk under the same parent, anywhere, or nowhere."""
    admin = await start(quirks={"team_name_taken": quirk})
    body = {"team_name": "Platform Core", "team_type": "internal"}
    statuses = [
        (await admin.call("POST", "teams", {**body, "parent_team_id": await admin.team(parent)})).status
        for parent in ("Platform", "Quality")
    ]
    assert statuses == [here, there]


async def test_a_team_without_its_keys_or_its_parent_is_refused(admin: Any) -> None:
    """All three are needed and no others taken; a business group has no teams; ten is the deepest."""
    body = {"team_name": "New", "parent_team_id": await admin.team("Quality"), "team_type": "internal"}
    for name in body:
        assert (await admin.call("POST", "teams", {key: body[key] for key in body if key != name})).status == 400
    assert (await admin.call("POST", "teams", {**body, "description": "none has one"})).status == 400
    assert (await admin.call("POST", "teams", {**body, "team_type": "odd"})).status == 400
    assert (await admin.call("POST", "teams", {**body, "parent_team_id": "unknown"})).status == 404
    assert (await admin.call("POST", "teams", body, org=admin.business_group())).status == 404
    depth = 2  # the top one and Quality
    while (await admin.call("POST", "teams", {**body, "team_name": f"Level {depth + 1}"})).status == 201:
        depth += 1
        body["parent_team_id"] = await admin.team(f"Level {depth}")
    assert depth == 10
    assert admin.sandbox.effects.totals == {"team_created": 8}
