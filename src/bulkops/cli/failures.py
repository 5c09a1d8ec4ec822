"""How an error reaches the person: its words on stderr, its meaning in the exit code."""

from __future__ import annotations

import json

from bulkops.cli.output import say
from bulkops.errors import (
    AccessError,
    BulkopsError,
    InterruptedRunError,
    JobFileError,
    RefusedError,
    UsageError,
)
from bulkops.model import Counts

PROBLEMS_SHOWN = 50


def exit_code(error: BulkopsError | None, counts: Counts | None = None) -> int:
    """The exit code that the contract gives to an ending."""
    if error is None:
        return _finished(counts or Counts())
    if isinstance(error, InterruptedRunError):
        return 128 + error.signum
    if isinstance(error, UsageError):
        return 2
    if isinstance(error, RefusedError):
        return 3
    if isinstance(error, AccessError):
        return 5
    return 4


def _finished(counts: Counts) -> int:
    if counts.in_doubt:
        return 6
    return 1 if counts.failed else 0


def explain(error: BulkopsError, *, as_json: bool) -> None:
    """Say on stderr what went wrong; with `as_json` also print the object that scripts wait for."""
    say(f"bulkops: {error}")
    problems = [str(problem) for problem in error.problems] if isinstance(error, JobFileError) else []
    listed = [problem for problem in problems if problem != str(error)]  # the only one may be all that was said
    for problem in listed[:PROBLEMS_SHOWN]:
        say(f"  {problem}")
    if len(listed) > PROBLEMS_SHOWN:
        say(f"  … and {len(listed) - PROBLEMS_SHOWN} more: `bulkops validate JOB --json` lists them")
    if as_json:
        print(json.dumps(refused_object(error), ensure_ascii=False))


def refused_object(error: BulkopsError) -> dict[str, object]:
    """The contract's object for a run that did not come to be."""
    return {
        "run_id": None,
        "state": "refused" if isinstance(error, UsageError | RefusedError) else "stopped",
        "operation": None,
        "target": None,
        "counts": Counts().as_dict(),
        "requests": 0,
        "throttled": 0,
        "retries": 0,
        "elapsed_s": 0.0,
        "run_dir": None,
        "failures_file": None,
        "report_file": None,
        "reason": str(error),
        "next_command": None,
        "problems": [str(problem) for problem in getattr(error, "problems", ())],
    }
