"""A ledger that was damaged, cut or copied at a bad moment is whole, or refused in words: never silently less."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkops.errors import LedgerError
from bulkops.ledger.lock import this_process
from bulkops.ledger.seal import read_seal, seal_path
from bulkops.ledger.sqlite import SqliteLedger, SqliteLedgerView
from bulkops.model import Outcome
from tests.integration.ledger.damage import a_full_ledger, contents, files_of, flipped, put, rows

Child = subprocess.Popen[str]
StartChild = Callable[..., Child]
Files = dict[str, bytes]

PAGE = 4096
ENDLESS = """
async def worker(ledger, numbers):
    for row in numbers:
        rows = RowSet.of([row])
        claim = await ledger.begin(rows, attempt=1)
        say(f"begun {row}")
        ledger.settle(claim, [Settled(rows, Outcome.succeeded(attempts=1, request_id=f"id {row}"))])
        if row % 3 == 0:
            await ledger.flush()
            say(f"settled {row}")

async def main():
    ledger = SqliteLedger.create(Path(sys.argv[1]), total=200_000)
    ledger._file.connection.execute("PRAGMA wal_autocheckpoint = 60")  # copies are to meet checkpoints, too
    await ledger.acquire(this_process("child"), lease_s=60)
    numbers = iter(range(1, 200_001))
    await asyncio.gather(*(worker(ledger, numbers) for _ in range(3)))

