"""The ledger in one SQLite file, which survives the process and the machine."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bulkops.errors import LedgerError, RefusedError
from bulkops.ledger.base import Claim, Owner
from bulkops.ledger.book import Book, Ended
from bulkops.ledger.faults import damaged, explained
from bulkops.ledger.groups import GroupCommit
from bulkops.ledger.rows import Details, SettledRow, claim_rows, read_book, read_hold, settled_row, storable
from bulkops.ledger.schema import check_format, connect, create_file, create_tables, prepare_writer
from bulkops.ledger.view import SqliteLedgerView, read_notes, read_traffic
from bulkops.model import Counts, Outcome, RowSet, Settled, State, Traffic

__all__ = ["SqliteLedger", "SqliteLedgerView"]

_LINGER_S = 0.01
_SLICE = 1000  # rows written before the event loop gets a turn: about a millisecond

_SETTLED = "INSERT INTO settled VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_DETAIL = "INSERT INTO detail VALUES (?, ?, ?)"
_NOTE = "INSERT OR REPLACE INTO note VALUES (?, ?)"
_UNCLAIM = "DELETE FROM claim WHERE id = ?"
_CLAIM = "INSERT INTO claim VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PROGRESS = """
UPDATE run SET last_claim = ?, lease_ms = ?, succeeded = ?, skipped = ?, failed = ?,
    requests = ?, throttled = ?, retries = ?, elapsed_s = ? WHERE epoch = ?
