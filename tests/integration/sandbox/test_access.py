"""Role groups, single permissions, teams, and the allowlist."""

import asyncio
from typing import Any

import pytest

ALLOWLIST = "connectedApplications/allowlist"


async def test_assigning_and_unassigning_a_role_group(admin: Any) -> None:
    """Assigning a held group is no effect; unassigning one that is not held is a 409."""
    user_id, group = await admin.user_id("inbox.one"), await admin.rolegroup("Developers")
    path = f"rolegroups/{group}/users"
    for _ in range(2):
        assert (await admin.call("POST", path, [user_id])).status == 200
    assert user_id in {row["id"] for row in await admin.rows(path)}
    assert (await admin.call("DELETE", f"users/{user_id}/rolegroups/{group}")).status == 200
    assert (await admin.call("DELETE", path, [user_id])).status == 409
    assert admin.sandbox.effects.person("inbox.one") == {"role_group_assigned": 1, "role_group_unassigned": 1}
    assert admin.sandbox.effects.view()["targets"]["inbox.one"]["role_group_assigned"] == {group: 1}


async def test_assigning_a_held_role_group_may_conflict(start: Any) -> None:
    """By quirk the whole batch is a 409 and nobody gets anything."""
    admin = await start(quirks={"rolegroup_repeat": "conflict"})
    one, two = await admin.user_id("inbox.one"), await admin.user_id("inbox.two")
    path = f"rolegroups/{await admin.rolegroup('Developers')}/users"
    await admin.call("POST", path, [one])
    assert (await admin.call("POST", path, [two, one])).status == 409
    assert admin.sandbox.effects.count("role_group_assigned") == 1


async def test_a_role_group_answers_under_its_own_organisation_only(admin: Any) -> None:
    """The same name exists in the root and in a business group, with different ids."""
    business_group = admin.business_group()
    ours, theirs = await admin.rolegroup("Developers"), await admin.rolegroup("Developers", business_group)
    assert ours != theirs
    assert (await admin.call("GET", f"rolegroups/{theirs}")).status == 404
    assert (await admin.call("GET", f"rolegroups/{theirs}", org=business_group)).status == 200
    assert (await admin.call("POST", f"rolegroups/{theirs}/users", ["unknown"], org=business_group)).status == 404


async def test_single_permissions_are_held_in_a_context(admin: Any) -> None:
    """Giving one again has no effect; taking away one that is not held in that context is a 404."""
    user_id, org = await admin.user_id("inbox.one"), admin.sandbox.organization
    role = (await admin.rows("/accounts/api/roles"))[0]["role_id"]
    for _ in range(2):
        assert (await admin.call("POST", f"users/{user_id}/roles", {role: {"org": org}})).status == 200
    (held,) = await admin.rows(f"users/{user_id}/roles")
    assert (held["role_id"], held["context_params"]) == (role, {"org": org})
    other = {"org": admin.business_group()}
    assert (await admin.call("DELETE", f"users/{user_id}/roles/{role}", other)).status == 404
    assert (await admin.call("DELETE", f"users/{user_id}/roles/{role}", {"org": org})).status == 200
    assert (await admin.call("POST", f"users/{user_id}/roles/unknown", {"org": org})).status == 400
    assert admin.sandbox.effects.person("inbox.one") == {"role_assigned": 1, "role_unassigned": 1}


async def test_the_catalogue_does_not_fit_a_default_page(admin: Any) -> None:
    """Whoever forgets to page misses permissions."""
    page = (await admin.call("GET", "/accounts/api/roles")).json
    assert len(page["data"]) == 25 < page["total"]


async def test_team_membership_is_an_upsert(admin: Any) -> None:
    """Added, then changed, then the same again: two effects. Removing twice: one."""
    user_id, team = await admin.user_id("inbox.one"), await admin.team("Quality")
    path = f"teams/{team}/members"
    for kind in ("member", "maintainer", "maintainer"):
        assert (await admin.call("PATCH", path, [{"id": user_id, "membership_type": kind}])).status == 204
    assert user_id in {row["id"] for row in await admin.rows(path, membership_type="maintainer")}
    for _ in range(2):
        assert (await admin.call("DELETE", path, [user_id])).status == 204
    assert admin.sandbox.effects.person("inbox.one") == {"team_added": 1, "team_changed": 1, "team_removed": 1}


async def test_child_teams_are_listed_among_the_members_and_cannot_be_touched(admin: Any) -> None:
    """Bulk calls refuse a team with 400, the single ones with 405."""
    team, user_id = await admin.team("Platform"), await admin.user_id("inbox.one")
    rows = await admin.rows(f"teams/{team}/members")
    child = next(row for row in rows if row["identity_type"] == "team")
    assert any(row["is_assigned_via_external_groups"] for row in rows)
    assert all(r["identity_type"] == "user" for r in await admin.rows(f"teams/{team}/members", identity_type="user"))
    items = [{"id": identity, "membership_type": "member"} for identity in (user_id, child["id"])]
    path = f"teams/{team}/members"
    assert (await admin.call("PATCH", path, items)).status == 400
    assert (await admin.call("DELETE", path, [user_id, child["id"]])).status == 400
    assert (await admin.call("DELETE", f"{path}/{child['id']}")).status == 405
    assert (await admin.call("PUT", f"{path}/{child['id']}", {"membership_type": "member"})).status == 405
    assert admin.sandbox.effects.totals == {}


