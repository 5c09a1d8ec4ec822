"""Who holds a run, and whether that process still lives."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bulkops.ledger.base import Owner

if TYPE_CHECKING:
    import psutil

_START_TOLERANCE_S = 2.0  # far below what it takes to use a process id again


@dataclass(frozen=True, slots=True)
class Hold:
    """The lock of a run as stored. Times are epoch seconds."""

    owner: Owner
    taken_at: float
    lease_until: float

    def lives(self, *, now: float, host: str) -> bool:
        """Whether its owner may still be at work, as seen from `host`.

        On the owner's own host its process decides, whatever the lease says: a process that was merely suspended
        keeps its run. Elsewhere only the lease can be known.
        """
        if self.owner.host != host:
            return now < self.lease_until
        return _runs(self.owner)

    def refusal(self, *, host: str) -> str:
        """What to tell the next one who wants the run."""
        owner = self.owner
        who = f"this run is held by {owner.name} (process {owner.pid} on {owner.host}) since {_stamp(self.taken_at)}"
        until = f"its lease, renewed while it works, ends {_stamp(self.lease_until)}"
        if owner.host == host:
            return f"{who} and that process is running; {until}. Wait for it, or stop it (kill {owner.pid}), then retry"
        return f"{who}; {until}. Wait for it, or stop it on {owner.host}; if that host is gone, retry after the lease"

    def __str__(self) -> str:
        return f"{self.owner.name} (process {self.owner.pid} on {self.owner.host}) at {_stamp(self.taken_at)}"


def this_process(name: str) -> Owner:
    """The running process as an owner called `name`."""
    import psutil  # noqa: PLC0415 - reading a ledger should not pay for it

    return Owner(name, this_host(), os.getpid(), _uptime_at_start(psutil.Process()))


def this_host() -> str:
    """The name by which owners of this host go."""
    return platform.node()


def _runs(owner: Owner) -> bool:
    import psutil  # noqa: PLC0415 - most readings of a ledger need no look at processes

    try:
        process = psutil.Process(owner.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        # A reused pid belongs to a process that started at another time.
        return abs(_uptime_at_start(process) - owner.started_at) <= _START_TOLERANCE_S
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True  # something runs there that we may not look at: rather refuse than send twice


def _uptime_at_start(process: psutil.Process) -> float:
    """How long the machine had been up when the process began, in seconds: no setting of the clock changes it."""
    import psutil  # noqa: PLC0415 - as above

    return process.create_time() - psutil.boot_time()


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
