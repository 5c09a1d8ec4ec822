"""Teams, and what is shared with them."""

from typing import Any

import pytest


def membership(user_id: str, role: str = "team_member") -> dict[str, Any]:
    return {"member": {"memberId": user_id, "permissionFriendlyId": role}}


async def members(cloud: Any, team: Any) -> list[str]:
    return [user["id"] for user in (await cloud.get(f"teams/{team['id']}/members"))["members"]]


async def test_teams_come_by_pages_and_members_do_not(start: Any) -> None:
    """Names need not be unique, and one is part of another."""
    cloud = await start(people=2000)
    body = await cloud.get("org/teams")
    assert (len(body["teams"]), body["meta"]["total"]) == (20, 28)
    found = [team["name"] for team in (await cloud.get("org/teams", q="platform"))["teams"]]
    assert found == ["Platform", "Platform On-Call"]
    assert len((await cloud.get("org/teams", q="support"))["teams"]) == 2
    answer = await cloud.get(f"teams/{body['teams'][0]['id']}/members", limit=2)
    assert answer.keys() == {"members"}
    assert len(answer["members"]) > 60


async def test_a_member_is_added_with_a_role(cloud: Any) -> None:
    """The list of members does not tell it, the grants of the team do."""
    ann, team = await cloud.user_id("ann@acme.test"), await cloud.team("Quality")
    answer = await cloud.call("POST", f"teams/{team['id']}/members", membership(ann, "team_admin"))
    assert (answer.status, answer.text) == (201, "")
    assert ann in await members(cloud, team)
    grants = (await cloud.get(f"teams/{team['id']}/acl", subjectId=ann))["grants"]
    assert [grant["role"] for grant in grants] == ["team_admin"]
    effects = cloud.sandbox.effects.view()
    assert effects["targets"]["ann@acme.test"] == {"team_added": {team["id"]: 1}}
    assert [row["id"] for row in (await cloud.get(f"users/{ann}/teams"))["teams"]] == [team["id"]]


async def test_adding_a_member_twice_is_a_conflict_or_nothing(cloud: Any) -> None:
    """The role stays what it was."""
    ann, team = await cloud.user_id("ann@acme.test"), await cloud.team("Quality")
    path = f"teams/{team['id']}/members"
    assert (await cloud.call("POST", path, membership(ann))).status == 201
    assert (await cloud.call("POST", path, membership(ann, "team_admin"))).status == 409
    await cloud.quirks(team_repeat="ok")
    assert (await cloud.call("POST", path, membership(ann, "team_admin"))).status == 201
    assert cloud.sandbox.inventory()["teams"][team["id"]]["grants"][ann] == "team_member"
    assert cloud.effects() == {"team_added": 1}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (membership("nobdy"), 404),
        ({"member": {"memberId": "nobdy"}}, 422),
        (membership("nobdy", "organisation_admin"), 422),
        ({"memberId": "nobdy"}, 422),
    ],
)
async def test_a_membership_that_cannot_be_is_refused(cloud: Any, body: Any, status: int) -> None:
    """Nobody, no role, a role of another kind, no member."""
    team = await cloud.team("Quality")
    assert (await cloud.call("POST", f"teams/{team['id']}/members", body)).status == status
    assert cloud.effects() == {}


async def test_a_member_is_taken_out_once(cloud: Any) -> None:
    """Then a 404, or a 204 without effect."""
    team = await cloud.team("Quality")
    somebody = (await members(cloud, team))[1]
    path = f"teams/{team['id']}/members/{somebody}"
    assert [(await cloud.call("DELETE", path)).status for _ in range(2)] == [204, 404]
    await cloud.quirks(team_remove_unknown=204)
    assert (await cloud.call("DELETE", path)).status == 204
    assert somebody not in await members(cloud, team)
    assert cloud.effects() == {"team_removed": 1}


async def test_a_team_may_have_to_keep_an_administrator(cloud: Any) -> None:
    """By removal and by a grant alike, when the quirk says so."""
    answer = await cloud.call("POST", "teams", {"team": {"name": "Mine"}})
    team, me = answer.json["team"], await cloud.user_id("admin@acme.test")
    await cloud.quirks(team_last_admin="conflict")
    assert (await cloud.call("DELETE", f"teams/{team['id']}/members/{me}")).status == 409
    grant = {"grant": {"role": "team_member"}}
    assert (await cloud.call("PUT", f"teams/{team['id']}/acl/user/{me}", grant)).status == 409
    await cloud.quirks(team_last_admin="allow")
    assert (await cloud.call("PUT", f"teams/{team['id']}/acl/user/{me}", grant)).status == 200
    assert (await cloud.call("DELETE", f"teams/{team['id']}/members/{me}")).status == 204
    assert cloud.effects() == {"team_created": 1, "team_changed": 1, "team_removed": 1}


