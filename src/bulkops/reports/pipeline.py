"""The reports over all stages of a pipeline: one table of results, one of failures, one page."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bulkops.errors import BulkopsError, UsageError
from bulkops.model import Counts, State
from bulkops.reports.cells import OUTCOME_COLUMNS
from bulkops.reports.files import replaced
from bulkops.reports.page import render_pipeline_page
from bulkops.reports.summary import SUMMARY_FILE, ErrorCount, RunFacts, StageCounts, Summary, errors_of, read_summary

_FAILURES, _RESULTS, _PAGE = "failures.csv", "results.csv", "report.html"
STAGE_COLUMN = "_stage"
TARGET_COLUMN = "_target"


@dataclass(frozen=True, slots=True)
class StageReport:
    """One stage: `folder` holds its own reports, written with `delimiter`. `operation` is None for a mixed file."""

    name: str
    title: str
    operation: str | None
    target: str
    source: str
    counts: Counts
    folder: Path
    delimiter: str


def write_pipeline_reports(
    folder: Path, *, stages: Sequence[StageReport], summary: Summary, facts: RunFacts
) -> tuple[ErrorCount, ...]:
    """Write `results.csv`, `failures.csv`, `summary.json` and `report.html` over all `stages` into `folder`.

    The tables have the columns of all stages, with `operation` for each row, then `_stage` and `_target`, then
    `OUTCOME_COLUMNS`. Their delimiter is that of the stages, on which hangs what parts a list in a cell; a comma where
    stages differ. Raises BulkopsError when they cannot be written; all four appear whole or not at all.
    """
    by_error = _errors(stages)
    delimiters = {stage.delimiter for stage in stages}
    delimiter = delimiters.pop() if len(delimiters) == 1 else ","
    try:
        with replaced(folder, (_FAILURES, _RESULTS, SUMMARY_FILE, _PAGE)) as files:
            for name in (_RESULTS, _FAILURES):
                columns = _columns(stages, name)
                table = csv.DictWriter(files[name], columns, restval="", lineterminator="\n", delimiter=delimiter)
                table.writeheader()
                for stage in stages:
                    table.writerows(_rows(stage, name))
            document = {
                **summary.as_dict(),
                "started_at": facts.started_at,
                "finished_at": facts.finished_at,
                "version": facts.version,
                "by_error": [error.as_dict() for error in by_error],
            }
            files[SUMMARY_FILE].write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
            listed = [StageCounts(one.name, one.title, one.target, one.source, one.counts) for one in stages]
            files[_PAGE].write(render_pipeline_page(summary, facts, listed, by_error))
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BulkopsError(
            f"the reports could not be written to {folder}: {reason}; the ledgers are complete"
        ) from error
    return by_error


def _columns(stages: Sequence[StageReport], name: str) -> list[str]:
    own: dict[str, None] = {}
    for stage in stages:
        with (stage.folder / name).open(encoding="utf-8", newline="") as file:
            own.update(dict.fromkeys(next(csv.reader(file, delimiter=stage.delimiter), [])))
    for column in ("operation", STAGE_COLUMN, TARGET_COLUMN, *OUTCOME_COLUMNS):
        own.pop(column, None)
    return ["operation", *own, STAGE_COLUMN, TARGET_COLUMN, *OUTCOME_COLUMNS]


def _rows(stage: StageReport, name: str) -> Iterator[Mapping[str, str]]:
    with (stage.folder / name).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter=stage.delimiter):
            if not row.get("operation") and stage.operation is not None:
                row["operation"] = stage.operation
            yield {**row, STAGE_COLUMN: stage.name, TARGET_COLUMN: stage.target}


def _errors(stages: Sequence[StageReport]) -> tuple[ErrorCount, ...]:
    """The counts of errors of all stages, the most frequent first."""
    found: Counter[tuple[str, State]] = Counter()
    messages: dict[tuple[str, State], str] = {}
    for stage in stages:
        try:
            told = errors_of(read_summary(stage.folder))
        except UsageError:
            continue
        for one in told:
            found[one.code, one.state] += one.count
            messages.setdefault((one.code, one.state), one.message)
    return tuple(ErrorCount(*key, count, messages[key]) for key, count in found.most_common())
