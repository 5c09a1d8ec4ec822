"""A small ledger with something of everything in it, all that can be read of it, and copies of its files."""

from __future__ import annotations

from pathlib import Path

from bulkops.ledger.base import Ledger
from bulkops.ledger.lock import this_process
from bulkops.ledger.sqlite import SqliteLedger
from bulkops.model import Outcome, RowSet, Settled, Traffic

TOTAL = 200
FILES = ("", "-wal", "-shm", "-seal")


def rows(*numbers: int) -> RowSet:
    """A set of rows."""
    return RowSet.of(numbers)


async def a_full_ledger(path: Path) -> SqliteLedger:
    """Held by this process: outcomes alone and in runs, with texts and without, claims, a doubt, notes, traffic."""
    ledger = SqliteLedger.create(path, total=TOTAL, linger_s=3600)
    await ledger.acquire(this_process("tester"), lease_s=60)
    ledger.conclude(rows(*range(1, 21)), Outcome.skipped("duplicate_row", "row 21 names the same"))
    for row in range(21, 100):
        done = Outcome.succeeded(
            attempts=1 + row % 3, http_status=200, request_id=f"request-{row}" if row % 2 else None
        )
        ledger.settle(await ledger.begin(rows(row), attempt=1), [Settled(rows(row), done)])
    for row in range(101, 140):
        ledger.conclude(rows(row), Outcome.failed("bad", f"row {row} is none of «ours»", http_status=400))
    lost = await ledger.begin(rows(150, 151, 160), attempt=2)
    ledger.settle(lost, [], doubts=[Settled(rows(150, 160), Outcome.in_doubt("no_answer", "gone", attempts=2))])
    await ledger.begin(rows(170, 171), attempt=1)
    ledger.put_note("confirmed", "2026-01-01T00:00:00+00:00")
    ledger.put_note("agreed invite", "180")
    ledger.add_traffic(Traffic(requests=90, throttled=2, retries=1, elapsed_s=12.25))
    await ledger.flush()
    return ledger


def contents(ledger: Ledger) -> object:
    """All that a ledger says."""
    outcomes = {row: settled.outcome for settled in ledger.outcomes() for row in settled.rows}
    states = [ledger.state_of(row) for row in range(1, ledger.total + 1)]
    claims = [(claim.id, claim.rows, claim.attempt, claim.at, claim.doubt) for claim in ledger.open_claims()]
    notes = [ledger.note(key) for key in ("confirmed", "agreed invite")]
    return outcomes, states, claims, notes, ledger.traffic()


def files_of(path: Path) -> dict[str, bytes]:
    """The files of a ledger as they are, by their endings."""
    return {end: file.read_bytes() for end in FILES if (file := path.with_name(path.name + end)).exists()}


def put(path: Path, files: dict[str, bytes]) -> None:
    """Exactly these files of a ledger."""
    for end in FILES:
        file = path.with_name(path.name + end)
        if end in files:
            file.write_bytes(files[end])
        else:
            file.unlink(missing_ok=True)


def flipped(data: bytes, bit: int) -> bytes:
    """`data` with one bit changed."""
    at = bit // 8
    return data[:at] + bytes((data[at] ^ 1 << bit % 8,)) + data[at + 1 :]
