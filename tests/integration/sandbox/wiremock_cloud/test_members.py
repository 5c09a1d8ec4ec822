"""Members: listed by pages, removed, given roles; and the trap beside."""

from typing import Any

import pytest


async def test_pages_follow_one_another_to_the_end(cloud: Any) -> None:
    """Twenty rows unless told otherwise; links start with /v1; every member comes once."""
    first = await cloud.get("org/users")
    assert first["meta"] == {"start": 1, "end": 20, "total": 120, "page": 1, "totalPages": 6}
    body, seen = first, [user["id"] for user in first["users"]]
    while "next" in body["links"]:
        assert body["links"]["next"].startswith("/v1/organisations/")
        body = await cloud.get(body["links"]["next"])
        seen += [user["id"] for user in body["users"]]
    assert len(seen) == len(set(seen)) == 120
    assert body["meta"]["page"] == body["meta"]["totalPages"]
    assert body["links"]["previous"].endswith("page=5")


@pytest.mark.parametrize(
    ("paging", "parts"), [("full", {"meta", "links"}), ("meta", {"meta"}), ("links", {"links"}), ("bare", set())]
)
async def test_meta_and_links_may_be_left_out(cloud: Any, paging: str, parts: set[str]) -> None:
    """The rows are the same."""
    await cloud.quirks(paging=paging)
    body = await cloud.get("org/users", limit=50, page=3)
    assert body.keys() == {"users"} | parts
    assert len(body["users"]) == 20


async def test_a_page_past_the_end_is_empty(cloud: Any) -> None:
    """Its start and total may be zero, which the schema forbids."""
    assert (await cloud.get("org/users", page=99))["users"] == []
    assert (await cloud.get("org/users", q="nobody-is-called-so"))["meta"]["total"] == 0


async def test_a_limit_above_the_most_is_cut_down_or_refused(cloud: Any) -> None:
    """And pages count from one."""
    body = await cloud.get("org/users", limit=1000)
    assert len(body["users"]) == 100
    assert body["meta"]["totalPages"] == 2
    await cloud.quirks(limit_over_max="reject")
    assert (await cloud.call("GET", "org/users", params={"limit": 1000})).status == 400
    for wrong in ({"page": 0}, {"limit": 0}, {"page": "two"}, {"page": "9" * 5000}):
        answer = await cloud.call("GET", "org/users", params=wrong)
        assert (answer.status, answer.title) == (400, "Invalid query parameter format")


async def test_a_search_finds_parts_of_addresses(cloud: Any) -> None:
    """Whoever looks for Ann finds Joann beside her."""
    found = [user["emailAddress"] for user in (await cloud.get("org/users", q="ANN@acme.test"))["users"]]
    assert found == ["ann@acme.test", "joann@acme.test"]
    body = await cloud.get("org/users", q="acme.test", limit=5)
    assert "q=acme.test" in body["links"]["next"]


async def test_a_removed_member_keeps_an_account_elsewhere(cloud: Any) -> None:
    """Out of every list, team and grant; the account is in an organisation of its own."""
    ann, team = await cloud.user_id("ann@acme.test"), await cloud.team("Platform")
    await cloud.call(
        "POST", f"teams/{team['id']}/members", {"member": {"memberId": ann, "permissionFriendlyId": "team_member"}}
    )
    assert (await cloud.call("DELETE", f"org/members/{ann}")).status == 204
    assert [user["emailAddress"] for user in (await cloud.get("org/users", q="ann@"))["users"]] == ["joann@acme.test"]
    assert (await cloud.get(f"teams/{team['id']}/members", q="ann@"))["members"] == []
    assert ann not in await cloud.roles()
    account = cloud.sandbox.inventory()["users"][ann]
    assert (account["deleted"], account["role"]) == (False, None)
    assert account["organization"] != cloud.sandbox.organization
    assert (await cloud.call("GET", f"users/{ann}")).status == 403
    assert cloud.sandbox.effects.person("ann@acme.test") == {"team_added": 1, "user_deleted": 1}


async def test_removing_who_is_no_member_is_404_or_204(cloud: Any) -> None:
    """Without effect in either case."""
    ann = await cloud.user_id("ann@acme.test")
    for expected in (204, 404):
        assert (await cloud.call("DELETE", f"org/members/{ann}")).status == expected
    await cloud.quirks(remove_unknown=204)
    for unknown in (ann, "nobdy"):
        assert (await cloud.call("DELETE", f"org/members/{unknown}")).status == 204
    assert cloud.effects() == {"user_deleted": 1}


async def test_the_last_administrator_stays(start: Any) -> None:
    """Removed, demoted or deleted: a conflict."""
    cloud = await start(people=5)
    admins = [user_id for user_id, role in (await cloud.roles()).items() if role == "organisation_admin"]
    me = await cloud.user_id("admin@acme.test")
    for other in admins:
        if other != me:
            assert (await cloud.call("DELETE", f"org/members/{other}")).status == 204
    demotion = {"grant": {"role": "organisation_member"}}
    calls = (
        ("DELETE", f"org/members/{me}", None),
        ("PUT", f"org/acl/user/{me}", demotion),
        ("DELETE", f"users/{me}", None),
    )
    for method, path, body in calls:
        assert (await cloud.call(method, path, body)).status == 409
    await cloud.quirks(last_admin=403)
    assert (await cloud.call("DELETE", f"org/members/{me}")).status == 403
    assert (await cloud.roles())[me] == "organisation_admin"


