"""The only place that picks concrete classes and puts them together."""

from __future__ import annotations

from bulkops.engine import StopSignal
from bulkops.jobs import JobHead, Pipeline, Query, read_pipeline, read_query
from bulkops.operations import OPERATIONS, Operation
from bulkops.planning import Plan
from bulkops.providers.base import OperationSupport
from bulkops.wiring.exporting import ExportResult, Reading, export, resources_of
from bulkops.wiring.file_options import with_file_options
from bulkops.wiring.finishing import Finish, finish, parse_finish, secret_variables
from bulkops.wiring.folder import DEFAULT_RUNS_DIR, RunFolder, find
from bulkops.wiring.input import Checked, JobInput, look_at
from bulkops.wiring.logs import log_finish
from bulkops.wiring.looking import ReadRun, check_target, open_read, validate
from bulkops.wiring.migrating import Migrated, read_mapping
from bulkops.wiring.migrating import migrate as plan_migration
from bulkops.wiring.migrating import write as write_migration
from bulkops.wiring.naming import NameLock, NameTurn, check_name, hold_again
from bulkops.wiring.options import WorkOptions, parse_allowance, parse_deadline, parse_map, parse_span
from bulkops.wiring.pipelines import (
    PreparedPipeline,
    failed_pipeline,
    prepare_pipeline,
    resume_pipeline,
    start_pipeline,
)
from bulkops.wiring.preparing import Prepared, prepare
from bulkops.wiring.pruning import OldRun, Pruning, parse_keep, sweep
from bulkops.wiring.pruning import remove as remove_run
from bulkops.wiring.pruning import survey as prune_survey
from bulkops.wiring.querying import Answer, ask, check_offline
from bulkops.wiring.runs import RunResult, resume, start
from bulkops.wiring.stages import is_pipeline, look_at_pipeline, read_record, report_again
from bulkops.wiring.targets import ADAPTERS, AVAILABLE, Overrides, open_organization, support_of
from bulkops.wiring.watching import Observer, Progress
from bulkops.wiring.wishes import ExportOptions

__all__ = [
    "ADAPTERS",
    "AVAILABLE",
    "DEFAULT_RUNS_DIR",
    "OPERATIONS",
    "Answer",
    "Checked",
    "ExportOptions",
    "ExportResult",
    "Finish",
    "JobHead",
    "JobInput",
    "Migrated",
    "NameLock",
    "NameTurn",
    "Observer",
    "OldRun",
    "Operation",
    "OperationSupport",
    "Overrides",
    "Pipeline",
    "Plan",
    "Prepared",
    "PreparedPipeline",
    "Progress",
    "Pruning",
    "Query",
    "ReadRun",
    "Reading",
    "RunFolder",
    "RunResult",
    "StopSignal",
    "WorkOptions",
    "ask",
    "check_name",
    "check_offline",
    "check_target",
    "export",
    "failed_pipeline",
    "find",
    "finish",
    "hold_again",
    "is_pipeline",
    "log_finish",
    "look_at",
    "look_at_pipeline",
    "open_organization",
    "open_read",
    "parse_allowance",
    "parse_deadline",
    "parse_finish",
    "parse_keep",
    "parse_map",
    "parse_span",
    "plan_migration",
    "prepare",
    "prepare_pipeline",
    "prune_survey",
    "read_mapping",
    "read_pipeline",
    "read_query",
    "read_record",
    "remove_run",
    "report_again",
    "resources_of",
    "resume_pipeline",
    "resume_run",
    "secret_variables",
    "start_pipeline",
    "start_run",
    "support_of",
    "sweep",
    "validate",
    "with_file_options",
    "write_migration",
]

resume_run = resume
start_run = start
