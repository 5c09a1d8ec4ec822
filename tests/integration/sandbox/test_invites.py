"""Invites: batches with one status, mails that cannot be taken back."""

from typing import Any

import pytest

WEEK = 7 * 86_400


async def pending(admin: Any, address: str) -> list[Any]:
    return [row for row in await admin.rows("invites", search=address) if row["invited_email"] == address]


async def test_a_batch_of_invites_answers_an_empty_array(admin: Any) -> None:
    """Nothing in the answer tells what was created; the list does, with ids, dates and the secret code."""
    answer = await admin.call("POST", "invites", [{"email": "One@New.test"}, {"email": "two@new.test"}])
    assert (answer.status, answer.json) == (200, [])
    (row,) = await pending(admin, "one@new.test")
    assert isinstance(row["id"], int)
    assert row["status"] == "INVITED"
    assert len(row["code"]) == 32
    assert admin.sandbox.effects.person("ONE@new.test") == {"invite_sent": 1}


async def test_answered_items_come_in_another_order(start: Any) -> None:
    """With the other quirk the answer holds the invites, not in the order of the request."""
    admin = await start(quirks={"invite_answer": "items"})
    answer = await admin.call("POST", "invites", [{"email": "a@new.test"}, {"email": "b@new.test"}])
    assert [row["invited_email"] for row in answer.json] == ["b@new.test", "a@new.test"]


@pytest.mark.parametrize(("choice", "mails", "rows"), [("second", 2, 2), ("refresh", 2, 1), ("reject", 1, 1)])
async def test_inviting_a_pending_address_again(start: Any, choice: str, mails: int, rows: int) -> None:
    """A second invite, the first renewed, or a refusal: as the quirk says, and counted as mails."""
    admin = await start(quirks={"reinvite_pending": choice})
    await admin.call("POST", "invites", [{"email": "again@new.test"}])
    last = await admin.call("POST", "invites", [{"email": "Again@new.test"}])
    assert last.status == (400 if choice == "reject" else 200)
    assert admin.sandbox.effects.count("invite_sent", "again@new.test") == mails
    assert len(await pending(admin, "again@new.test")) == rows


BAD_ITEMS: list[tuple[Any, str]] = [
    ({"email": "a@new.test", "nickname": "x"}, "additionalProperties"),
    ({"role_groups": []}, "required"),
    ({"email": "a" * 250 + "@x.test"}, "maxLength"),
    ({"email": ""}, "minLength"),
    ({"email": 7}, "type"),
    ({"email": "a@new.test", "role_groups": [{"role_group_id": "x"}]}, "required"),
    ({"email": "a@new.test", "teams": [{"team_id": "x", "membership_type": "boss"}]}, "enum"),
    ({"email": "a@new.test", "roles": [{"role_id": "x", "context_params": dict.fromkeys("abcdefgh", "y")}]}, "max"),
]


@pytest.mark.parametrize(("item", "keyword"), BAD_ITEMS)
async def test_a_bad_item_refuses_the_whole_batch(admin: Any, item: Any, keyword: str) -> None:
    """The declared type is enforced item by item, and a good neighbour is not invited."""
    answer = await admin.call("POST", "invites", [{"email": "good@new.test"}, item])
    assert answer.status == 400
    assert answer.json["errors"][0]["dataPath"].startswith("[1]")
    assert answer.json["errors"][0]["keyword"].startswith(keyword)
    assert admin.sandbox.effects.totals == {}


async def test_role_groups_teams_and_addresses_must_exist(admin: Any) -> None:
    """A well-formed batch that names something unknown, or no address, is refused as a whole too."""
    unknown = {"role_group_id": "00000000-0000-4000-8000-000000000000", "name": "x"}
    for item in ({"email": "a@new.test", "role_groups": [unknown]}, {"email": "nobody"}):
        answer = await admin.call("POST", "invites", [{"email": "good@new.test"}, item])
        assert answer.status == 400
        assert set(answer.json) == {"status", "message"}
    assert admin.sandbox.effects.totals == {}


