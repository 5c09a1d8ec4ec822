"""WireMock Cloud's listings and searches over real sockets, whichever of their optional parts they have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bulkops.errors import AccessError, ConfigError, RejectedError, StoppedError
from bulkops.fetch import walk
from bulkops.planning import Rosters
from bulkops.providers.wiremock_cloud import WiremockOptions
from bulkops.testing.wire import Heard, Speaker, answer
from bulkops.testing.wiremock_cases import leave, state_of

Simulated = Callable[..., Awaitable[Any]]
PAGINGS = ("full", "meta", "links", "bare")


@pytest.mark.parametrize("paging", PAGINGS)
@pytest.mark.parametrize("people", [4, 100, 130, 200])
async def test_a_listing_is_whole_whichever_of_meta_and_links_it_has(
    simulated: Simulated, people: int, paging: str
) -> None:
    """Also where the last page is a full one."""
    sandbox, org = await simulated(people, paging=paging)
    found = await walk(org.people())
    assert [person.id for person in found] == list(state_of(sandbox).members)
    total = await Rosters(org).fresh(1)
    assert await total.count_people() == (people if paging in {"full", "meta"} else None)


@pytest.mark.parametrize("paging", PAGINGS)
@pytest.mark.parametrize(("most", "answer_to_more"), [(50, "clamp"), (50, "reject"), (7, "clamp")])
async def test_the_most_rows_of_a_page_are_found_out(
    simulated: Simulated, paging: str, most: int, answer_to_more: str
) -> None:
    """It is stated nowhere: more is cut down, or refused and then asked for as the samples do."""
    sandbox, org = await simulated(130, paging=paging, limit_max=most, limit_over_max=answer_to_more)
    assert len(await walk(org.people())) == 130
    refused = [one for one in sandbox.requests if one["status"] == 400]
    assert len(refused) == (answer_to_more == "reject")
    assert len(await walk(org.named("team"))) == len(state_of(sandbox).teams)
    assert [one for one in sandbox.requests if one["status"] == 400] == refused  # it was learnt


async def test_another_refusal_of_a_listing_is_no_matter_of_its_limit(simulated: Simulated) -> None:
    """Whoever may not list is told so."""
    _, org = await simulated(forbid=["members:read"])
    with pytest.raises(AccessError, match="refuses this read"):
        await walk(org.people())


async def test_an_empty_list_breaks_the_vendors_own_schema(simulated: Simulated) -> None:
    """`total` and `start` have a minimum of 1 there, and are 0."""
    sandbox, org = await simulated()
    state_of(sandbox).teams.clear()
    state_of(sandbox).invitations.clear()
    assert await walk(org.named("team")) == []
    assert await walk(org.invitations()) == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"users": [{"id": "aaaaa"}], "links": {"next": "https://elsewhere.test/v1/x?page=2"}}, "leaves 127.0.0.1"),
        ({"users": [{"id": "aaaaa"}], "links": {"next": "//elsewhere.test/v1/x?page=2"}}, "leaves 127.0.0.1"),
        ({"users": ["aaaaa"]}, "unexpected shape"),
        ({"users": [{"id": ""}]}, "unexpected shape"),
        ({"users": {"id": "aaaaa"}}, "unexpected shape"),
        ({"members": []}, "unexpected shape"),
        ("done", "unexpected shape"),
    ],
)
async def test_what_is_no_listing_is_not_taken_for_one(serve: Any, organization_at: Any, body: Any, why: str) -> None:
    """Nothing is decided on it."""
    wire = await serve(answer(200, body))
    org = await organization_at(wire.url)
    with pytest.raises(StoppedError, match=why):
        await walk(org.people())
    assert all(heard.headers["authorization"] == "Token sandbox-token" for heard in wire.heard)


@pytest.mark.parametrize("more", [{"meta": {"totalPages": 2}}, {"links": {"next": "/v1/invitations?page=2"}}])
async def test_a_list_that_was_never_paged_is_not_believed_once_it_is(
    serve: Any, organization_at: Any, more: dict[str, Any]
) -> None:
    """Its first page would be taken for all invitations."""
    row = {"id": "aaaaa", "recipientEmailAddress": "a@x.test", "role": "organisation_member"}
    wire = await serve(answer(200, {"invitations": [row], **more}))
    with pytest.raises(StoppedError, match="comes in pages"):
        await walk((await organization_at(wire.url)).invitations())


async def test_a_server_that_repeats_its_first_page_is_noticed(serve: Any, organization_at: Any) -> None:
    """Without counts the end would never come."""
    rows = [{"id": f"aaa{n:02}"} for n in range(20)]
    wire = await serve(answer(200, {"users": rows}))
    org = await organization_at(wire.url)
    with pytest.raises(StoppedError, match="changing"):
        await walk(org.people())
    with pytest.raises(StoppedError, match="changing"):
        await org.find_people("nobody@x.test")


async def test_people_are_found_by_address_username_or_id_and_never_by_a_part(simulated: Simulated) -> None:
    """A search for ann finds joann, too."""
    sandbox, org = await simulated()
    users = list(state_of(sandbox).users.values())
    admin, ann = users[0], users[2]
    for text in ("admin", "ADMIN@acme.test", admin.id):
        assert [person.id for person in await org.find_people(text)] == [admin.id]
    assert [person.email for person in await org.find_people("Ann@Acme.test")] == [ann.email]
    assert await org.find_people("ann") == []
    assert await org.find_people("zzzzz") == []
    assert await org.find_people("self") == []


async def test_a_search_that_tells_capitals_apart_is_asked_in_small_letters_too(
    serve: Any, organization_at: Any
) -> None:
    """Nobody says which it is."""

    async def script(heard: Heard, speaker: Speaker) -> None:
        found = heard.query.get("q", "") in "ann@acme.test"
        rows = [{"id": "aaaaa", "username": "ann", "emailAddress": "ann@acme.test"}] if found else []
        meta = {"total": len(rows), "totalPages": len(rows), "page": 1, "start": 0, "end": 0}
        await speaker.say(answer(200, {"users": rows, "meta": meta}))

    wire = await serve(script)
    found = await (await organization_at(wire.url)).find_people("Ann@ACME.test")
    assert [person.id for person in found] == ["aaaaa"]


async def test_an_id_is_looked_for_among_the_members_alone(simulated: Simulated) -> None:
    """Who may read which account is published nowhere, so that a 403 must not look as if somebody were gone."""
    sandbox, org = await simulated()
    state = state_of(sandbox)
    user = state.users[list(state.members)[9]]
    assert [org.searchable(one) for one in (user.email, user.username, user.id)] == [True, True, False]
    assert [person.id for person in await org.find_people(user.id)] == [user.id]
    leave(state, user)
    assert await org.find_people(user.id) == []
    assert {one["path"] for one in sandbox.requests} == {"/v1/organisations/acm3g/users"}


async def test_invitations_are_found_by_exact_address_or_id(simulated: Simulated) -> None:
    """One address is a part of another, and one was invited twice."""
    sandbox, org = await simulated()
    found = await org.find_invitations("Pending.1@ACME.test")
    assert [one.email for one in found] == ["pending.1@acme.test"]
    assert len(await org.find_invitations("pending.twice@acme.test")) == 2
    (by_id,) = await org.find_invitations(found[0].id)
    assert by_id == found[0]
    assert by_id.invited_at is not None
    assert await org.find_invitations("pending") == []
    assert len(await walk(org.invitations())) == len(state_of(sandbox).invitations)


async def test_an_invitation_keeps_what_a_new_one_like_it_must_say(simulated: Simulated) -> None:
    """Its role, and the object if there is one."""
    sandbox, org = await simulated()
    told = {one.id: one.terms for one in await walk(org.invitations())}
    for one in state_of(sandbox).invitations.values():
        terms = {"role": one.role, **({"aclObjectId": one.acl_object} if one.acl_object else {})}
        assert told[one.id].replace('"', "'") == str(terms)


@pytest.mark.parametrize("redirect", ["relative", "absolute"])
async def test_the_caller_is_where_the_vendor_redirects_to(simulated: Simulated, redirect: str) -> None:
    """The key goes along, on the same host."""
    sandbox, org = await simulated(self_redirect=redirect)
    caller = await org.caller()
    assert (caller.id, caller.username) == (state_of(sandbox).caller_id, "admin")
    assert [one["status"] for one in sandbox.requests] == [307, 200]


async def test_a_redirect_that_leaves_the_host_is_not_followed(serve: Any, organization_at: Any) -> None:
    """The key would leave with it."""
    wire = await serve(answer(307, headers={"Location": "https://elsewhere.test/v1/users/aaaaa"}))
    with pytest.raises(StoppedError, match=r"leaves 127\.0\.0\.1"):
        await (await organization_at(wire.url)).caller()
    assert len(wire.heard) == 1


async def test_redirects_without_an_end_are_given_up(serve: Any, organization_at: Any) -> None:
    """A few, and no more."""
    wire = await serve(answer(307, headers={"Location": "/v1/users/self"}))
    with pytest.raises(StoppedError, match="without an end"):
        await (await organization_at(wire.url)).caller()
    assert len(wire.heard) == 3


async def test_what_an_invitation_can_be_to_goes_by_three_names(simulated: Simulated) -> None:
    """Its name, its id, and its ACL object; mock APIs that the key's user cannot see are not there."""
    sandbox, org = await simulated()
    state = state_of(sandbox)
    found = {thing.id: thing for thing in await walk(org.named("acl_object"))}
    visible = [api for api in state.mock_apis.values() if not api.name.startswith("Private")]
    assert set(found) == {thing.acl_object for thing in (*state.teams.values(), *visible)}
    for thing in (next(iter(state.teams.values())), visible[0]):
        assert set(found[thing.acl_object].names()) == {thing.acl_object, thing.name, thing.id}
    assert {thing.sort for thing in found.values()} == {"team", "mock_api"}


