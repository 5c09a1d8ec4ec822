"""Reading: pages, searches, invitations, roles, and what is not believed."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest

from bulkops.errors import AccessError, ConfigError, StoppedError
from bulkops.fetch import walk
from bulkops.providers.base import Person
from bulkops.sandbox.vmware_csp.organization import ORGANIZATION, SERVICE, Grant
from bulkops.testing.csp_cases import invited, people, put, state_of
from bulkops.testing.wire import Heard, Speaker, answer

API = "/csp/gateway/am/api"


@pytest.mark.parametrize("counts", ["items", "pages"])
@pytest.mark.parametrize("number", [60, 200, 201, 450])
async def test_all_people_are_listed_in_order_whatever_page_start_counts(
    simulated: Any, counts: str, number: int
) -> None:
    """The link to the next page tells which it is."""
    sandbox, org = await simulated(number, page_start=counts)
    found = await walk(org.people())
    assert [one.id for one in found] == list(state_of(sandbox).users)
    assert len(sandbox.requests.matching("GET", "/v2/orgs/")) == -(-number // 200)


async def test_flags_are_left_out_and_never_said_to_be_false(simulated: Any) -> None:
    """Only their presence counts: `expand=false` still expands."""
    sandbox, org = await simulated()
    await walk(org.people())
    await walk(org.invitations())
    await walk(org.named("team"))
    asked = list(sandbox.requests)
    assert "excludeRoles" in asked[0]["query"]
    assert "expand" in asked[1]["query"]
    assert not [one for one in asked if "false" in str(one["query"]).lower()]


async def test_a_page_that_misses_rows_by_its_own_account_is_no_listing(simulated: Any) -> None:
    """It is read again, and then the walk is given up."""
    sandbox, org = await simulated(missing_rows=1)
    with pytest.raises(StoppedError, match="incomplete by its own account"):
        await walk(org.people())
    assert len(sandbox.requests.matching("GET", "/users")) == 3


async def test_a_page_that_misses_rows_once_is_read_again(serve: Any, csp_at: Any) -> None:
    """The second answer is whole."""
    row = {"user": {"userId": "x.test:1", "username": "a@x.test", "email": "a@x.test"}}
    page = {"results": [row], "totalResults": 1}

    async def script(_heard: Heard, speaker: Speaker) -> None:
        broken = len(wire.heard) == 1
        await speaker.say(answer(200, {**page, "errors": [{"message": "a part is away"}]} if broken else page))

    wire = await serve(script)
    assert [one.id for one in await walk((await csp_at(wire.url)).people())] == ["x.test:1"]
    assert len(wire.heard) == 2


@pytest.mark.parametrize(
    "link",
    ["https://elsewhere.invalid/x?pageStart=2", "//elsewhere.invalid/x?pageStart=2", "/x?start=2", "/x?pageStart=b"],
)
async def test_a_link_that_leads_nowhere_is_not_believed(serve: Any, csp_at: Any, link: str) -> None:
    """Nor is one that leaves the host."""
    row = {"user": {"userId": "x.test:1"}}
    wire = await serve(answer(200, {"results": [row], "totalResults": 2, "nextLink": link}))
    with pytest.raises(StoppedError, match="leads nowhere"):
        await walk((await csp_at(wire.url)).people())


@pytest.mark.parametrize("body", [{}, {"results": {}}, {"results": [7]}, [], {"results": [{"user": {}}]}])
async def test_another_shape_is_no_listing(serve: Any, csp_at: Any, body: Any) -> None:
    """Nothing is decided on it."""
    org = await csp_at((await serve(answer(200, body))).url)
    with pytest.raises(StoppedError, match="unexpected shape"):
        await walk(org.people())


async def test_people_are_found_by_address_username_and_id_exactly(simulated: Any) -> None:
    """The search is partial and has more pages than one; an id takes a walk."""
    sandbox, org = await simulated(450)
    user = people(sandbox, 200)[-1]
    for name in (user.email.upper(), user.username, user.id, user.id.upper()):
        assert [one.id for one in await org.find_people(name)] == [user.id]
    assert await org.find_people(user.email[1:]) == []
    assert await org.find_people("@acme.test") == []
    assert [org.searchable(one) for one in (user.email, user.username, user.id)] == [True, True, False]
    bodies = [one["body"] for one in sandbox.requests.matching("POST", "/users/search")]
    assert {"userSearchTerm", "excludeRoles", "pageStart", "pageLimit"} == set(bodies[0])
    assert [one["pageStart"] for one in bodies if one["userSearchTerm"] == "@acme.test"] == [1, 201, 401]


@pytest.mark.parametrize("unit", ["milliseconds", "seconds"])
async def test_invitations_expire_by_their_end_whatever_its_unit(simulated: Any, unit: str) -> None:
    """No status says so. Redeemed and revoked ones stay listed, and are left out."""
    sandbox, org = await simulated(expiration_unit=unit)
    state = state_of(sandbox)
    old, young = invited(state, 1, age_days=20)[0], invited(state, 1, age_days=1, days=30)[0]
    found = {one.id: one for one in await walk(org.invitations())}
    assert set(found) == {one.id for one in state.invitations.values() if one.status == "AVAILABLE"}
    assert (found[old.id].expired, found[young.id].expired) == (True, False)
    assert abs((found[young.id].expires_at or 0) - young.expires_at) <= 1
    assert abs((found[young.id].invited_at or 0) - young.generated_at) <= 1
    assert orjson.loads(found[young.id].terms)["invitationExpirationInDays"] == 30
    assert "invitationExpirationInDays" not in orjson.loads(found[old.id].terms)


async def test_an_invitation_whose_grants_cannot_be_read_hides_no_other(serve: Any, csp_at: Any) -> None:
    """It is listed, and says nothing of what a new one would be."""
    rows = [
        {"username": f"{number}@x.test", "status": "AVAILABLE", "refLink": f"/x/{number}", "serviceRolesDtos": services}
        for number, services in enumerate([[], [{"serviceRoleNames": ["a"]}], "what"])
    ]
    org = await csp_at((await serve(answer(200, rows))).url)
    assert [(one.id, bool(one.terms)) for one in await walk(org.invitations())] == [
        ("0", True),
        ("1", False),
        ("2", False),
    ]


async def test_invitations_are_found_by_address_and_by_id(simulated: Any) -> None:
    """Whatever the case of the address; closed ones by neither."""
    sandbox, org = await simulated()
    one, other = invited(state_of(sandbox), 2)
    assert [found.id for found in await org.find_invitations(one.username.upper())] == [one.id]
    assert [found.id for found in await org.find_invitations(other.id)] == [other.id]
    other.status = "REVOKED"
    assert await org.find_invitations(other.id) == await org.find_invitations(other.username) == []
    assert await org.find_invitations("0f8fad5b-d9cb-469f-a165-70867728950e") == []


async def test_who_accepted_an_invitation_is_known_when_they_are_gone(simulated: Any) -> None:
    """It is all that the vendor keeps of them."""
    sandbox, org = await simulated()
    gone = invited(state_of(sandbox), 1, address="gone@x.test", status="REDEEMED")[0]
    assert [one.email for one in await org.find_departed("GONE@x.test")] == [gone.username]
    assert await org.find_departed("never@x.test") == []


async def test_roles_of_a_person_tell_where_they_come_from(simulated: Any) -> None:
    """Direct ones, those by a group, those that have ended; services by their id."""
    sandbox, org = await simulated()
    state, user = state_of(sandbox), people(sandbox, 1)[0]
    user.grants.clear()
    put(user, Grant(ORGANIZATION, "", "developer", "project:1"), has=True)
    user.grants[Grant(ORGANIZATION, "", "support_user")] = int(time.time()) - 5
    service = next(iter(state.services.values()))
    put(user, Grant(SERVICE, service.id, service.roles[0]), has=True)
    owners = next(group for group in state.groups.values() if group.is_for_owners)
    owners.members[user.id] = None
    own = {(link.key, link.detail, link.level, link.external) for link in await walk(org.links("person_role", user.id))}
    assert own == {
        ("developer", ("resource=project:1",), "DIRECT", False),
        ("org_owner", (), "GROUP", True),
    }
    (link,) = await walk(org.links("service_role", user.id))
    assert (link.key, link.detail, link.external) == (service.roles[0], (f"service={service.id}",), False)


@pytest.mark.parametrize("body", ["searched", "without roles", "refused"])
async def test_owners_are_found_by_a_search_or_else_by_a_walk(serve: Any, csp_at: Any, body: str) -> None:
    """A search that shows no roles, or is refused, is not believed."""
    rows = [
        {"user": {"userId": f"x.test:{number}"}, "organizationRoles": [{"name": name, "membershipType": kind}]}
        for number, (name, kind) in enumerate(
            [("org_owner", "DIRECT"), ("org_member", "DIRECT"), ("org_owner", "GROUP")]
        )
    ]

    async def script(heard: Heard, speaker: Speaker) -> None:
        if heard.method == "GET":
            await speaker.say(answer(200, {"results": rows, "totalResults": 3}))
        elif body == "refused":
            await speaker.say(answer(400, {"message": "no such field"}))
        else:
            found = rows[:1] if body == "searched" else [{"user": rows[0]["user"]}]
            await speaker.say(answer(200, {"results": found, "totalResults": 1}))

    wire = await serve(script)
    owners = await (await csp_at(wire.url)).owners()
    assert owners == ({"x.test:0"} if body == "searched" else {"x.test:0", "x.test:2"})
    assert wire.heard[0].json["rolesSearchTerm"] == {"orgRoles": [{"roleName": "org_owner"}]}


async def test_groups_tell_whose_people_cannot_be_changed(simulated: Any) -> None:
    """Enterprise ones and those that another organisation shares; and which roles their people have."""
    _sandbox, org = await simulated()
    groups = {group.name: group for group in await walk(org.named("team"))}
    assert "enterprise group" in groups["Domain Users"].fixed
    assert "another organisation" in groups["Partner Support"].fixed
    assert groups["Billing Viewers"].fixed == ""
    assert groups["Account Owners"].gives == ("org_owner",)


async def test_the_caller_is_told_by_a_call_that_may_be_missing(simulated: Any) -> None:
    """Then nobody is known."""
    sandbox, org = await simulated()
    caller = await org.caller()
    assert caller.username == "admin@acme.test"
    assert caller.is_person(Person(caller.id, "x", "x"))
    sandbox.change(quirks={"own_account": "missing"})
    assert (await org.caller()).username == ""


async def test_a_caller_without_an_id_is_known_by_the_username(serve: Any, csp_at: Any) -> None:
    """Public clients read just that; an id of another form is none of those that a page of users has."""
    org = await csp_at((await serve(answer(200, {"username": "Ada@x.test", "userId": "7c1d9e0b"}))).url)
    caller = await org.caller()
    assert caller.is_person(Person("x.test:1", "ada@x.test", "a@y.test"))
    assert not caller.is_person(Person("x.test:2", "", ""))


async def test_a_foreign_organisation_is_a_matter_of_configuration(simulated: Any, csp_at: Any) -> None:
    """In the vendor's words; without the right to read it is one of access."""
    sandbox, _org = await simulated()
    foreign = await csp_at(sandbox.url, "c5b0a1de-0000-4000-8000-00000000000f")
    with pytest.raises(ConfigError, match="not found"):
        await foreign.facts()
    sandbox.change(quirks={"forbid": ["users:read"]})
    with pytest.raises(AccessError, match="forbidden"):
        await (await csp_at(sandbox.url, sandbox.organization)).facts()


@pytest.mark.parametrize("style", ["none", "seconds", "date"])
async def test_a_429_is_waited_for_with_and_without_a_header(simulated: Any, style: str) -> None:
    """Nothing is lost by it, and no try."""
    sandbox, org = await simulated(retry_after=style)
    sandbox.change(quota=1, window=1)
    for _ in range(30):  # on a busy machine a window may pass between two walks
        assert len(await walk(org.people())) == 60
        if org.meter.throttled:
            break
    assert org.meter.throttled >= 1
    assert org.meter.retries == 0
