"""Jobs on a simulated WireMock Cloud: what is sent, what its answers prove, and what is left open by the facts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from bulkops.errors import AccessError, ConfigError, JobFileError, RefusedError, StoppedError
from bulkops.sandbox.wiremock_cloud.organisation import ADMIN, MEMBER, TEAM_ADMIN, TEAM_MEMBER
from bulkops.testing.desk import Desk, addresses
from bulkops.testing.operation_contract import CUTS, Cut, sheet, until_the_cut
from bulkops.testing.wiremock_cases import CASES, invited, people, state_of
from bulkops.wiring import ADAPTERS

AtDesk = Callable[..., Awaitable[Desk]]
Rows = list[dict[str, str]]


async def run(desk: Desk, operation: str, rows: Rows, **options: Any) -> Any:
    """Run a job of these rows."""
    header, lines = sheet(rows)
    return await desk.run(operation, lines, column=header, **options)


def writes(desk: Desk) -> list[dict[str, Any]]:
    """Every write that arrived."""
    return [one for one in desk.sandbox.requests if one["method"] != "GET"]


def calls(desk: Desk) -> list[str]:
    """The same, in words."""
    return [f"{one['method']} {one['path']}" for one in writes(desk)]


def errors(desk: Desk) -> list[str]:
    """What the report says of each row."""
    return [row["_error"] for row in desk.results()]


async def why_not(desk: Desk, operation: str, rows: Rows, **options: Any) -> str:
    """Why a file is refused before anything is sent, with everything that was found in it."""
    with pytest.raises(JobFileError) as refused:
        await run(desk, operation, rows, **options)
    return " ".join([str(refused.value), *map(str, refused.value.problems)])


def new(count: int, role: str = MEMBER) -> Rows:
    """Rows that invite so many."""
    return [{"email": address, "role": role} for address in addresses(count)]


# invitations


async def test_an_invitation_says_who_as_what_and_to_what(at_desk: AtDesk) -> None:
    """The object by its ACL object, which is neither its id nor its subject; without one it is left out."""
    desk = await at_desk()
    state = state_of(desk.sandbox)
    team, api, data = (next(iter(things.values())) for things in (state.teams, state.mock_apis, state.data_sources))
    rows = [
        {"email": "One@x.test", "role": ADMIN},
        {"email": "two@x.test", "role": TEAM_ADMIN, "acl_object": team.name.lower()},
        {"email": "three@x.test", "role": "mock_api_user", "acl_object": api.id},
        {"email": "four@x.test", "role": "mock_api_editor", "acl_object": api.acl_object},
        {"email": "five@x.test", "role": "data_source_user", "acl_object": data.acl_object},
    ]
    addresses = [row["email"] for row in rows]
    result = await run(desk, "invite", rows)
    assert result.counts.succeeded == 5
    sent = [one["body"]["invitation"] for one in writes(desk)]  # side by side: they arrive in any order
    assert sorted(sent, key=lambda one: addresses.index(one["recipientEmailAddress"])) == [
        {"role": ADMIN, "recipientEmailAddress": "One@x.test"},
        {"role": TEAM_ADMIN, "aclObjectId": team.acl_object, "recipientEmailAddress": "two@x.test"},
        {"role": "mock_api_user", "aclObjectId": api.acl_object, "recipientEmailAddress": "three@x.test"},
        {"role": "mock_api_editor", "aclObjectId": api.acl_object, "recipientEmailAddress": "four@x.test"},
        {"role": "data_source_user", "aclObjectId": data.acl_object, "recipientEmailAddress": "five@x.test"},
    ]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"role": TEAM_MEMBER}, "an acl_object, the team that team_member is for"),
        ({"role": ADMIN, "acl_object": "Quality"}, "a role of the organisation as a whole"),
        ({"role": "data_source_user", "acl_object": "Data 1"}, "the id of the ACL object"),
        ({"role": "boss"}, "organisation_admin"),
        ({"role": ""}, "role"),
    ],
)
async def test_a_row_whose_role_cannot_be_is_told_before_any_call(
    at_desk: AtDesk, row: dict[str, str], why: str
) -> None:
    """With the roles that can."""
    desk = await at_desk()
    assert why in await why_not(desk, "invite", [{"email": "a@x.test", **row}])
    assert list(desk.sandbox.requests) == []


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"role": TEAM_MEMBER, "acl_object": "Orders API"}, "mock_api_admin, mock_api_editor, mock_api_user"),
        ({"role": "mock_api_user", "acl_object": "Elite Team"}, "team_admin, team_member"),
        ({"role": TEAM_MEMBER, "acl_object": "Suport"}, "candidates: Support"),
        ({"role": TEAM_MEMBER, "acl_object": "Support"}, "write the id"),
        ({"role": "mock_api_user", "acl_object": "Private 1"}, "no acl object is called"),
    ],
)
async def test_a_role_must_fit_the_kind_of_object(at_desk: AtDesk, row: dict[str, str], why: str) -> None:
    """The message names the roles that fit, or the candidates; nothing is sent."""
    desk = await at_desk()
    assert why in await why_not(desk, "invite", [{"email": "a@x.test", **row}])
    assert writes(desk) == []


async def test_a_name_that_a_team_and_a_mock_api_share_is_told_apart_by_the_role(at_desk: AtDesk) -> None:
    """Both are called Quality."""
    desk = await at_desk()
    rows = [
        {"email": "a@x.test", "role": TEAM_MEMBER, "acl_object": "Quality"},
        {"email": "b@x.test", "role": "mock_api_user", "acl_object": "Quality"},
    ]
    result = await run(desk, "invite", rows)
    assert result.counts.succeeded == 2
    state = state_of(desk.sandbox)
    kinds = [state.objects[one["body"]["invitation"]["aclObjectId"]].kind for one in writes(desk)]
    assert kinds == ["team", "mock-api"]


@pytest.mark.parametrize(
    "quirks",
    [
        {"new_user": "described"},
        {"invite_email_case": "lower"},
        {"reinvite_pending": "second", "invite_member": "second"},
        {"reinvite_pending": "silent", "invite_member": "silent"},
    ],
)
async def test_each_is_invited_once_whatever_a_repeat_would_do(at_desk: AtDesk, quirks: dict[str, Any]) -> None:
    """Members, pending addresses in other letters, and lost answers among them."""
    desk = await at_desk(quirks=quirks)
    desk.sandbox.faults.add("lose_after", method="POST", path="*/invitations", times=2)
    rows = [
        *[{"email": address.title(), "role": MEMBER} for address in addresses(6)],
        {"email": "PENDING.1@acme.test", "role": MEMBER},
        {"email": "Owner@acme.test", "role": MEMBER},
    ]
    result = await run(desk, "invite", rows)
    assert (result.counts.succeeded, result.counts.skipped) == (6, 2)
    assert set(desk.invites().values()) == {1}
    assert errors(desk)[6:] == ["already_invited", "already_member"]


@pytest.mark.parametrize("status", [403, 409, 422])
async def test_at_the_first_refusal_for_want_of_a_seat_the_run_stops_and_can_go_on(
    at_desk: AtDesk, status: int
) -> None:
    """The plan says so before; the rest stays pending; with new seats the same run goes on."""
    desk = await at_desk(quirks={"seat_limit": 77, "seat_refusal": status}, target={"concurrency": 1})
    result = await run(desk, "invite", new(9))
    assert "4 of these 9 invitations have a seat" in desk.observer.plans[0].forecast
    assert isinstance(result.error, StoppedError)
    assert "seat" in str(result.error)
    assert (result.counts.succeeded, result.counts.pending, result.counts.failed) == (4, 5, 0)
    assert len(writes(desk)) == 5
    desk.sandbox.change(quirks={"seat_limit": 100})
    again = await desk.resume()
    assert (again.error, again.counts.succeeded) == (None, 9)
    assert set(desk.invites().values()) == {1}


@pytest.mark.parametrize("usage", ["readable", "unreadable"])
@pytest.mark.parametrize("words", ["Upgrade your plan", "Seat limit reached"])
async def test_a_want_of_seats_is_told_by_the_usage_or_by_the_title(at_desk: AtDesk, usage: str, words: str) -> None:
    """No page says how it is told. Where neither says so, the row has failed and the others go on."""
    forbid = ["usage:read"] if usage == "unreadable" else []
    desk = await at_desk(quirks={"seat_limit": 73, "forbid": forbid}, target={"concurrency": 1})
    body = {"errors": [{"title": words, "source": {}}]}
    desk.sandbox.faults.add("status", method="POST", path="*/invitations", status=409, body=body)
    result = await run(desk, "invite", new(3))
    if usage == "readable" or "Seat" in words:
        assert isinstance(result.error, StoppedError)
        assert result.counts.pending == 3
        assert len(writes(desk)) == 1
    else:
        assert result.counts.failed == 3
        assert set(errors(desk)) == {"conflict"}


async def test_what_a_detail_quotes_is_no_want_of_seats(at_desk: AtDesk) -> None:
    """It may hold what was sent."""
    desk = await at_desk()
    body = {"errors": [{"title": "Invalid", "detail": "seat@x.test is no address", "source": {}}]}
    desk.sandbox.faults.add("status", method="POST", path="*/invitations", status=422, body=body)
    result = await run(desk, "invite", new(2))
    assert (result.error, result.counts.failed) == (None, 2)


# taken back, and made anew


@pytest.mark.parametrize("kind", ["revoke-invite", "resend-invite"])
async def test_invitations_are_taken_back_only_where_the_target_allows_it(at_desk: AtDesk, kind: str) -> None:
    """The refusal says which option would allow it, and what there is without."""
    desk = await at_desk({})
    with pytest.raises(ConfigError, match="undocumented_invitation_calls = true under") as refused:
        await run(desk, kind, [{"email": "pending.1@acme.test"}])
    assert "invite, delete-user, add-team-member, remove-team-member" in str(refused.value)
    assert list(desk.sandbox.requests) == []


async def test_an_option_that_there_is_not_is_named_with_the_nearest(at_desk: AtDesk) -> None:
    """As for every key of the configuration."""
    desk = await at_desk({"undocumented_role_call": True})
    with pytest.raises(ConfigError, match="undocumented_role_calls"):
        await run(desk, "assign-role", [{"user": "admin", "role": "member"}])


@pytest.mark.parametrize("status", [200, 204])
async def test_either_answer_to_taking_back_is_accepted(at_desk: AtDesk, status: int) -> None:
    """No page tells it; the result is read back."""
    desk = await at_desk(quirks={"revoke_status": status})
    result = await run(desk, "revoke-invite", [{"email": "pending.1@acme.test"}, {"invite_id": "gone1"}])
    assert (result.counts.succeeded, result.counts.skipped) == (1, 1)
    assert "pending.1@acme.test" not in {one.email for one in state_of(desk.sandbox).invitations.values()}


async def test_where_there_is_no_such_call_a_row_fails_with_the_vendors_words(at_desk: AtDesk) -> None:
    """Its 404 does not mean that the invitation is gone."""
    desk = await at_desk(quirks={"one_invitation": "absent"})
    result = await run(desk, "revoke-invite", [{"email": "pending.1@acme.test"}])
    assert result.counts.failed == 1
    assert errors(desk) == ["not_found"]


async def test_where_an_invitation_cannot_be_taken_back_no_second_one_is_sent(at_desk: AtDesk) -> None:
    """Two links would be out."""
    desk = await at_desk(quirks={"one_invitation": "absent", "reinvite_pending": "second"})
    result = await run(desk, "resend-invite", [{"email": "pending.1@acme.test"}])
    assert result.counts.failed == 1
    assert errors(desk) == ["not_allowed"]
    assert "no new one was sent" in desk.results()[0]["_message"]
    assert desk.invites() == {}


async def test_an_address_with_two_invitations_is_not_made_anew(at_desk: AtDesk) -> None:
    """Which one is meant, and which the new one is, could not be told."""
    desk = await at_desk()
    twin = next(one for one in state_of(desk.sandbox).invitations.values() if "twice" in one.email)
    for row in ({"email": twin.email}, {"invite_id": twin.id}):
        why = await why_not(desk, "resend-invite", [row], run_id=f"r-{next(iter(row))[0]}")
        assert ("revoke-invite" if "invite_id" in row else "write the invite_id") in why
    assert writes(desk) == []


@pytest.mark.parametrize("fault", ["lose_after", "lose_before"])
@pytest.mark.parametrize("method", ["DELETE", "POST"])
@pytest.mark.parametrize("repeat", ["second", "silent", "conflict"])
async def test_a_lost_answer_to_either_call_is_settled(at_desk: AtDesk, method: str, fault: str, repeat: str) -> None:
    """Each invitation is taken back, and made anew once, with the same role."""
    desk = await at_desk(quirks={"reinvite_pending": repeat})
    state = state_of(desk.sandbox)
    former = invited(state, 4)
    desk.sandbox.faults.add(fault, method=method, path="*/invitations*", times=2)
    result = await run(desk, "resend-invite", [{"email": one.email} for one in former])
    assert result.counts.succeeded == 4
    _anew_once(desk, former)


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
@pytest.mark.parametrize("point", CUTS)
async def test_a_crash_anywhere_leaves_no_invitation_taken_back_for_good(
    at_desk: AtDesk, monkeypatch: pytest.MonkeyPatch, point: str, nth: int
) -> None:
    """Before, between and after the two calls: the run remembers what the invitation said."""
    desk = await at_desk(target={"concurrency": 1})
    former = invited(state_of(desk.sandbox), 2)
    rows = [{"email": one.email} for one in former]
    with monkeypatch.context() as patch:
        CUTS[point](patch, Cut(nth))
        cut = await until_the_cut(run(desk, "resend-invite", rows))
    assert cut or nth > 2
    if cut:
        assert (await desk.resume()).counts.succeeded == 2
    _anew_once(desk, former)


def _anew_once(desk: Desk, former: Any) -> None:
    state = state_of(desk.sandbox)
    for old in former:
        assert old.id not in state.invitations
        (now,) = [one for one in state.invitations.values() if one.email == old.email]
        assert (now.role, now.acl_object) == (old.role, old.acl_object)
        assert desk.sandbox.effects.count("invite_sent", old.email) == 1


async def test_a_refusal_between_the_two_calls_says_what_was_lost_and_how_to_invite(at_desk: AtDesk) -> None:
    """The old one is gone."""
    desk = await at_desk()
    (old,) = invited(state_of(desk.sandbox), 1)
    body = {"errors": [{"title": "Not today", "source": {}}]}
    desk.sandbox.faults.add("status", method="POST", path="*/invitations", status=400, body=body)
    result = await run(desk, "resend-invite", [{"invite_id": old.id}])
    (row,) = desk.results()
    assert result.counts.failed == 1
    assert (row["_error"], row["_http_status"]) == ("invalid", "400")
    for words in ("the old invitation is taken back", "Not today", f"invite {old.email}", old.role):
        assert words in row["_message"]


async def test_no_seat_between_the_two_calls_leaves_the_row_to_a_later_session(at_desk: AtDesk) -> None:
    """Resumed, it is invited, and with the same role."""
    desk = await at_desk()
    (old,) = invited(state_of(desk.sandbox), 1)
    body = {"errors": [{"title": "No seats", "source": {}}]}
    desk.sandbox.faults.add("status", method="POST", path="*/invitations", status=409, body=body, times=1)
    result = await run(desk, "resend-invite", [{"email": old.email}])
    assert isinstance(result.error, StoppedError)
    assert "taken back" in str(result.error)
    assert result.counts.pending == 1
    assert (await desk.resume()).counts.succeeded == 1
    _anew_once(desk, [old])


# members and their roles


@pytest.mark.parametrize("unknown", [404, 204])
async def test_people_are_taken_out_and_their_accounts_live_on(at_desk: AtDesk, unknown: int) -> None:
    """The call that deletes an account is never made."""
    desk = await at_desk(quirks={"remove_unknown": unknown})
    chosen = people(desk.sandbox, 5)
    result = await run(desk, "delete-user", [{"user": user.email} for user in chosen])
    assert result.counts.succeeded == 5
    assert "the accounts live on" in result.plans[0].effect
    assert sorted(calls(desk)) == sorted(f"DELETE /v1/organisations/acm3g/members/{user.id}" for user in chosen)
    assert desk.sandbox.effects.view()["totals"] == {"user_deleted": 5}
    assert not any(user.deleted for user in chosen)


@pytest.mark.parametrize("status", [409, 403, 422])
@pytest.mark.parametrize("kind", ["delete-user", "unassign-role"])
async def test_the_last_administrator_is_told_by_the_vendors_refusal(at_desk: AtDesk, kind: str, status: int) -> None:
    """Where roles cannot be read before. The others of the file are done."""
    desk = await at_desk(quirks={"last_admin": status, "acl_grants": "absent"})
    state = state_of(desk.sandbox)
    last, other = people(desk.sandbox, 2)
    state.members.update({user_id: MEMBER for user_id, role in state.members.items() if role == ADMIN})
    state.members[last.id] = ADMIN
    caller = state.users[state.caller_id]
    rows = [{"user": last.email, "role": "admin"}, {"user": other.email, "role": "admin"}]
    rows = rows if kind == "unassign-role" else [{"user": row["user"]} for row in rows]
    with _rights_of_an_administrator(desk, caller.id):
        await run(desk, kind, rows)
    assert errors(desk)[0] == "last_owner"
    assert [row["_outcome"] for row in desk.results()] == ["failed", "succeeded"]


class _rights_of_an_administrator:  # noqa: N801 - reads as words in a with statement
    """The caller keeps its rights although it administers nothing."""

    def __init__(self, desk: Desk, caller_id: str) -> None:
        self._desk, self._caller_id = desk, caller_id

    def __enter__(self) -> None:
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(
            "bulkops.sandbox.wiremock_cloud.auth.ADMIN", state_of(self._desk.sandbox).members[self._caller_id]
        )

    def __exit__(self, *_error: object) -> None:
        self._patch.undo()


@pytest.mark.parametrize("kind", ["delete-user", "unassign-role", "assign-role"])
async def test_a_file_that_names_all_administrators_is_refused(at_desk: AtDesk, kind: str) -> None:
    """Where roles can be read, nothing is sent."""
    desk = await at_desk(people=4)
    state = state_of(desk.sandbox)
    caller, owner = (state.users[user_id] for user_id in list(state.members)[:2])
    rows = [{"user": owner.email}]
    if kind != "delete-user":
        rows = [{**row, "role": "admin" if kind == "unassign-role" else "member"} for row in rows]
    state.members[caller.id] = MEMBER
    with _rights_of_an_administrator(desk, caller.id), pytest.raises(RefusedError, match="without an administrator"):
        await run(desk, kind, rows)
    assert writes(desk) == []


@pytest.mark.parametrize("kind", ["delete-user", "unassign-role", "assign-role"])
async def test_the_caller_loses_nothing(at_desk: AtDesk, kind: str) -> None:
    """Whoever's key it is."""
    desk = await at_desk()
    row = {"user": "admin", "role": "member" if kind == "assign-role" else "admin"}
    with pytest.raises(RefusedError, match="works with"):
        await run(desk, kind, [row if kind != "delete-user" else {"user": "admin"}])
    assert writes(desk) == []


