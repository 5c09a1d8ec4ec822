"""What goes over the wire to Anypoint, field by field, and what its answers are taken for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bulkops.errors import ConfigError, RejectedError, StoppedError
from bulkops.fetch import walk
from bulkops.model import Batch, Item
from bulkops.providers.anypoint import AnypointOrganization, Login, issuer
from bulkops.providers.anypoint.listings import invitation, person, role_group, team
from bulkops.providers.base import Caller, Change, Named, Person
from bulkops.sandbox import Sandbox, SandboxOptions
from bulkops.testing.wire import Heard, Speaker, answer
from bulkops.transport import Gates, Issued, Scrubber, Session, SessionOptions

BASE = "/accounts/api/organizations"


def inviting(row: int, email: str, **grants: tuple[Named, ...]) -> Item[Any]:
    return Item(row, email, Change(None, email, grants=grants))


def deleting(row: int, user_id: str) -> Item[Any]:
    return Item(row, user_id, Change(None, user_id, person=Person(user_id, "u", "u@acme.test")))


async def named(org: AnypointOrganization, kind: str, name: str) -> Named:
    return next(thing for thing in await walk(org.named(kind)) if thing.name == name)


class TestWrites:
    """Requests that change something."""

    async def test_an_invitation_carries_ids_and_names(
        self, sandbox: Sandbox, org: AnypointOrganization, permit: Any
    ) -> None:
        """Both for a role group, a membership for a team, and no key beside them: the body's type is closed."""
        group = await named(org, "role_group", "Developers")
        team_found = await named(org, "team", "Security")
        items = [
            inviting(1, "New.One@acme.test", role_group=(group,), team=(team_found,)),
            inviting(2, "two@acme.test"),
        ]
        reply = await org.send("invite", Batch(tuple(items)), permit)
        assert (reply.http_status, reply.named) == (200, frozenset())
        assert reply.request_id
        (request,) = sandbox.requests.matching("POST", "/invites")
        assert request["path"] == f"{BASE}/{sandbox.organization}/invites"
        assert request["content_type"] == "application/json"
        assert request["body"] == [
            {
                "email": "New.One@acme.test",
                "role_groups": [{"role_group_id": group.id, "name": "Developers"}],
                "teams": [{"team_id": team_found.id, "membership_type": "member"}],
            },
            {"email": "two@acme.test"},
        ]
        assert sandbox.effects.count("invite_sent") == 2

    async def test_an_answer_that_lists_the_invitations_names_them_in_any_order(
        self, sandbox: Sandbox, org: AnypointOrganization, permit: Any
    ) -> None:
        """They are joined by address without case, never by place; the sandbox lists the newest first."""
        sandbox.change(quirks={"invite_answer": "items"})
        reply = await org.send("invite", Batch((inviting(1, "A@acme.test"), inviting(2, "b@acme.test"))), permit)
        assert reply.named == {"a@acme.test", "b@acme.test"}

    @pytest.mark.parametrize(
        ("status", "body", "expected"),
        [
            (200, [], set()),
            (201, [{"invited_email": "A@x.test", "code": "s"}], {"a@x.test"}),
            (200, [{"email": "a@x.test"}, None, "text", 7], {"a@x.test"}),
            (200, {"data": []}, set()),
            (204, b"", set()),
            (200, b"", set()),
        ],
    )
    async def test_an_accepted_batch_may_be_answered_in_several_ways(
        self, serve: Any, organization_at: Any, permit: Any, status: int, body: Any, expected: set[str]
    ) -> None:
        """Whom the answer does not name is read back later."""
        org = await organization_at((await serve(answer(status, body))).url)
        reply = await org.send("invite", Batch((inviting(1, "a@x.test"),)), permit)
        assert (reply.http_status, {name for name in reply.named if name}) == (status, expected)

    async def test_a_delete_carries_a_bare_array_of_ids(
        self, sandbox: Sandbox, org: AnypointOrganization, permit: Any
    ) -> None:
        """DELETE with a JSON body; the 204 names nobody."""
        people = [one for one in await walk(org.people()) if one.username in {"inbox.one", "dora.disabled"}]
        reply = await org.send("delete-user", Batch(tuple([deleting(1, one.id) for one in people])), permit)
        (request,) = sandbox.requests.matching("DELETE", "/users")
        assert request["path"] == f"{BASE}/{sandbox.organization}/users"
        assert request["content_type"] == "application/json"
        assert request["body"] == [one.id for one in people]
        assert (reply.http_status, reply.named) == (204, frozenset())
        assert sandbox.effects.count("user_deleted") == 2

    async def test_a_body_that_breaks_its_type_applied_nothing(
        self, sandbox: Sandbox, org: AnypointOrganization, permit: Any
    ) -> None:
        """The vendor's list of errors is put into words, and the refusal is known to be atomic."""
        with pytest.raises(RejectedError, match=r"\[0\]\.email should NOT have more than 255") as caught:
            await org.send("invite", Batch((inviting(1, "x" * 250 + "@acme.test"),)), permit)
        assert caught.value.atomic
        assert caught.value.request_id

    async def test_a_refusal_that_is_no_check_of_the_body_may_have_applied_a_part(
        self, org: AnypointOrganization, permit: Any
    ) -> None:
        """Its words are passed on."""
        with pytest.raises(RejectedError, match="email addresses are invalid") as caught:
            await org.send("invite", Batch((inviting(1, "no-address"),)), permit)
        assert not caught.value.atomic


