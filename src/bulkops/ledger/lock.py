"""Who holds a run, and whether that process still lives."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from bulkops.ledger.base import Owner

if TYPE_CHECKING:
    import psutil

_START_TOLERANCE_S = 2.0  # far below what it takes to use a process id again
_LOOKS = 30  # at a lock that is watched

waking_clock: Callable[[], float] = (
    partial(time.clock_gettime, time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic
)
"""Seconds that go on while the machine sleeps, where the system has such a clock."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The lock of a run as stored. Times are epoch seconds by its owner's clock; the lease ran for `lease_s`."""

    owner: Owner
    taken_at: float
    lease_until: float
    lease_s: float = 0.0

    def lives(self, *, now: float, host: str) -> bool:
        """Whether its owner may still be at work, as seen from `host`.

        On the owner's own host its process decides, whatever the lease says: a process that was merely suspended
        keeps its run. Elsewhere only the lease can be known, and only as well as the two clocks agree: who wants to
        take the run over must `watch` it as well.
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

    def renewed(self) -> str:
        """What to tell the next one when the owner turned out to be at work, though its lease seemed to have ended."""
        owner = self.owner
        return (
            f"this run is held by {owner.name} (process {owner.pid} on {owner.host}), which is at work: its lease "
            f"seemed to have ended {_stamp(self.lease_until)} and was renewed since, so the two hosts' clocks differ. "
            f"Wait for it, or stop it on {owner.host}"
        )

    def __str__(self) -> str:
        return f"{self.owner.name} (process {self.owner.pid} on {self.owner.host}) at {_stamp(self.taken_at)}"


def this_process(name: str) -> Owner:
    """The running process as an owner called `name`."""
    import psutil  # noqa: PLC0415 - reading a ledger should not pay for it

    return Owner(name, this_host(), os.getpid(), _uptime_at_start(psutil.Process()))


def this_host() -> str:
    """The name by which owners of this host go."""
    return platform.node()


async def watch(sign: Callable[[], object], *, for_s: float) -> bool:
    """Whether `sign` stays the same for `for_s` seconds of our own, whatever any clock says of the time of day.

    An owner changes the sign at least three times in that span while it lives.
    """
    before = sign()
    end = time.monotonic() + for_s
    while (left := end - time.monotonic()) > 0:
        await asyncio.sleep(min(left, for_s / _LOOKS))
        if sign() != before:
            return False
    return True


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
