"""Invitations: one address a call, listed in one answer, revoked one by one."""

from typing import Any

import pytest


async def test_an_invitation_is_answered_and_listed(cloud: Any) -> None:
    """With an id, the time and a link of its own; a mail leaves."""
    answer = await cloud.invite("New.Hire@hire.test")
    assert answer.status == 201
    made = answer.json["invitation"]
    assert 5 <= len(made["id"]) <= 10
    assert (made["recipientEmailAddress"], made["role"]) == ("New.Hire@hire.test", "organisation_member")
    assert made["created"] == "2027-01-15T08:00:20.000000Z"
    assert "aclObjectId" not in made
    assert (await cloud.get(made["links"]["self"]))["invitation"] == made
    assert made in (await cloud.get("org/invitations", q="NEW.hire"))["invitations"]
    assert cloud.sandbox.effects.person("new.hire@hire.test") == {"invite_sent": 1}


async def test_addresses_may_be_stored_in_lower_case(cloud: Any) -> None:
    """Then the list has them so."""
    await cloud.quirks(invite_email_case="lower")
    await cloud.invite("New.Hire@hire.test")
    assert "new.hire@hire.test" in await cloud.invited()


async def test_the_list_has_no_pages(start: Any) -> None:
    """However many are pending; `q` is part of an address."""
    cloud = await start(people=2000)
    body = await cloud.get("org/invitations", limit=5, page=2)
    assert body.keys() == {"invitations"}
    assert len(body["invitations"]) == 53
    found = (await cloud.get("org/invitations", q="pending.1@acme.test"))["invitations"]
    assert [row["recipientEmailAddress"] for row in found] == ["pending.1@acme.test", "x.pending.1@acme.test"]


async def test_a_role_must_fit_the_entity(cloud: Any) -> None:
    """A team takes its aclObject and a team's role; its id and aclSubject name no entity."""
    team = await cloud.team("Elite Team")
    answer = await cloud.invite("a@hire.test", "team_member", aclObjectId=team["aclObject"])
    assert answer.status == 201
    assert answer.json["invitation"]["aclObjectId"] == team["aclObject"]
    wrong = [
        ("team_member", None),
        ("organisation_admin", team["aclObject"]),
        ("mock_api_user", team["aclObject"]),
        ("team_member", team["id"]),
        ("team_member", team["aclSubject"]),
    ]
    for status in (400, 422):
        await cloud.quirks(invite_mismatch=status)
        for role, acl_object in wrong:
            assert (await cloud.invite("b@hire.test", role, aclObjectId=acl_object)).status == status
    assert cloud.effects() == {"invite_sent": 1}


@pytest.mark.parametrize("address", ["ANN@acme.test", "PENDING.1@acme.test"])
async def test_who_is_there_already_makes_a_conflict(cloud: Any, address: str) -> None:
    """A member or somebody invited, whatever the case."""
    before = await cloud.invited()
    answer = await cloud.invite(address)
    assert answer.status == 409
    assert "already" in answer.title
    assert await cloud.invited() == before
    assert cloud.effects() == {}


@pytest.mark.parametrize(
    ("quirk", "address"), [("invite_member", "ann@acme.test"), ("reinvite_pending", "pending.1@acme.test")]
)
async def test_a_repeat_may_send_a_second_mail_or_nothing(cloud: Any, quirk: str, address: str) -> None:
    """Both answer 201; only the count and the list tell them apart."""
    before = len(await cloud.invited())
    await cloud.quirks(**{quirk: "silent"})
    assert (await cloud.invite(address)).status == 201
    assert (len(await cloud.invited()), cloud.effects()) == (before, {})
    await cloud.quirks(**{quirk: "second"})
    assert (await cloud.invite(address)).status == 201
    assert (len(await cloud.invited()), cloud.effects()) == (before + 1, {"invite_sent": 1})


async def test_new_user_means_one_thing_or_its_opposite(cloud: Any) -> None:
    """Somebody who left has an account, a new address has none."""
    told = {address: await cloud.invite(address) for address in ("left.1@acme.test", "new@hire.test")}
    assert [answer.json["invitation"]["newUser"] for answer in told.values()] == [False, True]
    await cloud.quirks(new_user="described")
    assert (await cloud.invite("newer@hire.test")).json["invitation"]["newUser"] is False


