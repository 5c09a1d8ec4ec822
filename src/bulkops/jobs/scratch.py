"""A temporary SQLite store for what does not fit into memory; it vanishes with its connection."""

from __future__ import annotations

import sqlite3
from types import TracebackType

from bulkops.errors import JobFileError

_CACHE_KIB = 8192


def scratch() -> sqlite3.Connection:
    """An empty store in SQLite's own temporary file, also gone when the process is killed. Raises JobFileError."""
    with translated():
        store = sqlite3.connect("", isolation_level=None, check_same_thread=False)  # one thread after the other
        store.execute("PRAGMA journal_mode = OFF")
        store.execute("PRAGMA synchronous = OFF")
        store.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        store.execute("BEGIN")
        return store


class translated:  # noqa: N801 - reads as a word in a with statement, and costs less than a generator
    """Turns SQLite's errors into JobFileError."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if isinstance(error, sqlite3.Error):
            message = f"comparing rows needs temporary disk space: {error}; free some or set TMPDIR"
            raise JobFileError(message) from error
