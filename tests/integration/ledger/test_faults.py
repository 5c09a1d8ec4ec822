"""A disk that fails, and files that cannot be trusted."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkops.errors import LedgerError
from bulkops.ledger.sqlite import SqliteLedger, SqliteLedgerView
from bulkops.model import Counts, Outcome, RowSet, Settled, Traffic

StartChild = Callable[..., subprocess.Popen[str]]

DONE = Outcome.succeeded(attempts=1)
FILL = """
import resource

async def main():
    ledger = SqliteLedger.open(Path(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    for row in range(2, 100_000):
        rows = RowSet.of([row])
        try:
            ledger.settle(await ledger.begin(rows, attempt=1), [Settled(rows, DONE)])
        except LedgerError as error:
            say(f"{row} {error}")
            break
    await ledger.close()

asyncio.run(main())
"""


def rows(*numbers: int) -> RowSet:
    """A set of rows."""
    return RowSet.of(numbers)


async def a_finished_ledger(path: Path, total: int = 3000) -> None:
    """One with an outcome for each row but the last, no two alike."""
    ledger = SqliteLedger.create(path, total=total)
    for row in range(1, total):
        ledger.conclude(rows(row), Outcome.failed("bad", f"message {row}", attempts=row))
    await ledger.close()


async def test_a_full_disk_stops_the_run_and_keeps_the_record(path: Path) -> None:
    """Everybody who waits hears of it, each later write is refused, and what was durable before still is."""
    ledger = SqliteLedger.create(path, total=100_000)
    ledger.settle(await ledger.begin(rows(1), attempt=1), [Settled(rows(1), DONE)])
    await ledger.flush()
    (pages,) = ledger._file.connection.execute("PRAGMA page_count").fetchone()
    ledger._file.connection.execute(f"PRAGMA max_page_count = {pages}")
    for row in range(2, 2002):
        ledger.conclude(rows(row), Outcome.failed("bad", f"message {row}"))
    with pytest.raises(LedgerError, match=r"disk is full: free some space, then `bulkops resume`"):
        await ledger.flush()
    with pytest.raises(LedgerError, match="disk is full"):
        await ledger.begin(rows(5000), attempt=1)
    with pytest.raises(LedgerError, match="disk is full"):
        ledger.add_traffic(Traffic(1))
    await ledger.close()

    ledger = SqliteLedger.open(path)
    assert ledger.counts() == Counts(succeeded=1, pending=99_999)
    await ledger.begin(rows(2), attempt=1)
    await ledger.close()


async def test_a_file_that_may_not_grow_stops_the_run(path: Path, start_child: StartChild) -> None:
    """The system refuses the write; all that was reported before is there."""
    ledger = SqliteLedger.create(path, total=100_000)
    ledger.conclude(rows(1), Outcome.skipped("x", "x"))
    await ledger.close()
    child = start_child(FILL, path)
    said, _ = child.communicate()
    assert child.returncode == 0
    row, message = said.split(maxsplit=1)
    assert "`bulkops resume`" in message
    counts = SqliteLedgerView.open(path).counts()
    assert counts.done + counts.in_doubt >= int(row) - 1


async def test_a_removed_file_stops_the_run(path: Path) -> None:
    """Writing to it would succeed and be lost."""
    ledger = SqliteLedger.create(path, total=5)
    await ledger.begin(rows(1), attempt=1)
    path.unlink()
    with pytest.raises(LedgerError, match="removed or replaced"):
        await ledger.begin(rows(2), attempt=1)
    await ledger.close()


async def test_an_empty_file_is_no_ledger(path: Path) -> None:
    """Its creation was cut short before anything was recorded."""
    path.touch()
    for attempt in (SqliteLedger.open, SqliteLedgerView.open):
        with pytest.raises(LedgerError, match="cut short: nothing was recorded"):
            attempt(path)


async def test_a_missing_file_is_not_made(path: Path) -> None:
    """Opening is not creating."""
    for attempt in (SqliteLedger.open, SqliteLedgerView.open):
        with pytest.raises(LedgerError, match="there is no ledger"):
            attempt(path)
    assert not path.exists()


async def test_an_existing_ledger_is_never_overwritten(path: Path) -> None:
    """Creating is not opening."""
    await a_finished_ledger(path, 5)
    with pytest.raises(LedgerError, match="already"):
        SqliteLedger.create(path, total=5)
    assert SqliteLedgerView.open(path).counts().failed == 4


async def test_a_file_of_something_else_is_refused(path: Path) -> None:
    """And says what is the matter."""
    path.write_bytes(b"email,role\n" * 1000)
    for attempt in (SqliteLedger.open, SqliteLedgerView.open):
        with pytest.raises(LedgerError, match="not a ledger"):
            attempt(path)


async def test_the_database_of_another_program_stays_as_it_is(path: Path) -> None:
    """It is not even given a write-ahead log."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="no ledger of bulkops"):
        SqliteLedger.open(path)
    assert path.read_bytes() == before


async def test_a_newer_format_is_refused(path: Path) -> None:
    """This version cannot know what its tables mean."""
    await a_finished_ledger(path, 5)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for attempt in (SqliteLedger.open, SqliteLedgerView.open):
        with pytest.raises(LedgerError, match=r"newer bulkops \(format 99"):
            attempt(path)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
async def test_a_truncated_ledger_is_never_resumed(path: Path, share: float) -> None:
    """Rows whose outcomes were cut off must not look pending."""
    await a_finished_ledger(path)
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(LedgerError, match=r"Restore the run's folder|overwritten"):
        SqliteLedger.open(path)


async def test_an_overwritten_page_is_noticed(path: Path) -> None:
    """Whichever page that holds rows it is."""
    await a_finished_ledger(path)
    whole = path.read_bytes()
    connection = sqlite3.connect(path)
    pages = connection.execute("SELECT pageno FROM dbstat WHERE name = 'settled'").fetchall()
    connection.close()
    for (page,) in pages[::7]:
        start = (page - 1) * 4096
        path.write_bytes(whole[:start] + b"\x00" * 4096 + whole[start + 4096 :])
        with pytest.raises(LedgerError, match=r"damaged|cannot be told"):
            SqliteLedger.open(path)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM settled WHERE first = 2",
        "UPDATE settled SET last = 3 WHERE first = 2",
        "UPDATE settled SET first = 77 WHERE first = 2",
        "UPDATE settled SET state = 700 WHERE first = 2",
        "UPDATE settled SET state = 1 WHERE first = 2",
        "INSERT INTO claim (id, first, last, attempt, at) VALUES (1, 2, 2, 1, 0)",
        "DELETE FROM run",
    ],
)
async def test_a_ledger_that_contradicts_itself_is_refused(path: Path, change: str) -> None:
    """Its rows and its totals are kept apart, and must agree."""
    await a_finished_ledger(path, 5)
    connection = sqlite3.connect(path)
    connection.execute(change)
    connection.commit()
    connection.close()
    with pytest.raises(LedgerError, match="cannot be told from it with certainty"):
        SqliteLedger.open(path)


