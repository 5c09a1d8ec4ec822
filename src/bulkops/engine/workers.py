"""Those who send: batches are handed to them, claimed ahead where that may be, and come to their end side by side."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
from anyio.abc import TaskGroup

from bulkops.engine.batching import ParentQueues
from bulkops.engine.claims import ClaimsAhead
from bulkops.engine.sender import Sender
from bulkops.engine.stop import StopSignal
from bulkops.engine.traffic import TrafficNotes
from bulkops.errors import LedgerError
from bulkops.ledger.base import Claim
from bulkops.model import Batch


class Workers:
    """`width` tasks that send. One task hands batches over; it waits while enough of them wait already."""

    def __init__(
        self, sender: Sender, ahead: ClaimsAhead, *, width: int, stop: StopSignal, traffic: TrafficNotes
    ) -> None:
        self._sender = sender
        self._ahead = ahead
        self._width = width
        self._stop = stop
        self._traffic = traffic
        self._queues = ParentQueues()
        # asyncio's own queue: handing a batch over is a few microseconds that each call pays
        self._waiting: asyncio.Queue[tuple[Batch[Any], Claim | None] | None] = asyncio.Queue()
        self._outstanding = 0
        self._idle = anyio.Event()

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        for _ in range(self._width):
            tasks.start_soon(self._work)

    def dismiss(self) -> None:
        """Each ends when nothing waits any more."""
        for _ in range(self._width):
            self._waiting.put_nowait(None)

    async def submit(self, batch: Batch[Any]) -> None:
        """Have a batch sent; waits while enough others wait already."""
        if not self._ahead.takes(batch):
            await self.hand_over(batch)
        elif self._ahead.gather(batch):
            await self.claim()

    async def claim(self) -> None:
        """Note by one commit what was gathered to be claimed ahead, and hand it to the workers."""
        await self._room_for(len(self._ahead))
        if self._stop.requested:
            self._ahead.drop()
        elif self._ahead:
            for claimed in await self._ahead.note(at=self._sender.providers_time()):
                self._outstanding += 1
                self._waiting.put_nowait(claimed)

    async def hand_over(self, batch: Batch[Any]) -> None:
        """Hand a batch to the workers, who note it when it leaves."""
        await self._room_for(1)
        if self._stop.requested:
            return
        self._outstanding += 1
        if self._queues.enter(batch):
            self._waiting.put_nowait((batch, None))

    async def _room_for(self, batches: int) -> None:
        """Wait while the workers are all busy and a few batches wait already."""
        while self._outstanding + batches > 2 * self._width and not self._stop.requested:
            await self._next_change()

    async def _work(self) -> None:
        while (handed := await self._waiting.get()) is not None:
            batch, claim = handed
            while (after := await self._deliver(batch, claim)) is not None:
                batch, claim = after, None  # a parent's batches stay with one worker, in their order

    async def _deliver(self, batch: Batch[Any], claim: Claim | None) -> Batch[Any] | None:
        try:
            await self._sender.deliver(batch, claim)
        finally:
            self._outstanding -= 1
            self._idle.set()
        if not self._stop.requested:
            try:
                self._traffic.note_in_turn()
            except LedgerError as error:
                self._stop.request(error)
        return self._queues.leave(batch)

    async def drained(self) -> None:
        """Return when all that was handed over has ended, or is a question."""
        while self._outstanding:
            await self._next_change()

    async def _next_change(self) -> None:
        self._idle = anyio.Event()
        await self._idle.wait()
