"""Many callers share one flush of the disk, and none can spoil it for the others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bulkops.errors import LedgerError
from bulkops.ledger.sqlite import SqliteLedger, SqliteLedgerView
from bulkops.model import Counts, Outcome, RowSet, Settled, State, Traffic

DONE = Outcome.succeeded(attempts=1)
TOTAL = 10_000


def rows(*numbers: int) -> RowSet:
    """A set of rows."""
    return RowSet.of(numbers)


class Gate:
    """Holds each commit of a ledger until it is opened."""

    def __init__(self, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commits = 0
        self.entered = asyncio.Event()
        self.open = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._commit: Callable[[], None] = ledger.commit
        monkeypatch.setattr(ledger, "commit", self._pass)

    def _pass(self) -> None:
        self.commits += 1
        self._loop.call_soon_threadsafe(self.entered.set)
        self.open.wait()
        self._commit()


@pytest.fixture
async def ledger(path: Path) -> AsyncIterator[SqliteLedger]:
    """A new one, whose records wait for somebody to await them."""
    ledger = SqliteLedger.create(path, total=TOTAL, linger_s=3600)
    yield ledger
    await ledger.close()


async def test_claims_made_at_once_share_one_commit(ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that come while it runs share the next."""
    gate = Gate(ledger, monkeypatch)
    first = [asyncio.create_task(ledger.begin(rows(row), attempt=1)) for row in range(1, 51)]
    await gate.entered.wait()
    later = [asyncio.create_task(ledger.begin(rows(row), attempt=1)) for row in range(51, 101)]
    await asyncio.sleep(0)
    gate.open.set()
    await asyncio.gather(*first, *later)
    assert gate.commits == 2


async def test_a_record_that_nobody_awaits_is_committed_soon(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit comes by itself."""
    ledger = SqliteLedger.create(path, total=TOTAL)
    gate = Gate(ledger, monkeypatch)
    gate.open.set()
    ledger.conclude(rows(1), Outcome.skipped("x", "x"))
    await gate.entered.wait()
    await ledger.flush()
    assert gate.commits == 1
    await ledger.close()


async def test_a_full_buffer_is_committed_at_once(ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long records may linger."""
    gate = Gate(ledger, monkeypatch)
    gate.open.set()
    for row in range(1, 2001, 2):
        ledger.conclude(rows(row), Outcome.skipped("x", "x"))
    await gate.entered.wait()


async def test_what_is_noted_during_a_large_group_is_kept(ledger: SqliteLedger) -> None:
    """A group is written in slices, and the event loop runs between them."""
    ledger.conclude(RowSet.of(range(1, TOTAL, 2)), Outcome.skipped("x", "x"))
    flushing = asyncio.create_task(ledger.flush())
    for row in range(2, 20, 2):
        await asyncio.sleep(0)
        ledger.conclude(rows(row), Outcome.failed("x", "x"))
    await flushing
    await ledger.flush()
    assert (
        SqliteLedgerView.open(ledger._path).counts() == ledger.counts() == Counts(skipped=5000, failed=9, pending=4991)
    )


async def test_a_cancelled_claim_is_given_back_and_the_others_stand(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its caller never got it, so nothing was sent under it."""
    gate = Gate(ledger, monkeypatch)
    cancelled = asyncio.create_task(ledger.begin(rows(1), attempt=1))
    other = asyncio.create_task(ledger.begin(rows(2), attempt=1))
    await gate.entered.wait()
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert ledger.state_of(1) is State.PENDING
    gate.open.set()
    claim = await other
    await ledger.flush()
    assert SqliteLedgerView.open(ledger._path).open_claims() == [claim]
    assert (await ledger.begin(rows(1), attempt=1)).id != claim.id


async def test_a_failure_reaches_everybody_who_waits(ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those whose records would have been in the next group; each gets an error of its own."""
    gate = Gate(ledger, monkeypatch)
    first = asyncio.create_task(ledger.begin(rows(1), attempt=1))
    await gate.entered.wait()
    second = asyncio.create_task(ledger.begin(rows(2), attempt=1))
    await asyncio.sleep(0)

    def fail() -> None:
        raise LedgerError("the disk is gone")

    gate._commit = fail
    gate.open.set()
    errors = await asyncio.gather(first, second, return_exceptions=True)
    assert [str(error) for error in errors] == ["the disk is gone"] * 2
    assert errors[0] is not errors[1]
    with pytest.raises(LedgerError, match="the disk is gone"):
        await ledger.flush()


async def test_a_mistake_of_ours_leaves_nobody_waiting(ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever went wrong: the record is not safe."""
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["message"]))

    def fail() -> None:
        raise RuntimeError("unheard of")

    monkeypatch.setattr(ledger, "commit", fail)
    with pytest.raises(LedgerError, match="unheard of"):
        await ledger.begin(rows(1), attempt=1)


async def test_closing_leaves_no_task(path: Path) -> None:
    """All that was noted is in the file."""
    ledger = SqliteLedger.create(path, total=TOTAL)
    claim = await ledger.begin(rows(1, 2), attempt=1)
    ledger.settle(claim, [Settled(rows(1, 2), DONE)])
    ledger.add_traffic(Traffic(requests=1))
    await ledger.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("bulkops-ledger")]
    view = SqliteLedgerView.open(path)
    assert (view.counts().succeeded, view.traffic().requests) == (2, 1)
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, f"{path.name}-seal"]


def test_records_made_without_an_event_loop_wait_for_one(path: Path) -> None:
    """And one ledger serves one loop after another."""
    ledger = SqliteLedger.create(path, total=TOTAL)
    ledger.conclude(rows(1), Outcome.skipped("x", "x"))
    asyncio.run(ledger.flush())
    asyncio.run(ledger.begin(rows(2), attempt=1))
    asyncio.run(ledger.close())
    assert SqliteLedgerView.open(path).counts() == Counts(skipped=1, in_doubt=1, pending=TOTAL - 2)


def test_it_works_on_uvloop(path: Path) -> None:
    """As on the loop of asyncio."""
    uvloop = pytest.importorskip("uvloop")

    async def work(ledger: SqliteLedger, row: int) -> None:
        ledger.settle(await ledger.begin(rows(row), attempt=1), [Settled(rows(row), DONE)])

    async def main() -> None:
        ledger = SqliteLedger.create(path, total=TOTAL)
        await asyncio.gather(*(work(ledger, row) for row in range(1, 301)))
        await ledger.close()

    uvloop.run(main())
    assert SqliteLedgerView.open(path).counts().succeeded == 300
