"""The reports of a run, from its ledger and its snapshot."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

from bulkops.errors import BulkopsError, InterruptedRunError, RefusedError, UsageError
from bulkops.ledger.base import LedgerView
from bulkops.model import Counts, Job, Traffic
from bulkops.reports import ReportFiles, RunFacts, Summary, write_reports
from bulkops.wiring.folder import DEFAULT_RUNS_DIR, RunFolder
from bulkops.wiring.input import JobInput


def write_run_reports(
    folder: RunFolder, job: Job, view: LedgerView, job_input: JobInput, summary: Summary
) -> ReportFiles:
    """The reports of a run, anew. Raises BulkopsError when they cannot be written."""
    return write_reports(
        folder.path,
        view=view,
        rows=job_input.rows(),
        columns=job.columns,
        delimiter=job.delimiter,
        summary=summary,
        facts=RunFacts(
            started_at=job.created_at,
            finished_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            version=job.version,
            source=job.source,
            organization=job.organization,
        ),
    )


def summary_of(
    folder: RunFolder, job: Job, counts: Counts, traffic: Traffic, *, state: str, reason: str | None
) -> Summary:
    """What the contract's `--json` object says of a run, from its ledger's counts."""
    return Summary(
        run_id=folder.run_id,
        state=state,
        operation=job.operation,
        target=job.target,
        counts=counts,
        requests=traffic.requests,
        throttled=traffic.throttled,
        retries=traffic.retries,
        elapsed_s=round(traffic.elapsed_s, 3),
        run_dir=str(folder.path),
        failures_file=str(folder.path / "failures.csv"),
        report_file=str(folder.path / "report.html"),
        reason=reason,
        next_command=_next_command(folder, counts),
    )


def _next_command(folder: RunFolder, counts: Counts) -> str | None:
    """What to type next; None when there is nothing left to do."""
    runs_dir = folder.path.parent
    where = "" if runs_dir == DEFAULT_RUNS_DIR else f" --runs-dir {shlex.quote(str(runs_dir))}"
    if counts.pending or counts.in_doubt:
        return f"bulkops resume {folder.run_id}{where}"
    if counts.failed:
        return f"bulkops retry {folder.run_id}{where}"
    return None


def state_of(error: BulkopsError | None) -> str:
    """The contract's word for how a session of work ended."""
    if error is None:
        return "completed"
    if isinstance(error, InterruptedRunError):
        return "interrupted"
    return "refused" if isinstance(error, UsageError | RefusedError) else "stopped"
