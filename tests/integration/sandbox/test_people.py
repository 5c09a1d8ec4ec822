"""Accounts and members: listing, changing, deleting softly."""

from typing import Any

import pytest


async def test_listings_default_to_25_rows_and_page_to_the_end(admin: Any) -> None:
    """Whoever forgets to page sees 25 rows; offset and limit reach all of them, each once."""
    first = (await admin.call("GET", "users")).json
    assert (len(first["data"]), first["total"]) == (25, 120)
    seen = [row["id"] for at in range(0, 130, 50) for row in await admin.rows("users", offset=at, limit=50)]
    assert len(seen) == len(set(seen)) == 120
    assert await admin.rows("users", offset=500) == []


async def test_limits_over_the_maximum_are_cut_or_refused(start: Any) -> None:
    """A limit of 501 gives 500 rows, or a 400 by quirk; words and negative numbers are always refused."""
    admin = await start(people=600)
    assert len((await admin.call("GET", "users", params={"limit": 501})).json["data"]) == 500
    await admin.call("PATCH", "/__sandbox/settings", {"quirks": {"limit_over_max": "reject"}})
    for limit in ("501", "-1", "many"):
        assert (await admin.call("GET", "users", params={"limit": limit})).status == 400


async def test_rows_embed_the_organisation_unless_told_not_to(admin: Any) -> None:
    """Heavy rows repeat the organisation; includeProfiles=false leaves it out."""
    (heavy,) = await admin.rows("users", limit=1)
    (light,) = await admin.rows("users", limit=1, includeProfiles="false")
    assert heavy["organization"]["id"] == admin.sandbox.organization
    assert heavy["organization"]["entitlements"]
    assert "organization" not in light


async def test_search_is_partial_and_without_case(admin: Any) -> None:
    """One address may own several accounts, whose usernames differ."""
    found = await admin.rows("users", search="TEAM.INBOX@")
    assert {row["username"] for row in found} == {"inbox.one", "inbox.two"}
    assert len({row["email"].lower() for row in found}) == 1
    assert len(await admin.rows("members", search="inbox")) == 2


async def test_oddities_are_there(admin: Any) -> None:
    """Federated, disabled, deleted and proxy accounts, capitals and names beyond ASCII all occur."""
    rows = await admin.rows("users", type="all")
    assert any(row["isFederated"] for row in rows)
    assert any(not row["enabled"] for row in rows)
    assert any(row["email"] != row["email"].lower() for row in rows)
    assert any(not row["lastName"].isascii() for row in rows)
    assert any("'" in row["email"] for row in rows)
    assert len(await admin.rows("users", type="proxy")) == 3
    assert all(row["deleted"] for row in await admin.rows("users", deleted="true"))


async def test_deleting_is_soft_and_counts_once(admin: Any) -> None:
    """The account moves to the deleted ones with its permissions gone; a second delete is a 404 without effect."""
    user_id = await admin.user_id("inbox.one")
    group = await admin.rolegroup("Developers")
    await admin.call("POST", f"users/{user_id}/rolegroups/{group}")
    assert (await admin.call("DELETE", f"users/{user_id}")).status == 204
    assert (await admin.call("DELETE", f"users/{user_id}")).status == 404
    assert (await admin.call("GET", f"users/{user_id}")).json["deleted"] is True
    assert await admin.rows(f"users/{user_id}/rolegroups") == []
    assert user_id in {row["id"] for row in await admin.rows("users", deleted="true")}
    view = admin.sandbox.effects.view("user_deleted")
    assert view["people"] == {"inbox.one": {"user_deleted": 1}}
    assert view["user_ids"] == {"inbox.one": user_id}


async def test_a_bulk_delete_says_nothing_of_unknown_ids(start: Any) -> None:
    """204 whether or not all existed; by quirk a 404 with nothing applied."""
    admin = await start()
    one, two = await admin.user_id("inbox.one"), await admin.user_id("inbox.two")
    assert (await admin.call("DELETE", "users", [one, "unknown"])).status == 204
    await admin.call("PATCH", "/__sandbox/settings", {"quirks": {"bulk_delete_unknown": "reject"}})
    assert (await admin.call("DELETE", "users", [two, one])).status == 404
    assert admin.sandbox.effects.totals == {"user_deleted": 1}


async def test_the_owner_cannot_be_deleted(admin: Any) -> None:
    """Alone or in a batch the owner is refused, and the batch with them."""
    owner, other = await admin.user_id("owner"), await admin.user_id("inbox.one")
    for method, path, body in (
        ("DELETE", f"users/{owner}", None),
        ("DELETE", "users", [other, owner]),
        ("DELETE", "members", [owner]),
    ):
        answer = await admin.call(method, path, body)
        assert (answer.status, answer.raw) == (403, b"Forbidden")
    assert admin.sandbox.effects.totals == {}


