"""Listings that claim, repeat or go on: nothing is decided on them, and asking ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import cycle
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bulkops.errors import BulkopsError, StoppedError
from bulkops.fetch import walk
from bulkops.fetch.walk import IN_FLIGHT, WALKS
from bulkops.model import Batch, Item
from bulkops.paging import base
from bulkops.providers.anypoint import PROFILE, SUPPORT, AnypointOrganization
from bulkops.providers.base import Change, Named, Person
from bulkops.testing.wire import Heard, Speaker, answer, listening
from bulkops.transport import Gates, Scrubber, Session, SessionOptions, Timeouts


def rows(start: int, count: int) -> list[dict[str, Any]]:
    """So many people, told apart by their numbers."""
    return [{"id": f"u{n}", "username": f"n{n}", "email": f"e{n}@x.test"} for n in range(start, start + count)]


Body = Callable[[int], Any]
MOST = WALKS * (IN_FLIGHT + 2)
"""Pages that are in flight when the first of them shows it are not called back."""
LISTINGS: dict[str, tuple[Body, str, int]] = {
    "more than there can be": (lambda at: {"data": rows(at, 500), "total": 10**12}, "claims 1,000,000,000,000 rows", 1),
    "all that a number holds": (lambda at: {"data": rows(at, 500), "total": 2**63 - 1}, "claims 9,2", 1),
    "a row a page": (lambda at: {"data": rows(at, 1), "total": 30_000}, "claims 30,000 rows", 1),
    "the first page for ever": (lambda _at: {"data": rows(0, 500), "total": 100_000}, "kept changing", MOST),
    "the first page, and no total": (lambda _at: {"data": rows(0, 500)}, "kept changing", 6),
    "fewer than none": (lambda _at: {"data": rows(0, 3), "total": -3}, "kept changing", 6),
    "a total in words": (lambda _at: {"data": rows(0, 3), "total": "3"}, "kept changing", 6),
    "rows that run out": (
        lambda at: {"data": rows(at, 500) if at < 500 else [], "total": 100_000},
        "kept changing",
        MOST,
    ),
    "nothing of many": (lambda _at: {"data": [], "total": 7}, "kept changing", 3),
    "a total that wanders": (lambda at: {"data": rows(at, 500), "total": 2000 + at}, "kept changing", 15),
    "rows without an id": (lambda _at: {"data": [{"id": None}], "total": 1}, "unexpected shape", 1),
    "an id that is a thing": (lambda _at: {"data": [{"id": {"code": "c0de-c0de"}}], "total": 1}, "unexpected shape", 1),
    "rows that are none": (lambda _at: {"data": [1, "x", None], "total": 3}, "unexpected shape", 1),
    "no rows at all": (lambda _at: {"rows": []}, "unexpected shape", 1),
    "a word": (lambda _at: "done", "unexpected shape", 1),
}


async def listed(serve: Any, organization_at: Any, body: Body) -> tuple[Any, AnypointOrganization]:
    """A server whose every listing is told by `body`, from the offset that was asked for."""

    async def script(heard: Heard, speaker: Speaker) -> None:
        await speaker.say(answer(200, body(int(heard.query.get("offset", "0")))))

    wire = await serve(script)
    return wire, await organization_at(wire.url)


@pytest.mark.parametrize(("body", "words", "calls"), LISTINGS.values(), ids=LISTINGS)
async def test_a_listing_that_cannot_be_whole_is_not_believed(
    serve: Any, organization_at: Any, body: Body, words: str, calls: int
) -> None:
    """It stops the run in words, after few calls, and without a word of what stood in it."""
    wire, org = await listed(serve, organization_at, body)
    with pytest.raises(StoppedError, match=words) as caught:
        await walk(org.people())
    assert len(wire.heard) <= calls
    assert "c0de" not in str(caught.value)


async def test_a_listing_without_an_end_is_left(
    serve: Any, organization_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Always another page, never a total: there is a number of rows that no organisation has."""
    monkeypatch.setattr(base, "MOST_ROWS", 3000)
    wire, org = await listed(serve, organization_at, lambda at: {"data": rows(at, 500)})
    with pytest.raises(StoppedError, match="does not end"):
        await walk(org.people())
    assert len(wire.heard) == 7


@pytest.mark.parametrize("total", [None, 10**15])
async def test_a_search_without_an_end_is_left(serve: Any, organization_at: Any, total: int | None) -> None:
    """A server that passes the search over, and goes on for ever."""
    wire, org = await listed(serve, organization_at, lambda at: {"data": rows(at, 2), "total": total})
    with pytest.raises(StoppedError, match="search in members does not end"):
        await org.find_people("ada@x.test")
    assert len(wire.heard) == 200


