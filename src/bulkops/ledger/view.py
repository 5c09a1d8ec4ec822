"""Reading a SQLite ledger beside, or long after, the process that writes it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from bulkops.ledger.base import Claim, Owner
from bulkops.ledger.faults import damaged, explained
from bulkops.ledger.lock import Hold, this_host
from bulkops.ledger.rows import read_claims, read_hold, read_settled
from bulkops.ledger.schema import check_format, connect
from bulkops.model import Counts, Settled, Traffic

Found = TypeVar("Found")

_PAGE = 5000  # outcomes read at a time: no reader keeps the writer's log from being emptied for long


class SqliteLedgerView:
    """A `LedgerView` of a file. Each call opens it anew and leaves nothing open; safe beside a writer.

    It writes nothing. A folder that was copied while a process died may hold a -wal file without its -shm file:
    only then SQLite makes the latter anew, and a LedgerError says so where it may not.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self.total, self._created_ms = self._read(self._check)

    @classmethod
    def open(cls, path: Path, *, clock: Callable[[], float] = time.time) -> SqliteLedgerView:
        """View the ledger at `path`. Raises LedgerError if there is none or it cannot be read."""
        return cls(path, clock=clock)

    def counts(self) -> Counts:
        """Rows by state. Begun rows count as in doubt where nobody is working on the run, else as pending."""
        return self._read(self._count)

    def outcomes(self) -> Iterator[Settled]:
        """Outcomes that are durable, by ascending row. Rows that end while this streams may be among them."""
        after = 0
        while page := self._read(lambda connection: list(read_settled(connection, after=after, limit=_PAGE))):  # noqa: B023
            yield from page
            after = page[-1].rows.runs[-1][1]

    def open_claims(self) -> Sequence[Claim]:
        """Begun and never settled, oldest first; a claim with several reasons of doubt appears once for each."""
        return self._read(lambda connection: read_claims(connection, self._created_ms))

    def traffic(self) -> Traffic:
        """What all sessions of this run sent."""
        return self._read(read_traffic)

    def note(self, key: str) -> str | None:
        """The value that was kept under `key`."""
        return self._read(read_notes).get(key)

    def holder(self) -> Owner | None:
        """Who works on the run now; None where nobody does, or who did is dead."""
        hold = self._read(read_hold)
        return hold.owner if hold is not None and self._lives(hold) else None

    def _check(self, connection: sqlite3.Connection) -> tuple[int, int]:
        check_format(connection, self._path)
        found = connection.execute("SELECT total, created_ms FROM run").fetchone()
        if found is None:
            raise damaged(self._path, "it names no run")
        return found[0], found[1]

    def _count(self, connection: sqlite3.Connection) -> Counts:
        succeeded, skipped, failed = connection.execute("SELECT succeeded, skipped, failed FROM run").fetchone()
        query = """
            SELECT doubt_attempts IS NULL AND claim.id > inherited, SUM(last - first + 1) FROM claim, run GROUP BY 1
        """
        claimed = dict(connection.execute(query).fetchall())
        in_doubt, begun = claimed.get(0, 0), claimed.get(1, 0)
        if begun and ((hold := read_hold(connection)) is None or not self._lives(hold)):
            in_doubt += begun
        return Counts(succeeded, skipped, failed, in_doubt, self.total - succeeded - skipped - failed - in_doubt)

    def _lives(self, hold: Hold) -> bool:
        return hold.lives(now=self._clock(), host=this_host())

    def _read(self, work: Callable[[sqlite3.Connection], Found]) -> Found:
        """`work` on one consistent state of the file."""
        with explained(self._path):
            while True:
                resting = _at_rest(self._path)
                try:
                    found = self._attempt(work, "mode=ro" if resting is None else "mode=ro&immutable=1")
                except sqlite3.DatabaseError:
                    if resting is None or resting == _at_rest(self._path):
                        raise
                    continue
                # Read without locks: it counts only if no writer came and moved its log into the file meanwhile.
                if resting is None or resting == _mark(self._path):
                    return found

    def _attempt(self, work: Callable[[sqlite3.Connection], Found], options: str) -> Found:
        with closing(connect(self._path, options)) as connection:
            connection.execute("BEGIN")
            return work(connection)


def read_traffic(connection: sqlite3.Connection) -> Traffic:
    """What all sessions sent."""
    return Traffic(*connection.execute("SELECT requests, throttled, retries, elapsed_s FROM run").fetchone())


def read_notes(connection: sqlite3.Connection) -> dict[str, str]:
    """All notes."""
    return dict(connection.execute("SELECT key, value FROM note").fetchall())


def _at_rest(path: Path) -> tuple[int, int, int] | None:
    """The file's mark if nobody has it open and its log is empty, so that the file alone says everything; else None.

    Such a file is read without locks, because SQLite would make a -wal and a -shm file only to read it. A live
    writer always has a -shm file. That matters twice: in the writer's own process, closing a file that was opened
    without locks would drop the writer's.
    """
    mark = _mark(path)
    if mark is None or _size(path, "-shm") is not None or _size(path, "-wal"):
        return None
    return mark


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _size(path: Path, suffix: str) -> int | None:
    try:
        return os.stat(f"{path}{suffix}").st_size  # noqa: PTH116 - the name is a string already
    except FileNotFoundError:
        return None
