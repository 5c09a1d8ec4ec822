"""Rows that name the same effect twice, found in bounded memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from hashlib import blake2b
from types import TracebackType
from typing import Self

from bulkops.errors import JobFileError

_GROUP = 4096  # rows handed to SQLite at once
_CACHE_KIB = 8192

_REPEATS = """
    SELECT entry.row, twice.first
    FROM (SELECT digest, min(row) AS first FROM entry GROUP BY digest HAVING count(*) > 1) AS twice
    JOIN entry ON entry.digest = twice.digest AND entry.row > twice.first
    ORDER BY entry.row
"""


class DuplicateFinder:
    """Collects (row, operation, key) and then tells which rows repeat an earlier one; keys compare without case.

    Keeps 16 bytes of hash a row in SQLite's own temporary file, which vanishes with the connection, also when the
    process is killed. Memory stays under about 20 MB. Every method raises JobFileError if there is no temporary
    space (the environment's TMPDIR names another place).
    """

    def __init__(self) -> None:
        self._group: list[tuple[bytes, int]] = []
        with _translated():
            self._store = sqlite3.connect("", isolation_level=None)
            self._store.execute("PRAGMA journal_mode = OFF")
            self._store.execute("PRAGMA synchronous = OFF")
            self._store.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._store.execute("CREATE TABLE entry (digest BLOB NOT NULL, row INTEGER NOT NULL)")
            self._store.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Drop everything. Repeating it changes nothing more."""
        self._store.close()

    def add(self, row: int, operation: str, key: str) -> None:
        """Note one row; the order does not matter."""
        text = f"{operation}\0{key.casefold()}".encode("utf-8", "surrogatepass")
        self._group.append((blake2b(text, digest_size=16).digest(), row))
        if len(self._group) >= _GROUP:
            self._flush()

    def repeats(self) -> Iterator[tuple[int, int]]:
        """(row, first row with the same effect) for each repeat, by ascending row. Call it once, after all `add`s."""
        self._flush()
        with _translated():
            self._store.execute("CREATE INDEX by_digest ON entry (digest, row)")
            yield from self._store.execute(_REPEATS)

    def _flush(self) -> None:
        with _translated():
            self._store.executemany("INSERT INTO entry VALUES (?, ?)", self._group)
        self._group.clear()


class _translated:  # noqa: N801 - reads as a word in a with statement, and costs less than a generator
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if isinstance(error, sqlite3.Error):
            message = f"looking for repeated rows needs temporary disk space: {error}; free some or set TMPDIR"
            raise JobFileError(message) from error


def find_duplicates(keys: Iterable[tuple[int, str, str]]) -> Iterator[tuple[int, int]]:
    """For (row, operation, key) triples, (row, first row) of each repeat, by ascending row. See DuplicateFinder."""
    with closing(DuplicateFinder()) as finder:
        for row, operation, key in keys:
            finder.add(row, operation, key)
        yield from finder.repeats()