ROLE_QUIRKS: list[dict[str, Any]] = [
    {},
    {"acl_status": 204},
    {"grants_form": "ids"},
    {"grants_paged": True},
    {"acl_grants": "absent"},
    {"acl_grants": "absent", "acl_status": 204},
]


@pytest.mark.parametrize("quirks", ROLE_QUIRKS, ids=str)
@pytest.mark.parametrize("fault", [None, "lose_after", "lose_before"])
async def test_roles_are_set_whether_or_not_they_can_be_read(
    at_desk: AtDesk, quirks: dict[str, Any], fault: str | None
) -> None:
    """A grant replaces the one before, so that setting it twice does no harm."""
    desk = await at_desk(quirks=quirks)
    if fault:
        desk.sandbox.faults.add(fault, method="PUT", times=2)
    state, chosen = state_of(desk.sandbox), people(desk.sandbox, 5)
    state.members[chosen[4].id] = ADMIN
    result = await run(desk, "assign-role", [{"user": user.email, "role": "admin"} for user in chosen])
    assert result.counts.succeeded + result.counts.skipped == 5
    assert result.counts.skipped == ("acl_grants" not in quirks)
    assert {state.members[user.id] for user in chosen} == {ADMIN}
    assert desk.sandbox.effects.count("role_assigned") == 4
    back = await run(desk, "unassign-role", [{"user": user.id, "role": ADMIN} for user in chosen], run_id="r2")
    assert back.counts.succeeded == 5
    assert list(back.plans[0].effects) == ["set to organisation_member"]
    assert {state.members[user.id] for user in chosen} == {MEMBER}


