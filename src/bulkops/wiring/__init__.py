"""The only place that picks concrete classes and puts them together."""

from __future__ import annotations

from bulkops.engine import StopSignal
from bulkops.jobs import Pipeline, read_pipeline
from bulkops.operations import OPERATIONS, Operation
from bulkops.planning import Plan
from bulkops.providers.base import OperationSupport
from bulkops.wiring.exporting import ExportResult, Reading, export, resources_of
from bulkops.wiring.folder import DEFAULT_RUNS_DIR, RunFolder, find
from bulkops.wiring.input import Checked, JobInput, look_at
from bulkops.wiring.looking import ReadRun, check_target, open_read, validate
from bulkops.wiring.options import WorkOptions, parse_allowance, parse_deadline, parse_map
from bulkops.wiring.pipelines import (
    PreparedPipeline,
    failed_pipeline,
    prepare_pipeline,
    resume_pipeline,
    start_pipeline,
)
from bulkops.wiring.preparing import Prepared, prepare
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
    "Checked",
    "ExportOptions",
    "ExportResult",
    "JobInput",
    "Observer",
    "Operation",
    "OperationSupport",
    "Overrides",
    "Pipeline",
    "Plan",
    "Prepared",
    "PreparedPipeline",
    "Progress",
    "ReadRun",
    "Reading",
    "RunFolder",
    "RunResult",
    "StopSignal",
    "WorkOptions",
    "check_target",
    "export",
    "failed_pipeline",
    "find",
    "is_pipeline",
    "look_at",
    "look_at_pipeline",
    "open_organization",
    "open_read",
    "parse_allowance",
    "parse_deadline",
    "parse_map",
    "prepare",
    "prepare_pipeline",
    "read_pipeline",
    "read_record",
    "report_again",
    "resources_of",
    "resume_pipeline",
    "resume_run",
    "start_pipeline",
    "start_run",
    "support_of",
    "validate",
]

resume_run = resume
start_run = start
