"""What can be known without sending anything: is a file good, is a target there, what became of a run."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bulkops.config import Config, TargetConfig
from bulkops.errors import RefusedError, UsageError
from bulkops.jobs import Format, JobHead
from bulkops.jobs.source import plural
from bulkops.ledger.sqlite import SqliteLedgerView
from bulkops.model import Job
from bulkops.providers.base import Caller, OrganizationFacts
from bulkops.reports import Summary, read_summary
from bulkops.transport import Scrubber
from bulkops.wiring.folder import DEFAULT_RUNS_DIR, RunFolder
from bulkops.wiring.input import Checked, JobInput, head_of, look_at
from bulkops.wiring.logs import logging_to
from bulkops.wiring.options import WorkOptions
from bulkops.wiring.preparing import any_whole
from bulkops.wiring.reporting import summary_of, without_missing_files, write_run_reports
from bulkops.wiring.targets import AVAILABLE, Overrides, open_organization, support_of

RUNNING = "running"
REPORT_FILES = ("failures.csv", "results.csv", "summary.json", "report.html")


def validate(
    source: str,
    *,
    config: Config,
    target: str | None,
    operation: str | None,
    named_map: Mapping[str, str] | None = None,
) -> tuple[JobInput, Checked]:
    """Check a job file from its first to its last row. No network.

    Without a chosen target the fields of the first provider are checked.
    Raises JobFileError for a file that cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="bulkops-") as folder:
        job_input = look_at(source, Path(folder), operation=operation, named_map=named_map)
        name = target or job_input.target or config.default_target
        if name is None:
            job_input.use_provider(*next(iter(AVAILABLE.items())))
        else:
            chosen = config.choose(name)[1]
            job_input.use_provider(chosen.service, support_of(chosen))
        job_input.merged(WorkOptions())  # the file's own options are checked, too
        return job_input, job_input.check()


@dataclass(frozen=True, slots=True)
class Reached:
    """A target that answered: its name, its organisation, who we are there, and the calls that it took to ask.

    `caution` is what must be confirmed before a job is aimed at it; empty for an ordinary one.
    """

    name: str
    facts: OrganizationFacts
    caller: Caller
    calls: int
    caution: str = ""


async def check_target(config: Config, target: str | None) -> Reached:
    """Ask a target who it is and who we are.

    Raises ConfigError, AccessError or StoppedError, which say what to do.
    """
    name, chosen = config.choose(target)
    scrubber = Scrubber()
    with logging_to(None, scrubber=scrubber, level="warning", log_format="console"):
        return await _ask(name, chosen, scrubber)


async def _ask(name: str, chosen: TargetConfig, scrubber: Scrubber) -> Reached:
    state = DEFAULT_RUNS_DIR.parent / "sandbox" / "organization.jsonl"
    async with open_organization(
        chosen, scrubber=scrubber, overrides=Overrides(), sandbox_state=state, environ=os.environ
    ) as org:
        facts = await org.facts()
        caller = await org.caller()
        return Reached(name, facts, caller, org.meter.requests, org.caution)


@dataclass(frozen=True, slots=True)
class ReadRun:
    """A run that is only read, perhaps while another process works on it."""

    folder: RunFolder
    job: Job
    view: SqliteLedgerView

    def summary(self) -> Summary:
        """The run as its ledger shows it now; how its last session ended comes from its summary, if it has one."""
        return without_missing_files(self._summary())

    def _summary(self) -> Summary:
        counts = self.view.counts()
        state: str = "interrupted"
        reason: str | None = "the process ended without a word"
        holder = self.view.holder()
        if holder is not None:
            state, reason = RUNNING, f"process {holder.pid} on {holder.host} works on it"
        elif (self.folder.path / "summary.json").exists():
            found = read_summary(self.folder.path)
            state, reason = found["state"], found["reason"]
        elif not counts.pending and not counts.in_doubt:
            state, reason = "completed", None
        summary = summary_of(self.folder, self.job, counts, self.view.traffic(), state=state, reason=reason)
        return replace(summary, next_command=None) if holder is not None else summary

    def failed_rows(self, folder: Path) -> Path:
        """A job file of the rows that failed, made in `folder` from the run's failures file.

        What is sent as a whole is run again as a whole: then it is the run's own input.
        Raises RefusedError while somebody works on the run or rows of it are open, UsageError when none failed.
        """
        summary = self._summary()
        counts = summary.counts
        if summary.state == RUNNING:
            raise RefusedError(f"run {self.folder.run_id}: {summary.reason}. Wait for its end. Nothing was sent.")
        if counts.pending:
            raise RefusedError(
                f"run {self.folder.run_id} has {plural(counts.pending, 'row')} not attempted yet: "
                f"`{summary.next_command}` finishes it first. Nothing was sent."
            )
        if not counts.failed:
            raise UsageError(f"run {self.folder.run_id} has no failed rows to run again")
        if any_whole(self.job.operations):
            return self._whole_input()
        self.write_reports()
        return _only_failed(self.folder.path / "failures.csv", folder / "failures.csv", self.job.delimiter or ",")

    @property
    def head(self) -> JobHead | None:
        """What the job says besides its rows, where its failures file by itself does not mean what it meant."""
        job = self.job
        apart = job.source_format != Format.JSON and job.defaults  # the rows were taken from a file that has none
        return head_of(job) if job.column_map or job.value_map or apart else None

    def _whole_input(self) -> Path:
        if len(self.job.operations) > 1:
            raise RefusedError(
                f"run {self.folder.run_id} has operations of which one sends its rows as a whole: its failed rows "
                f"cannot be run by themselves. Nothing was sent: correct the job file, and run it again"
            )
        return self.folder.input(self.job)

    def write_reports(self) -> None:
        """The run's reports from its ledger, unless they tell what it holds already.

        A failures file that somebody is mending stays as it is. Raises RefusedError while somebody works on the run.
        """
        if self._reports_are_true():
            return
        summary = self._summary()
        if summary.state == RUNNING:
            raise RefusedError(f"run {self.folder.run_id}: {summary.reason}, and it writes the reports when it ends")
        job_input = JobInput.of_run(self.folder.input(self.job), self.job)
        write_run_reports(self.folder, self.job, self.view, job_input, summary)

    def _reports_are_true(self) -> bool:
        if not all((self.folder.path / name).is_file() for name in REPORT_FILES):
            return False
        try:
            return bool(read_summary(self.folder.path)["counts"] == self.view.counts().as_dict())
        except UsageError:
            return False


def _only_failed(source: Path, target: Path, delimiter: str) -> Path:
    """A copy of a failures file without the rows that are in doubt: those are asked about, never simply sent again."""
    try:
        with source.open(encoding="utf-8", newline="") as read, target.open("w", encoding="utf-8", newline="") as write:
            rows = csv.DictReader(read, delimiter=delimiter)
            copy = csv.DictWriter(write, rows.fieldnames or [], delimiter=delimiter, restval="", extrasaction="ignore")
            copy.writeheader()
            copy.writerows(row for row in rows if row.get("_outcome") != "in_doubt")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{source}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return target


@contextmanager
def open_read(folder: RunFolder) -> Iterator[ReadRun]:
    """The run in `folder`, for reading."""
    job = folder.read_job()
    yield ReadRun(folder, job, SqliteLedgerView.open(folder.ledger(job)))