async def test_bodies_over_the_cap_and_of_other_types_are_refused(admin: Any) -> None:
    """More than 100 kB is too much, text is the wrong type, and broken JSON is a bad request."""
    many = [{"email": f"{'x' * 60}{number}@new.test"} for number in range(1300)]
    assert (await admin.call("POST", "invites", many)).status == 413
    text = {"Content-Type": "text/plain"}
    assert (await admin.call("POST", "invites", data=b"[]", headers=text)).status == 415
    as_json = {"Content-Type": "application/json"}
    assert (await admin.call("POST", "invites", data=b"[{", headers=as_json)).status == 400
    assert (await admin.call("POST", "invites", {"email": "a@new.test"})).status == 400


async def test_revoking_passes_over_unknown_ids_until_none_is_left(admin: Any) -> None:
    """204 while one id matches; the same call again is a 400."""
    await admin.call("POST", "invites", [{"email": "gone@new.test"}])
    (row,) = await pending(admin, "gone@new.test")
    assert (await admin.call("DELETE", "invites", [row["id"], 999_999])).status == 204
    assert (await admin.call("DELETE", "invites", [row["id"]])).status == 400
    assert (await admin.call("GET", f"invites/{row['id']}")).json["status"] == "CANCELED"
    assert admin.sandbox.effects.count("invite_revoked") == 1


async def test_resend_names_what_succeeded_and_what_failed(admin: Any) -> None:
    """A revoked invite fails beside a pending one; alone it makes the call a 400, as does a foreign id."""
    await admin.call("POST", "invites", [{"email": "keep@new.test"}, {"email": "drop@new.test"}])
    (keep,), (drop,) = await pending(admin, "keep@new.test"), await pending(admin, "drop@new.test")
    await admin.call("DELETE", "invites", [drop["id"]])
    answer = await admin.call("POST", "invites/resend", [drop["id"], keep["id"]])
    assert answer.json == {"succeeded": [keep["id"]], "failed": [drop["id"]]}
    assert (await admin.call("POST", "invites/resend", [drop["id"]])).status == 400
    assert (await admin.call("POST", "invites/resend", [keep["id"], 1])).status == 400
    assert admin.sandbox.effects.view("invite_resent")["people"] == {"keep@new.test": {"invite_resent": 1}}


async def test_invites_expire_and_resending_starts_a_new_week(admin: Any, clock: Any) -> None:
    """After seven days an invite is still listed, as expired, until it is sent again."""
    await admin.call("POST", "invites", [{"email": "slow@new.test"}])
    clock.now += WEEK
    (row,) = await pending(admin, "slow@new.test")
    assert row["status"] == "EXPIRED"
    await admin.call("POST", "invites/resend", [row["id"]])
    (row,) = await pending(admin, "slow@new.test")
    assert row["status"] == "INVITED"


async def test_accepting_makes_an_account_with_what_was_granted(admin: Any) -> None:
    """A person who accepts has the role group and the team of the invite, and the invite is closed."""
    group, team = await admin.rolegroup("Developers"), await admin.team("Quality")
    item = {
        "email": "joins@new.test",
        "role_groups": [{"role_group_id": group, "name": "Developers"}],
        "teams": [{"team_id": team, "membership_type": "maintainer"}],
    }
    assert (await admin.call("POST", "invites", [item])).status == 200
    joined = await admin.call("POST", "/__sandbox/accept-invite", {"email": "Joins@new.test", "username": "joins"})
    user_id = joined.json["user_id"]
    assert [row["role_group_id"] for row in await admin.rows(f"users/{user_id}/rolegroups")] == [group]
    assert [row["team_id"] for row in await admin.rows(f"users/{user_id}/teams")] == [team]
    assert await pending(admin, "joins@new.test") == []
    again = await admin.call("POST", "/__sandbox/accept-invite", {"email": "joins@new.test"})
    assert (again.status, again.json["error"]) == (400, "no invite is pending for that")


async def test_the_short_paths_take_the_organisation_from_the_query(admin: Any) -> None:
    """The five calls exist without the organisation in the path as well."""
    org = {"organizationId": admin.sandbox.organization}
    assert (await admin.call("POST", "/accounts/api/invites", [{"email": "short@new.test"}])).json == []
    page = await admin.call("GET", "/accounts/api/invites", params={**org, "search": "short@"})
    assert page.json["total"] == 1
