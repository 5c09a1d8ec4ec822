"""A run that this process works on."""

from __future__ import annotations

import functools
import getpass
import time
from dataclasses import dataclass, field

from bulkops.config import TargetConfig
from bulkops.engine import Runner
from bulkops.errors import LedgerError, RefusedError
from bulkops.ledger.base import Owner
from bulkops.ledger.lock import this_process
from bulkops.ledger.sqlite import SqliteLedger
from bulkops.model import Job, Outcome, RowSet, State, Traffic
from bulkops.providers.base import Organization
from bulkops.transport import Scrubber
from bulkops.wiring.folder import RunFolder, digest_of
from bulkops.wiring.input import Checked, JobInput
from bulkops.wiring.options import WorkOptions

LEASE_S = 30.0
JOB_DIGEST = "job_sha256"


@dataclass(slots=True)
class OpenRun:
    """A run that this process works on. `org` is there once the target is open.

    `checked` is what the check of a new run's file found; None for a run that is taken up again.
    """

    folder: RunFolder
    job: Job
    target: TargetConfig
    input: JobInput
    ledger: SqliteLedger
    options: WorkOptions
    checked: Checked | None = None
    org: Organization | None = None
    waited: bool = False  # it ended while the provider asked to wait
    runners: list[Runner] = field(default_factory=list)
    scrubber: Scrubber = field(default_factory=Scrubber)
    started: float = field(default_factory=time.monotonic)

    def sent(self) -> Traffic:
        """The calls of this session so far."""
        if self.org is None:
            return Traffic()
        meter = self.org.meter
        return Traffic(meter.requests, meter.throttled, meter.retries + sum(one.sender.retries for one in self.runners))


@functools.cache
def owner() -> Owner:
    """This process as the owner of runs; the same whenever it is asked, also after the clock was set."""
    return this_process(getpass.getuser())


def done_before(kind: str) -> str:
    """The note that keeps which effects of an operation were done for rows that are no longer in the file."""
    return f"done before {kind}"


async def note_check(folder: RunFolder, job: Job, ledger: SqliteLedger, checked: Checked) -> None:
    """Note the rows that need no call, then keep the job: from here on the run can be resumed.

    Rows that have an outcome already keep it. Raises LedgerError.
    """
    for row, text in checked.failed_rows():
        ledger.conclude(RowSet.of([row]), Outcome.failed("invalid_row", text))
    for row, first in checked.duplicates:
        if ledger.state_of(row) is State.PENDING:
            ledger.conclude(RowSet.of([row]), Outcome.skipped("duplicate_row", f"row {first} names the same"))
    ledger.put_note(JOB_DIGEST, digest_of(job))
    await ledger.flush()
    folder.write_job(job)


def require_current(run: OpenRun) -> None:
    """Now that the lock is held: the job must be the one that was read, and that the ledger knows.

    Raises RefusedError if another process went on with an edited file meanwhile, LedgerError for a damaged job.json.
    """
    if run.folder.read_job() != run.job:
        raise RefusedError(f"run {run.folder.run_id} was changed by another process meanwhile: type the command again")
    noted = run.ledger.note(JOB_DIGEST)
    if noted is not None and noted != digest_of(run.job):
        raise LedgerError(
            f"{run.folder.job_file} was changed or damaged since the run began: what it says of the run cannot be "
            f"trusted. Put the original back, or start a new run."
        )
