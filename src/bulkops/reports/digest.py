"""What a person wants to know of the rows that were not done: which errors, how often, and the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bulkops.model import Row, State, shorten
from bulkops.reports.cells import cell_text, input_columns, one_line
from bulkops.reports.outcomes import RowOutcome
from bulkops.reports.summary import ErrorCount

LISTED_ROWS = 200
LISTED_CODES = 50
OTHER = "other"
"""Stands for all codes beyond the first `LISTED_CODES`."""

_KEY_COLUMNS = ("email", "user", "username", "invite_id", "client_id", "role_group", "role", "team", "name", "id")
_KEYS_SHOWN = 3
_CELL_LIMIT = 120
_MESSAGE_LIMIT = 300


@dataclass(frozen=True, slots=True)
class ListedRow:
    """A row that failed or is in doubt, cut short for showing. `keys` are its cells under the key columns."""

    number: int
    line: int | None
    keys: tuple[str, ...]
    outcome: RowOutcome


@dataclass(slots=True)
class Digest:
    """Gathers while the rows stream by; its size is bounded whatever the run's."""

    columns: Sequence[str]
    listed: list[ListedRow] = field(default_factory=list)
    _counts: dict[tuple[State, str], int] = field(default_factory=dict)
    _samples: dict[tuple[State, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.columns = key_columns(self.columns)

    def add(self, number: int, row: Row | None, outcome: RowOutcome) -> None:
        """Take one row in."""
        if outcome.code:
            self._count(outcome)
        if unfinished(outcome) and len(self.listed) < LISTED_ROWS:
            self.listed.append(self._cut(number, row, outcome))

    def by_error(self) -> tuple[ErrorCount, ...]:
        """Counts by code, failed first, then in doubt, pending, skipped; most frequent first."""
        order = (State.FAILED, State.IN_DOUBT, State.PENDING, State.SKIPPED)
        found = [ErrorCount(key[1], key[0], count, self._samples[key]) for key, count in self._counts.items()]
        return tuple(sorted(found, key=lambda error: (order.index(error.state), -error.count, error.code)))

    def _count(self, outcome: RowOutcome) -> None:
        key = (outcome.state, outcome.code)
        if key not in self._counts:
            if len(self._counts) >= LISTED_CODES:
                key = (outcome.state, OTHER)
            self._samples.setdefault(key, shown(outcome.message, _MESSAGE_LIMIT))
        self._counts[key] = self._counts.get(key, 0) + 1

    def _cut(self, number: int, row: Row | None, outcome: RowOutcome) -> ListedRow:
        cells = row.cells if row is not None else {}
        keys = tuple(shown(cell_text(cells.get(column))) for column in self.columns)
        return ListedRow(number, row.line if row is not None else None, keys, outcome)


def unfinished(outcome: RowOutcome) -> bool:
    """Whether its row belongs into `failures.csv`."""
    return outcome.state is State.FAILED or outcome.state is State.IN_DOUBT


def shown(text: str, limit: int = _CELL_LIMIT) -> str:
    """`text` on one line, cut to `limit` characters, for people to read."""
    return one_line(shorten(text, limit))


def key_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """The columns that name whom a row is about: the usual ones, or else the first two."""
    own = input_columns(columns)
    return tuple(column for column in own if column in _KEY_COLUMNS)[:_KEYS_SHOWN] or own[:2]