@pytest.mark.parametrize("form", ["objects", "ids", "acl_grants"])
@pytest.mark.parametrize("paged", [False, True])
@pytest.mark.parametrize("paging", ["full", "links", "meta", "bare"])
async def test_roles_are_read_in_whatever_form(simulated: Simulated, form: str, paged: bool, paging: str) -> None:
    """No page describes it."""
    sandbox, org = await simulated(130, grants_form=form, grants_paged=paged, paging=paging)
    state = state_of(sandbox)
    admins = {link.key for link in await walk(org.links("role", "organisation_admin"))}
    assert admins == {user_id for user_id, role in state.members.items() if role == "organisation_admin"}
    team = list(state.teams.values())[1]
    levels = {link.key: link.level for link in await walk(org.links("team", team.id))}
    assert levels == {
        user_id: "maintainer" if role == "team_admin" else "member" for user_id, role in team.grants.items()
    }


@pytest.mark.parametrize("quirks", [{"acl_grants": "absent"}, {"forbid": ["acl:read"]}])
async def test_roles_that_cannot_be_read_are_unknown(simulated: Simulated, quirks: dict[str, Any]) -> None:
    """Everybody is in the team, and nobody says as what."""
    sandbox, org = await simulated(**quirks)
    team = list(state_of(sandbox).teams.values())[1]
    links = await walk(org.links("team", team.id))
    assert {link.key for link in links} == set(team.grants)
    assert {link.level for link in links} == {""}
    assert await walk(org.links("role", "organisation_admin")) == []


