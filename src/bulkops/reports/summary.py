"""The closing facts of a run: what `--json` prints and `summary.json` keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bulkops.errors import UsageError
from bulkops.model import Counts, State

SUMMARY_FILE = "summary.json"


@dataclass(frozen=True, slots=True)
class Summary:
    """The object that `--json` prints, key for key.

    `state` is completed, stopped, interrupted or refused. Paths and `next_command` are ready to be used as they are;
    what does not exist, as the folder of a run that was refused, is None. `stages` are those of a pipeline.
    """

    run_id: str | None
    state: str
    operation: str
    target: str
    counts: Counts
    requests: int = 0
    throttled: int = 0
    retries: int = 0
    elapsed_s: float = 0.0
    run_dir: str | None = None
    failures_file: str | None = None
    report_file: str | None = None
    reason: str | None = None
    next_command: str | None = None
    stages: Sequence[Mapping[str, Any]] = ()

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON, in the order in which it is documented."""
        return {
            "run_id": self.run_id,
            "state": self.state,
            "operation": self.operation,
            "target": self.target,
            "counts": self.counts.as_dict(),
            "requests": self.requests,
            "throttled": self.throttled,
            "retries": self.retries,
            "elapsed_s": round(self.elapsed_s, 3),
            "run_dir": self.run_dir,
            "failures_file": self.failures_file,
            "report_file": self.report_file,
            "reason": self.reason,
            "next_command": self.next_command,
            **({"stages": list(self.stages)} if self.stages else {}),
        }


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What reports say of a run beyond its summary. Times are ISO texts; `version` is that of bulkops."""

    started_at: str
    finished_at: str
    version: str
    source: str = ""
    organization: str = ""


@dataclass(frozen=True, slots=True)
class StageCounts:
    """One stage of a pipeline, for its page: `title` is what people call its operation."""

    name: str
    title: str
    target: str
    source: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """How many rows ended in `state` with `code`, and the message of the first of them, cut to one short line."""

    code: str
    state: State
    count: int
    message: str

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"error": self.code, "outcome": self.state.label, "count": self.count, "message": self.message}


def read_summary(folder: Path) -> dict[str, Any]:
    """What `summary.json` of the run in `folder` holds. Raises UsageError, saying what is wrong with it."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is not the folder of a run")
    path = folder / SUMMARY_FILE
    if not path.exists():
        raise UsageError(f"{path} does not exist: the run has not ended, or its process was killed")
    found = read_object(path)
    missing = [key for key in _KEYS if key not in found]
    if missing:
        raise UsageError(f"{path} lacks {', '.join(missing)}")
    return found


_KEYS = tuple(Summary(None, "", "", "", Counts()).as_dict())


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in `path`. Raises UsageError if there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is damaged: it does not hold JSON ({error})") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path} is damaged: it holds {type(found).__name__}, not an object")
    return found


def counts_of(found: Mapping[str, Any]) -> Counts:
    """The counts as `Counts.as_dict` wrote them. Raises UsageError for anything else."""
    names = ("succeeded", "skipped", "failed", "in_doubt", "pending")
    values = [found.get(name) for name in names]
    if not all(isinstance(value, int) and value >= 0 for value in values):
        raise UsageError("the counts of the summary are damaged")
    return Counts(**dict(zip(names, values, strict=True)))  # type: ignore[arg-type]


def summary_of(found: Mapping[str, Any]) -> Summary:
    """The Summary that `read_summary` gave as a dict. Raises UsageError where its counts are damaged."""
    counts = found["counts"]
    values = {key: found[key] for key in _KEYS if key != "counts"}
    return Summary(counts=counts_of(counts if isinstance(counts, dict) else {}), **values)


def errors_of(found: Mapping[str, Any]) -> tuple[ErrorCount, ...]:
    """The counts of errors that `read_summary` gave; none where they are missing or damaged."""
    try:
        return tuple(
            ErrorCount(str(one["error"]), State[one["outcome"].upper()], int(one["count"]), str(one["message"]))
            for one in found["by_error"]
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return ()