async def test_each_commit_waits_for_the_disk(path: Path) -> None:
    """A log that is flushed at every commit: what was reported durable survives a power loss."""
    ledger = SqliteLedger.create(path, total=5)
    assert ledger._file.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert ledger._file.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    await ledger.close()
    ledger = SqliteLedger.open(path)
    assert ledger._file.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    await ledger.close()


async def test_only_its_owner_may_read_a_ledger(path: Path) -> None:
    """The log beside it, too: messages of providers name people."""
    ledger = SqliteLedger.create(path, total=5)
    await ledger.begin(rows(1), attempt=1)
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
    await ledger.close()


async def test_a_text_that_is_no_unicode_does_not_cost_the_record(path: Path) -> None:
    """A lone surrogate is stored as a question mark."""
    ledger = SqliteLedger.create(path, total=5)
    ledger.conclude(rows(1), Outcome.failed("bad", "caf\udce9 ä"))
    ledger.put_note("note", "\udce9")
    await ledger.flush()
    assert [settled.outcome.message for settled in ledger.outcomes()] == ["caf? ä"]
    assert ledger.note("note") == "?"
    await ledger.close()


async def test_a_copied_folder_is_a_whole_ledger(path: Path, tmp_path: Path) -> None:
    """Copied with the log that its process had not yet moved into the file."""
    ledger = SqliteLedger.create(path, total=5)
    ledger.settle(await ledger.begin(rows(1, 2), attempt=1), [], doubts=[Settled(rows(2), _LOST)])
    await ledger.flush()
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in path.parent.glob("ledger.db*"):
        shutil.copy(file, copy)
    await ledger.close()
    moved = SqliteLedger.open(copy / "ledger.db")
    assert [(claim.rows, claim.doubt) for claim in moved.open_claims()] == [(rows(2), _LOST)]
    await moved.close()


_LOST = Outcome.in_doubt("no_answer", "gone", attempts=1, http_status=502, request_id="r")
