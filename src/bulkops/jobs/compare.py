"""Which rows of an edited job file are which rows of the file before it, by content and never by position."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Self

from bulkops.jobs.scratch import scratch, translated

_GROUP = 4096  # rows handed to SQLite at once

_TABLES = (
    "CREATE TABLE before (row INTEGER PRIMARY KEY, content BLOB NOT NULL, effect BLOB)",
    "CREATE TABLE after (row INTEGER PRIMARY KEY, content BLOB NOT NULL, effect BLOB)",
    "CREATE TABLE kept (before INTEGER PRIMARY KEY, after INTEGER NOT NULL UNIQUE)",
    "CREATE TABLE changed (before INTEGER PRIMARY KEY, after INTEGER NOT NULL UNIQUE)",
)
_RANKED = "SELECT row, {by} AS same, row_number() OVER (PARTITION BY {by} ORDER BY row) AS rank FROM {table} {where}"
_LEFT_BEFORE = (
    "WHERE row NOT IN (SELECT before FROM kept) AND row NOT IN (SELECT before FROM changed) AND {by} IS NOT NULL"
)
_LEFT_AFTER = (
    "WHERE row NOT IN (SELECT after FROM kept) AND row NOT IN (SELECT after FROM changed) AND {by} IS NOT NULL"
)


class Edit(Enum):
    """What happened to a row that is not found again as it was."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What makes two rows the same: 16 bytes of hash over what they mean, and over the effect that they name.

    `effect` is None for a row that cannot be run.
    """

    row: int
    content: bytes
    effect: bytes | None


@dataclass(frozen=True, slots=True)
class Edits:
    """How many rows were found again, how many of those elsewhere, and how many were not."""

    kept: int
    moved: int
    changed: int
    added: int
    removed: int

    @property
    def none(self) -> bool:
        """Whether both files have the same rows in the same order."""
        return not (self.moved or self.changed or self.added or self.removed)


class RowMatcher:
    """Finds the rows of one file in another. Rows that occur several times are matched in their order.

    What is left over counts as changed where both name the same effect, or else stand at the same place; as added or
    removed otherwise. Everything is in SQLite's own temporary file, which vanishes with the connection; memory stays
    under about 20 MB. Every method raises JobFileError if there is no temporary space.
    """

    def __init__(self, before: Iterable[Fingerprint], after: Iterable[Fingerprint]) -> None:
        self._store = scratch()
        with translated():
            for statement in _TABLES:
                self._store.execute(statement)
        self._fill("before", before)
        self._fill("after", after)
        with translated():
            self._match("kept", "content", left_over=False)
            self._match("changed", "effect", left_over=True)
            self._match("changed", "row", left_over=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._store.close()

    def edits(self) -> Edits:
        """The counts."""
        kept, moved = self._row("SELECT count(*), coalesce(sum(before <> after), 0) FROM kept")
        (changed,) = self._row("SELECT count(*) FROM changed")
        (before,) = self._row("SELECT count(*) FROM before")
        (after,) = self._row("SELECT count(*) FROM after")
        return Edits(kept, moved, changed, added=after - kept - changed, removed=before - kept - changed)

    def now_at(self, first: int, last: int) -> list[int]:
        """The rows where rows `first` to `last` of the file before stand now, ascending; without those not found."""
        with translated():
            found = self._store.execute("SELECT after FROM kept WHERE before BETWEEN ? AND ?", (first, last))
            return sorted(row for (row,) in found)

    def edit_before(self, row: int) -> tuple[Edit, int | None] | None:
        """What became of `row` of the file before, and where it stands now; None for a row that was kept."""
        return self._edit(row, "before", "after", Edit.REMOVED)

    def edit_after(self, row: int) -> tuple[Edit, int | None] | None:
        """What `row` of the edited file is, and where it stood before; None for a row that was kept."""
        return self._edit(row, "after", "before", Edit.ADDED)

    def _edit(self, row: int, mine: str, other: str, alone: Edit) -> tuple[Edit, int | None] | None:
        with translated():
            if self._store.execute(f"SELECT 1 FROM kept WHERE {mine} = ?", (row,)).fetchone():  # noqa: S608 - our words
                return None
            query = f"SELECT {other} FROM changed WHERE {mine} = ?"  # noqa: S608 - our own words
            found = self._store.execute(query, (row,)).fetchone()
        return (Edit.CHANGED, found[0]) if found else (alone, None)

    def _fill(self, table: str, rows: Iterable[Fingerprint]) -> None:
        for group in _grouped((one.row, one.content, one.effect) for one in rows):
            with translated():
                self._store.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", group)  # noqa: S608 - our own words

    def _match(self, into: str, by: str, *, left_over: bool) -> None:
        before = _RANKED.format(by=by, table="before", where=_LEFT_BEFORE.format(by=by) if left_over else "")
        after = _RANKED.format(by=by, table="after", where=_LEFT_AFTER.format(by=by) if left_over else "")
        self._store.execute(
            f"INSERT INTO {into} SELECT b.row, a.row FROM ({before}) AS b "  # noqa: S608 - our own words
            f"JOIN ({after}) AS a ON a.same = b.same AND a.rank = b.rank"
        )

    def _row(self, query: str) -> tuple[int, ...]:
        with translated():
            found: tuple[int, ...] = self._store.execute(query).fetchone()
            return found


def _grouped(rows: Iterable[tuple[object, ...]]) -> Iterator[list[tuple[object, ...]]]:
    group: list[tuple[object, ...]] = []
    for row in rows:
        group.append(row)
        if len(group) >= _GROUP:
            yield group
            group = []
    if group:
        yield group
