"""Invitations: one status for the batch, no body, and lists that keep what is over."""

from typing import Any

import pytest

DAY_MS = 86_400_000
MEMBER = {"organizationRoles": [{"name": "org_member"}]}
LINK = "/csp/gateway/slc/api/definitions/paid/tcq4LTfyZ_-UPdPAJIi2LhnvxmE_"


async def invite(csp: Any, *names: str, **more: Any) -> Any:
    return await csp.call("POST", "invitations", {"usernames": list(names), **more})


async def test_a_batch_is_accepted_without_a_word(csp: Any, clock: Any) -> None:
    """202 and no body; the list has each address with its roles, and times in milliseconds."""
    answer = await invite(csp, "One@new.test", "two@new.test", **MEMBER, invitationExpirationInDays=30)
    assert (answer.status, answer.raw) == (202, b"")
    (row,) = await csp.invitations("one@new.test")
    assert (row["username"], row["status"]) == ("One@new.test", "AVAILABLE")
    assert row["generatedAt"] == clock.now * 1000
    assert row["expirationTime"] - row["generatedAt"] == 30 * DAY_MS
    assert [role["name"] for role in row["organizationRoles"]] == ["org_member"]
    assert csp.effects("two@new.test") == {"invite_sent": 1}


async def test_the_unit_of_the_end_is_not_stated(start: Any, clock: Any) -> None:
    """With the quirk `expirationTime` is in seconds, while the other times stay milliseconds."""
    csp = await start(quirks={"expiration_unit": "seconds"})
    await invite(csp, "a@new.test")
    (row,) = await csp.invitations("a@new.test")
    assert (row["expirationTime"], row["generatedAt"]) == (clock.now + 7 * 86_400, clock.now * 1000)


async def test_the_list_is_a_bare_array_of_everything_that_ever_was(csp: Any) -> None:
    """Redeemed and revoked ones stay; an expired one is still called AVAILABLE."""
    rows = (await csp.call("GET", "invitations")).json
    assert isinstance(rows, list)
    assert {row["status"] for row in rows} == {"AVAILABLE", "REDEEMED", "REVOKED"}
    expired = next(row for row in rows if row["username"].startswith("expired."))
    assert expired["status"] == "AVAILABLE"
    assert expired["expirationTime"] < csp.sandbox.options.clock() * 1000


@pytest.mark.parametrize(("query", "shown"), [("", False), ("?expand", True), ("?expand=false", True)])
async def test_only_the_presence_of_expand_counts(csp: Any, query: str, shown: bool) -> None:
    """`expand=false` expands as well."""
    rows = (await csp.call("GET", f"invitations{query}")).json
    assert all(("organizationRoles" in row) == shown for row in rows)


async def test_an_invitation_brings_roles_and_groups(csp: Any) -> None:
    """Roles of every kind and custom groups, held once the link is followed; the entry is then REDEEMED."""
    group = await csp.group("Network Operations")
    await invite(
        csp,
        "new@hire.test",
        organizationRoles=[{"name": "developer", "expiresAt": 1_900_000_000}],
        serviceRolesDtos=[{"serviceDefinitionLink": LINK, "serviceRoleNames": ["vmc-user:full"]}],
        customRoles=[{"name": "cost-reviewer", "resource": "project:red"}],
        customGroupsIds=[group["id"]],
    )
    filtered = (await csp.call("GET", f"invitations?expand&customGroupId={group['id']}&expandCustomGroups=true")).json
    assert [row["customGroups"][0]["displayName"] for row in filtered] == ["Network Operations"]
    assert filtered[0]["serviceRolesDtos"][0]["serviceDefinitionLink"] == LINK
    joined = csp.sandbox.accept_invite(email="NEW@hire.test")
    user = await csp.user("new@hire.test")
    assert user["user"]["userId"] == joined["user_id"]
    assert [(role["name"], role["expiresAt"]) for role in user["organizationRoles"]] == [("developer", 1_900_000_000)]
    assert user["serviceRoles"][0]["serviceRoleNames"] == ["vmc-user:full"]
    assert user["customRoles"][0]["resource"] == "project:red"
    assert (await csp.group("Network Operations"))["usersCount"] == group["usersCount"] + 1
    (row,) = await csp.invitations("new@hire.test")
    assert (row["status"], "redeemedAt" in row) == ("REDEEMED", True)


@pytest.mark.parametrize("choice", ["conflict", "silent", "second"])
async def test_inviting_an_invited_address_again(start: Any, choice: str) -> None:
    """A 409 for the whole batch, or nothing, or a second entry: as the quirk says, whatever the case."""
    csp = await start(quirks={"reinvite_pending": choice})
    await invite(csp, "again@new.test")
    answer = await invite(csp, "AGAIN@new.test", "fresh@new.test")
    assert answer.status == (409 if choice == "conflict" else 202)
    assert len(await csp.invitations("again@new.test")) == (2 if choice == "second" else 1)
    assert len(await csp.invitations("fresh@new.test")) == (0 if choice == "conflict" else 1)


@pytest.mark.parametrize("choice", ["conflict", "silent", "second", "merge"])
async def test_inviting_a_member(start: Any, choice: str) -> None:
    """A 409, or nothing, or an invitation, or roles for the member: as the quirk says."""
    csp = await start(quirks={"invite_member": choice})
    name = (await csp.users())[7]["user"]["username"]
    before = len(await csp.invitations(name))
    answer = await invite(csp, name.upper(), organizationRoles=[{"name": "developer"}])
    assert answer.status == (409 if choice == "conflict" else 202)
    assert len(await csp.invitations(name)) - before == (1 if choice == "second" else 0)
    assert csp.effects(name).get("role_assigned", 0) == (1 if choice == "merge" else 0)