class TestLogins:
    """The ways to get a token."""

    @pytest.mark.parametrize(
        ("login", "path", "body"),
        [
            (
                Login.connected_app("app-1", "secret-1"),
                "/accounts/api/v2/oauth2/token",
                {"grant_type": "client_credentials", "client_id": "app-1", "client_secret": "secret-1"},
            ),
            (Login.password("ada", "secret-1"), "/accounts/login", {"username": "ada", "password": "secret-1"}),
        ],
    )
    async def test_a_login_sends_what_the_vendor_asks_for(
        self, serve: Any, stack: Any, login: Login, path: str, body: dict[str, str]
    ) -> None:
        """As JSON, without a token; the token that comes back is masked from then on."""
        wire = await serve(answer(200, {"access_token": "issued-token-1", "token_type": "bearer"}))
        scrubber = Scrubber()
        session = Session(SessionOptions(base_url=wire.url), credentials=None, gates=Gates(), scrubber=scrubber)
        await stack.enter_async_context(session)
        assert await issuer(login, lambda: session, scrubber)() == Issued("Bearer issued-token-1")
        (heard,) = wire.heard
        assert (heard.method, heard.target, heard.json) == ("POST", path, body)
        assert heard.headers["content-type"] == "application/json"
        assert "authorization" not in heard.headers
        assert "issued-token-1" not in scrubber.text("saw issued-token-1")

    @pytest.mark.parametrize(
        "login",
        [
            Login.connected_app(Sandbox.client_id, Sandbox.client_secret),
            Login.password(Sandbox.username, Sandbox.password),
        ],
    )
    async def test_the_sandbox_takes_both(self, sandbox: Sandbox, stack: Any, login: Login) -> None:
        """And its tokens open the organisation."""
        session = Session(SessionOptions(base_url=sandbox.url), credentials=None, gates=Gates(), scrubber=Scrubber())
        await stack.enter_async_context(session)
        assert (await issuer(login, lambda: session, Scrubber())()).header.startswith("Bearer ")


