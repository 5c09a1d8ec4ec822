"""Opening a ledger's file only to read it: beside a writer, or long after."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from bulkops.errors import LedgerError
from bulkops.ledger.faults import damaged, explained
from bulkops.ledger.head import Head, read_head
from bulkops.ledger.schema import TABLES, check_format, connect
from bulkops.ledger.seal import Mark, read_seal, seal_path
from bulkops.ledger.sums import check_sums

Found = TypeVar("Found")


def read(path: Path, work: Callable[[sqlite3.Connection], Found]) -> Found:
    """`work` on one consistent state of the file, which is not changed. Raises LedgerError."""
    with explained(path):
        while True:
            resting = _at_rest(path)
            try:
                found = _attempt(path, work, "mode=ro" if resting is None else "mode=ro&immutable=1")
            except (sqlite3.DatabaseError, UnicodeDecodeError, LedgerError):
                if resting is None or resting == _at_rest(path):
                    raise
                continue
            # Read without locks: it counts only if no writer came and moved its log into the file meanwhile.
            if resting is None or resting == _mark(path):
                return found


def examine(path: Path) -> Head:
    """Hold every value of the ledger against its checksums, and the whole against its seal; its head as it stands.

    Raises LedgerError saying what cannot be trusted.
    """
    # Before the file: a commit is durable before it is sealed, so what is read later cannot be less than the seal says.
    sealed = read_seal(path)

    def work(connection: sqlite3.Connection) -> Head:
        check_format(connection, path)
        try:
            _check_tables(connection)
            head = read_head(connection)
            _check_seal(path, head, sealed)
            check_sums(connection, head)
        except LedgerError as error:
            raise damaged(path, str(error)) from error
        return head

    return read(path, work)


def read_soundly(path: Path, work: Callable[[sqlite3.Connection], Found]) -> Found:
    """`work` on a ledger that is examined throughout meanwhile. Raises LedgerError saying what cannot be trusted."""
    with ThreadPoolExecutor(2) as beside:  # SQLite leaves the interpreter to others while it works
        proofs = [beside.submit(proof, path) for proof in (examine, check_structure)]
        try:
            return read(path, work)
        finally:
            for proof in proofs:
                proof.result()  # what it raises says better what is wrong


def check_structure(path: Path) -> None:
    """Let SQLite examine its pages and trees. Raises LedgerError."""
    (found,) = read(path, lambda connection: connection.execute("PRAGMA integrity_check(1)").fetchone())
    if found != "ok":
        raise damaged(path, f"its file is damaged ({' '.join(found.split())})")


def _check_tables(connection: sqlite3.Connection) -> None:
    found = dict(connection.execute("SELECT name, sql FROM sqlite_master").fetchall())
    if found != TABLES:
        raise LedgerError("its tables are not those of a ledger")


def _check_seal(path: Path, head: Head, sealed: Mark | None) -> None:
    name = seal_path(path).name
    if sealed is None:
        # Every owner makes itself known in the file proper before it works, so nothing was done since this release.
        if head.hold is None and not _size(path, "-wal"):
            return
        raise LedgerError(
            f"its seal ({name}) is missing or damaged, and the run was not given back at its end, so whether the last "
            "commits are there cannot be told (copy a run's folder as a whole)"
        )
    if sealed.identity != head.identity:
        raise LedgerError(f"its seal ({name}) belongs to another ledger")
    missing = sealed.commits - head.commits  # below 0 the seal lags, as a loss of power or a kill may leave it
    if missing > 0:
        raise LedgerError(
            f"commits that were durable are missing at its end, {missing:,} of them (its -wal file was damaged, lost "
            "or not copied): rows that were sent may look as if they were not"
        )
    if missing == 0 and sealed.checksum != head.checksum():
        raise LedgerError(f"its last commit is not the one that its seal ({name}) names")


def _attempt(path: Path, work: Callable[[sqlite3.Connection], Found], options: str) -> Found:
    with closing(connect(path, options)) as connection:
        connection.execute("BEGIN")
        return work(connection)


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