@pytest.mark.parametrize("body", [{"grants": "none"}, {"grants": [1]}, {"grants": [{"id": "a-b"}]}, {"roles": []}, []])
async def test_roles_in_a_form_that_nobody_knows_are_unknown(serve: Any, organization_at: Any, body: Any) -> None:
    """Nothing is made of it."""

    async def script(heard: Heard, speaker: Speaker) -> None:
        organisation = {"id": "acm3g", "links": {"aclObject": "/v1/acl/objects/zzzzz"}}
        grants = heard.path == "/v1/acl/grants"
        await speaker.say(answer(200, body if grants else {"organisation": organisation}))

    wire = await serve(script)
    org = await organization_at(wire.url)
    assert await walk(org.links("role", "organisation_admin")) == []
    assert wire.heard[-1].query["aclObjectId"] == "zzzzz"


@pytest.mark.parametrize("count", [20, 100])
async def test_grants_that_may_be_a_page_alone_are_not_taken_for_all(
    serve: Any, organization_at: Any, count: int
) -> None:
    """As many as a page holds, no word of more, the same again for the next, and fewer on request: a part, perhaps."""
    grants = [{"id": f"{number:05}-zzzzz-organisation_admin"} for number in range(count)]

    async def script(heard: Heard, speaker: Speaker) -> None:
        organisation = {"id": "acm3g", "links": {"aclObject": "/v1/acl/objects/zzzzz"}}
        paged = heard.path == "/v1/acl/grants"
        shown = grants[: int(heard.query.get("limit", count))]
        await speaker.say(answer(200, {"grants": shown} if paged else {"organisation": organisation}))

    wire = await serve(script)
    assert await walk((await organization_at(wire.url)).links("role", "organisation_admin")) == []


