"""The right to let one batch's bytes leave: its note in the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bulkops.ledger.base import Claim, Ledger
from bulkops.model import Batch, Item


def memo_key(row: int) -> str:
    """Under which note the ledger keeps what must be known of a row that may be half done."""
    return f"memo {row}"


class LedgerPermit:
    """Notes the batch in the ledger at the last moment before its bytes leave.

    Until then the attempt may be called off; from then on it runs to its end. `clock` is the provider's, epoch seconds:
    who looks up later what became of the batch may sit at a machine whose own clock shows another time. `memo` gives
    what must be known of an item that may be half done; None where one call does all.
    """

    def __init__(
        self,
        ledger: Ledger,
        batch: Batch[Any],
        clock: Callable[[], float],
        memo: Callable[[Item[Any]], str] | None,
        ahead: Claim | None = None,
    ) -> None:
        self.claim: Claim | None = None
        self.ahead = ahead  # noted already, and nothing has left under it
        self.called_off = False
        self.begun = False
        self._ledger = ledger
        self._batch = batch
        self._clock = clock
        self._memo = memo
        self._task = asyncio.current_task()

    async def begin(self) -> None:
        """Durable when this returns. Before a second write of the same attempt the batch is noted anew."""
        if not self.begun and self.called_off:  # in this very moment: then not a byte may leave
            await asyncio.sleep(0)  # where the cancellation arrives
            raise asyncio.CancelledError
        self.begun = True  # before the first await: a stop from here on lets the attempt finish
        if self.ahead is not None:
            self.claim, self.ahead = self.ahead, None
            await self._ledger.leaving()
            return
        if self.claim is not None:
            # the next commit holds both: on the disk the rows are never without a claim
            self._ledger.settle(self.claim, ())
        if self._memo is not None:
            for item in self._batch.items:
                self._ledger.put_note(memo_key(item.row), self._memo(item))
        self.claim = await self._ledger.begin(self._batch.rows, attempt=self._batch.attempt, at=self._clock())

    def call_off(self) -> None:
        """Give up an attempt that has not begun: its task is cancelled, which `take_back` must undo."""
        if not self.begun and not self.called_off and self._task is not None:
            self.called_off = True
            self._task.cancel()

    def take_back(self) -> bool:
        """At the cancellation of the task: whether it was this permit's, which then is over."""
        if self.called_off and self._task is not None:
            self.called_off = False
            self._task.uncancel()
            return True
        return False
