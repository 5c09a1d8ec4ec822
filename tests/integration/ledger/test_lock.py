"""Two processes never work on one run."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkops.errors import LedgerError, RefusedError
from bulkops.ledger.base import Owner
from bulkops.ledger.lock import this_process
from bulkops.ledger.sqlite import SqliteLedger, SqliteLedgerView
from bulkops.model import Counts, Outcome, RowSet, Settled, State

StartChild = Callable[..., subprocess.Popen[str]]

ACQUIRE_AT_THE_SIGN = """
async def main():
    ledger = SqliteLedger.open(Path(sys.argv[1]))
    say("ready")
    sys.stdin.readline()
    try:
        await ledger.acquire(this_process(sys.argv[2]), lease_s=60)
    except RefusedError as error:
        say(f"refused {error}")
    else:
        say("won")
    sys.stdin.read()

asyncio.run(main())
"""
FAR = Owner("far", "another-host", 7, 0.0)
DONE = Outcome.succeeded(attempts=1)


def rows(*numbers: int) -> RowSet:
    """A set of rows."""
    return RowSet.of(numbers)


async def test_of_twenty_processes_one_gets_the_run(path: Path, start_child: StartChild) -> None:
    """The others are told who it is."""
    await SqliteLedger.create(path, total=1).close()
    children = [start_child(ACQUIRE_AT_THE_SIGN, path, f"child-{number}") for number in range(20)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    answers = [child.stdout.readline() for child in children if child.stdout is not None]
    assert answers.count("won\n") == 1
    winner = children[answers.index("won\n")].pid
    assert sum(f"process {winner} " in answer for answer in answers) == 19


async def test_a_run_that_was_taken_over_can_no_longer_be_written(path: Path) -> None:
    """The lease of an owner elsewhere ended: whatever it still had to say is refused, and not recorded."""
    old = SqliteLedger.create(path, total=5)
    await old.acquire(FAR, lease_s=-1)
    claim = await old.begin(rows(1), attempt=1)
    new = SqliteLedger.open(path)
    await new.acquire(this_process("new"), lease_s=60)

    old.settle(claim, [Settled(rows(1), DONE)])
    with pytest.raises(LedgerError, match=r"taken over by new"):
        await old.begin(rows(2), attempt=1)
    with pytest.raises(LedgerError, match="taken over"):
        old.conclude(rows(3), Outcome.skipped("x", "x"))
    with pytest.raises(LedgerError, match="taken over"):
        await old.acquire(FAR, lease_s=60)
    await old.close()

    assert [new.state_of(row) for row in (1, 2, 3)] == [State.IN_DOUBT, State.PENDING, State.PENDING]
    new.settle(new.open_claims()[0], [Settled(rows(1), DONE)])
    await new.flush()
    assert [settled.rows for settled in new.outcomes()] == [rows(1)]
    await new.close()


async def test_renewing_a_lost_lock_raises(path: Path) -> None:
    """Also where nothing else was to be written."""
    old = SqliteLedger.create(path, total=1)
    await old.acquire(FAR, lease_s=-1)
    new = SqliteLedger.open(path)
    await new.acquire(this_process("new"), lease_s=60)
    with pytest.raises(LedgerError, match="taken over"):
        await old.acquire(FAR, lease_s=60)
    await old.close()
    await new.close()


async def test_closing_a_fenced_ledger_tells_of_what_is_lost(path: Path) -> None:
    """Nobody has heard of the failure before."""
    old = SqliteLedger.create(path, total=1)
    await old.acquire(FAR, lease_s=-1)
    new = SqliteLedger.open(path)
    await new.acquire(this_process("new"), lease_s=60)
    old.put_note("late", "yes")
    with pytest.raises(LedgerError, match="taken over"):
        await old.close()
    await old.close()
    assert new.note("late") is None
    await new.close()


async def test_who_acquires_sees_what_the_last_owner_wrote(path: Path) -> None:
    """Also where it opened the file before."""
    first = SqliteLedger.create(path, total=5)
    await first.acquire(this_process("first"), lease_s=60)
    second = SqliteLedger.open(path)
    with pytest.raises(RefusedError, match="first"):
        await second.acquire(FAR.__class__("second", this_process("x").host, 1, 0.0), lease_s=60)
    first.conclude(rows(1, 2), Outcome.skipped("x", "x"))
    first.put_note("cursor", "c")
    await first.release()
    await second.acquire(this_process("second"), lease_s=60)
    assert second.counts() == Counts(skipped=2, pending=3)
    assert second.note("cursor") == "c"
    await first.close()
    await second.close()


async def test_writing_without_the_lock_is_refused_once_another_has_it(path: Path) -> None:
    """Nor is it possible after the other has written and left."""
    first = SqliteLedger.create(path, total=5)
    second, third = SqliteLedger.open(path), SqliteLedger.open(path)
    await first.acquire(this_process("first"), lease_s=60)
    with pytest.raises(LedgerError, match=r"first.*works on the run"):
        await second.begin(rows(1), attempt=1)
    first.conclude(rows(1), Outcome.skipped("x", "x"))
    await first.release()
    with pytest.raises(LedgerError, match="acquire it first"):
        await third.begin(rows(1), attempt=1)
    assert SqliteLedgerView.open(path).counts() == Counts(skipped=1, pending=4)
    for ledger in (first, second, third):
        await ledger.close()


async def test_a_released_run_has_no_holder(path: Path) -> None:
    """Releasing makes durable what was noted."""
    ledger = SqliteLedger.create(path, total=5)
    await ledger.acquire(this_process("me"), lease_s=60)
    view = SqliteLedgerView.open(path)
    assert view.holder() == this_process("me")
    ledger.conclude(rows(5), Outcome.skipped("x", "x"))
    await ledger.release()
    assert view.holder() is None
    assert view.counts().skipped == 1
    await ledger.close()
