"""What a session sent, noted in the ledger as it goes, so that a killed one is counted too."""

from __future__ import annotations

import time
from collections.abc import Callable

from bulkops.ledger.base import Ledger
from bulkops.model import Traffic

NOTED_EACH_S = 0.1
"""A killed session loses the count of its last calls only."""


class TrafficNotes:
    """Adds to the ledger what was sent since the last note."""

    def __init__(self, ledger: Ledger, count: Callable[[], Traffic]) -> None:
        self._ledger = ledger
        self._count = count
        self._started = time.monotonic()
        self._noted = Traffic()

    def move_to(self, ledger: Ledger) -> None:
        """Add to another ledger from now on, which has what was noted so far."""
        self._ledger = ledger

    def note_in_turn(self) -> None:
        """Note it if the last note is `NOTED_EACH_S` old."""
        if time.monotonic() - self._started - self._noted.elapsed_s >= NOTED_EACH_S:
            self.note()

    def note(self) -> None:
        """Note it; cheap, and durable with the next group of records."""
        sent = self._count()
        now = Traffic(sent.requests, sent.throttled, sent.retries, time.monotonic() - self._started)
        before, self._noted = self._noted, now
        self._ledger.add_traffic(
            Traffic(
                now.requests - before.requests,
                now.throttled - before.throttled,
                now.retries - before.retries,
                now.elapsed_s - before.elapsed_s,
            )
        )
