"""What SQLite and the disk report, in words that say what to do."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bulkops.errors import LedgerError

_DAMAGED = (
    "which rows were done cannot be told from it with certainty. Restore the run's folder from a copy, or compare "
    "the organisation with the input before you start a new run"
)
_WORDS = {
    sqlite3.SQLITE_FULL: "the disk is full: free some space, then `bulkops resume`",
    sqlite3.SQLITE_IOERR: "the disk reported an error: check the disk and its free space, then `bulkops resume`",
    sqlite3.SQLITE_BUSY: "another process keeps it locked: see who else works on this run, then retry",
    sqlite3.SQLITE_LOCKED: "another process keeps it locked: see who else works on this run, then retry",
    sqlite3.SQLITE_PROTOCOL: "another process keeps it locked: see who else works on this run, then retry",
    sqlite3.SQLITE_READONLY: "it may not be written: check the rights on the run's folder, and that it is not mounted "
    "read-only",
    sqlite3.SQLITE_PERM: "access was refused: check the rights on the run's folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened. SQLite keeps a -wal and a -shm file beside it, so the run's folder "
    "must exist and be writable: check its rights, or copy it to where you may write",
    sqlite3.SQLITE_NOTADB: f"it is not a ledger, or its start was overwritten: {_DAMAGED}",
    sqlite3.SQLITE_CORRUPT: f"it is damaged: {_DAMAGED}",
}


def explain(error: sqlite3.Error | OSError, path: Path) -> LedgerError:
    """`error` as a LedgerError about the ledger at `path`."""
    if isinstance(error, OSError):
        code = sqlite3.SQLITE_FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else sqlite3.SQLITE_IOERR
    else:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the low byte is the general code
    words = _WORDS.get(code, f"it cannot be used: {_DAMAGED}")
    return LedgerError(f"ledger {path}: {words} ({error})")


def damaged(path: Path, what: str) -> LedgerError:
    """The error for a ledger whose contents contradict themselves."""
    return LedgerError(f"ledger {path}: {what}: {_DAMAGED}")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and the disk into LedgerError."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise damaged(path, f"a text in it is none ({error})") from error
    except (sqlite3.Error, OSError) as error:
        raise explain(error, path) from error
