"""Read-only views of a run: tables, a summary, a page, and the list of runs."""

from bulkops.reports.cells import OUTCOME_COLUMNS
from bulkops.reports.codes import Explanation, explain
from bulkops.reports.console import console_summary
from bulkops.reports.edits import EditedRow, write_edits
from bulkops.reports.listing import RunEntry, list_runs
from bulkops.reports.outcomes import WAITED, row_outcomes
from bulkops.reports.pipeline import StageReport, write_pipeline_reports
from bulkops.reports.summary import ErrorCount, RunFacts, Summary, errors_of, read_summary, summary_of
from bulkops.reports.tables import FORMATS, TableFormat, table_format
from bulkops.reports.write import ReportFiles, write_reports

__all__ = [
    "FORMATS",
    "OUTCOME_COLUMNS",
    "WAITED",
    "EditedRow",
    "ErrorCount",
    "Explanation",
    "ReportFiles",
    "RunEntry",
    "RunFacts",
    "StageReport",
    "Summary",
    "TableFormat",
    "console_summary",
    "errors_of",
    "explain",
    "list_runs",
    "read_summary",
    "row_outcomes",
    "summary_of",
    "table_format",
    "write_edits",
    "write_pipeline_reports",
    "write_reports",
]
