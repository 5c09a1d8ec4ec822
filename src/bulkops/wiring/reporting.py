"""The reports of a run, from its ledger and its snapshot."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bulkops.errors import BulkopsError, InterruptedRunError, RefusedError, UsageError
from bulkops.ledger.base import Claim, LedgerView
from bulkops.model import Counts, Job, Settled, Traffic
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
        next_command=next_command(folder, counts, job.options.get("config_file")),
    )


def next_command(folder: RunFolder, counts: Counts, config_file: str | None) -> str | None:
    """What to type next; None when there is nothing left to do."""
    runs_dir = folder.path.parent
    where = "" if runs_dir == DEFAULT_RUNS_DIR else f" --runs-dir {shlex.quote(str(runs_dir))}"
    where += f" --config {shlex.quote(config_file)}" if config_file else ""
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


def ended_counts(view: LedgerView) -> Counts:
    """Counts at the end of a session: what was begun and never settled is in doubt, not on its way."""
    counts = view.counts()
    begun = sum(len(claim.rows) for claim in view.open_claims() if claim.doubt is None)
    known = sum(len(claim.rows) for claim in view.open_claims() if claim.doubt is not None)
    begun = min(begun, max(0, begun + known - counts.in_doubt))
    return replace(counts, pending=counts.pending - begun, in_doubt=counts.in_doubt + begun)


class EndedView:
    """A ledger as the end of a session shows it."""

    def __init__(self, view: LedgerView) -> None:
        self._view = view

    @property
    def total(self) -> int:
        """Rows of the job."""
        return self._view.total

    def counts(self) -> Counts:
        """Nothing is on its way any more."""
        return ended_counts(self._view)

    def outcomes(self) -> Iterator[Settled]:
        """Final outcomes."""
        return self._view.outcomes()

    def open_claims(self) -> Sequence[Claim]:
        """Begun and never settled."""
        return self._view.open_claims()

    def traffic(self) -> Traffic:
        """What all sessions sent."""
        return self._view.traffic()

    def note(self, key: str) -> str | None:
        """A text kept with the run."""
        return self._view.note(key)


def without_missing_files(summary: Summary) -> Summary:
    """`summary` without the names of reports that are not there."""
    return replace(summary, failures_file=_existing(summary.failures_file), report_file=_existing(summary.report_file))


def _existing(name: str | None) -> str | None:
    return name if name and Path(name).exists() else None