@pytest.mark.parametrize("count", [0, 101])
async def test_team_batches_hold_1_to_100_people(admin: Any, count: int) -> None:
    """The declared sizes are enforced on both bulk calls."""
    ids = [row["id"] for row in await admin.rows("users", includeProfiles="false")][:count]
    path = f"teams/{await admin.team('Quality')}/members"
    added = await admin.call("PATCH", path, [{"id": user_id, "membership_type": "member"} for user_id in ids])
    removed = await admin.call("DELETE", path, ids)
    assert (added.status, removed.status) == (400, 400)
    assert added.json["errors"][0]["keyword"] in ("minItems", "maxItems")


async def test_team_permissions_are_additive(admin: Any) -> None:
    """Adding one again changes nothing; an unknown one is a 400."""
    role, org = (await admin.rows("/accounts/api/roles"))[0]["role_id"], admin.sandbox.organization
    path = f"teams/{await admin.team('Quality')}/roles"
    for _ in range(2):
        assert (await admin.call("POST", path, [{"role_id": role, "context_params": {"org": org}}])).status == 204
    assert len(await admin.rows(path)) == 1
    assert (await admin.call("POST", path, [{"role_id": "x", "context_params": {"org": org}}])).status == 400
    assert admin.sandbox.effects.totals == {"team_role_added": 1}


async def test_the_allowlist_is_patched_trimmed_and_replaced(admin: Any) -> None:
    """PATCH upserts, DELETE takes objects, PUT puts the list in the place of the old one."""
    assert (await admin.call("PATCH", ALLOWLIST, [{"client_id": "new", "authorized_scopes": ["a"]}])).status == 204
    await admin.call("PATCH", ALLOWLIST, [{"client_id": "new", "authorized_scopes": ["a", "b"]}])
    assert await admin.rows(ALLOWLIST, client_id="new") == [{"client_id": "new", "authorized_scopes": ["a", "b"]}]
    assert (await admin.call("DELETE", ALLOWLIST, [{"client_id": "new"}])).status == 204
    assert admin.sandbox.effects.person("new") == {
        "allowlist_added": 1,
        "allowlist_changed": 1,
        "allowlist_removed": 1,
    }
    assert (await admin.call("PUT", ALLOWLIST, [{"client_id": "only"}])).status == 204
    assert await admin.rows(ALLOWLIST) == [{"client_id": "only"}]
    assert (await admin.call("DELETE", ALLOWLIST, ["only"])).status == 400


async def test_the_allowlist_belongs_to_the_root(admin: Any) -> None:
    """A business group answers 405 to every write, and has no teams."""
    group = admin.business_group()
    for method in ("PUT", "PATCH", "DELETE"):
        assert (await admin.call(method, ALLOWLIST, [{"client_id": "x"}], org=group)).status == 405
    assert (await admin.call("GET", "teams", org=group)).status == 404


async def test_settings_want_their_required_fields(admin: Any) -> None:
    """A patch without them is refused; with them it switches the allowlist off."""
    path = "connectedApplications/settings"
    assert (await admin.call("PATCH", path, {"allowlist_enabled": False})).status == 400
    needed = {"grant_types_allowed": ["password"], "applications_enabled": "all"}
    assert (await admin.call("PATCH", path, {**needed, "allowlist_enabled": False})).json["allowlist_enabled"] is False


async def test_connected_applications_come_20_a_page_with_their_secrets(admin: Any) -> None:
    """No limit reaches further than 20 rows."""
    page = (await admin.call("GET", "connectedApplications", params={"limit": 500})).json
    assert (len(page["data"]), page["total"]) == (20, 48)
    assert all(row["client_secret"] for row in page["data"])


async def test_concurrent_writes_under_one_parent_get_an_empty_503(start: Any) -> None:
    """One of two simultaneous writes to a role group is turned away; different role groups do not meet."""
    admin = await start(quirks={"parent_write_ms": 50})
    one, two = await admin.user_id("inbox.one"), await admin.user_id("inbox.two")
    group, other = await admin.rolegroup("Developers"), await admin.rolegroup("Support Desk")
    same = await asyncio.gather(*(admin.call("POST", f"rolegroups/{group}/users", [user_id]) for user_id in (one, two)))
    assert sorted(answer.status for answer in same) == [200, 503]
    assert next(answer for answer in same if answer.status == 503).headers["Content-Length"] == "0"
    apart = await asyncio.gather(*(admin.call("POST", f"users/{two}/rolegroups/{g}") for g in (group, other)))
    assert [answer.status for answer in apart] == [200, 200]
    assert admin.sandbox.summary()["write_collisions"] == 1
