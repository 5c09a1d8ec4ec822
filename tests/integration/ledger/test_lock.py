"""Two processes never work on one run."""

from __future__ import annotations

import asyncio
import http.server
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bulkops.errors import LedgerError, RefusedError
from bulkops.ledger.base import Owner
from bulkops.ledger.lock import this_process, watch
from bulkops.ledger.seal import read_seal
from bulkops.ledger.sqlite import SqliteLedger, SqliteLedgerView
from bulkops.model import Counts, Outcome, RowSet, Settled, State

StartChild = Callable[..., subprocess.Popen[str]]

ACQUIRE_AT_THE_SIGN = """
async def main():
    ledger = SqliteLedger.open(Path(sys.argv[1]))
    say("ready")
    while sys.stdin.readline():
        try:
            await ledger.acquire(this_process(sys.argv[2]), lease_s=60)
        except RefusedError as error:
            say(f"refused {error}")
        else:
            say("won")

asyncio.run(main())
"""
FAR = Owner("far", "another-host", 7, 0.0)
DONE = Outcome.succeeded(attempts=1)


def heard(child: subprocess.Popen[str]) -> str:
    """The next line that a child says."""
    assert child.stdout is not None
    return child.stdout.readline()


def tell(child: subprocess.Popen[str]) -> None:
    """Give a child its sign."""
    assert child.stdin is not None
    child.stdin.write("go\n")
    child.stdin.flush()


def rows(*numbers: int) -> RowSet:
    """A set of rows."""
    return RowSet.of(numbers)


async def test_of_twenty_processes_one_gets_the_run_each_time(path: Path, start_child: StartChild) -> None:
    """Four times: when nobody has it, and when who had it was killed. The others are told who it is."""
    await SqliteLedger.create(path, total=1).close()
    children = [start_child(ACQUIRE_AT_THE_SIGN, path, f"child-{number}") for number in range(20)]
    assert [heard(child) for child in children] == ["ready\n"] * 20
    for _ in range(4):
        for child in children:
            tell(child)
        answers = [heard(child) for child in children]
        assert answers.count("won\n") == 1
        winner = children.pop(answers.index("won\n"))
        told = f"process {winner.pid} on {this_process('x').host}"
        assert sum(told in answer and f"kill {winner.pid}" in answer for answer in answers) == len(children)
        winner.kill()
        winner.wait()


async def test_a_clock_behind_refuses_at_once(path: Path) -> None:
    """The lease has not ended yet, as seen from there."""
    owner = SqliteLedger.create(path, total=5)
    await owner.acquire(FAR, lease_s=60)
    behind = SqliteLedger.open(path, clock=lambda: time.time() - 3600)
    with pytest.raises(RefusedError, match=r"far.*another-host.*retry after the lease"):
        await behind.acquire(this_process("new"), lease_s=60)
    await behind.close()
    await owner.close()


async def test_a_clock_ahead_takes_no_run_from_a_living_owner(path: Path) -> None:
    """Its lease seems to have ended an hour ago, but it is renewed while that is watched."""
    owner = SqliteLedger.create(path, total=5)
    await owner.acquire(FAR, lease_s=0.5)
    ahead = SqliteLedger.open(path, clock=lambda: time.time() + 3600)
    taking = asyncio.create_task(ahead.acquire(this_process("new"), lease_s=60))
    while not taking.done():
        await owner.acquire(FAR, lease_s=0.5)
    with pytest.raises(RefusedError, match=r"far.*another-host.*is at work.*clocks differ"):
        await taking
    await owner.begin(rows(1), attempt=1)
    await ahead.close()
    await owner.close()


