"""Job files: take them over, read their rows, check them, and explain what is wrong."""

from bulkops.jobs.check import CheckResult, RowMarks, check_file
from bulkops.jobs.compare import Edit, Edits, Fingerprint, RowMatcher
from bulkops.jobs.duplicates import DuplicateFinder, digest, find_duplicates
from bulkops.jobs.names import canonical_operation
from bulkops.jobs.opening import open_items, open_source
from bulkops.jobs.pipeline import Pipeline, Stage, read_pipeline
from bulkops.jobs.query import Query, read_query
from bulkops.jobs.rows import BadRow, JobHead, JobSource
from bulkops.jobs.snapshot import inspect, snapshot
from bulkops.jobs.source import Format, Source
from bulkops.jobs.translation import Translation, merged_map
from bulkops.jobs.validate import RowValidator

__all__ = [
    "BadRow",
    "CheckResult",
    "DuplicateFinder",
    "Edit",
    "Edits",
    "Fingerprint",
    "Format",
    "JobHead",
    "JobSource",
    "Pipeline",
    "Query",
    "RowMarks",
    "RowMatcher",
    "RowValidator",
    "Source",
    "Stage",
    "Translation",
    "canonical_operation",
    "check_file",
    "digest",
    "find_duplicates",
    "inspect",
    "merged_map",
    "open_items",
    "open_source",
    "read_pipeline",
    "read_query",
    "snapshot",
]