async def test_where_there_is_no_call_for_roles_rows_fail_with_the_vendors_words(at_desk: AtDesk) -> None:
    """Nothing else is tried."""
    desk = await at_desk(quirks={"organisation_acl": "absent", "acl_grants": "absent"})
    result = await run(desk, "assign-role", [{"user": user.email, "role": "admin"} for user in people(desk.sandbox, 2)])
    assert result.counts.failed == 2
    assert set(errors(desk)) == {"not_found"}


@pytest.mark.parametrize(("role", "words"), [("organisation_member", "at least"), ("editor", "no role is called")])
async def test_a_role_that_cannot_be_taken_is_told(at_desk: AtDesk, role: str, words: str) -> None:
    """Everybody has the lowest one; others there are not."""
    desk = await at_desk()
    row = {"user": people(desk.sandbox, 1)[0].email, "role": role}
    assert words in await why_not(desk, "unassign-role", [row])


# teams


@pytest.mark.parametrize("repeat", ["conflict", "ok"])
@pytest.mark.parametrize("readable", [True, False])
@pytest.mark.parametrize("fault", [None, "lose_after", "lose_before"])
async def test_people_join_a_team_and_their_level_is_set(
    at_desk: AtDesk, repeat: str, readable: bool, fault: str | None
) -> None:
    """Who is new joins by the documented call; who is in it gets a grant, which replaces the one before."""
    desk = await at_desk(quirks={"team_repeat": repeat, "acl_grants": "present" if readable else "absent"})
    team, chosen = list(state_of(desk.sandbox).teams.values())[1], people(desk.sandbox, 6)
    for number, user in enumerate(chosen):
        team.grants.pop(user.id, None)
        if number > 2:
            team.grants[user.id] = TEAM_ADMIN if number == 5 else TEAM_MEMBER
    if fault:
        desk.sandbox.faults.add(fault, method="POST", path="*/members", times=1)
        desk.sandbox.faults.add(fault, method="PUT", path="*/acl/*", times=1)
    rows = [{"user": user.email, "team": team.id, "membership": "maintainer"} for user in chosen]
    result = await run(desk, "add-team-member", rows)
    assert (result.counts.succeeded, result.counts.skipped) == ((5, 1) if readable else (6, 0))
    assert {team.grants[user.id] for user in chosen} == {TEAM_ADMIN}
    assert {one["method"] for one in writes(desk)} == {"POST", "PUT"}
    again = await run(desk, "add-team-member", [{"user": rows[0]["user"], "team": team.id}], run_id="r2")
    assert again.counts.skipped == 1