async def test_a_deleted_federated_account_is_disabled_and_comes_back(admin: Any) -> None:
    """It stays listed as disabled, and enabling it works."""
    user_id = await admin.user_id("fiona.federated")
    assert (await admin.call("DELETE", f"users/{user_id}")).status == 204
    user = (await admin.call("GET", f"users/{user_id}")).json
    assert (user["enabled"], user["deleted"]) == (False, False)
    assert (await admin.call("PUT", f"users/{user_id}", {"enabled": True})).json["enabled"] is True
    assert admin.sandbox.effects.person("fiona.federated") == {"user_deleted": 1, "user_enabled": 1}


async def test_disabling_counts_once_and_keeps_other_fields(admin: Any) -> None:
    """Writing the same state again is no effect."""
    user_id = await admin.user_id("inbox.one")
    for _ in range(2):
        assert (await admin.call("PUT", "users", [{"id": user_id, "enabled": False}])).status == 204
    user = (await admin.call("GET", f"users/{user_id}")).json
    assert (user["enabled"], user["firstName"]) == (False, "Shared")
    assert admin.sandbox.effects.person("inbox.one") == {"user_disabled": 1}


async def test_bulk_changes_are_refused_whole_for_a_foreign_id(admin: Any) -> None:
    """One unknown id and nobody is changed."""
    user_id = await admin.user_id("inbox.one")
    body = [{"id": user_id, "enabled": False}, {"id": "unknown", "enabled": False}]
    assert (await admin.call("PUT", "users", body)).status == 400
    assert admin.sandbox.effects.totals == {}


@pytest.mark.parametrize(
    ("choice", "status", "name"), [("keep", 200, "Shared"), ("reject", 400, "Shared"), ("clear", 200, "")]
)
async def test_fields_left_out_of_a_change(start: Any, choice: str, status: int, name: str) -> None:
    """They are kept, demanded, or emptied: as the quirk says."""
    admin = await start(quirks={"put_user_partial": choice})
    user_id = await admin.user_id("inbox.one")
    assert (await admin.call("PUT", f"users/{user_id}", {"enabled": False})).status == status
    assert (await admin.call("GET", f"users/{user_id}")).json["firstName"] == name


async def test_an_old_session_must_sign_in_again_to_change_an_address(admin: Any, clock: Any) -> None:
    """403 `{error, location}` after half an hour, only when the address changes."""
    user_id = await admin.user_id("inbox.one")
    clock.now += 1801
    answer = await admin.call("PUT", f"users/{user_id}", {"email": "other@acme.test"})
    assert (answer.status, set(answer.json)) == (403, {"error", "location"})
    assert (await admin.call("PUT", f"users/{user_id}", {"firstName": "Other"})).status == 200


async def test_in_a_business_group_only_permissions_go(admin: Any) -> None:
    """The account leaves the group and stays alive in the root."""
    group = admin.business_group()
    member = (await admin.call("GET", "members", org=group)).json["data"][0]
    assert (await admin.call("DELETE", f"users/{member['id']}", org=group)).status == 204
    assert (await admin.call("GET", f"users/{member['id']}", org=group)).status == 404
    assert (await admin.call("GET", f"users/{member['id']}")).json["deleted"] is False
    assert admin.sandbox.effects.person(member["username"]) == {"permission_stripped": 1}


@pytest.mark.parametrize(("choice", "removed"), [("part", 1), ("atomic", 0)])
async def test_a_refused_bulk_removal_of_members_may_be_half_done(start: Any, choice: str, removed: int) -> None:
    """400 without an id in it, with the good ids applied or not."""
    admin = await start(quirks={"members_partial": choice})
    user_id = await admin.user_id("inbox.one")
    answer = await admin.call("DELETE", "members", [user_id, "unknown"])
    assert answer.status == 400
    assert user_id.encode() not in answer.raw
    assert admin.sandbox.effects.count("user_deleted") == removed


async def test_members_can_be_added_to_a_business_group(admin: Any) -> None:
    """Once added, adding again is no effect."""
    group, user_id = admin.business_group(), await admin.user_id("inbox.one")
    await admin.call("DELETE", f"members/{user_id}", org=group)
    for _ in range(2):
        assert (await admin.call("PUT", "members", [user_id], org=group)).status == 204
    assert admin.sandbox.effects.count("member_added") == 1
    assert (await admin.call("GET", f"users/{user_id}", org=group)).status == 200


async def test_unknown_organisations_are_404_and_malformed_ones_400(admin: Any) -> None:
    """A UUID that nobody has is not found; anything else is a bad request."""
    assert (await admin.call("GET", "users", org="00000000-0000-4000-8000-00000000dead")).status == 404
    assert (await admin.call("GET", "users", org="acme")).status == 400


async def test_the_organisation_has_a_hierarchy_and_environments(admin: Any) -> None:
    """Business groups hang under the root; environments are paged and filtered."""
    org = admin.sandbox.organization
    root = (await admin.call("GET", f"/accounts/api/organizations/{org}")).json
    assert root["isRoot"] is True
    assert root["parentOrganizationIds"] == []
    tree = (await admin.call("GET", "hierarchy")).json
    assert [child["id"] for child in tree["subOrganizations"]] == root["subOrganizationIds"]
    assert [row["name"] for row in await admin.rows("environments", type="production")] == ["Production"]