async def test_a_hierarchy_as_deep_as_json_may_be_is_read_or_refused(serve: Any, organization_at: Any) -> None:
    """No depth ends in anything but an answer or a stop."""
    for depth in (100, 500, 50_000):
        body = b'{"id":"o","subOrganizations":[' * depth + b'{"id":"o"}' + b"]}" * depth
        org = await organization_at((await serve(answer(200, body))).url)
        try:
            assert len((await org.named("organization").page(0, 1)).rows) == depth + 1
        except BulkopsError:
            assert depth > 400


WORDS = st.sampled_from(["data", "total", "id", "email", "errors", "message", "succeeded", "failed", "status", "user"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(), st.text(max_size=8), WORDS)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=10,
)
KEYS = (
    "id", "role_group_id", "team_id", "role_id", "client_id", "name", "username", "email", "invited_email", "status",
    "invited_at", "expires_at", "deleted", "enabled", "membership_type", "context_params", "authorized_scopes",
    "firstName", "idprovider_id", "ownerId", "parentOrganizationIds", "user", "client", "subOrganizations", "succeeded",
    "failed", "message", "errors",
)  # fmt: skip
ROW = st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=8)
NOBODY = {"data": [], "total": 0}
BODIES = st.one_of(
    ANYTHING,
    st.just(NOBODY),
    ROW,
    st.lists(ROW, max_size=3),
    st.fixed_dictionaries({"data": st.lists(ROW, max_size=3)}, optional={"total": SCALARS}),
    st.binary(max_size=60),
)
STATUSES = st.sampled_from([200, 200, 200, 201, 204, 207, 301, 400, 401, 403, 404, 409, 418, 500, 599])
HEADERS = st.dictionaries(
    st.sampled_from(["Date", "Retry-After", "X-RateLimit-Reset", "X-RateLimit-Remaining", "X-RateLimit-Limit"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30) | st.integers().map(str),
    max_size=3,
)


class _Permit:
    async def begin(self) -> None:
        """Nothing to note."""


def _asked(org: AnypointOrganization) -> Sequence[Callable[[], Awaitable[object]]]:
    """Every read and every write that the engine makes."""
    someone = Person("u1", "ada", "ada@x.test", profile=(("email", "ada@x.test"),))
    change = Change(None, "7", "p1", "member", ("org=o1",), {"team": (Named("t", "T"),)}, someone)
    batch = Batch((Item(1, "7", change), Item(2, "8", change)))
    lists = [org.people(), org.accounts(), org.everybody(), org.departed(), org.invitations()]
    lists += [org.named(kind) for kind in ("role_group", "team", "role", "environment", "organization")]
    lists += [org.links(kind, "p") for kind in ("role_group", "team", "person_role", "allowlist")]
    known = "09907221-ebea-4196-9bdc-b1bbfd8f95a3"
    searches = (org.find_people, org.find_accounts, org.find_departed, org.find_invitations)
    return [
        org.facts,
        org.caller,
        *(lambda one=one: one.page(0, 500) for one in lists),
        *(lambda find=find, text=text: find(text) for find in searches for text in (known, "7", "a@x.test")),
        *(lambda kind=kind: org.send(kind, batch, _Permit()) for kind in SUPPORT),
    ]


async def _converse(status: int, bodies: Sequence[Any], headers: dict[str, str]) -> None:
    said = cycle([answer(status, body, headers=headers) for body in bodies])

    async def script(_heard: Heard, speaker: Speaker) -> None:
        await speaker.say(next(said))

    async with listening(script) as wire:
        options = SessionOptions(wire.url, PROFILE, Timeouts(total_s=5.0, read_tries=1))
        session = Session(options, credentials=None, gates=Gates(), scrubber=Scrubber())
        async with AnypointOrganization(session, "o1") as org:
            for ask in _asked(org):
                session.gates = Gates()  # an answer may name a long wait; the next question has none
                with suppress(BulkopsError):
                    await ask()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STATUSES, st.lists(BODIES, min_size=1, max_size=3), HEADERS)
@example(200, [NOBODY, {"id": None}], {})
@example(200, [NOBODY, {"id": [1], "expires_at": "0001-01-01T00:00:00+14:00"}], {})
def test_whatever_a_server_answers_only_documented_errors_come(
    status: int, bodies: list[Any], headers: dict[str, str]
) -> None:
    """Each read and each write of the provider ends in a value or in one of our errors; answers differ by turns."""
    asyncio.run(_converse(status, bodies, headers))
