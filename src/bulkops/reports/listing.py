"""The runs of a folder, read from what each left behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bulkops.errors import UsageError
from bulkops.model import Counts
from bulkops.reports.summary import SUMMARY_FILE, counts_of, read_object, read_summary

JOB_FILE = "job.json"
PIPELINE_FILE = "pipeline.json"
UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class RunEntry:
    """One run in a list of runs. `state` is that of its summary; without one, interrupted; or `UNREADABLE`.

    `counts` is None where only the ledger knows them, `started` is an ISO time, None where nothing tells it. `problem`
    says why a run is unreadable.
    """

    id: str
    state: str
    operation: str
    target: str
    counts: Counts | None
    started: str | None
    folder: Path
    problem: str | None = None


def list_runs(runs_dir: Path) -> list[RunEntry]:
    """Every run in `runs_dir`, newest first; none when the folder does not exist.

    Hidden folders and links are left out. Ledgers are not opened: a run at work shows how its last session ended, or
    interrupted if this is its first.
    Raises UsageError when `runs_dir` cannot be read.
    """
    try:
        folders = [path for path in runs_dir.iterdir() if _may_be_run(path)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"{runs_dir} cannot be read: {error.strerror or error}") from error
    return sorted(map(_entry, folders), key=lambda run: (_started_s(run), run.id), reverse=True)


def _may_be_run(path: Path) -> bool:
    return not path.name.startswith(".") and not path.is_symlink() and path.is_dir()


def _entry(folder: Path) -> RunEntry:
    try:
        if (folder / SUMMARY_FILE).exists():
            return _ended(folder, read_summary(folder))
        if (folder / PIPELINE_FILE).exists():
            return _killed_pipeline(folder, read_object(folder / PIPELINE_FILE))
        return _killed(folder, read_object(folder / JOB_FILE))
    except (UsageError, OSError) as error:
        return RunEntry(folder.name, UNREADABLE, "", "", None, None, folder, problem=str(error))


def _ended(folder: Path, found: Mapping[str, Any]) -> RunEntry:
    counts = found["counts"]
    return RunEntry(
        folder.name,
        str(found["state"]),
        str(found["operation"]),
        str(found["target"]),
        counts_of(counts if isinstance(counts, dict) else {}),
        _text(found.get("started_at")),
        folder,
    )


def _killed(folder: Path, job: Mapping[str, Any]) -> RunEntry:
    operations, target = job.get("operations"), _text(job.get("target"))
    if not isinstance(operations, dict) or not operations or target is None:
        raise UsageError(f"{folder / JOB_FILE} is damaged: it names no operation or no target")
    operation = " + ".join(operations)  # in order, as people call the job
    return RunEntry(folder.name, "interrupted", operation, target, None, _text(job.get("created_at")), folder)


def _killed_pipeline(folder: Path, found: Mapping[str, Any]) -> RunEntry:
    stages = found.get("stages")
    targets = [str(one.get("target")) for one in stages if isinstance(one, dict)] if isinstance(stages, list) else []
    started = _text(found.get("created_at"))
    return RunEntry(folder.name, "interrupted", "pipeline", ", ".join(dict.fromkeys(targets)), None, started, folder)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _started_s(run: RunEntry) -> float:
    """When it started, epoch seconds; where nothing tells, when its folder last changed."""
    try:
        found = datetime.fromisoformat(run.started or "")
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        pass
    try:
        return run.folder.stat().st_mtime
    except OSError:
        return 0.0
