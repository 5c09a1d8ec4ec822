"""What can be known without sending anything: is a file good, is a target there, what became of a run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bulkops.config import Config, TargetConfig
from bulkops.errors import UsageError
from bulkops.ledger.sqlite import SqliteLedgerView
from bulkops.model import Job
from bulkops.providers.base import Caller, OrganizationFacts
from bulkops.reports import Summary, read_summary
from bulkops.transport import Scrubber
from bulkops.wiring.folder import DEFAULT_RUNS_DIR, RunFolder
from bulkops.wiring.input import Checked, JobInput, look_at
from bulkops.wiring.logs import logging_to
from bulkops.wiring.options import WorkOptions
from bulkops.wiring.reporting import summary_of, write_run_reports
from bulkops.wiring.targets import AVAILABLE, Overrides, open_organization, support_of

REPORT_FILES = ("failures.csv", "results.csv", "summary.json", "report.html")


def validate(source: str, *, config: Config, target: str | None, operation: str | None) -> tuple[JobInput, Checked]:
    """Check a job file from its first to its last row. No network.

    Without a chosen target the fields of Anypoint are checked. Raises JobFileError for a file that cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="bulkops-") as folder:
        job_input = look_at(source, Path(folder), operation=operation)
        name = target or job_input.target or config.default_target
        provider = config.choose(name)[1].provider if name is not None else next(iter(AVAILABLE))
        job_input.use_provider(provider, support_of(provider))
        job_input.merged(WorkOptions())  # the file's own options are checked, too
        return job_input, job_input.check()


async def check_target(config: Config, target: str | None) -> tuple[str, OrganizationFacts, Caller, int]:
    """Ask a target who it is and who we are: name, organisation, caller, and the calls that it took.

    Raises ConfigError, AccessError or StoppedError, which say what to do.
    """
    name, chosen = config.choose(target)
    scrubber = Scrubber()
    with logging_to(None, scrubber=scrubber, level="warning", log_format="console"):
        return await _ask(name, chosen, scrubber)


async def _ask(name: str, chosen: TargetConfig, scrubber: Scrubber) -> tuple[str, OrganizationFacts, Caller, int]:
    state = DEFAULT_RUNS_DIR.parent / "sandbox" / "organization.jsonl"
    async with open_organization(
        chosen, scrubber=scrubber, overrides=Overrides(), sandbox_state=state, environ=os.environ
    ) as org:
        facts = await org.facts()
        caller = await org.caller()
        return name, facts, caller, org.meter.requests


@dataclass(frozen=True, slots=True)
class ReadRun:
    """A run that is only read, perhaps while another process works on it."""

    folder: RunFolder
    job: Job
    view: SqliteLedgerView

    def summary(self) -> Summary:
        """The run as its ledger shows it now; how its last session ended comes from its summary, if it has one."""
        counts = self.view.counts()
        state: str = "interrupted"
        reason: str | None = "the process ended without a word"
        if (self.folder.path / "summary.json").exists():
            found = read_summary(self.folder.path)
            state, reason = found["state"], found["reason"]
        if not counts.pending and not counts.in_doubt:
            state, reason = "completed", None
        summary = summary_of(self.folder, self.job, counts, self.view.traffic(), state=state, reason=reason)
        return replace(
            summary, failures_file=_existing(summary.failures_file), report_file=_existing(summary.report_file)
        )

    def write_reports(self) -> None:
        """The run's reports from its ledger, unless they tell what it holds already.

        A failures file that somebody is mending stays as it is.
        """
        if self._reports_are_true():
            return
        job_input = JobInput.of_run(self.folder.path, self.job)
        counts = self.view.counts()
        summary = self.summary()
        full = summary_of(
            self.folder, self.job, counts, self.view.traffic(), state=summary.state, reason=summary.reason
        )
        write_run_reports(self.folder, self.job, self.view, job_input, full)

    def _reports_are_true(self) -> bool:
        if not all((self.folder.path / name).is_file() for name in REPORT_FILES):
            return False
        try:
            return bool(read_summary(self.folder.path)["counts"] == self.view.counts().as_dict())
        except UsageError:
            return False


def _existing(name: str | None) -> str | None:
    """`name`, if there is such a file."""
    return name if name and Path(name).exists() else None


@contextmanager
def open_read(folder: RunFolder) -> Iterator[ReadRun]:
    """The run in `folder`, for reading."""
    job = folder.read_job()
    yield ReadRun(folder, job, SqliteLedgerView.open(folder.ledger))