async def test_the_team_role_may_have_no_endpoint(cloud: Any) -> None:
    """It is only linked to."""
    team, ann = await cloud.team("Quality"), await cloud.user_id("ann@acme.test")
    await cloud.quirks(team_acl="absent")
    path = f"teams/{team['id']}/acl/user/{ann}"
    assert (await cloud.call("PUT", path, {"grant": {"role": "team_member"}})).status == 404
    assert cloud.effects() == {}


async def test_a_team_is_created_read_and_deleted(cloud: Any) -> None:
    """For the owner who is named; deleting answers 200 with an empty object, and takes its grants away."""
    ann = await cloud.user_id("ann@acme.test")
    made = await cloud.call("POST", "teams", {"team": {"name": "New", "ownerId": ann}})
    assert made.status == 201
    team = made.json["team"]
    assert (await cloud.get(f"teams/{team['id']}"))["team"] == team
    assert await members(cloud, team) == [ann]
    api = (await cloud.get(f"users/{ann}/apis"))["mockApis"][0]
    path = f"mock-apis/{api['id']}/acl/team/{team['id']}"
    assert (await cloud.call("PUT", path, {"grant": {"role": "mock_api_editor"}})).status == 200
    gone = await cloud.call("DELETE", f"teams/{team['id']}")
    assert (gone.status, gone.json) == (200, {})
    assert (await cloud.call("GET", f"teams/{team['id']}")).status == 404
    assert team["aclSubject"] not in cloud.sandbox.inventory()["mock_apis"][api["id"]]["grants"]
    assert (await cloud.call("POST", "teams", {"team": {"name": "New", "ownerId": "nobdy"}})).status == 400
    assert (await cloud.call("POST", "teams", {"team": {}})).status == 422


async def test_mock_apis_of_a_user_are_those_with_a_grant(cloud: Any) -> None:
    """Own, by a team, by the organisation; with the ACL objects of the page and their grants."""
    me, ann = await cloud.user_id("admin@acme.test"), await cloud.user_id("ann@acme.test")
    body = await cloud.get(f"users/{me}/apis", sort="name", limit=100)
    names = [api["name"] for api in body["mockApis"]]
    assert names == sorted(names)
    assert len(names) == body["meta"]["total"] == 48
    assert [row["id"] for row in body["aclObjects"]] == [api["aclObject"] for api in body["mockApis"]]
    grants = body["aclObjects"][0]["aclGrants"]
    assert f"{me}-{body['mockApis'][0]['aclObject']}-mock_api_admin" in grants
    assert (await cloud.get(f"users/{ann}/apis"))["meta"]["total"] == 16
    assert [api["name"] for api in (await cloud.get(f"users/{me}/apis", q="orders", sort="-name"))["mockApis"]] == [
        "Orders API v2",
        "Orders API",
    ]
    only = await cloud.get(f"users/{me}/apis", subjectType="user", subjectId=ann)
    assert only["mockApis"] == []
    for wrong in ({"sort": "size"}, {"subjectId": ann}):
        assert (await cloud.call("GET", f"users/{me}/apis", params=wrong)).status == 400


async def test_candidates_are_ready_for_put_until_they_hold_a_grant(cloud: Any) -> None:
    """The whole organisation, teams and people; each link takes a role of the right kind."""
    me = await cloud.user_id("admin@acme.test")
    api = (await cloud.get(f"users/{me}/apis", q="payments"))["mockApis"][0]
    path = f"mock-apis/{api['id']}/acl/candidates"
    found = (await cloud.get(path, q="ann@acme.test"))["candidates"]
    assert [row["name"] for row in found] == ["ann@acme.test", "joann@acme.test"]
    href = found[0]["links"]["self"]["href"]
    for role, status in (("team_admin", 422), ("mock_api_user", 200), ("mock_api_user", 200), ("mock_api_editor", 200)):
        assert (await cloud.call("PUT", href, {"grant": {"role": role}})).status == status
    assert len((await cloud.get(path, q="ann@acme.test"))["candidates"]) == 1
    assert len((await cloud.get(path, limit=3))["candidates"]) == 3
    assert [(await cloud.call("DELETE", href)).status for _ in range(2)] == [204, 404]
    assert cloud.effects() == {"grant_added": 1, "grant_changed": 1, "grant_removed": 1}


async def test_data_sources_take_their_own_roles_or_none(cloud: Any) -> None:
    """Their page omits them."""
    source, team = next(iter(cloud.sandbox.inventory()["data_sources"])), await cloud.team("Quality")
    path = f"data-sources/{source}/acl/team/{team['id']}"
    grant = {"grant": {"role": "data_source_user"}}
    assert (await cloud.call("PUT", path, grant)).status == 200
    await cloud.quirks(data_source_roles="reject")
    assert (await cloud.call("PUT", path, grant)).status == 422


async def test_an_acl_object_tells_its_roles(cloud: Any) -> None:
    """Those that fit its kind."""
    team = await cloud.team("Quality")
    body = await cloud.get(f"acl/objects/{team['aclObject']}/roles")
    assert [role["friendlyId"] for role in body["roles"]] == ["team_admin", "team_member"]