@pytest.mark.parametrize("fault", [None, "lose_after", "lose_before"])
async def test_without_the_option_people_join_and_nobodys_level_is_touched(at_desk: AtDesk, fault: str | None) -> None:
    """Who is in the team stays as they are; a level that is asked for and can be neither read nor set is told."""
    desk = await at_desk({})
    team, chosen = list(state_of(desk.sandbox).teams.values())[1], people(desk.sandbox, 3)
    for user in chosen[:2]:
        team.grants.pop(user.id, None)
    team.grants[chosen[2].id] = TEAM_MEMBER
    if fault:
        desk.sandbox.faults.add(fault, method="POST", path="*/members", times=2)
    rows = [{"user": user.email, "team": team.id, "membership": "maintainer"} for user in chosen]
    assert "neither be read nor changed" in await why_not(desk, "add-team-member", rows)
    result = await run(desk, "add-team-member", rows, run_id="r2", skip_invalid=True)
    assert (result.counts.succeeded, result.counts.failed) == (2, 1)
    assert [row["_error"] for row in desk.results("r2")] == ["", "", "membership_unread"]
    assert [team.grants[user.id] for user in chosen] == [TEAM_ADMIN, TEAM_ADMIN, TEAM_MEMBER]
    plain = await run(desk, "add-team-member", [{"user": chosen[2].email, "team": team.id}], run_id="r3")
    assert plain.counts.skipped == 1