@pytest.mark.parametrize("status", [204, 200])
async def test_a_revoked_invitation_is_gone(cloud: Any, status: int) -> None:
    """And a second revocation finds nothing."""
    await cloud.quirks(revoke_status=status)
    path = (await cloud.get("org/invitations"))["invitations"][0]["links"]["self"]
    assert (await cloud.call("DELETE", path)).status == status
    assert "pending.1@acme.test" not in await cloud.invited()
    assert [(await cloud.call(method, path)).status for method in ("DELETE", "GET")] == [404, 404]
    assert cloud.effects() == {"invite_revoked": 1}
    assert (await cloud.invite("pending.1@acme.test")).status == 201


async def test_one_invitation_may_have_no_endpoint(cloud: Any) -> None:
    """It is only linked to: then it stays as it is."""
    await cloud.quirks(one_invitation="absent")
    path = (await cloud.get("org/invitations"))["invitations"][0]["links"]["self"]
    assert [(await cloud.call(method, path)).status for method in ("DELETE", "GET")] == [404, 404]
    assert cloud.effects() == {}


async def test_invitations_may_end(cloud: Any, clock: Any) -> None:
    """After so many days they are no longer listed, and the address can be invited again."""
    await cloud.invite("new@hire.test")
    await cloud.quirks(invitation_days=50)
    assert "new@hire.test" in await cloud.invited()
    clock.now += 50 * 86_400
    assert await cloud.invited() == []
    assert (await cloud.call("POST", "/__sandbox/accept-invite", {"email": "new@hire.test"})).status == 400
    assert (await cloud.invite("new@hire.test")).status == 201


async def test_who_accepts_is_a_member_of_both(cloud: Any) -> None:
    """Of the organisation, and of the team that the invitation was to; somebody who left keeps the account."""
    team = await cloud.team("Elite Team")
    await cloud.invite("new@hire.test", "team_admin", aclObjectId=team["aclObject"])
    await cloud.invite("left.1@acme.test", "organisation_admin")
    for address in ("new@hire.test", "left.1@acme.test"):
        assert (await cloud.call("POST", "/__sandbox/accept-invite", {"email": address})).status == 200
    new, back = await cloud.user_id("new@hire.test"), await cloud.user_id("left.1@acme.test")
    for user in (new, back):
        links = (await cloud.get(f"users/{user}"))["user"]["links"]
        assert links["organisation"] == f"/v1/organisations/{cloud.sandbox.organization}"
    roles = await cloud.roles()
    assert (roles[new], roles[back]) == ("organisation_member", "organisation_admin")
    assert new in [user["id"] for user in (await cloud.get(f"teams/{team['id']}/members"))["members"]]
    effects = cloud.sandbox.effects
    assert effects.person("new@hire.test") == {
        "invite_sent": 1, "invite_accepted": 1, "user_created": 1, "member_added": 1, "team_added": 1,
    }  # fmt: skip
    assert effects.person("left.1@acme.test") == {"invite_sent": 1, "invite_accepted": 1, "member_added": 1}


async def test_a_canned_host_answers_samples_and_changes_nothing(cloud: Any) -> None:
    """Every write looks successful, as on the vendor's own mock host."""
    await cloud.quirks(canned=True)
    before, ann = cloud.sandbox.inventory(), await cloud.user_id("ann@acme.test")
    team = (await cloud.team("Platform"))["id"]
    assert (await cloud.invite("new@hire.test")).json["invitation"][
        "recipientEmailAddress"
    ] == "docsmember2@example.com"
    member = {"member": {"memberId": ann, "permissionFriendlyId": "team_member"}}
    calls: list[tuple[str, str, Any, int]] = [
        ("DELETE", "org/invitations/nobdy", None, 204),
        ("DELETE", f"org/members/{ann}", None, 204),
        ("DELETE", f"users/{ann}", None, 204),
        ("PUT", f"org/acl/user/{ann}", {"grant": {"role": "organisation_admin"}}, 200),
        ("PUT", f"teams/{team}/acl/user/{ann}", {"grant": {"role": "team_admin"}}, 200),
        ("POST", f"teams/{team}/members", member, 201),
        ("DELETE", f"teams/{team}/members/{ann}", None, 204),
        ("POST", "teams", {"team": {"name": "New"}}, 201),
        ("DELETE", f"teams/{team}", None, 200),
        ("PUT", f"mock-apis/nobdy/acl/user/{ann}", {"grant": {"role": "mock_api_user"}}, 200),
        ("DELETE", f"mock-apis/nobdy/acl/user/{ann}", None, 204),
    ]
    for method, path, body, status in calls:
        assert (await cloud.call(method, path, body)).status == status, path
    assert cloud.sandbox.inventory() == before
    assert cloud.effects() == {}
