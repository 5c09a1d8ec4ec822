"""Reading a SQLite ledger beside, or long after, the process that writes it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bulkops.ledger.base import Claim, Owner
from bulkops.ledger.head import read_head
from bulkops.ledger.lock import Hold, this_host
from bulkops.ledger.reading import examine, read
from bulkops.ledger.rows import read_claims, read_notes, read_settled
from bulkops.model import Counts, Settled, Traffic

_PAGE = 5000  # outcomes read at a time: no reader keeps the writer's log from being emptied for long


class SqliteLedgerView:
    """A `LedgerView` of a file. Each call opens it anew and leaves nothing open; safe beside a writer.

    It writes nothing. A folder that was copied while a process died may hold a -wal file without its -shm file:
    only then SQLite makes the latter anew, and a LedgerError says so where it may not.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        head = examine(path)
        self.total, self._created_ms = head.total, head.created_ms

    @classmethod
    def open(cls, path: Path, *, clock: Callable[[], float] = time.time) -> SqliteLedgerView:
        """View the ledger at `path`. Raises LedgerError if there is none, it cannot be read, or it is damaged."""
        return cls(path, clock=clock)

    def counts(self) -> Counts:
        """Rows by state. Begun rows count as in doubt where nobody is working on the run, else as pending."""
        return read(self._path, self._count)

    def outcomes(self) -> Iterator[Settled]:
        """Outcomes that are durable, by ascending row. Rows that end while this streams may be among them."""
        return read_outcomes(self._path)

    def open_claims(self) -> Sequence[Claim]:
        """Begun and never settled, oldest first; a claim with several reasons of doubt appears once for each."""
        return read(self._path, lambda connection: read_claims(connection, self._created_ms))

    def traffic(self) -> Traffic:
        """What all sessions of this run sent."""
        return read(self._path, read_head).traffic

    def note(self, key: str) -> str | None:
        """The value that was kept under `key`."""
        return read(self._path, read_notes).get(key)

    def holder(self) -> Owner | None:
        """Who works on the run now; None where nobody does, or who did is dead."""
        hold = read(self._path, read_head).hold
        return hold.owner if hold is not None and self._lives(hold) else None

    def _count(self, connection: sqlite3.Connection) -> Counts:
        head = read_head(connection)
        query = """
            SELECT doubt_attempts IS NULL AND claim.id > inherited, SUM(last - first + 1) FROM claim, run GROUP BY 1
        """
        claimed = dict(connection.execute(query).fetchall())
        in_doubt, begun = claimed.get(0, 0), claimed.get(1, 0)
        if begun and (head.hold is None or not self._lives(head.hold)):
            in_doubt += begun
        pending = head.total - head.succeeded - head.skipped - head.failed - in_doubt
        return Counts(head.succeeded, head.skipped, head.failed, in_doubt, pending)

    def _lives(self, hold: Hold) -> bool:
        return hold.lives(now=self._clock(), host=this_host())


def read_outcomes(path: Path) -> Iterator[Settled]:
    """Outcomes that are durable, by ascending row. Rows that end while this streams may be among them."""
    after = 0
    while page := read(path, lambda connection: list(read_settled(connection, after=after, limit=_PAGE))):  # noqa: B023
        yield from page
        after = page[-1].rows.runs[-1][1]
