"""What became of the rows of a job file that was edited between two sessions of a run."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bulkops.errors import LedgerError
from bulkops.model import Row
from bulkops.reports.cells import guarded, input_cells, input_columns, one_line
from bulkops.reports.files import replaced
from bulkops.reports.outcomes import RowOutcome

EDIT_COLUMNS = ("_edit", "_row_before", "_row", "_outcome", "_message")


@dataclass(frozen=True, slots=True)
class EditedRow:
    """One row that is not in both files alike: as it was where it was there before, else as it is now.

    `edit` is changed, added or removed; `outcome` is what it had come to before the file was edited.
    """

    edit: str
    row: Row
    before: int | None = None
    now: int | None = None
    outcome: RowOutcome | None = None


def write_edits(path: Path, rows: Iterable[EditedRow], columns: Sequence[str], delimiter: str | None) -> int:
    """Write one line for each of `rows`; returns how many of them had an outcome. Raises LedgerError."""
    own, done = input_columns(columns), 0
    try:
        with replaced(path.parent, [path.name]) as files:
            table = csv.writer(files[path.name], delimiter=delimiter or ",", lineterminator="\n")
            table.writerow((*own, *EDIT_COLUMNS))
            for one in rows:
                done += one.outcome is not None and one.outcome.state.final
                table.writerow((*input_cells(one.row, own), *_cells(one)))
    except OSError as error:
        raise LedgerError(f"{path}: cannot be written: {error.strerror or error}") from error
    return done


def _cells(one: EditedRow) -> tuple[str, ...]:
    outcome, message = ("", "") if one.outcome is None else (one.outcome.state.label, one.outcome.message)
    numbers = ("" if number is None else str(number) for number in (one.before, one.now))
    return (one.edit, *numbers, outcome, guarded(one_line(message)))
