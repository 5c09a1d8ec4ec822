"""The only place that picks concrete classes and puts them together."""

from __future__ import annotations

from pathlib import Path

from bulkops.config import Config
from bulkops.engine import StopSignal
from bulkops.operations import OPERATIONS, Operation
from bulkops.planning import Plan
from bulkops.providers.base import OperationSupport
from bulkops.wiring.folder import DEFAULT_RUNS_DIR, RunFolder, create, find
from bulkops.wiring.input import Checked, JobInput, look_at, take_snapshot
from bulkops.wiring.looking import ReadRun, check_target, open_read, validate
from bulkops.wiring.options import WorkOptions, parse_allowance
from bulkops.wiring.runs import RunResult, resume, start
from bulkops.wiring.targets import AVAILABLE, Overrides, open_organization, support_of
from bulkops.wiring.watching import Observer, Progress

__all__ = [
    "AVAILABLE",
    "DEFAULT_RUNS_DIR",
    "OPERATIONS",
    "Checked",
    "JobInput",
    "Observer",
    "Operation",
    "OperationSupport",
    "Overrides",
    "Plan",
    "Progress",
    "ReadRun",
    "RunFolder",
    "RunResult",
    "StopSignal",
    "WorkOptions",
    "check_target",
    "find",
    "look_at",
    "open_organization",
    "open_read",
    "parse_allowance",
    "resume_run",
    "start_run",
    "support_of",
    "validate",
]

resume_run = resume


async def start_run(
    source: str,
    *,
    config: Config,
    target: str | None,
    operation: str | None,
    runs_dir: Path,
    run_id: str | None,
    options: WorkOptions,
    observer: Observer,
    stop: StopSignal,
) -> RunResult:
    """Run the job file `source` as a new run in `runs_dir`."""
    folder = create(runs_dir, run_id)
    try:
        job_input = take_snapshot(source, folder.path, operation=operation)
    except BaseException:
        folder.remove()
        raise
    return await start(folder, job_input, config=config, target=target, options=options, observer=observer, stop=stop)
