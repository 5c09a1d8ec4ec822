"""Roles of one person: a delta for each call, direct ones only."""

from typing import Any

import pytest

SERVICE = "tcq4LTfyZ_-UPdPAJIi2LhnvxmE_"


def add(*names: str) -> dict[str, Any]:
    return {"organizationRoles": {"rolesToAdd": [{"name": name} for name in names]}}


def take(*names: str) -> dict[str, Any]:
    return {"organizationRoles": {"rolesToRemove": [{"name": name} for name in names]}}


async def plain(csp: Any) -> str:
    return str((await csp.plain_ids(1))[0])


async def names_of(csp: Any, user_id: str) -> list[str]:
    roles = (await csp.call("GET", f"~/v2/users/{user_id}/orgs/{{org}}/roles")).json
    return [role["name"] for role in roles if role["membershipType"] == "DIRECT"]


async def test_a_delta_adds_and_takes(csp: Any) -> None:
    """What is not named stays; the answer has no body; the id may hold its colon raw or encoded."""
    user_id = await plain(csp)
    answer = await csp.patch_roles(user_id.replace(":", "%3A"), add("developer", "support_user"))
    assert (answer.status, answer.raw) == (200, b"")
    assert set(await names_of(csp, user_id)) >= {"org_member", "developer", "support_user"}
    await csp.patch_roles(user_id, {**take("developer"), "notifyUsers": False})
    assert "developer" not in await names_of(csp, user_id.replace(":", "%3a"))
    assert csp.sandbox.effects.view("role_assigned")["totals"] == {"role_assigned": 2}
    assert csp.sandbox.effects.count("role_unassigned") == 1


async def test_roles_of_services_and_custom_roles(csp: Any) -> None:
    """Services go by id in a change and by link in what is read; the deprecated lists of names work."""
    user_id = await plain(csp)
    body = {
        "serviceRoles": [{"serviceDefinitionId": SERVICE, "roleNamesToAdd": ["vmc-user:full"]}],
        "customRoles": {"rolesToAdd": [{"name": "cost-reviewer", "resource": "project:red"}]},
    }
    assert (await csp.patch_roles(user_id, body)).status == 200
    link = f"/csp/gateway/slc/api/definitions/paid/{SERVICE}"
    path = f"~/v2/users/{user_id}/orgs/{{org}}/service-roles?serviceDefinitionLink={link}"
    (entry,) = (await csp.call("GET", path)).json["serviceRoles"]
    assert (entry["serviceDefinitionLink"], entry["serviceRoleNames"]) == (link, ["vmc-user:full"])
    undo = {"serviceRoles": [{"serviceDefinitionId": SERVICE, "roleNamesToRemove": ["vmc-user:full"]}]}
    await csp.patch_roles(user_id, undo)
    assert (await csp.call("GET", path)).json["serviceRoles"] == []


async def test_a_role_ends_when_its_time_is_over(csp: Any, clock: Any) -> None:
    """`expiresAt` is in seconds; an update moves it and assigns nothing."""
    user_id = await plain(csp)
    end = int(clock.now) + 100
    await csp.patch_roles(user_id, {"organizationRoles": {"rolesToAdd": [{"name": "support_user", "expiresAt": end}]}})
    later = {"organizationRoles": {"rolesToUpdate": [{"name": "support_user", "expiresAt": end + 100}]}}
    assert (await csp.patch_roles(user_id, later)).status == 200
    clock.now += 150
    assert "support_user" in await names_of(csp, user_id)
    clock.now += 50
    assert "support_user" not in await names_of(csp, user_id)
    assert csp.sandbox.effects.count("role_assigned") == 1


async def test_an_inherited_role_stays(csp: Any) -> None:
    """What comes from a group cannot be taken away here."""
    group = await csp.group("Domain Users", "AD_GROUP")
    (user, *_) = (await csp.call("GET", f"groups/{group['id']}/users")).json["results"]
    await csp.patch_roles(user["userId"], take("developer"))
    roles = (await csp.call("GET", f"~/v2/users/{user['userId']}/orgs/{{org}}/roles")).json
    assert ("developer", "GROUP") in [(role["name"], role["membershipType"]) for role in roles]


@pytest.mark.parametrize(("choice", "status"), [("ok", 200), ("reject", 400), ("not_found", 404)])
async def test_taking_what_is_not_held(start: Any, choice: str, status: int) -> None:
    """Nothing, a 400 or a 404; the rest of the call is then not done either."""
    csp = await start(quirks={"role_missing": choice})
    user_id = await plain(csp)
    body = {"organizationRoles": {"rolesToRemove": [{"name": "org_owner"}], "rolesToAdd": [{"name": "support_user"}]}}
    assert (await csp.patch_roles(user_id, body)).status == status
    assert ("support_user" in await names_of(csp, user_id)) == (status == 200)
    assert csp.sandbox.effects.count("role_unassigned") == 0


@pytest.mark.parametrize(("choice", "status"), [("ok", 200), ("conflict", 409)])
async def test_adding_what_is_held(start: Any, choice: str, status: int) -> None:
    """Nothing or a 409; with the other quirk the answer shows the roles."""
    csp = await start(quirks={"role_held": choice, "patch_answer": "roles"})
    user_id = await plain(csp)
    first = await csp.patch_roles(user_id, add("support_user"))
    assert "support_user" in [role["name"] for role in first.json["organizationRoles"]]
    assert (await csp.patch_roles(user_id, add("support_user"))).status == status
    assert csp.sandbox.effects.count("role_assigned") == 1


@pytest.mark.parametrize(("choice", "status"), [("reject", 400), ("apply", 200)])
async def test_the_last_owner_and_the_role(start: Any, choice: str, status: int) -> None:
    """One of two owners loses the role like any other; the last one as the quirk says."""
    csp = await start(quirks={"last_owner_roles": choice, "caller": "admin"})
    await csp.remove([await csp.user_id("owner@acme.test")])
    last = await csp.user_id("second.owner@acme.test")
    assert (await csp.patch_roles(last, take("org_owner"))).status == status


@pytest.mark.parametrize(
    "body",
    [
        add("boss"),
        {"serviceRoles": [{"serviceDefinitionId": "nowhere", "roleNamesToAdd": ["x"]}]},
        {"serviceRoles": {"serviceDefinitionId": SERVICE}},
        {"organizationRoles": [{"name": "developer"}]},
        {"organizationRoles": {"rolesToAdd": [{"name": "developer", "expiresAt": "soon"}]}},
    ],
)
async def test_bad_changes_are_refused(csp: Any, body: Any) -> None:
    """Unknown roles and services, and shapes that belong elsewhere: 400, nothing done."""
    assert (await csp.patch_roles(await plain(csp), body)).status == 400
    assert csp.sandbox.effects.count("role_assigned") == 0


async def test_an_address_is_no_id(csp: Any) -> None:
    """People go by `domain:guid` here."""
    assert (await csp.patch_roles("admin@acme.test", add("developer"))).status == 404


async def test_the_roles_that_can_be_given(csp: Any) -> None:
    """All, or those named in a list with commas."""
    found = (await csp.call("GET", "roles")).json
    assert len(found["refLinks"]) == len(found["orgRolesData"]) == 5
    some = (await csp.call("GET", "roles?name=org_owner,developer,unknown")).json["orgRolesData"]
    assert [role["name"] for role in some] == ["org_owner", "developer"]
