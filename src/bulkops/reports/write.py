"""Writing a run's reports: one pass over its rows and outcomes, whatever their number."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TextIO

from bulkops.errors import BulkopsError
from bulkops.ledger.base import LedgerView
from bulkops.model import Row
from bulkops.reports.cells import OUTCOME_COLUMNS, input_cells, input_columns, outcome_cells
from bulkops.reports.digest import Digest, unfinished
from bulkops.reports.files import replaced
from bulkops.reports.outcomes import RowOutcome, row_outcomes
from bulkops.reports.page import render_page
from bulkops.reports.summary import SUMMARY_FILE, ErrorCount, RunFacts, Summary

FAILURES_FILE = "failures.csv"
RESULTS_FILE = "results.csv"
PAGE_FILE = "report.html"


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where the reports of a run are, and the counts of errors that were made on the way."""

    failures: Path
    results: Path
    summary: Path
    page: Path
    by_error: tuple[ErrorCount, ...]


def write_reports(
    folder: Path,
    *,
    view: LedgerView,
    rows: Iterable[Row],
    columns: Sequence[str],
    delimiter: str | None,
    summary: Summary,
    facts: RunFacts,
) -> ReportFiles:
    """Write `failures.csv`, `results.csv`, `summary.json` and `report.html` into `folder`, in place of older ones.

    `rows` are the input's, by ascending number; one that is missing has empty cells. `columns` are the input's in its
    order, `delimiter` that of a CSV input and None for other formats. The two tables hold the rows as they were
    written, then `OUTCOME_COLUMNS`; `failures.csv` holds those that failed or are in doubt, and is there also when
    none did. All four files appear whole or not at all.
    Raises BulkopsError when they cannot be written; the ledger is not touched, so that trying again is safe.
    """
    names = (FAILURES_FILE, RESULTS_FILE, SUMMARY_FILE, PAGE_FILE)
    digest = Digest(columns)
    try:
        with replaced(folder, names) as files:
            _write_tables(files[RESULTS_FILE], files[FAILURES_FILE], delimiter, columns, _joined(view, rows), digest)
            by_error = digest.by_error()
            _write_summary(files[SUMMARY_FILE], summary, facts, by_error)
            files[PAGE_FILE].write(render_page(summary, facts, digest))
    except OSError as error:
        reason = error.strerror or str(error)
        raise BulkopsError(f"the reports could not be written to {folder}: {reason}; the ledger is complete") from error
    failures, results, facts_file, page = (folder / name for name in names)
    return ReportFiles(failures, results, facts_file, page, by_error)


def _joined(view: LedgerView, rows: Iterable[Row]) -> Iterator[tuple[int, Row | None, RowOutcome]]:
    """Each row number with its row and its outcome, joined by number."""
    remaining = iter(rows)
    row = next(remaining, None)
    for number, outcome in row_outcomes(view):
        while row is not None and row.number < number:
            row = next(remaining, None)
        yield number, row if row is not None and row.number == number else None, outcome


def _write_tables(
    results: TextIO,
    failures: TextIO,
    delimiter: str | None,
    columns: Sequence[str],
    joined: Iterable[tuple[int, Row | None, RowOutcome]],
    digest: Digest,
) -> None:
    own = input_columns(columns)
    tables = [csv.writer(Lines(file), delimiter=delimiter or ",") for file in (results, failures)]
    for table in tables:
        table.writerow((*own, *OUTCOME_COLUMNS))
    last: RowOutcome | None = None
    tail: tuple[str, ...] = ()
    for number, row, outcome in joined:
        if outcome is not last:  # rows that ended alike share one outcome, and these cells
            last, tail = outcome, outcome_cells(outcome)
        cells = (*input_cells(row, own), number, *tail)
        for table in tables if unfinished(outcome) else tables[:1]:
            table.writerow(cells)
        digest.add(number, row, outcome)


class _Target(Protocol):
    def write(self, text: str, /) -> int: ...


class Lines:
    """Ends lines by a line feed alone. The writer is left to end them by both, since only then it quotes both."""

    def __init__(self, target: _Target) -> None:
        self._target = target

    def write(self, line: str, /) -> int:
        return self._target.write(line.removesuffix("\r\n") + "\n")


def _write_summary(file: TextIO, summary: Summary, facts: RunFacts, by_error: Sequence[ErrorCount]) -> None:
    document = {
        **summary.as_dict(),
        "started_at": facts.started_at,
        "finished_at": facts.finished_at,
        "version": facts.version,
        "by_error": [error.as_dict() for error in by_error],
    }
    file.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