async def test_the_run_of_a_dead_owner_elsewhere_is_taken_over_whatever_the_clocks_say(path: Path) -> None:
    """Nothing was written for the length of its lease."""
    owner = SqliteLedger.create(path, total=5)
    await owner.acquire(FAR, lease_s=0.2)
    await owner.close()
    ahead = SqliteLedger.open(path, clock=lambda: time.time() + 3600)
    await ahead.acquire(this_process("new"), lease_s=60)
    holder = SqliteLedgerView.open(path).holder()
    assert holder == this_process("new")
    await ahead.close()


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
        await old.leaving()
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


PAUSED_BEFORE_SENDING = """
import signal, urllib.request
from bulkops.ledger.base import Owner

async def main():
    path, url, host, lease_s = sys.argv[1:]
    ledger = SqliteLedger.open(Path(path))
    me = this_process("paused")
    await ledger.acquire(Owner(me.name, host or me.host, me.pid, me.started_at), lease_s=float(lease_s))
    commit = ledger._file.commit

    def commit_and_sleep():
        commit()
        ledger._file.commit = commit
        os.kill(os.getpid(), signal.SIGSTOP)  # the claim is durable, and not a byte has left

    ledger._file.commit = commit_and_sleep
    try:
        await ledger.begin(RowSet.of([1]), attempt=1)
    except LedgerError as error:
        say(f"not sent: {error}")
    else:
        urllib.request.urlopen(url, data=b"1").close()
        say("sent")

asyncio.run(main())
"""


class Server(http.server.ThreadingHTTPServer):
    """Counts the writes that reach it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Counting)
        self.writes: list[bytes] = []
        self.url = f"http://127.0.0.1:{self.server_port}/"


class _Counting(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.server.writes.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named so in the library
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """One that listens."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_a_paused_process_whose_run_was_taken_over_sends_nothing(
    path: Path, start_child: StartChild, server: Server
) -> None:
    """Stopped with its claim durable, and woken when another host has the run: the claim is the other's to settle."""
    await SqliteLedger.create(path, total=5).close()
    child = start_child(PAUSED_BEFORE_SENDING, path, server.url, "another-host", 0.3)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED)
    ledger = SqliteLedger.open(path, clock=lambda: time.time() + 60)
    await ledger.acquire(this_process("next"), lease_s=60)
    (claim,) = ledger.open_claims()
    child.send_signal(signal.SIGCONT)
    said, _ = await asyncio.to_thread(child.communicate)
    assert said.startswith("not sent: ")
    assert "taken over by next" in said
    assert server.writes == []
    ledger.settle(claim, [])  # it did not happen: sent from here
    await ledger.begin(rows(1), attempt=2)
    await ledger.close()


async def test_a_paused_process_whose_run_nobody_took_goes_on(
    path: Path, start_child: StartChild, server: Server
) -> None:
    """A laptop that slept for longer than the lease: a commit more shows that the run is still its own."""
    await SqliteLedger.create(path, total=5).close()
    child = start_child(PAUSED_BEFORE_SENDING, path, server.url, "", 1.0)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED)
    assert (before := read_seal(path)) is not None
    assert await watch(lambda: read_seal(path), for_s=0.6)
    child.send_signal(signal.SIGCONT)
    said, _ = await asyncio.to_thread(child.communicate)
    assert said == "sent\n"
    assert server.writes == [b"1"]
    assert (after := read_seal(path)) is not None
    assert after.commits == before.commits + 1


async def test_a_disk_slower_than_the_lease_stops_the_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each commit proves the run for half of the lease from its beginning: none that is over by then can."""
    ledger = SqliteLedger.create(path, total=5)
    await ledger.acquire(this_process("me"), lease_s=20)
    clock = iter(range(0, 1000, 11))  # seconds between two looks at it
    monkeypatch.setattr("bulkops.ledger.file.waking_clock", lambda: next(clock))
    monkeypatch.setattr("bulkops.ledger.sqlite.waking_clock", lambda: next(clock))
    with pytest.raises(LedgerError, match=r"half of the lease of 20 s.*check the disk"):
        await ledger.begin(rows(1), attempt=1)
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