async def test_deleting_an_account_is_not_a_removal(cloud: Any) -> None:
    """The account is gone for good, and counted apart."""
    ann = await cloud.user_id("ann@acme.test")
    assert (await cloud.call("DELETE", f"users/{ann}")).status == 204
    assert cloud.sandbox.effects.person("ann@acme.test") == {"account_deleted": 1}
    assert cloud.sandbox.inventory()["users"][ann]["deleted"] is True
    assert (await cloud.call("GET", f"users/{ann}")).status == 404


async def test_a_role_in_the_organisation_is_a_grant(cloud: Any) -> None:
    """PUT replaces it, again and again without a further effect, and both lists of grants tell it."""
    ann = await cloud.user_id("ann@acme.test")
    assert (await cloud.roles())[ann] == "organisation_member"
    for _ in range(2):
        answer = await cloud.call("PUT", f"org/acl/user/{ann}", {"grant": {"role": "organisation_admin"}})
        assert (answer.status, answer.json) == (200, {"grant": {"role": "organisation_admin"}})
    assert (await cloud.roles())[ann] == "organisation_admin"
    one = (await cloud.get("org/acl", subjectId=ann))["grants"]
    assert [grant["role"] for grant in one] == ["organisation_admin"]
    assert cloud.effects() == {"role_assigned": 1}


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("org/acl/user/nobdy", {"grant": {"role": "organisation_admin"}}, 404),
        ("org/acl/user/ann", {"grant": {"role": "team_admin"}}, 422),
        ("org/acl/user/ann", {"role": "organisation_admin"}, 422),
    ],
)
async def test_a_grant_that_cannot_be_is_refused(cloud: Any, path: str, body: Any, expected: int) -> None:
    """Nobody, a role of another kind, a body without a grant."""
    path = path.replace("ann", await cloud.user_id("ann@acme.test"))
    assert (await cloud.call("PUT", path, body)).status == expected
    assert cloud.effects() == {}


async def test_what_is_only_linked_to_may_not_be_there(cloud: Any) -> None:
    """Each such call is a 404 when its quirk says so."""
    ann, root = await cloud.user_id("ann@acme.test"), (await cloud.get("org"))["organisation"]
    grant = {"grant": {"role": "organisation_admin"}}
    await cloud.quirks(organisation_acl="absent", acl_listing="absent", acl_grants="absent", acl_roles="absent")
    paths = ("org/acl", f"acl/grants?aclObjectId={root['aclObject']}", f"acl/objects/{root['aclObject']}/roles")
    assert [(await cloud.call("GET", path)).status for path in paths] == [404] * 3
    assert (await cloud.call("PUT", f"org/acl/user/{ann}", grant)).status == 404
    await cloud.quirks(organisation_acl="present", acl_status=204)
    assert (await cloud.call("PUT", f"org/acl/user/{ann}", grant)).status == 204
    assert cloud.effects() == {"role_assigned": 1}


async def test_grants_come_in_either_form(cloud: Any) -> None:
    """As ids that read subject, object, role; under either name; by pages."""
    ann, root = await cloud.user_id("ann@acme.test"), (await cloud.get("org"))["organisation"]
    path = f"acl/grants?aclObjectId={root['aclObject']}"
    await cloud.quirks(grants_form="ids")
    assert f"{ann}-{root['aclObject']}-organisation_member" in (await cloud.get(path))["grants"]
    await cloud.quirks(grants_form="acl_grants", grants_paged=True)
    body = await cloud.get(path)
    assert (len(body["aclGrants"]), body["meta"]["total"]) == (20, 120)


async def test_seats_are_members_and_invitations(start: Any) -> None:
    """Usage tells both and the limit; an invitation past it is refused in words that name it."""
    cloud = await start(people=10)
    usage_path = (await cloud.get("org"))["organisation"]["links"]["subscription"] + "/usage"
    usage = (await cloud.get(usage_path))["usage"]
    taken = usage["organisationMemberCount"] + usage["invitationCount"]
    assert (usage["organisationMemberCount"], usage["totalSeatCount"], usage["seatLimit"]) == (10, taken, None)
    await cloud.quirks(seat_limit=taken + 1)
    assert (await cloud.get(usage_path))["usage"]["seatLimit"] == taken + 1
    assert (await cloud.invite("fits@hire.test")).status == 201
    for status in (409, 403, 422):
        await cloud.quirks(seat_refusal=status)
        answer = await cloud.invite("too.many@hire.test")
        assert (answer.status, answer.title) == (status, "Seat limit reached")
    assert cloud.effects() == {"invite_sent": 1}
