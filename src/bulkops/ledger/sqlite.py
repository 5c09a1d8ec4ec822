"""The ledger in one SQLite file, which survives the process and the machine."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bulkops.errors import LedgerError, RefusedError
from bulkops.ledger.base import Claim, Owner
from bulkops.ledger.book import Ended
from bulkops.ledger.contents import Contents, empty_contents, read_contents
from bulkops.ledger.faults import explained
from bulkops.ledger.file import LedgerFile
from bulkops.ledger.group import Unsaved
from bulkops.ledger.groups import GroupCommit
from bulkops.ledger.head import Head
from bulkops.ledger.lock import waking_clock, watch
from bulkops.ledger.reading import read_soundly
from bulkops.ledger.rows import settled_row, storable
from bulkops.ledger.schema import create_file
from bulkops.ledger.sums import Sums, plus
from bulkops.ledger.view import SqliteLedgerView, read_outcomes
from bulkops.model import Counts, Outcome, RowSet, Settled, State, Traffic

__all__ = ["SqliteLedger", "SqliteLedgerView"]

_LINGER_S = 0.01
_SLICE = 1000  # rows written before the event loop gets a turn: about a millisecond


class SqliteLedger:
    """A `Ledger` in a file. The rows' states are in memory, so that only changes touch the disk."""

    _traffic: Traffic

    def __init__(
        self, path: Path, file: LedgerFile, contents: Contents, clock: Callable[[], float], linger_s: float
    ) -> None:
        self._path = path
        self._file = file
        self._clock = clock
        self._take_in(contents)
        self._closed = False
        self._owner: Owner | None = None
        self._lease_ms: int | None = None
        self._unsaved = Unsaved()
        self._groups = GroupCommit(self, linger_s=linger_s)

    @classmethod
    def create(
        cls, path: Path, *, total: int, clock: Callable[[], float] = time.time, linger_s: float = _LINGER_S
    ) -> SqliteLedger:
        """A new ledger for `total` rows, in a file that only its owner may read.

        `clock` gives epoch seconds; `linger_s` bounds how long a record that nobody awaits stays in memory.
        Raises LedgerError if the file exists or cannot be made.
        """
        with explained(path):
            create_file(path)
            head = Head(secrets.randbits(63), total, int(clock() * 1000))
            return cls(path, LedgerFile.create(path, head), empty_contents(head), clock, linger_s)

    @classmethod
    def open(cls, path: Path, *, clock: Callable[[], float] = time.time, linger_s: float = _LINGER_S) -> SqliteLedger:
        """The ledger at `path`, for the process that will work on its run.

        Raises LedgerError if there is none, it is damaged, commits are missing in it, or it is of another format.
        Nothing was changed then: neither the database of another program nor the remains of ours.
        """
        contents = read_soundly(path, lambda connection: read_contents(connection, path))
        with explained(path):
            return cls(path, LedgerFile.open(path, contents.head), contents, clock, linger_s)

    @property
    def total(self) -> int:
        """Rows of the job."""
        return self._book.total

    def counts(self) -> Counts:
        """Rows by state; begun rows are in flight and count as pending."""
        return self._book.counts()

    def outcomes(self) -> Iterator[Settled]:
        """Outcomes that are durable, by ascending row: `flush` first to see all."""
        return read_outcomes(self._path)

    def open_claims(self) -> Sequence[Claim]:
        """Begun and never settled, oldest first; a claim with several reasons of doubt appears once for each."""
        return self._book.open_claims()

    def traffic(self) -> Traffic:
        """What all sessions of this run sent."""
        return self._traffic

    def note(self, key: str) -> str | None:
        """The value that `put_note` kept under `key`."""
        return self._notes.get(key)

    def state_of(self, row: int) -> State:
        """Where `row` stands now, durable or not."""
        return self._book.state_of(row)

    def pending(self, *, after: int = 0) -> int | None:
        """The first pending row above `after`."""
        return self._book.pending(after)

    async def begin(self, rows: RowSet, *, attempt: int, at: float | None = None) -> Claim:
        """Note durably that a request for `rows` is about to leave, and make sure that the run is still ours."""
        self._check()
        claim = self._book.begin(rows, attempt=attempt, at=self._dated(at))
        await self._saved((claim,))
        return claim

    async def begin_ahead(self, batches: Sequence[RowSet], *, at: float | None = None) -> Sequence[Claim]:
        """Note durably, by one commit, that a request for each of `batches` will leave soon."""
        self._check()
        claims = self._book.begin_all(batches, at=self._dated(at))
        await self._saved(claims)
        return claims

    async def leaving(self) -> None:
        """Make sure that the run is still ours and the record sound, right before bytes leave."""
        self._check()
        if waking_clock() > self._file.proven_until:
            await self._prove_hold()

    def settle(self, claim: Claim, outcomes: Sequence[Settled], *, doubts: Sequence[Settled] = ()) -> None:
        """Close `claim`; rows in `doubts` keep it open, rows in neither go back to pending."""
        self._check()
        ended = self._book.settle(claim, outcomes, doubts)
        if ended is not None:
            self._unsaved.claims[claim.id] = None
            self._note_ended(ended)

    def adopt(self, claim: Claim, outcomes: Sequence[Settled] = (), *, doubts: Sequence[Settled] = ()) -> None:
        """Note what another ledger of the same run knows of an attempt at these rows, which are pending here.

        The claim keeps its attempt and its time, and gets an id of this ledger.
        """
        self._check()
        self.settle(self._book.begin(claim.rows, attempt=claim.attempt, at=claim.at), outcomes, doubts=doubts)

    def conclude(self, rows: RowSet, outcome: Outcome) -> None:
        """Give pending rows that need no call their outcome."""
        self._check()
        self._note_ended(self._book.conclude(rows, outcome))

    def add_traffic(self, traffic: Traffic) -> None:
        """Add to what the run has sent."""
        self._check()
        self._traffic = self._traffic.plus(traffic)
        self._note_totals()

    def put_note(self, key: str, value: str) -> None:
        """Keep a small text with the run."""
        self._check()
        self._notes[key] = self._unsaved.notes[key] = storable(value)
        self._groups.noted()

    async def flush(self) -> None:
        """Return when all that was noted is durable."""
        self._check()
        await self._groups.saved()

    async def acquire(self, owner: Owner, *, lease_s: float) -> None:
        """Take the run for `owner`, or renew its lease."""
        self._check()
        lease_ms = int((self._clock() + lease_s) * 1000)
        if self._file.owned and self._owner == owner:
            self._lease_ms, self._file.lease_s = lease_ms, lease_s
            self._note_totals()
            await self._groups.saved()
            return
        watched = await self._watch(owner)
        await self._groups.quiet()
        # No await from here on: no commit can start between our look at the lock and our taking it.
        with self._file.transaction() as head:
            new = self._take(head, owner, lease_s, watched)
            self._file.lease_s = lease_s
            self._file.replace(head, new)
        self._file.tell_owner()
        self._owner, self._lease_ms = owner, self._file.head.lease_ms

    async def release(self) -> None:
        """Give the run back, with all that was noted."""
        self._check()
        await self._groups.quiet()
        if self._owner is None:
            return
        with self._file.transaction() as head:
            if head == self._file.head:  # else another took over meanwhile, and it is not ours to give
                self._file.replace(head, head.given_back())
        self._owner = self._lease_ms = None
        self._file.disown()

    async def close(self) -> None:
        """Make all durable and close the file. The lock stays with its owner unless it was released."""
        if self._closed:
            return
        self._closed = True
        await self._groups.close(self._file.close)

    @property
    def unsaved(self) -> int:
        """Records noted and not yet taken into a group."""
        return self._unsaved.size()

    def write(self) -> Iterator[None]:
        """Write the next group, up to its commit; a turn for the event loop after each slice."""
        group, self._unsaved = self._unsaved, Unsaved()
        # All values are taken now: what changes while the slices are written belongs to the next group.
        statements, sums = self._stored.statements(group, self._book, self._details, self._created_ms)
        with explained(self._path):
            self._file.begin(self._progress(sums))
            for statement, rows in statements:
                for start in range(0, len(rows), _SLICE):
                    if start:
                        yield
                    self._file.connection.executemany(statement, rows[start : start + _SLICE])

    def commit(self) -> None:
        """Commit what was written."""
        self._file.commit()

    def rollback(self) -> None:
        """Forget what was written and not committed."""
        self._file.rollback()

    def _check(self) -> None:
        if self._closed:
            raise LedgerError(f"ledger {self._path} is closed")
        self._groups.check()

    def _dated(self, at: float | None) -> float:
        """When a claim was made, as it will be read back."""
        return int((self._clock() if at is None else at) * 1000) / 1000

    async def _saved(self, claims: Sequence[Claim]) -> None:
        """Return when new claims are durable, and the run is certainly ours."""
        for claim in claims:
            self._unsaved.claims[claim.id] = None
        try:
            await self._groups.saved()
            await self.leaving()
        except asyncio.CancelledError:
            # The caller never gets them, so nothing will be sent under them. After a failure they stay, in doubt.
            if self._groups.fault is None and not self._closed:
                for claim in claims:
                    self.settle(claim, ())
            raise

    def _now(self) -> int:
        return int(self._clock() * 1000) - self._created_ms

    def _note_ended(self, ended: Sequence[Ended]) -> None:
        at = self._now()
        self._unsaved.settled += [settled_row(run, self._details, at) for run in ended]
        self._groups.noted()

    def _note_totals(self) -> None:
        self._unsaved.totals = True
        self._groups.noted()

    def _progress(self, sums: Sums) -> Head:
        """The head that the next group leaves behind."""
        old, sent = self._file.head, self._traffic
        succeeded, skipped, failed = self._book.done()
        return plus(old, sums)._replace(
            commits=old.commits + 1,
            # whoever writes without having acquired the run fences others off as an owner does
            epoch=old.epoch if self._file.owned else old.epoch + 1,
            inherited=self._inherited,
            lease_ms=self._lease_ms,
            lease_length_ms=None if self._lease_ms is None else int(self._file.lease_s * 1000),
            last_claim=self._book.last_claim,
            succeeded=succeeded,
            skipped=skipped,
            failed=failed,
            requests=sent.requests,
            throttled=sent.throttled,
            retries=sent.retries,
            elapsed_s=float(sent.elapsed_s),
        )

    async def _watch(self, owner: Owner) -> Head:
        """The head as it stands, after a look at whether an owner elsewhere is dead as its lease says.

        Its lease was written by its clock and is read by ours: only when nothing is committed for as long as the lease
        runs, by a clock that nobody sets, it has certainly ended. Raises RefusedError when something was.
        """
        head = self._file.look()
        hold = head.hold
        if hold is None or hold.owner == owner or hold.owner.host == owner.host:
            return head
        if hold.lives(now=self._clock(), host=owner.host):
            raise RefusedError(hold.refusal(host=owner.host))
        if not await watch(lambda: self._file.look().commits, for_s=hold.lease_s):
            raise RefusedError(hold.renewed())
        return head

    def _take(self, head: Head, owner: Owner, lease_s: float, watched: Head) -> Head:
        """The head that makes `owner` the owner of a run whose head is `head`, within a transaction."""
        now = self._clock()
        hold = head.hold
        if hold is not None and hold.owner != owner and hold.lives(now=now, host=owner.host):
            raise RefusedError(hold.refusal(host=owner.host))
        if hold is not None and hold.owner.host != owner.host and head.commits != watched.commits:
            raise RefusedError(hold.renewed())
        if head != self._file.head:  # the last owner wrote between our reading and its end
            self._take_in(read_contents(self._file.connection, self._path))
        return head._replace(
            commits=head.commits + 1,
            epoch=head.epoch + 1,
            inherited=self._inherited,
            owner=storable(owner.name),
            host=storable(owner.host),
            pid=owner.pid,
            started_at=float(owner.started_at),
            taken_ms=int(now * 1000),
            lease_ms=int((now + lease_s) * 1000),
            lease_length_ms=int(lease_s * 1000),
        )

    def _take_in(self, contents: Contents) -> None:
        self._book, self._stored = contents.book, contents.stored
        self._details, self._notes = contents.details, contents.notes
        self._created_ms, self._traffic = contents.head.created_ms, contents.head.traffic
        self._inherited = contents.book.last_claim  # up to it, open claims are an earlier owner's

    async def _prove_hold(self) -> None:
        """Commit once more, since the last proof that the run is ours is too old: this process was paused, perhaps.

        The commit that made a claim durable shows that nobody had taken the run over by then; nobody elsewhere can
        before a whole lease has gone by without another. Half of it is left for the bytes to leave.
        """
        self._note_totals()
        await self._groups.saved()
        if waking_clock() > self._file.proven_until:
            raise LedgerError(
                f"ledger {self._path}: two commits in a row took longer than half of the lease of "
                f"{self._file.lease_s:g} s, so it cannot be told whether the run is still held: check the disk, then "
                "`bulkops resume`"
            )
