"""A ledger's file in the hands of the process that works on its run."""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bulkops.errors import LedgerError
from bulkops.ledger.faults import damaged, explained
from bulkops.ledger.head import Head, insert_head, read_head, update_head
from bulkops.ledger.lock import waking_clock
from bulkops.ledger.schema import connect, create_tables, prepare_writer
from bulkops.ledger.seal import Mark, Seal


class LedgerFile:
    """The one way in which the file changes: transactions that replace the head as it was last seen.

    Where another process replaced the head meanwhile, nothing is changed, and a LedgerError says who. Each commit is
    checked to have gone to the file that others will read, and is witnessed by the seal.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, head: Head) -> None:
        self.path = path
        self.connection = connection
        self.head = head
        self.owned = False  # whether the epoch in `head` is ours
        self.lease_s = 0.0  # 0 or less: none, so nobody elsewhere would take the run over when it has ended
        self.proven_until = math.inf  # by `waking_clock`: half a lease after the last commit that found it ours began
        self._began_at = 0.0
        self._new: Head | None = None  # what the transaction under way stores, if anything yet, and its witness
        self._mark = _mark(head)
        self._seal: Seal | None = None
        self.look()  # makes the log, which is one of the files
        self._files = self._identity()

    @classmethod
    def create(cls, path: Path, head: Head) -> LedgerFile:
        """Fill the empty file at `path`, durably."""
        connection = connect(path, "mode=rw")
        with _closed_on_error(connection):
            prepare_writer(connection, path)
            # First: a ledger without its seal is not trusted. Whatever has its name is left from a file that is gone.
            Seal(path, _mark(head)).close()
            connection.execute("BEGIN IMMEDIATE")
            create_tables(connection)
            insert_head(connection, head)
            connection.execute("COMMIT")
            flush_folder(path.parent)
            return cls(path, connection, head)

    @classmethod
    def open(cls, path: Path, head: Head) -> LedgerFile:
        """Open the file at `path` to write it; `head` is what was read of it."""
        connection = connect(path, "mode=rw")
        with _closed_on_error(connection):
            prepare_writer(connection, path)
            return cls(path, connection, head)

    def look(self) -> Head:
        """The head as it stands now."""
        with explained(self.path):
            try:
                return read_head(self.connection)
            except LedgerError as error:
                raise damaged(self.path, str(error)) from error

    @contextmanager
    def transaction(self) -> Iterator[Head]:
        """Gives the head as it stands now; what the block hands to `replace`, if anything, is committed at its end."""
        with explained(self.path):
            self._begin()
            try:
                yield self.look()
                self.commit()
            except BaseException:
                self.rollback()
                raise

    def begin(self, new: Head) -> None:
        """Begin a transaction that replaces the head as last seen. Raises LedgerError where it stands no more."""
        with explained(self.path):
            self._begin()
            if not self.owned and self.head.hold is not None:
                raise self._lost(self.head)
            self.replace(self.head, new)

    def replace(self, old: Head, new: Head) -> None:
        """Store `new`, within a transaction."""
        checksum = new.checksum()
        if not update_head(self.connection, old, new, checksum):
            raise self._lost(self.look())
        self._new, self._mark = new, Mark(new.commits, checksum, new.identity)

    def commit(self) -> None:
        """Commit, and make sure that it went to the file that others will read."""
        with explained(self.path):
            self.connection.execute("COMMIT")
            if self._new is None:
                return
            files = self._identity()
            if not files or files != self._files:
                raise damaged(self.path, "its file was removed or replaced while the run was going on")
            self._witness(self._mark)
        self.head, self.owned = self._new, True
        self.proven_until = self._began_at + self.lease_s / 2 if self.lease_s > 0 else math.inf

    def rollback(self) -> None:
        """Forget what was written and not committed."""
        with suppress(sqlite3.Error):  # SQLite ended the transaction by itself, or never began it
            self.connection.execute("ROLLBACK")

    def disown(self) -> None:
        """The run was given back, or lost: the next to write has to take it first."""
        self.owned, self.lease_s = False, 0.0

    def tell_owner(self) -> None:
        """Bring the lock from the log into the file proper.

        A copy that lacks the log and the seal would else look like a run that was given back.
        """
        with explained(self.path):
            self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Close the files."""
        self.connection.close()
        if self._seal is not None:
            self._seal.close()

    def _begin(self) -> None:
        self._began_at, self._new = waking_clock(), None
        self.connection.execute("BEGIN IMMEDIATE")

    def _lost(self, head: Head) -> LedgerError:
        by = head.hold or "another process"
        if not self.owned:
            return LedgerError(f"ledger {self.path}: {by} works on the run: acquire it first")
        return LedgerError(
            f"ledger {self.path}: the run was taken over by {by}: this process must stop. What it had in flight is in "
            "doubt and will be reconciled there"
        )

    def _witness(self, mark: Mark) -> None:
        if self._seal is None:
            self._seal = Seal(self.path, mark)
        elif not self._seal.is_in_place():
            raise damaged(self.path, f"its seal ({self._seal.path.name}) was removed while the run was going on")
        else:
            self._seal.put(mark)

    def _identity(self) -> tuple[tuple[int, int], ...]:
        """Which files the names stand for: a write to a removed file succeeds, and is lost."""
        try:
            found = [os.stat(name) for name in (self.path, f"{self.path}-wal")]  # noqa: PTH116 - one is no Path
        except FileNotFoundError:
            return ()
        return tuple((stat.st_dev, stat.st_ino) for stat in found)


def _mark(head: Head) -> Mark:
    return Mark(head.commits, head.checksum(), head.identity)


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def flush_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system lets a folder be flushed."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
