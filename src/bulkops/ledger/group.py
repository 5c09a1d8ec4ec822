"""What was noted and belongs to the next commit, and the statements that store it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bulkops.ledger.book import Book
from bulkops.ledger.rows import ClaimRow, Details, SettledRow, claim_rows
from bulkops.ledger.sums import Sums, claim_sum, detail_sum, note_sum, settled_sums

Statements = list[tuple[str, Sequence[tuple[object, ...]]]]

_SETTLED = "INSERT INTO settled VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_DETAIL = "INSERT INTO detail VALUES (?, ?, ?)"
_NOTE = "INSERT OR REPLACE INTO note VALUES (?, ?)"
_UNCLAIM = "DELETE FROM claim WHERE id = ?"
_CLAIM = "INSERT INTO claim VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


@dataclass(slots=True)
class Unsaved:
    """What was noted and belongs to the next group."""

    settled: list[SettledRow] = field(default_factory=list)
    claims: dict[int, None] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    totals: bool = False

    def size(self) -> int:
        """Records."""
        return len(self.settled) + len(self.claims) + len(self.notes) + self.totals


class Stored:
    """What the file holds of claims and notes, as far as it must be known to replace them and to keep their sums."""

    def __init__(self, claims: Iterable[ClaimRow], notes: Mapping[str, str]) -> None:
        self._claims: dict[int, int] = {}
        for row in claims:
            self._claims[row[0]] = self._claims.get(row[0], 0) + claim_sum((row,))
        self._notes = {key: note_sum(key, value) for key, value in notes.items()}

    def statements(self, group: Unsaved, book: Book, details: Details, created_ms: int) -> tuple[Statements, Sums]:
        """How to store `group`, and what that adds to each sum.

        A claim is stored as it stands now: one that was begun and settled in one group never reaches the disk.
        """
        stale: list[tuple[int]] = []
        claims: list[ClaimRow] = []
        claimed = 0
        for number in group.claims:
            if (was := self._claims.pop(number, None)) is not None:
                stale.append((number,))
                claimed -= was
            for part in book.parts(number):
                rows = claim_rows(part, details, round(part.at * 1000) - created_ms)
                now = claim_sum(rows)
                self._claims[number] = self._claims.get(number, 0) + now
                claimed += now
                claims += rows
        texts, details.fresh = details.fresh, []
        # Ascending, so that most rows are appended to the table's end and its pages stay full.
        group.settled.sort()
        notes = list(group.notes.items())
        sums = (*settled_sums(group.settled), claimed, detail_sum(texts), self._replace(notes))
        return [(_DETAIL, texts), (_SETTLED, group.settled), (_UNCLAIM, stale), (_CLAIM, claims), (_NOTE, notes)], sums

    def _replace(self, notes: Iterable[tuple[str, str]]) -> int:
        added = 0
        for key, value in notes:
            now = note_sum(key, value)
            added += now - self._notes.get(key, 0)
            self._notes[key] = now
        return added
