"""Batches whose claims are noted ahead, many by one commit, so that no call waits for the disk."""

from __future__ import annotations

from typing import Any

from bulkops.ledger.base import Claim, Ledger
from bulkops.model import Batch
from bulkops.operations.base import Operation


class ClaimsAhead:
    """Gathers first attempts until a window of them is full.

    A crash leaves the rows of all windows that are open to be looked up, whether or not their calls had left: so only
    operations whose look always tells are gathered, and the caller keeps no more than `most` claims open. A window is a
    quarter of them: while it goes to the disk, the calls of those before it are under way.
    """

    def __init__(self, operation: Operation, ledger: Ledger, *, most: int) -> None:
        self.most = most
        self._probed = operation.probed and not operation.whole
        self._ledger = ledger
        self._size = max(1, most // 4)
        self._gathered: list[Batch[Any]] = []

    def takes(self, batch: Batch[Any]) -> bool:
        """Whether `batch` is noted ahead. Of one parent only one batch is in flight: nothing would be gained."""
        return self._probed and batch.attempt == 1 and batch.parent is None

    def gather(self, batch: Batch[Any]) -> bool:
        """Put `batch` into the window; whether it is full now."""
        self._gathered.append(batch)
        return len(self._gathered) >= self._size

    def __len__(self) -> int:
        return len(self._gathered)

    async def note(self, *, at: float) -> list[tuple[Batch[Any], Claim]]:
        """Claim what was gathered. Raises LedgerError where it may not be durable: then nothing of it is sent."""
        batches, self._gathered = self._gathered, []
        claims = await self._ledger.begin_ahead([batch.rows for batch in batches], at=at)
        return list(zip(batches, claims, strict=True))

    def drop(self) -> None:
        """Nothing of the window is sent."""
        self._gathered.clear()