@pytest.mark.parametrize("count", [20, 100])
async def test_grants_that_know_neither_page_nor_limit_are_all_there_are(
    serve: Any, organization_at: Any, count: int
) -> None:
    """The same rows whatever is asked for: there are no pages, however many rows there happen to be."""
    grants = [{"id": f"{number:05}-zzzzz-organisation_admin"} for number in range(count)]

    async def script(heard: Heard, speaker: Speaker) -> None:
        organisation = {"id": "acm3g", "links": {"aclObject": "/v1/acl/objects/zzzzz"}}
        paged = heard.path == "/v1/acl/grants"
        await speaker.say(answer(200, {"grants": grants} if paged else {"organisation": organisation}))

    wire = await serve(script)
    assert len(await walk((await organization_at(wire.url)).links("role", "organisation_admin"))) == count


async def test_who_administers_and_belongs_to_something_administers_it(serve: Any, organization_at: Any) -> None:
    """Of two grants of one person the higher one counts, whichever comes first."""
    roles = [("aaaaa", "admin"), ("aaaaa", "member"), ("bbbbb", "member"), ("bbbbb", "admin")]
    grants = [f"{subject}-zzzzz-organisation_{role}" for subject, role in roles]

    async def script(heard: Heard, speaker: Speaker) -> None:
        organisation = {"id": "acm3g", "links": {"aclObject": "/v1/acl/objects/zzzzz"}}
        paged = heard.path == "/v1/acl/grants"
        await speaker.say(answer(200, {"grants": grants} if paged else {"organisation": organisation}))

    wire = await serve(script)
    holders = await walk((await organization_at(wire.url)).links("role", "organisation_admin"))
    assert [link.key for link in holders] == ["aaaaa", "bbbbb"]


async def test_a_fault_does_not_mean_that_roles_cannot_be_read(simulated: Simulated) -> None:
    """Whoever administers would be unguarded; nor does a refusal, once they were read."""
    sandbox, org = await simulated()
    sandbox.faults.add("status", path="*/acl/grants", status=503, times=2)
    with pytest.raises(StoppedError):
        await walk(org.links("role", "organisation_admin"))
    assert await walk(org.links("role", "organisation_admin"))
    sandbox.faults.add("status", path="*/acl/grants", status=403)
    with pytest.raises(AccessError):
        await walk(org.links("role", "organisation_admin"))