asyncio.run(main())
"""


async def opened(path: Path, files: Files) -> object:
    """What a ledger of these files says, or the words by which it was refused."""
    put(path, files)
    try:
        ledger = SqliteLedger.open(path)
    except LedgerError as error:
        return str(error)
    try:
        return contents(ledger)
    finally:
        await ledger.close()


@pytest.fixture
async def truth(path: Path) -> tuple[Files, Files, object]:
    """The files that a killed owner leaves, those of a run that was given back, and what both say."""
    ledger = await a_full_ledger(path)
    killed = files_of(path)
    await ledger.release()
    await ledger.close()
    given_back = files_of(path)
    said = await opened(path, given_back)
    assert said == await opened(path, killed)
    assert not isinstance(said, str)
    return killed, given_back, said


def of(truth: tuple[Files, Files, object], end: str) -> Files:
    """The files in which the one that ends so matters."""
    return truth[0] if end in {"-wal", "-seal"} else truth[1]


@pytest.mark.parametrize(("end", "flips"), [("", 500), ("-wal", 200), ("-seal", 60), ("-shm", 40)])
async def test_a_flipped_bit_changes_nothing_or_is_refused(
    path: Path, truth: tuple[Files, Files, object], end: str, flips: int
) -> None:
    """Whichever it is: in the file, its log, its seal or its index."""
    files = truth[0] if end else truth[1]
    bits = random.Random(end).sample(range(8 * len(files[end])), flips)
    bits += range(0, 800, 8) if not end else ()  # each byte of SQLite's own header
    refused = 0
    for bit in bits:
        said = await opened(path, {**files, end: flipped(files[end], bit)})
        assert said == truth[2] or isinstance(said, str), bit
        refused += isinstance(said, str)
    assert refused == 0 if end in {"-seal", "-shm"} else refused > flips / 5


async def test_each_value_of_each_table_is_watched(path: Path, truth: tuple[Files, Files, object]) -> None:
    """What was written by SQL, as a bit of it could be, is named: outcomes, claims, reasons, notes, the head."""
    changes = {
        "outcomes": [
            f"UPDATE settled SET {column} = {value} WHERE first = 101"
            for column, value in {
                "last": "102",
                "state": "3",
                "attempts": "attempts + 1",
                "http_status": "NULL",
                "detail": "detail + 1",
                "request_id": "'a'",
                "at": "at + 1",
            }.items()
        ]
        + [
            "UPDATE settled SET attempts = x'' WHERE first = 101",
            "UPDATE settled SET request_id = CAST(request_id AS BLOB) WHERE first = 21",
            "UPDATE settled SET first = 100 WHERE first = 101",
            "DELETE FROM settled WHERE first = 101",
        ],
        "about to be sent": [
            f"UPDATE claim SET {column} = {column} + 1 WHERE first = 160"
            for column in ("id", "first", "last", "attempt", "at", "doubt_attempts", "doubt_detail")
        ]
        + ["UPDATE claim SET doubt_status = 0", "UPDATE claim SET doubt_request = 'x'", "DELETE FROM claim"],
        "reasons": [
            "UPDATE detail SET code = 'worse' WHERE id = 1",
            "UPDATE detail SET message = '' WHERE id = 1",
            "UPDATE detail SET id = 99 WHERE id = 1",
        ],
        "notes on the run": ["UPDATE note SET value = '181' WHERE value = '180'", "DELETE FROM note"],
        "head": [
            "UPDATE run SET requests = requests + 1",
            "UPDATE run SET owner = 'x'",
            "UPDATE run SET claim_sum = 0",
        ],
        "tables": ["ALTER TABLE note RENAME TO nota", "CREATE INDEX more ON settled (at)"],
    }
    for named, statements in changes.items():
        for statement in statements:
            put(path, truth[1])
            connection = SqliteLedger.open(path)._file.connection
            connection.execute(statement)
            connection.close()
            said = await opened(path, files_of(path))
            assert isinstance(said, str), statement
            assert named in said, statement
            assert "Restore the run's folder" in said


@pytest.mark.parametrize("end", ["", "-wal"])
async def test_a_cut_file_is_whole_or_refused(path: Path, truth: tuple[Files, Files, object], end: str) -> None:
    """At each of its pages, and anywhere between them."""
    files = of(truth, end)
    size = len(files[end])
    for cut in [*range(0, size, PAGE), *random.Random(end).sample(range(size), 60)]:
        said = await opened(path, {**files, end: files[end][:cut]})
        assert isinstance(said, str), cut


async def test_a_page_from_the_past_is_noticed(path: Path, truth: tuple[Files, Files, object]) -> None:
    """A disk that loses a write leaves the page as it was before, with nothing wrong about it by itself."""
    put(path, truth[1])
    ledger = SqliteLedger.open(path)
    await ledger.acquire(this_process("next"), lease_s=60)
    for row in (100, 172, 173, 174):
        ledger.settle(await ledger.begin(rows(row), attempt=1), [])
        ledger.conclude(rows(row), Outcome.failed("bad", f"late row {row}"))
    await ledger.release()
    await ledger.close()
    before, now = truth[1][""], files_of(path)
    changed = [at for at in range(0, len(before), PAGE) if before[at : at + PAGE] != now[""][at : at + PAGE]]
    said = await opened(path, now)
    refused = 0
    for at in changed:
        mixed = now[""][:at] + before[at : at + PAGE] + now[""][at + PAGE :]
        found = await opened(path, {**now, "": mixed})
        assert found == said or isinstance(found, str), at
        refused += isinstance(found, str)
    assert refused >= 3  # outcomes, their reasons and the head; of claims only what lies unused on a page changed


async def test_a_lost_log_is_missed(path: Path, truth: tuple[Files, Files, object]) -> None:
    """The claims in it would be forgotten, and their calls sent twice: the number of commits that are gone is told."""
    killed = {end: data for end, data in truth[0].items() if end in {"", "-seal"}}
    said = await opened(path, killed)
    assert isinstance(said, str)
    assert "commits that were durable are missing" in said
    assert "Restore the run's folder" in said
    with pytest.raises(LedgerError, match="are missing"):
        SqliteLedgerView.open(path)
    assert files_of(path)[""] == killed[""]


async def test_a_refusal_leaves_the_remains_as_they_are(path: Path, truth: tuple[Files, Files, object]) -> None:
    """Also the part of the log behind the damage, which SQLite would else throw away."""
    log = truth[0]["-wal"]
    damaged = {**truth[0], "-wal": flipped(log, 8 * (len(log) // 2))}
    for _ in range(2):
        said = await opened(path, damaged)
        assert isinstance(said, str)
        left = files_of(path)
        assert {end: left[end] for end in ("", "-wal", "-seal")} == {end: damaged[end] for end in ("", "-wal", "-seal")}


async def test_a_ledger_without_its_seal_is_trusted_only_when_it_was_given_back(
    path: Path, truth: tuple[Files, Files, object]
) -> None:
    """Else nobody can tell whether commits are missing at its end. Whoever goes on makes a new seal."""
    killed, given_back, said = truth
    refusal = await opened(path, {end: data for end, data in killed.items() if end != "-seal"})
    assert isinstance(refusal, str)
    assert "ledger.db-seal" in refusal
    assert isinstance(await opened(path, {"": killed[""]}), str)  # not even where the log is lost as well
    assert await opened(path, {"": given_back[""]}) == said
    ledger = SqliteLedger.open(path)
    await ledger.acquire(this_process("next"), lease_s=60)
    await ledger.close()
    assert (mark := read_seal(path)) is not None
    assert mark.commits == ledger._file.head.commits


async def test_the_seal_of_another_ledger_is_refused(path: Path, truth: tuple[Files, Files, object]) -> None:
    """Files of two runs were mixed. So is one that is no plain file, which could lead anywhere."""
    await SqliteLedger.create(path.with_name("other.db"), total=5).close()
    other = files_of(path.with_name("other.db"))["-seal"]
    said = await opened(path, {**truth[1], "-seal": other})
    assert isinstance(said, str)
    assert "another ledger" in said
    seal_path(path).unlink()
    seal_path(path).symlink_to(path.with_name("other.db-seal"))
    with pytest.raises(LedgerError, match=r"ledger\.db-seal"):
        SqliteLedger.open(path)


async def test_a_seal_that_lags_is_no_reason_to_refuse(path: Path, truth: tuple[Files, Files, object]) -> None:
    """It is not flushed, so a loss of power may leave an older one."""
    put(path, truth[1])
    ledger = SqliteLedger.open(path)
    await ledger.acquire(this_process("next"), lease_s=60)
    for row in (172, 173, 174):
        await ledger.begin(rows(row), attempt=1)
    now = files_of(path)
    await ledger.close()
    said = await opened(path, {**now, "-seal": truth[1]["-seal"]})
    assert not isinstance(said, str)
    assert said == await opened(path, now)


async def test_a_seal_removed_at_work_stops_the_run(path: Path) -> None:
    """It would witness nothing any more."""
    ledger = await a_full_ledger(path)
    seal_path(path).unlink()
    with pytest.raises(LedgerError, match=r"ledger\.db-seal"):
        await ledger.begin(rows(172), attempt=1)
    await ledger.close()


class Writer:
    """A child that works without an end, and rests when nobody hears what it reports."""

    def __init__(self, child: Child) -> None:
        assert child.stdout is not None
        self.child = child
        self._pipe = child.stdout.fileno()
        self._said = b""
        while self._said.count(b"\n") < 100:  # until it has begun
            self._said += os.read(self._pipe, 1 << 16)
        os.set_blocking(self._pipe, False)

    def reported(self) -> tuple[set[int], set[int]]:
        """The rows of which it has said by now that they are begun, and settled. It goes on when this returns."""
        with contextlib.suppress(BlockingIOError):
            while more := os.read(self._pipe, 1 << 16):
                self._said += more
        whole, _, _ = self._said.rpartition(b"\n")
        lines = [line.split() for line in whole.splitlines()]
        begun, settled = ({int(row) for word, row in lines if word == wanted} for wanted in (b"begun", b"settled"))
        return begun, settled


@pytest.fixture
def writer(path: Path, start_child: StartChild) -> Writer:
    """One that has begun."""
    return Writer(start_child(ENDLESS, path))


def copy(path: Path, to: Path, order: tuple[str, ...]) -> Path:
    """The files of a ledger, one after the other, into a new folder."""
    to.mkdir()
    for end in order:
        shutil.copy(path.with_name(path.name + end), to)
    return to / path.name


def holds(path: Path, begun: set[int], settled: set[int]) -> None:
    """The ledger at `path` has a claim or an outcome for each row of `begun`, an outcome for each of `settled`."""
    view = SqliteLedgerView.open(path)
    ended = {row for outcome in view.outcomes() for row in outcome.rows}
    claimed = {row for claim in view.open_claims() for row in claim.rows}
    assert begun <= ended | claimed
    assert settled <= ended


@pytest.mark.chaos
@pytest.mark.parametrize(
    "order", [("", "-wal", "-seal"), ("-seal", "-wal", ""), ("-wal", "", "-seal"), ("-seal", "", "-wal")]
)
async def test_a_copy_made_while_a_writer_works_holds_all_or_is_refused(
    path: Path, tmp_path: Path, writer: Writer, order: tuple[str, ...]
) -> None:
    """All that had been reported durable when the copy began."""
    for number in range(12):
        begun, settled = writer.reported()
        copied = copy(path, tmp_path / f"copy-{number}", order)
        try:
            await SqliteLedger.open(copied).close()
        except LedgerError:
            continue
        holds(copied, begun, settled)
    assert writer.child.poll() is None


@pytest.mark.chaos
async def test_the_files_of_any_moment_hold_all_that_was_durable(path: Path, tmp_path: Path, writer: Writer) -> None:
    """As a loss of power finds them: in the middle of a commit, of a checkpoint, before the seal."""
    for number in range(12):
        begun, settled = writer.reported()
        writer.child.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, writer.child.pid, os.WSTOPPED)
        copied = copy(path, tmp_path / f"copy-{number}", ("", "-wal", "-seal"))
        writer.child.send_signal(signal.SIGCONT)
        await SqliteLedger.open(copied).close()
        holds(copied, begun, settled)


@pytest.mark.chaos
def test_a_reader_beside_a_writer_is_never_refused(path: Path, writer: Writer) -> None:
    """Neither by the seal nor by a checksum: it sees one commit."""
    for _ in range(60):
        writer.reported()
        view = SqliteLedgerView.open(path)
        assert view.holder() is not None
        view.counts()
    assert writer.child.poll() is None
