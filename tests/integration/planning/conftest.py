"""Planning against a sandbox."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from bulkops.engine.telling import told
from bulkops.fetch import walk
from bulkops.model import Batch, Item, Verdict
from bulkops.operations import OPERATIONS
from bulkops.operations.base import Decision
from bulkops.planning import Planner, ProtectedNames, Rosters
from bulkops.providers.anypoint import PROFILE, SUPPORT, AnypointOrganization
from bulkops.providers.base import Person
from bulkops.sandbox import Sandbox, SandboxOptions
from bulkops.transport import Gates, Scrubber, Session, SessionOptions, StaticToken


class Permit:
    """Says yes."""

    async def begin(self) -> None:
        """Nothing to note."""


@dataclass
class Desk:
    """An organisation, and one operation planned on it."""

    sandbox: Sandbox
    org: AnypointOrganization
    kind: str
    planner: Planner
    opened_at: float = field(default_factory=time.time)

    def items(self, rows: list[dict[str, Any]]) -> list[Item[Any]]:
        """Items of rows as a job file has them."""
        operation = OPERATIONS[self.kind]
        parsed = [SUPPORT[self.kind].fields.model_validate(row) for row in rows]
        return [Item(number, operation.key(fields), fields) for number, fields in enumerate(parsed, 1)]

    async def decide(self, *rows: dict[str, Any]) -> list[Decision]:
        """A decision for each row."""
        return list(await self.planner.decide(self.items(list(rows))))

    async def apply(self, decisions: list[Decision]) -> dict[int, Any]:
        """Send what was decided, in one batch; the outcomes that the answer told."""
        batch = Batch(tuple(decision.item for decision in decisions))
        return dict(told(batch, await OPERATIONS[self.kind].apply(self.org, batch, Permit())))

    async def check(self, items: list[Item[Any]]) -> dict[int, Verdict]:
        """What a fresh look says about each item."""
        roster = await self.planner.fresh_roster(len(items))
        sent_at = {item.row: self.opened_at for item in items}
        return dict(await OPERATIONS[self.kind].check(items, roster, sent_at))

    async def person(self, username: str) -> Person:
        """Somebody by username."""
        return next(one for one in await walk(self.org.people()) if one.username == username)

    def reads(self, path: str) -> int:
        """How many pages or searches of a listing were asked for so far."""
        return len(self.sandbox.requests.matching("GET", path))


@pytest.fixture
async def desk_for() -> AsyncIterator[Callable[..., Awaitable[Desk]]]:
    """Opens a desk for an operation."""
    async with AsyncExitStack() as stack:

        async def begin(kind: str, *, people: int = 80, protected: tuple[str, ...] = (), expected: int = 0) -> Desk:
            sandbox = await stack.enter_async_context(Sandbox(SandboxOptions(people=people)))
            session = Session(
                SessionOptions(base_url=sandbox.url, profile=PROFILE),
                credentials=StaticToken(f"Bearer {sandbox.token}", named="the test"),
                gates=Gates(),
                scrubber=Scrubber(),
            )
            org = await stack.enter_async_context(AnypointOrganization(session, sandbox.organization))
            guards = ProtectedNames(protected)
            return Desk(sandbox, org, kind, Planner(OPERATIONS[kind], Rosters(org), guards=guards, expected=expected))

        yield begin
