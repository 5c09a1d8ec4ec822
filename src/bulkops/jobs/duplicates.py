"""Rows that name the same effect twice, found in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from hashlib import blake2b
from types import TracebackType
from typing import Self

from bulkops.jobs.scratch import scratch, translated

_GROUP = 4096  # rows handed to SQLite at once

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
        self._store = scratch()
        with translated():
            self._store.execute("CREATE TABLE entry (digest BLOB NOT NULL, row INTEGER NOT NULL)")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Drop everything. Repeating it changes nothing more."""
        self._store.close()

    def add(self, row: int, operation: str, key: str) -> None:
        """Note one row; the order does not matter."""
        self._group.append((digest(operation, key), row))
        if len(self._group) >= _GROUP:
            self._flush()

    def repeats(self) -> Iterator[tuple[int, int]]:
        """(row, first row with the same effect) for each repeat, by ascending row. Call it once, after all `add`s."""
        self._flush()
        with translated():
            self._store.execute("CREATE INDEX by_digest ON entry (digest, row)")
            yield from self._store.execute(_REPEATS)

    def _flush(self) -> None:
        with translated():
            self._store.executemany("INSERT INTO entry VALUES (?, ?)", self._group)
        self._group.clear()


def digest(operation: str, text: str) -> bytes:
    """16 bytes that stand for what a row of `operation` says; compared without case."""
    written = f"{operation}\0{text.casefold()}".encode("utf-8", "surrogatepass")
    return blake2b(written, digest_size=16).digest()


def find_duplicates(keys: Iterable[tuple[int, str, str]]) -> Iterator[tuple[int, int]]:
    """For (row, operation, key) triples, (row, first row) of each repeat, by ascending row. See DuplicateFinder."""
    with closing(DuplicateFinder()) as finder:
        for row, operation, key in keys:
            finder.add(row, operation, key)
        yield from finder.repeats()
