"""A run that this process works on."""

from __future__ import annotations

import functools
import getpass
import time
from dataclasses import dataclass, field

from bulkops.config import TargetConfig
from bulkops.engine import Runner
from bulkops.ledger.base import Owner
from bulkops.ledger.lock import this_process
from bulkops.ledger.sqlite import SqliteLedger
from bulkops.model import Job, Traffic
from bulkops.providers.base import Organization
from bulkops.transport import Scrubber
from bulkops.wiring.folder import RunFolder
from bulkops.wiring.input import Checked, JobInput
from bulkops.wiring.options import WorkOptions

LEASE_S = 30.0


@dataclass(slots=True)
class OpenRun:
    """A run that this process works on. `org` is there once the target is open."""

    folder: RunFolder
    job: Job
    target: TargetConfig
    input: JobInput
    ledger: SqliteLedger
    options: WorkOptions
    checked: Checked | None = None
    org: Organization | None = None
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
