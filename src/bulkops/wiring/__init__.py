"""The only place that picks concrete classes and puts them together."""

from __future__ import annotations

from bulkops.engine import StopSignal
from bulkops.operations import OPERATIONS, Operation
from bulkops.planning import Plan
from bulkops.providers.base import OperationSupport
from bulkops.wiring.finishing import Finish, finish, parse_finish, secret_variables
from bulkops.wiring.folder import DEFAULT_RUNS_DIR, RunFolder, find
from bulkops.wiring.input import Checked, JobInput, look_at
from bulkops.wiring.logs import log_finish
from bulkops.wiring.looking import ReadRun, check_target, open_read, validate
from bulkops.wiring.naming import NameLock, check_name, hold_again
from bulkops.wiring.options import WorkOptions, parse_allowance, parse_deadline, parse_span
from bulkops.wiring.preparing import Prepared, prepare
from bulkops.wiring.pruning import OldRun, Pruning, parse_keep, sweep
from bulkops.wiring.pruning import remove as remove_run
from bulkops.wiring.pruning import survey as prune_survey
from bulkops.wiring.runs import RunResult, resume, start
from bulkops.wiring.targets import AVAILABLE, Overrides, open_organization, support_of
from bulkops.wiring.watching import Observer, Progress

__all__ = [
    "AVAILABLE",
    "DEFAULT_RUNS_DIR",
    "OPERATIONS",
    "Checked",
    "Finish",
    "JobInput",
    "NameLock",
    "Observer",
    "OldRun",
    "Operation",
    "OperationSupport",
    "Overrides",
    "Plan",
    "Prepared",
    "Progress",
    "Pruning",
    "ReadRun",
    "RunFolder",
    "RunResult",
    "StopSignal",
    "WorkOptions",
    "check_name",
    "check_target",
    "find",
    "finish",
    "hold_again",
    "log_finish",
    "look_at",
    "open_organization",
    "open_read",
    "parse_allowance",
    "parse_deadline",
    "parse_finish",
    "parse_keep",
    "parse_span",
    "prepare",
    "prune_survey",
    "remove_run",
    "resume_run",
    "secret_variables",
    "start_run",
    "support_of",
    "sweep",
    "validate",
]

resume_run = resume
start_run = start
