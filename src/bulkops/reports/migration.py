"""A migration as files: a pipeline to review and run, what comes after it, and what it leaves open."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from bulkops.errors import BulkopsError, RefusedError
from bulkops.reports.cells import guarded

Row = Mapping[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class JobRows:
    """One job file to be: `name` is its file's, without the ending."""

    name: str
    operation: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Story:
    """What is said of a migration. `findings` are the sentence of each kind, and its subjects with their details."""

    source: str
    goal: str
    counts: Mapping[str, int]
    findings: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    sentences: Mapping[str, str] = field(default_factory=dict)


def write_migration(
    folder: Path,
    *,
    stages: Sequence[JobRows],
    later: Sequence[JobRows],
    offboarding: Sequence[JobRows],
    waiting: Sequence[JobRows],
    source_target: str,
    goal_target: str,
    story: Story,
) -> None:
    """Write the pipeline into `folder`, `after-acceptance/` and `offboarding/` beside it, README.md and findings.csv.

    Of `offboarding/` only what `offboarding` holds is run; `waiting` is written beside it under names that no pipeline
    takes for a job.
    Raises RefusedError where `folder` holds anything already, BulkopsError where it cannot be written.
    """
    try:
        if folder.exists() and any(folder.iterdir()):
            raise RefusedError(f"{folder} is not empty: a migration is written into a folder of its own")
        folder.mkdir(parents=True, exist_ok=True)
        _write_pipeline(folder, stages, goal_target)
        if later:
            _write_pipeline(folder / "after-acceptance", later, goal_target)
        if offboarding:
            _write_pipeline(folder / "offboarding", offboarding, source_target)
        if waiting:
            (folder / "offboarding").mkdir(parents=True, exist_ok=True)
            for stage in waiting:
                _write_job(folder / "offboarding", f"_not-yet-{stage.name}", stage)
        _write_findings(folder / "findings.csv", story)
        _write(folder / "README.md", _readme(story, stages, later, offboarding, waiting))
    except OSError as error:
        raise BulkopsError(f"{folder} cannot be written: {error.strerror or error}") from error


def _write_pipeline(folder: Path, stages: Sequence[JobRows], target: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for number, stage in enumerate(stages, 1):
        names.append({"job": _write_job(folder, f"{number:02}-{stage.name}", stage), "operation": stage.operation})
    if names:
        _write(folder / "pipeline.json", json.dumps({"target": target, "pipeline": names}, indent=2) + "\n")


def _write_job(folder: Path, name: str, stage: JobRows) -> str:
    """As CSV, which a spreadsheet opens; as JSON where a cell would not be read back as it is, or would be run."""
    columns = list(dict.fromkeys(key for row in stage.rows for key in row))
    if not all(_fits_a_cell(value) for row in stage.rows for value in row.values()):
        document = {"operation": stage.operation, "items": [dict(row) for row in stage.rows]}
        _write(folder / f"{name}.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        return f"{name}.json"
    with _opened(folder / f"{name}.csv") as file:
        table = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        table.writeheader()
        for row in stage.rows:
            table.writerow({key: ";".join(v) if isinstance(v, list) else v for key, v in row.items()})
    return f"{name}.csv"


def _fits_a_cell(value: str | list[str]) -> bool:
    if isinstance(value, list) and any(not one or ";" in one or one != one.strip() for one in value):
        return False
    text = ";".join(value) if isinstance(value, list) else value
    return text == text.strip() and guarded(text) == text and not text.startswith(("[", "{"))


def _write_findings(path: Path, story: Story) -> None:
    with _opened(path) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("finding", "subject", "detail"))
        for code, listed in story.findings.items():
            table.writerows((code, guarded(subject), guarded(detail)) for subject, detail in listed)


def _readme(
    story: Story,
    stages: Sequence[JobRows],
    later: Sequence[JobRows],
    offboarding: Sequence[JobRows],
    waiting: Sequence[JobRows],
) -> str:
    lines = [f"# Migration from {story.source} to {story.goal}", ""]
    lines += [f"- {count:,} {what}" for what, count in story.counts.items()]
    if stages:
        lines += ["", "Review the files, then run them in their order:", "", "    bulkops run .", ""]
        lines += [f"{n}. `{one.name}`: {len(one.rows):,} rows of {one.operation}" for n, one in enumerate(stages, 1)]
    else:
        lines += ["", "There is nothing to send."]
    if later:
        lines += ["", "Once the invitations were accepted: `bulkops run after-acceptance`."]
    lines += _leaving(story, offboarding, waiting)
    text = "What people may do by themselves, not by a role group or team, is neither moved nor compared: "
    lines += ["", text + "`bulkops export` lists it."]
    if story.findings:
        lines += ["", "## What to look at", ""]
        for code, listed in story.findings.items():
            lines.append(f"- {story.sentences.get(code, code)} ({len(listed):,}, `{code}` in findings.csv)")
    return "\n".join(lines) + "\n"


def _leaving(story: Story, offboarding: Sequence[JobRows], waiting: Sequence[JobRows]) -> list[str]:
    """What is said of those who leave, and of those who may not yet."""
    lines: list[str] = []
    if offboarding:
        text = f"`offboarding/` deletes the accounts in {story.source} that have arrived with all that can be moved "
        text += (
            f"({_rows(offboarding):,}). Nothing runs it by itself: do so only when `bulkops migrate --verify` finds "
        )
        lines += ["", text + "no difference."]
    if waiting:
        text = f"Accounts in {story.source} that have not arrived yet ({_rows(waiting):,}) are only listed in "
        text += (
            "`offboarding/`, in a file that nothing runs. Once they have, `bulkops migrate` writes a job that deletes "
        )
        lines += ["", text + "them."]
    return lines


def _rows(jobs: Sequence[JobRows]) -> int:
    return sum(len(one.rows) for one in jobs)


def _write(path: Path, text: str) -> None:
    with _opened(path) as file:
        file.write(text)


def _opened(path: Path) -> TextIO:
    """A new file, for its owner alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8", newline="")