async def test_an_expired_invitation_does_not_hinder_the_next(csp: Any, clock: Any) -> None:
    """After its week the address may be invited again, and both entries are listed."""
    await invite(csp, "slow@new.test")
    clock.now += 8 * 86_400
    assert (await invite(csp, "slow@new.test")).status == 202
    assert len(await csp.invitations("slow@new.test")) == 2


@pytest.mark.parametrize(("choice", "entries"), [("joins", 0), ("pending", 1)])
async def test_an_address_with_an_account(start: Any, choice: str, entries: int) -> None:
    """Joins at once and leaves no invitation, or is invited as others are."""
    csp = await start(quirks={"account_invited": choice})
    assert (await invite(csp, "pat@partner.test", **MEMBER)).status == 202
    assert len(await csp.invitations("pat@partner.test")) == entries
    inside = [row for row in await csp.users() if row["user"]["email"] == "pat@partner.test"]
    assert len(inside) == 1 - entries
    assert csp.effects("pat@partner.test")["invite_sent"] == 1


async def test_who_was_removed_keeps_the_account(csp: Any) -> None:
    """Invited again, the same person is back at once, with the same id."""
    row = (await csp.users())[9]["user"]
    await csp.remove([row["userId"]])
    await invite(csp, row["email"], **MEMBER)
    assert (await csp.user(row["username"]))["user"]["userId"] == row["userId"]


BAD: list[tuple[dict[str, Any], int]] = [
    ({"usernames": []}, 400),
    ({"usernames": "a@new.test"}, 400),
    ({"usernames": ["not an address"]}, 400),
    ({"usernames": ["a@new.test"], "organizationRoles": [{"name": "boss"}]}, 400),
    ({"usernames": ["a@new.test"], "organizationRoles": [{"name": "org_member", "resource": "x" * 201}]}, 400),
    ({"usernames": ["a@new.test"], "serviceRolesDtos": [{"serviceDefinitionLink": "nowhere"}]}, 400),
    ({"usernames": ["a@new.test"], "invitationExpirationInDays": 91}, 400),
    ({"usernames": ["a@new.test"], "invitationExpirationInDays": 0}, 400),
    ({"usernames": ["a@new.test"], "notifyUsersOfOrgAccess": "no"}, 400),
    ({"usernames": ["a@new.test"], "customGroupsIds": [str(n) for n in range(16)]}, 400),
    ({"usernames": ["a@new.test"], "customGroupsIds": ["x", "x"]}, 400),
    ({"usernames": ["a@new.test"], "customGroupsIds": ["x"]}, 404),
]


@pytest.mark.parametrize(("body", "status"), BAD)
async def test_a_bad_body_invites_nobody(csp: Any, body: dict[str, Any], status: int) -> None:
    """One mistake refuses the batch."""
    assert (await csp.call("POST", "invitations", body)).status == status
    assert csp.sandbox.effects.count("invite_sent") == 0


async def test_bounds_that_are_not_published(start: Any) -> None:
    """A most of addresses and a role that must be there, where quirks say so."""
    csp = await start(quirks={"max_usernames": 2, "invite_needs_roles": True})
    assert (await invite(csp, "a@new.test", "b@new.test", **MEMBER)).status == 202
    assert (await invite(csp, "c@new.test", "d@new.test", "e@new.test", **MEMBER)).status == 400
    assert (await invite(csp, "c@new.test")).status == 400


async def test_revoking_by_address(csp: Any) -> None:
    """Every open invitation of the address, whatever its case; unknown ones are passed over."""
    body = {"usernames": ["PENDING.1@acme.test", "expired.1@acme.test", "nobody@new.test"]}
    answer = await csp.call("POST", "invitations?action=revoke", body)
    assert (answer.status, answer.raw) == (202, b"")
    for name in ("pending.1@acme.test", "expired.1@acme.test"):
        (row,) = await csp.invitations(name)
        assert (row["status"], "revokedAt" in row) == ("REVOKED", True)
        assert csp.effects(name) == {"invite_revoked": 1}


async def test_revoking_unknown_addresses_may_sink_the_batch(start: Any) -> None:
    """With the quirk a 404, and nobody's invitation is revoked. Another action is a 400."""
    csp = await start(quirks={"revoke_unknown": "not_found"})
    body = {"usernames": ["pending.1@acme.test", "nobody@new.test"]}
    assert (await csp.call("POST", "invitations?action=revoke", body)).status == 404
    assert csp.sandbox.effects.count("invite_revoked") == 0
    assert (await csp.call("POST", "invitations?action=resend", body)).status == 400


@pytest.mark.parametrize(("choice", "again"), [("not_found", 404), ("ok", 200)])
async def test_revoking_one_by_its_id(start: Any, choice: str, again: int) -> None:
    """The id is the last part of the link; the second time is as the quirk says, an unknown id always a 404."""
    csp = await start(quirks={"delete_closed_invitation": choice})
    (row,) = await csp.invitations("pending.2@acme.test")
    answer = await csp.call("DELETE", row["refLink"])
    assert (answer.status, answer.raw) == (200, b"")
    assert (await csp.call("GET", row["refLink"])).json["status"] == "REVOKED"
    assert (await csp.call("DELETE", row["refLink"])).status == again
    assert (await csp.call("DELETE", "invitations/unknown")).status == 404
    assert csp.sandbox.effects.count("invite_revoked") == 1


async def test_a_plain_member_may_not_invite(start: Any) -> None:
    """403 for writing and for the list."""
    csp = await start(quirks={"caller": "member"})
    assert (await invite(csp, "a@new.test")).status == 403
    assert (await csp.call("GET", "invitations")).status == 403
