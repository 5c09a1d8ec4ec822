"""The last moment before a batch's bytes leave: its note in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel

from bulkops.ledger.base import Claim, Ledger
from bulkops.model import Batch, Item


def memo_key(row: int) -> str:
    """Under which note the ledger keeps what must be known of a row that may be half done."""
    return f"memo {row}"


class LedgerPermit:
    """Notes the batch in the ledger at the last moment before its bytes leave.

    Until then the attempt may be called off; from then on it runs to its end. `clock` is the provider's, epoch seconds:
    who looks up later what became of the batch may sit at a machine whose own clock shows another time.
    """

    def __init__(
        self, ledger: Ledger, batch: Batch[Any], clock: Callable[[], float], memo: Callable[[Item[Any]], str] | None
    ) -> None:
        self.claim: Claim | None = None
        self.scope = anyio.CancelScope()
        self.begun = False
        self._ledger = ledger
        self._batch = batch
        self._clock = clock
        self._memo = memo

    async def begin(self) -> None:
        """Durable when this returns. Before a second write of the same attempt the batch is noted anew."""
        if not self.begun:
            await anyio.lowlevel.checkpoint_if_cancelled()  # called off in this very moment: then not a byte may leave
        self.begun = True  # before the first await: a stop from here on lets the attempt finish
        if self.claim is not None:
            # the next commit holds both: on the disk the rows are never without a claim
            self._ledger.settle(self.claim, ())
        if self._memo is not None:
            for item in self._batch.items:
                self._ledger.put_note(memo_key(item.row), self._memo(item))
        self.claim = await self._ledger.begin(self._batch.rows, attempt=self._batch.attempt, at=self._clock())

    def call_off(self) -> None:
        """Give up an attempt that has not begun."""
        if not self.begun:
            self.scope.cancel()
