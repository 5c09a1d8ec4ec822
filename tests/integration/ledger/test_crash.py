"""What a killed process leaves behind."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkops.ledger.lock import this_process
from bulkops.ledger.sqlite import SqliteLedger, SqliteLedgerView
from bulkops.model import Counts, Outcome, RowSet, Settled, State

Child = subprocess.Popen[str]
StartChild = Callable[..., Child]

BEGIN_AND_HANG = """
async def main():
    ledger = SqliteLedger.create(Path(sys.argv[1]), total=9)
    await ledger.acquire(this_process("child"), lease_s=60)
    ledger.settle(await ledger.begin(RowSet.of([9]), attempt=1), [Settled(RowSet.of([9]), DONE)])
    await ledger.begin(RowSet.of([1, 2, 4]), attempt=2)
    say("begun")
    sys.stdin.read()

asyncio.run(main())
"""

REPORT_ALL = """
TOTAL = 100_000

async def worker(ledger, numbers):
    for row in numbers:
        rows = RowSet.of([row])
        claim = await ledger.begin(rows, attempt=1)
        say(f"begun {row}")
        ledger.settle(claim, [Settled(rows, DONE)])
        if row % 3 == 0:
            await ledger.flush()
            say(f"settled {row}")

async def main():
    ledger = SqliteLedger.create(Path(sys.argv[1]), total=TOTAL)
    await ledger.acquire(this_process("child"), lease_s=60)
    numbers = iter(range(1, TOTAL + 1))
    await asyncio.gather(*(worker(ledger, numbers) for _ in range(20)))

asyncio.run(main())
"""


def kill_after(child: Child, lines: int) -> list[str]:
    """Everything that `child` said until it was killed, at some moment after that many lines."""
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(lines)]
    child.kill()
    said += child.stdout.readlines()
    child.wait()
    return said


async def test_a_claim_outlives_the_process_that_made_it(path: Path, start_child: StartChild) -> None:
    """Killed between `begin` and `settle`: the rows are in doubt, and the next owner gets the run at once."""
    assert kill_after(start_child(BEGIN_AND_HANG, path), 1) == ["begun\n"]
    ledger = SqliteLedger.open(path)
    await ledger.acquire(this_process("next"), lease_s=60)
    (claim,) = ledger.open_claims()
    assert (claim.rows, claim.attempt, claim.doubt) == (RowSet.of([1, 2, 4]), 2, None)
    assert [ledger.state_of(row) for row in (1, 3, 9)] == [State.IN_DOUBT, State.PENDING, State.SUCCEEDED]
    assert ledger.counts() == SqliteLedgerView.open(path).counts()
    ledger.settle(claim, [Settled(RowSet.of([1, 2]), Outcome.succeeded(attempts=2))])
    assert ledger.counts() == Counts(succeeded=3, pending=6)
    assert (await ledger.begin(RowSet.of([4]), attempt=3)).id > claim.id
    await ledger.close()


@pytest.mark.parametrize("at", [1_000_000_000.25, 9_000_000_000.0])
async def test_the_date_of_a_claim_outlives_its_process(path: Path, at: float) -> None:
    """By the clock of its maker, which may be years off the ledger's own."""
    ledger = SqliteLedger.create(path, total=3)
    await ledger.begin(RowSet.of([1]), attempt=1, at=at)
    await ledger.close()
    ledger = SqliteLedger.open(path)
    assert [claim.at for claim in ledger.open_claims()] == [at]
    await ledger.close()


def test_rows_begun_by_a_dead_process_count_as_in_doubt(path: Path, start_child: StartChild) -> None:
    """While it lives, the same rows are merely in flight."""
    child = start_child(BEGIN_AND_HANG, path)
    assert child.stdout is not None
    child.stdout.readline()
    view = SqliteLedgerView.open(path)
    assert view.counts() == Counts(succeeded=1, pending=8)
    holder = view.holder()
    assert holder is not None
    assert holder.pid == child.pid
    kill_after(child, 0)
    assert view.counts() == Counts(succeeded=1, in_doubt=3, pending=5)
    assert view.holder() is None


@pytest.mark.chaos
@pytest.mark.parametrize("seed", range(4))
def test_what_was_reported_durable_is_in_the_file(path: Path, start_child: StartChild, seed: int) -> None:
    """Killed anywhere: each returned `begin` has left a claim or an outcome, each returned `flush` its outcome."""
    said = kill_after(start_child(REPORT_ALL, path), random.Random(seed).randint(1, 3000))
    view = SqliteLedgerView.open(path)
    ended = {row for settled in view.outcomes() for row in settled.rows}
    claimed = {row for claim in view.open_claims() for row in claim.rows}
    begun = {int(line.split()[1]) for line in said if line.startswith("begun")}
    settled = {int(line.split()[1]) for line in said if line.startswith("settled")}
    assert begun <= ended | claimed
    assert settled <= ended
    assert not ended & claimed
    assert view.counts().done == len(ended)
    assert len(claimed) <= 20
