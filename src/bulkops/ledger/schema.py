"""The tables of a SQLite ledger, and how its file is made and opened."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from bulkops.errors import LedgerError

APPLICATION_ID = 0x626C6B6F  # "blko"
VERSION = 2
_BUSY_TIMEOUT_S = 5.0
_CHECKPOINT_PAGES = 2000  # 8 MB of log between two checkpoints, which the committing thread makes
_LOG_BYTES = 32 * 1024 * 1024

# run: one row, rewritten whole by each commit; the lock, the totals, the traffic and the checksums share it so that a
#   commit changes one page for all of them. identity tells ledgers apart; commits counts them. epoch grows with every
#   owner, and fences off the earlier ones. Times in the lock are epoch milliseconds, lease_length_ms is how long the
#   lease ran when it was last renewed. inherited is the last claim that this owner found: up to it, open claims are an
#   earlier owner's, and in doubt. The columns that end in _sum are explained in `sums`; checksum covers all others.
# settled: one row for each run of rows that ended alike; last is NULL where it equals first. Never changed again.
# claim: open claims only, one row for each run; doubt_attempts is NULL where nothing is known beyond "it was begun".
# All other times (at) are milliseconds since created_ms, so that they stay short.
TABLES = {
    "run": """CREATE TABLE run (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    identity INTEGER NOT NULL,
    total INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    commits INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    owner TEXT,
    host TEXT,
    pid INTEGER,
    started_at REAL,
    taken_ms INTEGER,
    lease_ms INTEGER,
    lease_length_ms INTEGER,
    last_claim INTEGER NOT NULL,
    inherited INTEGER NOT NULL,
    succeeded INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    throttled INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    elapsed_s REAL NOT NULL,
    settled_sum INTEGER NOT NULL,
    request_sum INTEGER NOT NULL,
    claim_sum INTEGER NOT NULL,
    detail_sum INTEGER NOT NULL,
    note_sum INTEGER NOT NULL,
    checksum INTEGER NOT NULL
)""",
    "note": "CREATE TABLE note (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "detail": "CREATE TABLE detail (id INTEGER PRIMARY KEY, code TEXT NOT NULL, message TEXT NOT NULL)",
    "settled": """CREATE TABLE settled (
    first INTEGER PRIMARY KEY,
    last INTEGER,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    http_status INTEGER,
    detail INTEGER,
    request_id TEXT,
    at INTEGER NOT NULL
)""",
    "claim": """CREATE TABLE claim (
    id INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL,
    doubt_attempts INTEGER,
    doubt_status INTEGER,
    doubt_detail INTEGER,
    doubt_request TEXT,
    PRIMARY KEY (id, first)
) WITHOUT ROWID""",
}


def connect(path: Path, options: str) -> sqlite3.Connection:
    """Open an existing file; `options` is the query part of SQLite's URI.

    Transactions are begun and ended by hand. The connection may be used from any thread, by one at a time.
    """
    if not path.is_file():
        raise LedgerError(f"there is no ledger at {path}")
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}",
        uri=True,
        timeout=_BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )


def prepare_writer(connection: sqlite3.Connection, path: Path) -> None:
    """Make a connection the owner's: a write-ahead log, and a flush of the disk for each commit."""
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise LedgerError(f"ledger {path}: its file system has no write-ahead log: move the run to a local disk")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")


def create_file(path: Path) -> None:
    """Make an empty file that only its owner may read. Raises LedgerError if there is one."""
    try:
        # Never opened this way again: closing a second descriptor would drop the locks that SQLite holds for us.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError as error:
        raise LedgerError(f"there is a ledger at {path} already") from error


def create_tables(connection: sqlite3.Connection) -> None:
    """Fill a new file, within a transaction: a file without its format's number holds nothing."""
    for table in TABLES.values():
        connection.execute(table)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def check_format(connection: sqlite3.Connection, path: Path) -> None:
    """Raises LedgerError unless the file is a ledger that this version of bulkops can read."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID or version < 1:
        raise LedgerError(f"{path} is no ledger of bulkops, or its creation was cut short: nothing was recorded in it")
    if version < VERSION:
        raise LedgerError(
            f"ledger {path} was written by an older bulkops (format {version}, this one knows {VERSION}): finish its "
            "run with that version"
        )
    if version > VERSION:
        raise LedgerError(
            f"ledger {path} was written by a newer bulkops (format {version}, this one knows {VERSION}): update bulkops"
        )
