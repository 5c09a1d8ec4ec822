"""`kill -9` at random moments of the real command, and the sandbox's own count afterwards."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bulkops.errors import LedgerError
from bulkops.ledger.view import SqliteLedgerView
from bulkops.testing.processes import SandboxProcess, Shell, sandbox_process

ROWS = 600
KILLS = 12
FAULTS = [
    {"kind": "delay_after", "method": "POST", "path": "*/invites", "probability": 0.8, "seconds": 0.12},
    {"kind": "delay_before", "method": "POST", "path": "*/invites", "probability": 0.2, "seconds": 0.08},
    {"kind": "lose_after", "method": "POST", "path": "*/invites", "probability": 0.1},
]


@pytest.fixture
def restless() -> Iterator[SandboxProcess]:
    """A sandbox that answers late, and one time in ten not at all after applying."""
    with sandbox_process(people=300, faults=FAULTS) as running:
        yield running


def killed_at(process: subprocess.Popen[str], wait_s: float) -> bool:
    """Kill the process after `wait_s` seconds; False when it ended before."""
    try:
        process.communicate(timeout=wait_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return True
    return False


@pytest.mark.parametrize("seed", [1, 2])
def test_every_address_is_invited_exactly_once_whenever_the_process_dies(
    shell: Shell, restless: SandboxProcess, seed: int
) -> None:
    """Twenty kills at random moments, resumed each time: no address is left out, none gets a second mail."""
    draw = random.Random(seed)
    shell.configure(restless, settling_s=0.4, concurrency=3)
    addresses = [f"hire.{number}@new.test" for number in range(ROWS)]
    shell.write("hires.csv", "email\n" + "\n".join(addresses) + "\n")
    command = ["run", "hires.csv", "--operation", "invite", "--yes", "--run-id", "r", "--batch-size", "2"]
    kills = 0
    while kills < KILLS and killed_at(shell.start(*command), draw.uniform(0.35, 1.0)):
        kills += 1
        command = _next(shell.folder, command)
    assert kills == KILLS, "the job was over before it was killed often enough to mean anything"
    ended = shell.bulkops(*command, "--json")
    assert ended.code == 0, ended.err
    counts = ended.told["counts"]
    assert (counts["total"], counts["succeeded"]) == (ROWS, ROWS)
    assert restless.effects("invite_sent") == dict.fromkeys(addresses, 1)


def _next(folder: Path, command: list[str]) -> list[str]:
    """What a person types after a crash: resume, or the same again if the run had not come to be."""
    run = folder / ".bulkops" / "runs" / "r"
    if (run / "job.json").exists():
        return ["resume", "r"]
    for path in sorted(run.glob("*")) if run.exists() else ():
        path.unlink()
    if run.exists():
        run.rmdir()
    return command


def test_a_kill_leaves_at_most_twice_the_calls_in_flight_to_look_up(shell: Shell) -> None:
    """Claims are noted ahead of their calls: those that never left are found undone, and sent once."""
    never = [{"kind": "hang", "method": "POST", "path": "*/invites", "seconds": 3600}]
    with sandbox_process(faults=never) as sandbox:
        shell.configure(sandbox, settling_s=0.4, concurrency=3)
        addresses = [f"hire.{number}@new.test" for number in range(40)]
        shell.write("hires.csv", "email\n" + "\n".join(addresses) + "\n")
        process = shell.start(
            "run", "hires.csv", "--operation", "invite", "--yes", "--run-id", "r", "--batch-size", "1"
        )
        ledger = shell.folder / ".bulkops" / "runs" / "r" / "ledger.sqlite"
        while _claims(ledger) < 6:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        time.sleep(0.2)
        process.kill()
        process.communicate()
        assert [len(claim.rows) for claim in SqliteLedgerView.open(ledger).open_claims()] == [1] * 6
        sandbox.send("POST", "faults", [])
        ended = shell.bulkops("resume", "r", "--json")
        assert ended.code == 0, ended.err
        assert sandbox.effects("invite_sent") == dict.fromkeys(addresses, 1)


def _claims(ledger: Path) -> int:
    """How many claims are open; none while the file is being made."""
    try:
        return len(SqliteLedgerView.open(ledger).open_claims())
    except LedgerError:
        return 0


def test_a_kill_while_the_server_still_works_on_the_call_doubles_nothing(shell: Shell) -> None:
    """The client dies, the server applies the call a moment later: the resume waits before it believes its absence."""
    slow = [{"kind": "delay_before", "method": "POST", "path": "*/invites", "seconds": 1.2}]
    with sandbox_process(faults=slow) as sandbox:
        shell.configure(sandbox, settling_s=3.0)
        shell.write("hires.csv", "email\na@new.test\nb@new.test\n")
        process = shell.start("run", "hires.csv", "--operation", "invite", "--yes", "--run-id", "r")
        _wait_for_call(sandbox)
        process.kill()
        process.communicate()
        ended = shell.bulkops("resume", "r", "--json")
        assert ended.code == 0, ended.err
        assert sandbox.effects("invite_sent") == {"a@new.test": 1, "b@new.test": 1}


def _wait_for_call(sandbox: SandboxProcess) -> None:
    """Return once a POST is under way."""
    for _ in range(2000):
        state = sandbox.get("faults")
        rules = state["rules"] if isinstance(state, dict) else state
        if any(rule["fired"] for rule in rules):
            return
        time.sleep(0.005)
    raise AssertionError("the call never came")


def test_many_starters_of_one_run_have_one_winner(shell: Shell, restless: SandboxProcess) -> None:
    """Many resumes at once: one works, the others are refused with exit 3, and nothing is doubled."""
    shell.configure(restless)
    addresses = [f"hire.{number}@new.test" for number in range(60)]
    shell.write("hires.csv", "email\n" + "\n".join(addresses) + "\n")
    process = shell.start("run", "hires.csv", "--operation", "invite", "--yes", "--run-id", "r", "--batch-size", "2")
    _wait_for_call(restless)
    process.kill()
    process.communicate()
    with ThreadPoolExecutor(8) as pool:
        ended = list(pool.map(lambda _: shell.bulkops("resume", "r"), range(8)))
    assert {one.code for one in ended} <= {0, 3}
    assert any(one.code == 0 for one in ended)
    refused = [one for one in ended if one.code == 3]
    assert all("this run is held by" in one.err for one in refused), refused
    assert restless.effects("invite_sent") == dict.fromkeys(addresses, 1)