@pytest.mark.parametrize("point", CUTS)
async def test_without_the_option_a_crash_while_joining_is_settled(
    at_desk: AtDesk, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """Who was not in the team, and is now, has joined."""
    desk = await at_desk({})
    team, chosen = list(state_of(desk.sandbox).teams.values())[1], people(desk.sandbox, 3)
    for user in chosen:
        team.grants.pop(user.id, None)
    rows = [{"user": user.email, "team": team.id, "membership": "maintainer"} for user in chosen]
    with monkeypatch.context() as patch:
        CUTS[point](patch, Cut(1))
        assert await until_the_cut(run(desk, "add-team-member", rows))
    assert (await desk.resume()).counts.succeeded == 3
    assert {team.grants[user.id] for user in chosen} == {TEAM_ADMIN}
    assert desk.sandbox.effects.count("team_added") == 3


async def test_the_last_administrator_of_a_team_is_told(at_desk: AtDesk) -> None:
    """Where the vendor guards that."""
    desk = await at_desk(quirks={"team_last_admin": "conflict"})
    team, (user,) = list(state_of(desk.sandbox).teams.values())[1], people(desk.sandbox, 1)
    team.grants.clear()
    team.grants[user.id] = TEAM_ADMIN
    await run(desk, "remove-team-member", [{"user": user.email, "team": team.name}])
    assert errors(desk) == ["last_owner"]


# the vendor's own mock


@pytest.mark.parametrize("kind", [case.kind for case in CASES])
async def test_canned_answers_are_no_successes(at_desk: AtDesk, kind: str) -> None:
    """Each call answers as its page shows and nothing changes: a read tells, and every row has failed."""
    desk = await at_desk(people=130)
    case = next(case for case in CASES if case.kind == kind)
    rows = case.fresh(desk.sandbox, 6, 2)
    desk.sandbox.change(quirks={"canned": True})
    result = await run(desk, kind, [dict(row.cells) for row in rows])
    assert result.counts.failed == 6
    assert set(errors(desk)) == {"not_applied"}
    assert not any(row.done() for row in rows)
    assert desk.sandbox.effects.view()["totals"] == {}


async def test_an_answer_from_a_mock_is_never_taken_for_its_word(
    at_desk: AtDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if it named what was asked for; and the plan has the caution."""
    desk = await at_desk()
    monkeypatch.setattr("bulkops.wiring.targets.ADAPTERS", _cautious())
    result = await run(desk, "invite", new(3))
    assert result.plans[0].caution == "a mock"
    assert result.counts.succeeded == 3
    looks = [one for one in desk.sandbox.requests if one["path"].endswith("/invitations") and one["method"] == "GET"]
    assert len(looks) == 2  # before, and to see what came of it


async def test_a_run_that_goes_on_at_a_mock_asks_again(at_desk: AtDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was agreed to was agreed to for another address; the same caution is agreed to once."""
    desk = await at_desk(quirks={"seat_limit": 75}, target={"concurrency": 1})
    await run(desk, "invite", new(9))
    assert [plan.caution for plan in desk.observer.plans] == [""]
    monkeypatch.setattr("bulkops.wiring.targets.ADAPTERS", _cautious())
    desk.sandbox.change(quirks={"seat_limit": 77})
    await desk.resume()
    assert [plan.caution for plan in desk.observer.plans] == ["", "a mock"]
    desk.sandbox.change(quirks={"seat_limit": None})
    assert (await desk.resume()).counts.succeeded == 9
    assert len(desk.observer.plans) == 2


def _cautious() -> dict[str, Any]:
    return {**ADAPTERS, "wiremock-cloud": replace(ADAPTERS["wiremock-cloud"], caution=lambda _origin: "a mock")}


async def test_a_member_who_administers_nothing_is_told_that_rights_are_missing(at_desk: AtDesk) -> None:
    """A 403 before anything was accepted, twice: exit 5, and resumable."""
    desk = await at_desk()
    state = state_of(desk.sandbox)
    state.members[state.caller_id] = MEMBER
    result = await run(desk, "invite", new(4))
    assert isinstance(result.error, AccessError)
    assert result.counts.pending == 4
    assert result.counts.failed == 0
