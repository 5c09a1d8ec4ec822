"""Who holds a run, and whether that still counts."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time

import pytest

from bulkops.errors import RefusedError
from bulkops.ledger.base import Owner
from bulkops.ledger.lock import Hold, this_process, waking_clock, watch
from bulkops.ledger.memory import MemoryLedger


def hold(owner: Owner, *, lease_until: float = 100.0) -> Hold:
    """A lock taken at 0."""
    return Hold(owner, 0.0, lease_until)


def test_this_process_lives_whatever_its_lease_says() -> None:
    """It may have been suspended."""
    me = this_process("me")
    assert me.pid == os.getpid()
    assert hold(me).lives(now=1e12, host=me.host)


def test_a_process_with_another_start_is_another_process() -> None:
    """The pid was given anew; a second more or less is the clock's."""
    me = this_process("me")
    assert hold(Owner("me", me.host, me.pid, me.started_at + 1)).lives(now=0, host=me.host)
    assert not hold(Owner("me", me.host, me.pid, me.started_at - 10)).lives(now=0, host=me.host)


def test_a_process_that_has_ended_is_dead_also_before_it_is_reaped() -> None:
    """A zombie sends nothing any more."""
    me = this_process("me")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = Owner("child", me.host, child.pid, me.started_at)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not hold(owner).lives(now=0, host=me.host)
    child.communicate()
    assert not hold(owner).lives(now=0, host=me.host)


def test_elsewhere_the_lease_decides() -> None:
    """It ends at its last second."""
    far = hold(Owner("far", "another-host", 1, 0.0), lease_until=100.0)
    assert far.lives(now=99.9, host="here")
    assert not far.lives(now=100.0, host="here")


async def test_what_does_not_change_is_watched_to_the_end() -> None:
    """As long as it was asked for, by our own clock."""
    looks: list[int] = []
    started = time.monotonic()
    assert await watch(lambda: looks.append(1), for_s=0.05)
    assert time.monotonic() - started >= 0.05
    assert len(looks) > 1


async def test_a_change_ends_the_watch() -> None:
    """At the look that sees it, however long it should still have lasted."""
    signs = iter((1, 1, 1, 2))
    assert not await watch(lambda: next(signs), for_s=1.0)


async def test_nothing_to_wait_for_is_not_waited_for() -> None:
    """A lease that never ran."""
    assert await watch(lambda: 1, for_s=-1.0)


def test_the_clock_of_proofs_goes_on_while_the_machine_sleeps() -> None:
    """Where the system has such a clock; it never goes back."""
    if sys.platform == "linux":
        assert waking_clock() >= time.monotonic() - 1
    assert waking_clock() <= waking_clock()


async def test_a_ledger_in_memory_watches_as_well() -> None:
    """An owner elsewhere whose lease seems to have ended, and which renews it."""
    ahead_s = 0.0
    ledger = MemoryLedger(5, clock=lambda: time.time() + ahead_s)
    far = Owner("far", "another-host", 1, 0.0)
    await ledger.acquire(far, lease_s=0.5)
    ahead_s = 3600.0
    taking = asyncio.create_task(ledger.acquire(this_process("me"), lease_s=30))
    await asyncio.sleep(0)
    await ledger.acquire(far, lease_s=0.5)
    ahead_s = 7200.0
    with pytest.raises(RefusedError, match="is at work"):
        await taking


def test_a_refusal_says_who_since_when_until_when_and_what_to_do() -> None:
    """In words for the one who wanted to start."""
    holder = hold(Owner("alice", "box", 42, 0.0))
    here = holder.refusal(host="box")
    for part in ("alice", "process 42 on box", "1970-01-01 00:00:00 UTC", "00:01:40", "kill 42"):
        assert part in here
    assert "stop it on box" in holder.refusal(host="elsewhere")
    for part in ("alice", "process 42 on box", "00:01:40", "clocks differ"):
        assert part in holder.renewed()
