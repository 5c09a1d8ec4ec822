"""Reading beside a writer, and reading what nobody writes any more."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bulkops.errors import LedgerError
from bulkops.ledger import reading as reading_module
from bulkops.ledger import view as view_module
from bulkops.ledger.base import LedgerView
from bulkops.ledger.lock import this_process
from bulkops.ledger.sqlite import SqliteLedger
from bulkops.ledger.view import SqliteLedgerView
from bulkops.model import Counts, Outcome, RowSet, Settled, Traffic

StartChild = Callable[..., subprocess.Popen[str]]

DONE = Outcome.succeeded(attempts=1)
LOST = Outcome.in_doubt("no_answer", "gone", attempts=1)
AS_NOBODY = """
if os.geteuid() == 0:
    os.setuid(65534)  # root may write anywhere
try:
    say(SqliteLedgerView.open(Path(sys.argv[1])).counts().done)
except LedgerError as error:
    say(error)
"""


def rows(*numbers: int) -> RowSet:
    """A set of rows."""
    return RowSet.of(numbers)


async def test_a_view_shows_what_is_durable_while_the_owner_writes(path: Path) -> None:
    """Claims in flight are pending, doubts with a reason are in doubt."""
    ledger = SqliteLedger.create(path, total=6, linger_s=3600)
    view: LedgerView = SqliteLedgerView.open(path)
    await ledger.acquire(this_process("me"), lease_s=60)
    claim = await ledger.begin(rows(1, 2), attempt=1)
    other = await ledger.begin(rows(5), attempt=2)
    ledger.settle(claim, [Settled(rows(1), DONE)], doubts=[Settled(rows(2), LOST)])
    ledger.add_traffic(Traffic(requests=1))
    ledger.put_note("cursor", "a")
    assert view.counts() == Counts(pending=6)
    await ledger.flush()
    assert view.total == 6
    assert view.counts() == ledger.counts() == Counts(succeeded=1, in_doubt=1, pending=4)
    assert list(view.outcomes()) == [Settled(rows(1), DONE)]
    assert view.open_claims() == list(ledger.open_claims())
    assert view.open_claims()[1] == other
    assert view.traffic() == Traffic(requests=1)
    assert view.note("cursor") == "a"
    assert view.note("none") is None
    await ledger.close()


async def test_a_view_of_a_finished_run_makes_no_files(path: Path) -> None:
    """Nor does it change the file."""
    ledger = SqliteLedger.create(path, total=6)
    ledger.conclude(rows(1, 2, 4), Outcome.skipped("x", "y"))
    await ledger.close()
    before = {file: (file.stat().st_mtime_ns, file.stat().st_size) for file in path.parent.iterdir()}
    view = SqliteLedgerView.open(path)
    assert view.counts() == Counts(skipped=3, pending=3)
    assert [settled.rows for settled in view.outcomes()] == [rows(1, 2), rows(4)]
    assert {file: (file.stat().st_mtime_ns, file.stat().st_size) for file in path.parent.iterdir()} == before


async def test_a_stream_goes_on_when_a_writer_comes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It began without locks on a file at rest, and ends with what is true then."""
    monkeypatch.setattr(view_module, "_PAGE", 2)
    ledger = SqliteLedger.create(path, total=2000)
    for row in range(1, 100, 2):
        ledger.conclude(rows(row), DONE_BY_PLAN)
    await ledger.close()
    stream = SqliteLedgerView.open(path).outcomes()
    first = [next(stream) for _ in range(3)]
    ledger = SqliteLedger.open(path)
    for row in range(101, 2000, 2):
        ledger.conclude(rows(row), Outcome.failed("bad", f"message {row}" * 50))
    await ledger.flush()
    ledger._file.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    seen = [*first, *stream]
    assert [settled.rows for settled in seen] == [rows(row) for row in range(1, 2000, 2)]
    await ledger.close()


async def test_a_change_without_locks_is_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer came and went while the file was read as one at rest."""
    await SqliteLedger.create(path, total=2).close()
    view = SqliteLedgerView.open(path)
    marks = reading_module._mark
    answers: list[object] = [(0, 0, 0), "changed"]
    monkeypatch.setattr(reading_module, "_mark", lambda path: answers.pop(0) if answers else marks(path))
    assert view.counts() == Counts(pending=2)
    assert answers == []


async def test_the_log_of_a_dead_process_is_read_without_its_index(path: Path, tmp_path: Path) -> None:
    """A copy may lack the -shm file."""
    ledger = SqliteLedger.create(path, total=6)
    await ledger.begin(rows(1), attempt=1)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-seal"):
        shutil.copy(path.parent / name, copy)
    await ledger.close()
    assert [claim.rows for claim in SqliteLedgerView.open(copy / "ledger.db").open_claims()] == [rows(1)]


@pytest.fixture
def sealed() -> Iterator[Path]:
    """A folder that everybody can reach and that a test may close to writing."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o700)
    shutil.rmtree(folder)


def seal(folder: Path) -> None:
    """Readable by all, writable by none."""
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)


@pytest.mark.skipif(os.name != "posix", reason="rights of a folder")
async def test_a_finished_run_is_read_in_a_folder_that_may_not_be_written(
    sealed: Path, start_child: StartChild
) -> None:
    """An archive, for example."""
    ledger = SqliteLedger.create(sealed / "ledger.db", total=6)
    ledger.conclude(rows(1, 2, 4), Outcome.skipped("x", "y"))
    await ledger.close()
    seal(sealed)
    said, _ = start_child(AS_NOBODY, sealed / "ledger.db").communicate()
    assert said == "3\n"


@pytest.mark.skipif(os.name != "posix", reason="rights of a folder")
async def test_a_log_in_a_folder_that_may_not_be_written_is_explained(sealed: Path, start_child: StartChild) -> None:
    """Its index would have to be made there."""
    ledger = SqliteLedger.create(sealed / "live.db", total=6)
    await ledger.begin(rows(1), attempt=1)
    for end in ("", "-wal"):
        shutil.copy(sealed / f"live.db{end}", sealed / f"ledger.db{end}")
    await ledger.close()
    seal(sealed)
    said, _ = start_child(AS_NOBODY, sealed / "ledger.db").communicate()
    assert "copy it to where you may write" in said


async def test_a_view_needs_a_ledger(path: Path) -> None:
    """A folder is none."""
    path.mkdir()
    with pytest.raises(LedgerError, match="there is no ledger"):
        SqliteLedgerView.open(path)


DONE_BY_PLAN = Outcome.skipped("already_so", "nothing to do")