async def test_without_the_option_no_undocumented_call_is_made(simulated: Simulated) -> None:
    """The members of a team come from their documented listing alone."""
    sandbox, org = await simulated(options=WiremockOptions())
    team = list(state_of(sandbox).teams.values())[1]
    links = await walk(org.links("team", team.id))
    assert {link.level for link in links} == {""}
    assert [one["path"] for one in sandbox.requests] == [f"/v1/teams/{team.id}/members"]
    assert org.administrators == ""
    assert set(org.support) == {"invite", "delete-user", "add-team-member", "remove-team-member"}


@pytest.mark.parametrize(
    ("quirks", "left"),
    [
        ({"seat_limit": 100}, 27),
        ({"seat_limit": 10}, 0),
        ({}, None),
        ({"seat_limit": 9, "forbid": ["usage:read"]}, None),
    ],
)
async def test_the_seats_that_are_left_are_read_from_the_plan(
    simulated: Simulated, quirks: dict[str, Any], left: int | None
) -> None:
    """Members and pending invitations take one each; where it may not be read nobody knows."""
    _, org = await simulated(**quirks)
    assert (await org.facts()).seats_left == left


@pytest.mark.parametrize(
    ("subscription", "usage", "left"),
    [
        ("/v1/subscriptions/s1{?x}", {"seatLimit": 5, "totalSeatCount": 3}, 2),
        ("/v1/subscriptions/s1", {"seatLimit": 5}, None),
        ("/v1/subscriptions/s1", {"seatLimit": "5", "totalSeatCount": 3}, None),
        ("/v1/subscriptions/s1", None, None),
        ("https://elsewhere.test/v1/subscriptions/s1", {"seatLimit": 5, "totalSeatCount": 3}, None),
        (None, {"seatLimit": 5, "totalSeatCount": 3}, None),
    ],
)
async def test_a_usage_of_another_shape_limits_nothing(
    serve: Any, organization_at: Any, subscription: str | None, usage: Any, left: int | None
) -> None:
    """Templates are cut off the link, and a link to another host is not followed."""

    async def script(heard: Heard, speaker: Speaker) -> None:
        links = {"subscription": subscription} if subscription else None
        organisation = {"id": "acm3g", "name": "Acme", "aclObject": "zzzzz", "links": links}
        is_usage = heard.path == "/v1/subscriptions/s1/usage"
        await speaker.say(answer(200, {"usage": usage} if is_usage else {"organisation": organisation}))

    wire = await serve(script)
    facts = await (await organization_at(wire.url)).facts()
    assert (facts.seats_left, facts.name, facts.root) == (left, "Acme", True)


async def test_a_foreign_organisation_is_a_matter_of_the_configuration(
    simulated: Simulated, organization_at: Any
) -> None:
    """The message says which key to look at."""
    sandbox, _ = await simulated()
    org = await organization_at(sandbox.url, "other1")
    with pytest.raises(ConfigError, match="check `organization`"):
        await org.facts()


async def test_a_refused_key_is_told_by_plain_text(simulated: Simulated) -> None:
    """A 401 is no JSON here, and is no fault of the reading."""
    sandbox, org = await simulated()
    sandbox.expire_tokens(fixed=True)
    with pytest.raises(AccessError, match="does not accept the token from the test"):
        await org.facts()


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (404, b'{"code": 404, "message": "HTTP 404 Not Found"}', "application/json", "HTTP 404: HTTP 404 Not Found"),
        (404, b'{"errors": [{"title": "Not found"}]}', "application/json", "HTTP 404: Not found"),
        (409, b'{"errors": [{"title": "No", "detail": "way", "source": {}}]}', "application/json", "HTTP 409: No: way"),
        (404, b"nothing here", "text/plain", "HTTP 404: nothing here"),
    ],
)
async def test_each_form_of_an_error_keeps_its_words(
    serve: Any, organization_at: Any, status: int, body: bytes, kind: str, words: str
) -> None:
    """Two in JSON, and plain text."""
    wire = await serve(answer(status, body, kind=kind))
    with pytest.raises(RejectedError, match=words):
        await walk((await organization_at(wire.url)).people())