class TestReads:
    """Listings, searches and facts."""

    @pytest.mark.parametrize(
        ("listing", "path", "more"),
        [
            (lambda org: org.people(), "/members", {}),
            (lambda org: org.departed(), "/users", {"deleted": "true", "type": "all", "includeProfiles": "false"}),
            (lambda org: org.invitations(), "/invites", {}),
            (lambda org: org.named("role_group"), "/rolegroups", {}),
            (lambda org: org.named("team"), "/teams", {}),
        ],
        ids=["people", "departed", "invitations", "role groups", "teams"],
    )
    async def test_a_listing_asks_for_the_largest_page(
        self, sandbox: Sandbox, org: AnypointOrganization, listing: Any, path: str, more: dict[str, str]
    ) -> None:
        """The default of 25 rows would be taken for all of them."""
        assert await walk(listing(org))
        (request,) = sandbox.requests.matching("GET", path)
        assert request["path"] == f"{BASE}/{sandbox.organization}{path}"
        assert request["query"] == {"offset": "0", "limit": "500", **more}

    async def test_there_is_no_listing_of_another_kind(self, org: AnypointOrganization) -> None:
        """The caller sees a programming error, not an empty list."""
        with pytest.raises(KeyError):
            org.named("planet")

    @pytest.mark.parametrize(
        ("text", "usernames"),
        [
            ("DORA.disabled", {"dora.disabled"}),
            ("dora.disabled@acme.test", {"dora.disabled"}),
            ("team.inbox@acme.test", {"inbox.one", "inbox.two"}),
            ("inbox", set()),  # the vendor's search is partial, and would find two
            ("gone.already", set()),
            ("00000000-0000-4000-8000-000000000000", set()),
        ],
    )
    async def test_a_search_takes_whole_names_only(
        self, org: AnypointOrganization, text: str, usernames: set[str]
    ) -> None:
        """Compared without case."""
        assert {one.username for one in await org.find_people(text)} == usernames

    async def test_a_person_is_found_by_id_as_well(self, org: AnypointOrganization) -> None:
        """The search does not look at ids; deleted accounts have their own."""
        dora = (await org.find_people("dora.disabled"))[0]
        assert await org.find_people(dora.id) == [dora]
        assert (dora.enabled, dora.deleted, dora.name) == (False, False, "Dora Disabled")
        gone = (await org.find_departed("GONE.already"))[0]
        assert (gone.username, gone.deleted) == ("gone.already", True)
        assert [one.id for one in await org.find_departed(gone.id)] == [gone.id]
        assert await org.find_people(gone.id) == []
        assert await org.find_departed(dora.id) == []

    async def test_invitations_are_found_by_their_whole_address(self, org: AnypointOrganization) -> None:
        """`pending.1` is also a part of `pending.10`."""
        assert [one.email for one in await org.find_invitations("Pending.1@acme.test")] == ["pending.1@acme.test"]
        assert len(await org.find_invitations("pending.twice@acme.test")) == 2
        assert [one.expired for one in await org.find_invitations("pending.7@acme.test")] == [True]

    async def test_no_invitation_shows_its_code(self, org: AnypointOrganization) -> None:
        """It is dropped as it arrives: whoever has it can accept."""
        assert "code" not in repr(await walk(org.invitations()))

    @pytest.mark.parametrize("total", [3, None])
    async def test_a_search_goes_on_to_the_last_page(self, serve: Any, organization_at: Any, total: int | None) -> None:
        """With a total or without one, and each row once."""
        rows = [{"id": n, "invited_email": "a@x.test"} for n in range(3)]

        async def script(heard: Heard, speaker: Speaker) -> None:
            offset = int(heard.query["offset"])
            await speaker.say(answer(200, {"data": rows[offset : offset + 2], "total": total}))

        wire = await serve(script)
        found = await (await organization_at(wire.url)).find_invitations("A@x.test")
        assert [one.id for one in found] == ["0", "1", "2"]
        assert wire.heard[0].query == {"search": "A@x.test", "offset": "0", "limit": "500"}

    async def test_a_search_that_ignores_the_offset_ends(self, serve: Any, organization_at: Any) -> None:
        """A page that brings nothing new is the last."""
        wire = await serve(answer(200, {"data": [{"id": 1, "invited_email": "a@x.test"}]}))
        assert len(await (await organization_at(wire.url)).find_invitations("a@x.test")) == 1
        assert len(wire.heard) == 2

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"data": {}},
            {"data": None, "total": 0},
            {"data": ["text"], "total": 1},
            {"rows": [], "total": 0},
            {"data": [{"username": "without an id"}], "total": 1},
            {"data": [{"id": None}], "total": 1},
            {"data": [{"id": ""}], "total": 1},
            {"data": [{"id": True}], "total": 1},
            "text",
            7,
            None,
            b"",
        ],
    )
    async def test_a_listing_of_another_shape_decides_nothing(
        self, serve: Any, organization_at: Any, body: Any
    ) -> None:
        """An empty listing and one that was not understood are two things."""
        org = await organization_at((await serve(answer(200, body))).url)
        with pytest.raises(StoppedError, match="unexpected shape"):
            await walk(org.people())
        with pytest.raises(StoppedError, match="unexpected shape"):
            await org.find_people("ada")

    async def test_a_bare_list_is_a_listing_too(self, serve: Any, organization_at: Any) -> None:
        """It is whole where it does not fill its page."""
        org = await organization_at((await serve(answer(200, [{"id": "1"}, {"id": "2"}]))).url)
        assert [one.id for one in await walk(org.people())] == ["1", "2"]

    async def test_a_bare_list_that_fills_its_page_is_not_vouched_for(self, serve: Any, organization_at: Any) -> None:
        """The server ignores the offset, so nobody knows what else there is."""
        org = await organization_at((await serve(answer(200, [{"id": str(n)} for n in range(500)]))).url)
        with pytest.raises(StoppedError, match="members"):
            await walk(org.people())

    async def test_the_organisation_tells_its_owner_and_its_kind(
        self, sandbox: Sandbox, org: AnypointOrganization, organization_at: Any
    ) -> None:
        """A business group is not the root."""
        facts = await org.facts()
        (owner,) = await org.find_people("owner")
        assert (facts.id, facts.name, facts.owner_id, facts.root) == (sandbox.organization, "Acme", owner.id, True)
        group_id, name = next(iter(sandbox.summary()["business_groups"].items()))
        group = await (await organization_at(sandbox.url, group_id)).facts()
        assert (group.id, group.name, group.root) == (group_id, name, False)

    @pytest.mark.parametrize("wrong", ["00000000-0000-4000-8000-000000000000", "acme"])
    async def test_a_wrong_organisation_is_a_matter_of_configuration(
        self, sandbox: Sandbox, organization_at: Any, wrong: str
    ) -> None:
        """The message names it and the key to look at."""
        org = await organization_at(sandbox.url, wrong)
        with pytest.raises(ConfigError, match=rf"organisation {wrong} cannot be read.*`organization`"):
            await org.facts()

    @pytest.mark.parametrize("body", [[], {}, {"name": "Acme"}, {"id": None}, "text", b""])
    async def test_guards_rest_on_no_answer_of_another_shape(self, serve: Any, organization_at: Any, body: Any) -> None:
        """Without the owner and the caller nobody would be protected."""
        org = await organization_at((await serve(answer(200, body))).url)
        with pytest.raises(StoppedError, match="unexpected shape"):
            await org.facts()
        with pytest.raises(StoppedError, match="unexpected shape"):
            await org.caller()

    async def test_the_caller_is_the_person_behind_the_token(self, org: AnypointOrganization) -> None:
        """Who must not be deleted."""
        (admin,) = await org.find_people("admin")
        caller = await org.caller()
        assert (caller.id, caller.username, caller.email) == (admin.id, "admin", "admin@acme.test")
        assert caller.is_person(admin)

    @pytest.mark.parametrize(
        ("body", "caller"),
        [
            ({"client": {"name": "App", "client_id": "c1"}}, Caller(client="App")),
            ({"client": {"client_id": "c1"}, "user": None}, Caller(client="c1")),
            ({"id": "u1", "username": "ada"}, Caller("u1", "ada")),
            (
                {"user": {"id": "u1", "email": "a@x.test"}, "client": {"name": "App"}},
                Caller("u1", "", "a@x.test", "App"),
            ),
        ],
    )
    async def test_the_caller_may_be_an_application(
        self, serve: Any, organization_at: Any, body: Any, caller: Caller
    ) -> None:
        """For itself, or for a person; nobody is mistaken for it."""
        org = await organization_at((await serve(answer(200, body))).url)
        assert await org.caller() == caller
        assert not Caller(client="App").is_person(Person("", "", ""))

    async def test_two_thousand_people_are_read_whole(self, stack: Any, organization_at: Any) -> None:
        """Five pages of the largest size, each asked for; two neighbours share five rows."""
        large = await stack.enter_async_context(Sandbox(SandboxOptions(people=2000)))
        org = await organization_at(large.url, large.organization)
        people = await walk(org.people())
        assert len({one.id for one in people}) == len(people) == 2000
        offsets = {request["query"]["offset"] for request in large.requests.matching("GET", "/members")}
        assert offsets == {"0", "495", "990", "1485", "1980"}


