"""Groups: custom ones can be filled and removed, enterprise and shared ones cannot be filled."""

from typing import Any

import pytest


async def members(csp: Any, group: dict[str, Any]) -> list[str]:
    rows = (await csp.call("GET", f"groups/{group['id']}/users")).json["results"]
    return [row["userId"] for row in rows]


async def put(csp: Any, group: dict[str, Any], *names: str, **more: Any) -> Any:
    return await csp.call("POST", f"groups/{group['id']}/users", {"usernamesToAdd": list(names), **more})


async def outsider(csp: Any, group: dict[str, Any]) -> dict[str, Any]:
    """A member of the organisation who is not in the group."""
    inside = await members(csp, group)
    user: dict[str, Any] = next(row["user"] for row in await csp.users() if row["user"]["userId"] not in inside)
    return user


async def test_groups_are_listed_in_pages(csp: Any) -> None:
    """With their kind, their roles and how many are in them; one by its id."""
    page = (await csp.call("GET", "groups?pageLimit=5")).json
    assert (len(page["results"]), page["totalResults"]) == (5, 14)
    assert "pageStart=6&" in page["nextLink"]
    group = await csp.group("Contractors", "AD_GROUP")
    assert group["organizationRoles"][0]["name"] == "developer"
    (one,) = (await csp.call("GET", f"groups?groupId={group['id']}")).json["results"]
    assert one == group


async def test_one_name_may_be_that_of_two_groups(csp: Any) -> None:
    """An enterprise group and a custom one; the search finds both, whatever the case."""
    found = (await csp.call("GET", "groups-search?groupSearchTerm=contract")).json["results"]
    assert {group["groupType"] for group in found} == {"USER_GROUP", "AD_GROUP"}
    assert (await csp.call("GET", "groups-search")).status == 400


async def test_a_search_tells_twenty_groups(csp: Any) -> None:
    """And not that there are more."""
    for number in range(21):
        assert (await csp.call("POST", "groups", {"name": f"Many {number}"})).status == 200
    found = (await csp.call("GET", "groups-search?groupSearchTerm=many")).json
    assert len(found["results"]) == 20


async def test_creating_and_removing_a_group(csp: Any) -> None:
    """The answer is the id; a name serves once; what cannot be removed is told with a reason."""
    made = await csp.call("POST", "groups", {"name": "Fresh", "description": "new"})
    assert (made.status, set(made.json)) == (200, {"id"})
    assert (await csp.call("POST", "groups", {"name": "FRESH"})).status == 409
    assert (await csp.call("POST", "groups", {"name": "a@b"})).status == 400
    answer = await csp.call("DELETE", "groups", {"ids": [made.json["id"], "unknown"]})
    assert (answer.json["succeeded"], answer.json["failed"]) == ([made.json["id"]], ["unknown"])
    assert answer.json["failures"][0]["message"]
    assert csp.sandbox.effects.count("team_deleted") == 1


async def test_people_are_added_by_username_and_removed_by_id(csp: Any) -> None:
    """Rows of a group are flat; each lists what succeeded."""
    group = await csp.group("Platform Engineering")
    user = await outsider(csp, group)
    answer = await put(csp, group, user["username"].upper(), notifyUsers=False)
    assert answer.json == {"succeeded": [user["username"].upper()], "failed": []}
    assert user["userId"] in await members(csp, group)
    path = f"groups/{group['id']}/users"
    gone = await csp.call("DELETE", path, {"ids": [user["userId"], "unknown"]})
    assert gone.json == {"succeeded": [user["userId"]], "failed": ["unknown"]}
    assert csp.effects(user["username"]) == {"team_added": 1, "team_removed": 1}
    assert csp.sandbox.effects.view()["targets"][user["username"].casefold()]["team_added"] == {group["id"]: 1}


@pytest.mark.parametrize("choice", ["succeeded", "failed", "conflict"])
async def test_adding_who_is_in_already(start: Any, choice: str) -> None:
    """Counts as done, or as failed, or makes the call a 409; nobody is added twice."""
    csp = await start(quirks={"group_held": choice})
    group = await csp.group("Platform Engineering")
    user = await outsider(csp, group)
    await put(csp, group, user["username"])
    answer = await put(csp, group, user["username"])
    if choice == "conflict":
        assert answer.status == 409
    else:
        assert answer.json[choice] == [user["username"]]
    assert csp.effects(user["username"]) == {"team_added": 1}


@pytest.mark.parametrize("choice", ["failed", "invite", "not_found"])
async def test_adding_a_stranger(start: Any, choice: str) -> None:
    """Fails alone, or is invited with the group, or sinks the call."""
    csp = await start(quirks={"group_stranger": choice})
    group = await csp.group("Platform Engineering")
    user = await outsider(csp, group)
    answer = await put(csp, group, user["username"], "who@new.test")
    assert answer.status == (404 if choice == "not_found" else 200)
    assert (user["userId"] in await members(csp, group)) == (choice != "not_found")
    entries = await csp.invitations("who@new.test")
    assert [entry["customGroupsIds"] for entry in entries] == ([[group["id"]]] if choice == "invite" else [])


@pytest.mark.parametrize(("choice", "status"), [("failed", 200), ("succeeded", 200), ("not_found", 404)])
async def test_removing_who_is_not_in_it(start: Any, choice: str, status: int) -> None:
    """In `failed`, in `succeeded`, or a 404 for all."""
    csp = await start(quirks={"group_missing": choice})
    group = await csp.group("Platform Engineering")
    user = await outsider(csp, group)
    answer = await csp.call("DELETE", f"groups/{group['id']}/users", {"ids": [user["userId"]]})
    assert answer.status == status
    if status == 200:
        assert answer.json[choice] == [user["userId"]]
    assert csp.sandbox.effects.count("team_removed") == 0


async def test_groups_that_cannot_be_filled(start: Any) -> None:
    """400 for an enterprise group, 403 for a shared one, 403 for an administrator and the owners' group."""
    csp = await start()
    name = "mona.member@acme.test"
    assert (await put(csp, await csp.group("Domain Users", "AD_GROUP"), name)).status == 400
    assert (await put(csp, await csp.group("Partner Support"), name)).status == 403
    owners = await csp.group("Account Owners")
    assert (await put(csp, owners, name)).status == 403
    csp.sandbox.change(quirks={"caller": "owner"})
    assert (await put(csp, owners, name)).status == 200
    assert (await put(csp, {"id": "unknown"}, name)).status == 404


async def test_roles_of_a_group_reach_its_people(csp: Any) -> None:
    """A delta on the group shows with its members as an inherited role."""
    group = await csp.group("Network Operations")
    body = {"organizationRoles": {"rolesToAdd": [{"name": "support_user"}]}, "notifyUsersInGroups": False}
    assert (await csp.call("PATCH", f"groups/{group['id']}/roles", body)).status == 200
    user_id = (await members(csp, group))[0]
    roles = (await csp.call("GET", f"~/v2/users/{user_id}/orgs/{{org}}/roles")).json
    assert ("support_user", "GROUP") in [(role["name"], role["membershipType"]) for role in roles]
    assert csp.sandbox.effects.count("team_role_added") == 1