"""
_TAKE = "UPDATE run SET owner = ?, host = ?, pid = ?, started_at = ?, taken_ms = ?, lease_ms = ?"
_NEW_EPOCH = "UPDATE run SET epoch = epoch + 1, inherited = ?"
_GIVE_BACK = """
UPDATE run SET owner = NULL, host = NULL, pid = NULL, started_at = NULL, taken_ms = NULL, lease_ms = NULL
WHERE epoch = ?
"""

_Statements = list[tuple[str, Sequence[tuple[object, ...]]]]


@dataclass(slots=True)
class _Unsaved:
    """What was noted and belongs to the next group."""

    settled: list[SettledRow] = field(default_factory=list)
    claims: dict[int, None] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    totals: bool = False

    def size(self) -> int:
        return len(self.settled) + len(self.claims) + len(self.notes) + self.totals


class SqliteLedger:
    """A `Ledger` in a file. The rows' states are in memory, so that only changes touch the disk."""

    _book: Book
    _created_ms: int
    _details: Details
    _inherited: int  # the last claim when the file was read
    _notes: dict[str, str]
    _stored: set[int]  # ids of the claims that the file holds
    _traffic: Traffic
    _version: int  # of the file, when it was read into memory

    def __init__(self, path: Path, connection: sqlite3.Connection, clock: Callable[[], float], linger_s: float) -> None:
        self._path = path
        self._connection = connection
        self._clock = clock
        self._closed = False
        self._owner: Owner | None = None
        self._epoch: int | None = None  # ours while we write; another number in the file fences us off
        self._lease_ms: int | None = None
        self._load()
        self._files = self._identity()
        self._unsaved = _Unsaved()
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
            connection = connect(path, "mode=rw")
            with _closed_on_error(connection):
                prepare_writer(connection, path)
                create_tables(connection, total=total, created_ms=int(clock() * 1000))
                _flush_folder(path.parent)
                return cls(path, connection, clock, linger_s)

    @classmethod
    def open(cls, path: Path, *, clock: Callable[[], float] = time.time, linger_s: float = _LINGER_S) -> SqliteLedger:
        """The ledger at `path`, for the process that will work on its run.

        Raises LedgerError if there is none, or it is damaged or of a newer format.
        """
        with explained(path):
            connection = connect(path, "mode=rw")
            with _closed_on_error(connection):
                check_format(connection, path)  # first: another program's database must stay as it is
                prepare_writer(connection, path)
                return cls(path, connection, clock, linger_s)

    @property
    def total(self) -> int:
        """Rows of the job."""
        return self._book.total

    def counts(self) -> Counts:
        """Rows by state; begun rows are in flight and count as pending."""
        return self._book.counts()

    def outcomes(self) -> Iterator[Settled]:
        """Outcomes that are durable, by ascending row: `flush` first to see all."""
        return SqliteLedgerView(self._path, clock=self._clock).outcomes()

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

    async def begin(self, rows: RowSet, *, attempt: int) -> Claim:
        """Note durably that a request for `rows` is about to leave."""
        self._check()
        at = (self._created_ms + self._now()) / 1000  # as it will be read back
        claim = self._book.begin(rows, attempt=attempt, at=at)
        self._unsaved.claims[claim.id] = None
        try:
            await self._groups.saved()
        except asyncio.CancelledError:
            # The caller never gets this claim, so nothing will be sent under it. After a failure it stays, in doubt.
            if self._groups.fault is None and not self._closed:
                self.settle(claim, ())
            raise
        return claim

    def settle(self, claim: Claim, outcomes: Sequence[Settled], *, doubts: Sequence[Settled] = ()) -> None:
        """Close `claim`; rows in `doubts` keep it open, rows in neither go back to pending."""
        self._check()
        ended = self._book.settle(claim, outcomes, doubts)
        if ended is not None:
            self._unsaved.claims[claim.id] = None
            self._note_ended(ended)

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
        if self._epoch is not None and self._owner == owner:
            self._lease_ms = lease_ms
            self._note_totals()
            await self._groups.saved()
            return
        await self._groups.quiet()
        # No await from here on: no commit can start between our look at the lock and our taking it.
        with explained(self._path), self._transaction():
            self._take(owner, lease_ms)
        self._owner, self._lease_ms = owner, lease_ms

    async def release(self) -> None:
        """Give the run back, with all that was noted."""
        self._check()
        await self._groups.quiet()
        if self._owner is None:
            return
        with explained(self._path), self._transaction():
            self._connection.execute(_GIVE_BACK, (self._epoch,))  # changes nothing where another took over meanwhile
        self._owner = self._epoch = self._lease_ms = None

    async def close(self) -> None:
        """Make all durable and close the file. The lock stays with its owner unless it was released."""
        if self._closed:
            return
        self._closed = True
        await self._groups.close(self._connection.close)

    @property
    def unsaved(self) -> int:
        """Records noted and not yet taken into a group."""
        return self._unsaved.size()

    def write(self) -> Iterator[None]:
        """Write the next group, up to its commit; a turn for the event loop after each slice."""
        group, self._unsaved = self._unsaved, _Unsaved()
        # All values are taken now: what changes while the slices are written belongs to the next group.
        progress = self._progress()
        statements = self._statements(group)
        with explained(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            self._fence(progress)
            for statement, rows in statements:
                for start in range(0, len(rows), _SLICE):
                    if start:
                        yield
                    self._connection.executemany(statement, rows[start : start + _SLICE])

    def commit(self) -> None:
        """Commit what was written, and make sure that it went to the file that others will read."""
        with explained(self._path):
            self._connection.execute("COMMIT")
            files = self._identity()
        if not files or files != self._files:
            raise damaged(self._path, "its file was removed or replaced while the run was going on")

    def rollback(self) -> None:
        """Forget what was written and not committed."""
        try:
            self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            return  # SQLite ended the transaction by itself, or never began it

    def _check(self) -> None:
        if self._closed:
            raise LedgerError(f"ledger {self._path} is closed")
        self._groups.check()

    def _now(self) -> int:
        return int(self._clock() * 1000) - self._created_ms

    def _note_ended(self, ended: Sequence[Ended]) -> None:
        at = self._now()
        self._unsaved.settled += [settled_row(run, self._details, at) for run in ended]
        self._groups.noted()

    def _note_totals(self) -> None:
        self._unsaved.totals = True
        self._groups.noted()

    def _progress(self) -> tuple[object, ...]:
        traffic = self._traffic
        sent = (traffic.requests, traffic.throttled, traffic.retries, traffic.elapsed_s)
        return (self._book.last_claim, self._lease_ms, *self._book.done(), *sent)

    def _statements(self, group: _Unsaved) -> _Statements:
        """A claim is stored as it stands now: one that was begun and settled in one group never reaches the disk."""
        stale = [(number,) for number in group.claims if number in self._stored]
        self._stored.difference_update(group.claims)
        claims: list[tuple[object, ...]] = []
        for number in group.claims:
            for part in self._book.parts(number):
                claims += claim_rows(part, self._details, round(part.at * 1000) - self._created_ms)
                self._stored.add(number)
        details, self._details.fresh = self._details.fresh, []
        # Ascending, so that most rows are appended to the table's end and its pages stay full.
        group.settled.sort()
        notes = list(group.notes.items())
        return [(_DETAIL, details), (_SETTLED, group.settled), (_UNCLAIM, stale), (_CLAIM, claims), (_NOTE, notes)]

    def _fence(self, progress: tuple[object, ...]) -> None:
        """Store the totals, provided that the run is still ours; within the transaction that will rely on it."""
        if self._epoch is None:
            self._epoch = self._take_unowned()
        if self._connection.execute(_PROGRESS, (*progress, self._epoch)).rowcount != 1:
            by = read_hold(self._connection)
            raise LedgerError(
                f"ledger {self._path}: the run was taken over by {by or 'another process'}: this process must stop. "
                "What it had in flight is in doubt and will be reconciled there"
            )

    def _take_unowned(self) -> int:
        """Writing without a lock: only while nobody holds it and nobody wrote since our rows were read."""
        hold = read_hold(self._connection)
        if hold is not None or self._version != self._data_version():
            raise LedgerError(f"ledger {self._path}: {hold or 'another process'} works on the run: acquire it first")
        return self._new_epoch()

    def _take(self, owner: Owner, lease_ms: int) -> None:
        hold = read_hold(self._connection)
        now = self._clock()
        if hold is not None and hold.owner != owner and hold.lives(now=now, host=owner.host):
            raise RefusedError(hold.refusal(host=owner.host))
        # The last owner may have written between our reading and its end.
        if self._version != self._data_version():
            self._read()
        name, host = storable(owner.name), storable(owner.host)
        self._connection.execute(_TAKE, (name, host, owner.pid, owner.started_at, int(now * 1000), lease_ms))
        self._epoch = self._new_epoch()

    def _new_epoch(self) -> int:
        self._connection.execute(_NEW_EPOCH, (self._inherited,))
        (epoch,) = self._connection.execute("SELECT epoch FROM run").fetchone()
        return int(epoch)

    def _data_version(self) -> int:
        """A number that changes when another connection has changed the file; within a transaction."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def _load(self) -> None:
        self._connection.execute("BEGIN")
        self._read()
        self._connection.execute("COMMIT")

    def _read(self) -> None:
        """Everything that is kept in memory, within a transaction."""
        connection = self._connection
        found = connection.execute("SELECT created_ms FROM run").fetchone()
        if found is None:
            raise damaged(self._path, "it names no run")
        (self._created_ms,) = found
        self._version = self._data_version()
        try:
            self._book = read_book(connection)
        except LedgerError as error:
            raise damaged(self._path, str(error)) from error
        self._inherited = self._book.last_claim
        self._stored = {claim.id for claim in self._book.open_claims()}
        self._traffic = read_traffic(connection)
        self._notes = read_notes(connection)
        (last_detail,) = connection.execute("SELECT COALESCE(MAX(id), 0) FROM detail").fetchone()
        self._details = Details(last_detail + 1)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            self.rollback()
            raise

    def _identity(self) -> tuple[tuple[int, int], ...]:
        """Which files the names stand for: a write to a removed file succeeds, and is lost."""
        try:
            found = [os.stat(name) for name in (self._path, f"{self._path}-wal")]  # noqa: PTH116 - one is no Path
        except FileNotFoundError:
            return ()
        return tuple((stat.st_dev, stat.st_ino) for stat in found)


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _flush_folder(folder: Path) -> None:
    """Make a new file's name durable, where the system lets a folder be flushed."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
