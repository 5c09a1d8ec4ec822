"""A ledger that lasts as long as its process: for dry runs and tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from bulkops.errors import LedgerError, RefusedError
from bulkops.ledger.base import Claim, Owner
from bulkops.ledger.book import Book, Ended
from bulkops.ledger.lock import Hold, watch
from bulkops.model import Counts, Outcome, RowSet, Settled, State, Traffic


class MemoryLedger:
    """A `Ledger` of `total` rows in memory. `clock` gives epoch seconds."""

    def __init__(self, total: int, *, clock: Callable[[], float] = time.time) -> None:
        self._book = Book(total)
        self._clock = clock
        self._ended: list[Ended] = []
        self._traffic = Traffic()
        self._notes: dict[str, str] = {}
        self._hold: Hold | None = None
        self._renewals = 0
        self._closed = False

    @property
    def total(self) -> int:
        """Rows of the job."""
        return self._book.total

    def counts(self) -> Counts:
        """Rows by state; begun rows are in flight and count as pending."""
        return self._book.counts()

    def outcomes(self) -> Iterator[Settled]:
        """Final outcomes, by ascending row."""
        for first, last, outcome in sorted(self._ended, key=lambda run: run[0]):
            yield Settled(RowSet(((first, last),)), outcome)

    def open_claims(self) -> Sequence[Claim]:
        """Begun and never settled, oldest first; a claim with several reasons of doubt appears once for each."""
        return self._book.open_claims()

    def traffic(self) -> Traffic:
        """What the run sent."""
        return self._traffic

    def note(self, key: str) -> str | None:
        """The value that `put_note` kept under `key`."""
        return self._notes.get(key)

    def state_of(self, row: int) -> State:
        """Where `row` stands."""
        return self._book.state_of(row)

    def pending(self, *, after: int = 0) -> int | None:
        """The first pending row above `after`."""
        return self._book.pending(after)

    async def begin(self, rows: RowSet, *, attempt: int, at: float | None = None) -> Claim:
        """Note that a request for `rows` is about to leave."""
        self._check()
        return self._book.begin(rows, attempt=attempt, at=int((self._clock() if at is None else at) * 1000) / 1000)

    async def begin_ahead(self, batches: Sequence[RowSet], *, at: float | None = None) -> Sequence[Claim]:
        """Note that a request for each of `batches` will leave soon."""
        self._check()
        return self._book.begin_all(batches, at=int((self._clock() if at is None else at) * 1000) / 1000)

    async def leaving(self) -> None:
        """Nobody takes a run over that is in memory."""
        self._check()

    def settle(self, claim: Claim, outcomes: Sequence[Settled], *, doubts: Sequence[Settled] = ()) -> None:
        """Close `claim`; rows in `doubts` keep it open, rows in neither go back to pending."""
        self._check()
        self._ended += self._book.settle(claim, outcomes, doubts) or ()

    def conclude(self, rows: RowSet, outcome: Outcome) -> None:
        """Give pending rows that need no call their outcome."""
        self._check()
        self._ended += self._book.conclude(rows, outcome)

    def add_traffic(self, traffic: Traffic) -> None:
        """Add to what the run has sent."""
        self._check()
        self._traffic = self._traffic.plus(traffic)

    def put_note(self, key: str, value: str) -> None:
        """Keep a small text with the run."""
        self._check()
        self._notes[key] = value

    async def flush(self) -> None:
        """All is as durable as it gets."""
        self._check()

    async def acquire(self, owner: Owner, *, lease_s: float) -> None:
        """Take the run for `owner`, or renew its lease."""
        self._check()
        hold, now = self._hold, self._clock()
        if hold is not None and hold.owner != owner:
            await self._refuse_living(hold, owner.host)
            self._check()
        self._renewals += 1
        taken_at = hold.taken_at if hold is not None and hold.owner == owner else now
        self._hold = Hold(owner, taken_at, now + lease_s, lease_s)

    async def release(self) -> None:
        """Give the run back."""
        self._check()
        self._hold = None

    async def close(self) -> None:
        """Nothing is written any more."""
        self._closed = True

    async def _refuse_living(self, hold: Hold, host: str) -> None:
        if hold.lives(now=self._clock(), host=host):
            raise RefusedError(hold.refusal(host=host))
        if hold.owner.host != host and not await watch(lambda: self._renewals, for_s=hold.lease_s):
            raise RefusedError(hold.renewed())

    def _check(self) -> None:
        if self._closed:
            raise LedgerError("this ledger is closed")
