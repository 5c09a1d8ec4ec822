"""A real listing over real sockets that others change while it is read."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bulkops.fetch import Certainty, Stretch, read_through
from bulkops.providers.anypoint import PROFILE, AnypointOrganization
from bulkops.providers.anypoint.records import RecordListing
from bulkops.providers.resources import Record
from bulkops.sandbox import Sandbox, SandboxOptions
from bulkops.transport import Gates, Scrubber, Session, SessionOptions, StaticToken

PEOPLE, PAGE = 1000, 40


class Permit:
    """Says yes."""

    async def begin(self) -> None:
        """Nothing to note."""


class Others:
    """Whoever else works on the organisation: deletes members, and lets people who were invited join."""

    def __init__(self, sandbox: Sandbox, session: Session, seed: int) -> None:
        self._sandbox = sandbox
        self._session = session
        self._dice = random.Random(seed)
        self._base = f"/accounts/api/organizations/{sandbox.organization}"
        self.gone: set[str] = set()
        self.joined = 0

    async def work(self, ids: list[str], invited: list[int]) -> None:
        """One change after the other, at the front of the listing half of the time."""
        for invite_id in invited:
            reach = len(ids) if self._dice.random() < 0.5 else len(ids) // 20
            chosen = ids.pop(self._dice.randrange(reach))
            await self._session.write(
                "DELETE", f"{self._base}/users", gate="DELETE users", permit=Permit(), body=[chosen]
            )
            self.gone.add(chosen)
            if self._dice.random() < 0.7:
                self._sandbox.accept_invite(id=invite_id)
                self.joined += 1


@pytest.mark.parametrize("seed", range(6))
async def test_members_that_come_and_go_do_not_hide_those_that_stay(seed: int) -> None:
    """25 pages of 40, eight in flight, with a fifth of the members deleted and others joining meanwhile."""
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox(SandboxOptions(people=PEOPLE, seed=seed + 1, latency_ms=4)))
        session = Session(
            SessionOptions(base_url=sandbox.url, profile=PROFILE),
            credentials=StaticToken(f"Bearer {Sandbox.token}", named="the test"),
            gates=Gates(),
            scrubber=Scrubber(),
        )
        org = await stack.enter_async_context(AnypointOrganization(session, sandbox.organization))
        fixed = {(await org.facts()).owner_id, (await org.caller()).id}
        everybody, _ = await _read(org)
        invited = await _invited(session, org, PEOPLE // 5)
        others = Others(sandbox, session, seed)
        at_work = asyncio.create_task(others.work([one for one in everybody if one not in fixed], invited))
        found, sure = await _read(org)
        ended = at_work.done()
        await at_work
        assert len(found) == len(set(found))
        missed = set(everybody) - others.gone - set(found)
        assert not missed or not sure.proven
        assert sure.proven, sure.why
        assert ended or others.gone, "nothing changed"


async def _read(org: AnypointOrganization) -> tuple[list[Any], Certainty]:
    listing = org.resources["members"].listing(None)
    assert isinstance(listing, RecordListing)
    listing.max_limit = PAGE
    found: list[Any] = []

    async def take(stretch: Stretch[Record]) -> None:
        found.extend(row["id"] for row in stretch.rows)

    sure = await read_through(listing, take, in_flight=8)
    return found, sure


async def _invited(session: Session, org: AnypointOrganization, count: int) -> list[int]:
    """New invitations, which may be accepted; their ids."""
    base = f"/accounts/api/organizations/{org.organization}/invites"
    body = [{"email": f"joins.{number}@acme.test"} for number in range(count)]
    for start in range(0, count, 100):
        await session.write("POST", base, gate="POST invites", permit=Permit(), body=body[start : start + 100])
    ids: list[int] = []

    async def take(stretch: Stretch[Record]) -> None:
        ids.extend(int(str(row["invite_id"])) for row in stretch.rows if str(row["email"]).startswith("joins."))

    await read_through(org.resources["invites"].listing(None), take)
    return ids
