"""What a ledger promises. Every store passes the suite in `bulkops.testing.ledger_contract`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from bulkops.model import Counts, Outcome, RowSet, Settled, State, Traffic


@dataclass(frozen=True, slots=True)
class Claim:
    """A note that `rows` are about to leave in one request.

    `attempt` counts from 1; `at` is when it was made, epoch seconds to the millisecond, by the clock of whom it is sent
    to. An open claim found when a ledger is opened means in doubt. `doubt` says why, where that is known.
    """

    id: int
    rows: RowSet
    attempt: int
    at: float
    doubt: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """Who works on a run. `started_at` is how long the machine was up when the process began, in seconds.

    It tells a reused pid apart, whatever becomes of the clock.
    """

    name: str
    host: str
    pid: int
    started_at: float


class LedgerView(Protocol):
    """Reading a run's record; safe beside a process that is writing it."""

    @property
    def total(self) -> int:
        """Rows of the job."""

    def counts(self) -> Counts:
        """Rows by state. Begun rows count as in doubt where nobody is working on the run, else as pending."""

    def outcomes(self) -> Iterator[Settled]:
        """Final outcomes, by ascending row, disjoint, one run of rows each; read in a stream."""

    def open_claims(self) -> Sequence[Claim]:
        """Begun and never settled, oldest first."""

    def traffic(self) -> Traffic:
        """What all sessions of this run sent."""

    def note(self, key: str) -> str | None:
        """The value that `put_note` kept under `key`."""


class Ledger(LedgerView, Protocol):
    """Durable record of a run's items. What `begin` or `flush` returned from survives a crash and a power loss.

    One process owns a ledger at a time (`acquire`); its tasks may share it. A row goes through the changes of
    `bulkops.model.states` and no others: an illegal change raises LedgerError and is not recorded.

    After a write to the disk has failed, every further call that writes raises LedgerError: the caller stops sending.
    """

    def state_of(self, row: int) -> State:
        """Where `row` stands now, in memory: also what is noted and not yet durable."""

    def pending(self, *, after: int = 0) -> int | None:
        """The first pending row above `after`; None when there is none."""

    async def begin(self, rows: RowSet, *, attempt: int, at: float | None = None) -> Claim:
        """Note that a request for `rows` is about to leave. Durable when this returns.

        `at` is the moment by the provider's clock, which may be years off; the ledger's own where none is given.
        Everything noted before is durable then, too.
        Raises LedgerError if the note may not have reached the disk, another process took the run over, or it cannot
        be told whether one did: do not send. On return half of the lease, at least, is left for the bytes to leave.
        """

    async def begin_ahead(self, batches: Sequence[RowSet], *, at: float | None = None) -> Sequence[Claim]:
        """Note that a first request for each of `batches` will leave soon: a claim for each, as `begin` makes it.

        All are durable when this returns, by one commit. Before the bytes of one leave, the caller awaits `leaving`;
        one that is not sent after all is settled with no outcome. Raises LedgerError as `begin` does, and for batches
        that share a row; then nothing is claimed.
        """

    async def leaving(self) -> None:
        """Right before the bytes of a claim that was made ahead leave. Raises LedgerError as `begin` does."""

    def settle(self, claim: Claim, outcomes: Sequence[Settled], *, doubts: Sequence[Settled] = ()) -> None:
        """Close `claim`: rows in `outcomes` end so, rows in `doubts` stay in doubt, all others go back to pending.

        `doubts` hold outcomes of State.IN_DOUBT; they keep the claim open for exactly their rows, with its reason.
        The first outcome stands: settling a claim that is closed already changes nothing.
        Durable at the latest when the next `begin` or `flush` returns.
        """

    def conclude(self, rows: RowSet, outcome: Outcome) -> None:
        """Give pending rows that need no call their outcome: skipped, or failed before anything was sent."""

    def add_traffic(self, traffic: Traffic) -> None:
        """Add to what the run has sent; durable as `settle` is."""

    def put_note(self, key: str, value: str) -> None:
        """Keep a small text with the run; durable as `settle` is."""

    async def flush(self) -> None:
        """Return when all that was noted is durable. Raises LedgerError if it may not be."""

    async def acquire(self, owner: Owner, *, lease_s: float) -> None:
        """Take the run for `owner`; renew by calling again.

        Raises RefusedError, naming the holder, while another owner lives: one on this host whose process runs, or
        one elsewhere. That one is taken for dead when its lease has ended by our clock, and then nothing was written
        for the length of its lease while we watched, whatever the two hosts' clocks say: this may take so long. The
        lock of a dead owner is taken over, and fences it off: its later writes raise LedgerError.
        """

    async def release(self) -> None:
        """Give the run back."""

    async def close(self) -> None:
        """Make all durable and close the files. Closing twice is harmless."""
