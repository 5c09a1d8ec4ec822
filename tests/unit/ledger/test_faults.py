"""Errors of SQLite and the disk, in words that say what to do."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from bulkops.errors import LedgerError
from bulkops.ledger.faults import explain, explained

PATH = Path("run/ledger.db")


def sqlite_error(code: int) -> sqlite3.OperationalError:
    """An error with SQLite's own number, as the driver raises it."""
    error = sqlite3.OperationalError("its text")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (sqlite_error(sqlite3.SQLITE_FULL), "free some space"),
        (OSError(errno.ENOSPC, "no space"), "free some space"),
        (OSError(errno.EDQUOT, "quota"), "free some space"),
        (OSError(errno.EIO, "broken"), "check the disk"),
        (sqlite_error(sqlite3.SQLITE_IOERR_FSYNC), "check the disk"),
        (sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT), "another process keeps it locked"),
        (sqlite_error(sqlite3.SQLITE_READONLY_DBMOVED), "check the rights"),
        (sqlite_error(sqlite3.SQLITE_CANTOPEN), "-wal and a -shm file"),
        (sqlite_error(sqlite3.SQLITE_CORRUPT_INDEX), "cannot be told"),
        (sqlite_error(sqlite3.SQLITE_NOTADB), "not a ledger"),
        (sqlite3.ProgrammingError("Cannot operate on a closed database."), "cannot be used"),
    ],
)
def test_each_error_names_the_ledger_and_the_way_out(error: sqlite3.Error | OSError, advice: str) -> None:
    """Extended codes count as their general one; the original text is kept."""
    text = str(explain(error, PATH))
    assert "run/ledger.db" in text
    assert advice in text
    assert str(error) in text


def test_the_cause_is_kept() -> None:
    """Whoever debugs wants the original."""
    cause = sqlite_error(sqlite3.SQLITE_FULL)
    with pytest.raises(LedgerError) as caught, explained(PATH):
        raise cause
    assert caught.value.__cause__ is cause