PAST, FUTURE = 946_684_800.0, 4_102_444_800.0


@pytest.mark.parametrize(
    ("row", "expired"),
    [
        ({"status": "INVITED", "expires_at": datetime.fromtimestamp(FUTURE, UTC).isoformat()}, False),
        ({"status": "EXPIRED"}, True),
        ({"status": "expired"}, True),
        ({"status": "CANCELED"}, True),
        ({"status": "ACCEPTED"}, True),
        ({"expires_at": "2000-01-01T00:00:00.000Z"}, True),
        ({"expires_at": "2000-01-01T00:00:00"}, True),
        ({"expires_at": PAST}, True),
        ({"expires_at": PAST * 1000}, True),
        ({"expires_at": FUTURE * 1000}, False),
        ({"expires_at": "next week"}, False),
        ({"expires_at": "9999-12-31T23:59:59-23:00"}, False),
        ({"expires_at": None, "status": None}, False),
        ({"expires_at": True}, False),
        ({}, False),
    ],
)
def test_an_invitation_has_ended_by_its_status_or_its_date(row: dict[str, Any], expired: bool) -> None:
    """What says nothing is outstanding: a second mail is worse than none."""
    assert invitation({"id": 1, **row}).outstanding is not expired


def test_rows_are_read_in_the_spellings_that_are_seen() -> None:
    """Numbers become texts, and what is missing is empty."""
    assert invitation({"id": 4001, "email": "A@x.test"}).id == "4001"
    assert invitation({"id": 4001, "email": "A@x.test"}).email == "A@x.test"
    assert person({"id": "u1"}) == Person("u1", "", "", "", enabled=True, deleted=False)
    assert person({"id": 7, "firstName": None, "lastName": "Okafor", "enabled": False}).name == "Okafor"
    assert team({"team_id": "t1", "team_name": "Security"}) == team({"team_id": "t1", "name": "Security"})
    assert role_group({"role_group_id": "g1", "name": None}) == Named("g1", "")


@pytest.mark.parametrize(
    ("row", "parent"),
    [
        ({"ancestor_team_ids": ["top", "middle"]}, "middle"),
        ({"ancestor_team_ids": []}, ""),
        ({"ancestor_team_ids": [], "team_type": "internal"}, ""),
        ({"ancestor_team_ids": [], "team_type": "external"}, None),
        ({"ancestor_team_ids": None}, None),
        ({}, None),
    ],
)
def test_a_team_stands_under_the_last_of_those_above_it(row: dict[str, Any], parent: str | None) -> None:
    """The one internal team without any is the top one; what does not say is not taken for it."""
    assert team({"team_id": "t1", "team_name": "Security", **row}).parent == parent
