"""Runs that nobody watches: none overlaps another of its name, none takes a stale file, and their end is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from bulkops.testing.processes import SandboxProcess, Shell, sandbox_process

SLOW = [{"kind": "delay_before", "method": "POST", "path": "*/invites", "seconds": 0.2}]
TELLER = """\
import json, os, sys
with open(sys.argv[1], "a") as file:
    seen = {name: value for name, value in os.environ.items() if name.startswith(("BULKOPS_", "ACME_"))}
    json.dump({"environ": seen, "stdin": json.loads(sys.stdin.read())}, file)
print("told on stdout")
"""


def job(shell: Shell, name: str, count: int, /, **head: Any) -> str:
    """A job file of so many new addresses."""
    items = [{"email": f"{name}.{number}@new.test"} for number in range(count)]
    shell.write(f"{name}.json", json.dumps({"operation": "invite", **head, "items": items}))
    return f"{name}.json"


def until(true: Callable[[], object]) -> None:
    """Come back when `true` is."""
    for _ in range(600):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it never came to be")


@contextmanager
def at_work(shell: Shell, sandbox: SandboxProcess, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A run called `first` that has sent something and has much to do."""
    running = shell.start("run", job(shell, "weekly", 400), "--yes", "--batch-size", "1", "--run-id", "first", *options)
    try:
        until(lambda: sandbox.effects("invite_sent"))
        yield running
    finally:
        running.kill()
        running.communicate()


def test_an_overlapping_run_of_the_same_name_is_refused_and_another_goes_on_beside_it(shell: Shell) -> None:
    """Exit 3, the run that holds the name is named, nothing is sent and no folder is left; another name is free."""
    with sandbox_process(faults=SLOW) as sandbox:
        shell.configure(sandbox, concurrency=1)
        with at_work(shell, sandbox) as running:
            refused = shell.bulkops("run", "weekly.json", "--yes", "--json", "--run-id", "second")
            assert (refused.code, refused.told["state"]) == (3, "refused")
            assert "job 'weekly' is at work already, as run first" in refused.err
            assert f"process {running.pid} on" in refused.err
            named = shell.bulkops("run", job(shell, "other", 1, name="weekly"), "--yes")
            assert (named.code, "run first" in named.err) == (3, True)
            assert not (shell.folder / ".bulkops/runs/second").exists()
            assert shell.bulkops("plan", "weekly.json").code == 0
            beside = shell.bulkops("run", job(shell, "daily", 2), "--yes")
            assert beside.code == 0, beside.err
        after = shell.bulkops("run", "other.json", "--yes")
        assert after.code == 0, after.err
        assert not (shell.folder / ".bulkops/runs/.locks").exists()


def test_a_queued_run_waits_and_reads_the_file_as_it_is_then(shell: Shell) -> None:
    """It says whom it waits for; when that process dies its turn has come, and an edit made meanwhile counts."""
    with sandbox_process(faults=SLOW) as sandbox:
        shell.configure(sandbox, concurrency=1)
        with at_work(shell, sandbox):
            job(shell, "late", 1, name="weekly", options={"overlap": "queue"})
            queued = shell.start("run", "late.json", "--yes", "--json", "--run-id", "second")
            assert queued.stderr is not None
            assert "waiting for its end" in queued.stderr.readline()
            assert not (shell.folder / ".bulkops/runs/second").exists()
            job(shell, "late", 3, name="weekly")
        out, err = queued.communicate(timeout=60)
        assert (queued.returncode, json.loads(out)["counts"]["succeeded"]) == (0, 3), err


def test_a_signal_ends_the_waiting(shell: Shell) -> None:
    """Exit 143, and nothing was sent."""
    with sandbox_process(faults=SLOW) as sandbox:
        shell.configure(sandbox, concurrency=1)
        with at_work(shell, sandbox):
            queued = shell.start("run", job(shell, "late", 1, name="weekly"), "--yes", "--queue")
            assert queued.stderr is not None
            assert "waiting for its end" in queued.stderr.readline()
            queued.send_signal(signal.SIGTERM)
            queued.communicate(timeout=30)
            assert queued.returncode == 143
            assert "late.0@new.test" not in sandbox.effects("invite_sent")


def test_a_resume_holds_the_name_too(shell: Shell) -> None:
    """Whoever goes on with a stopped run is the job at work; a run that is held is not resumed."""
    with sandbox_process(faults=SLOW) as sandbox:
        shell.configure(sandbox, concurrency=1)
        with at_work(shell, sandbox):
            assert "this run is held by" in shell.bulkops("resume", "first").err
        resumed = shell.start("resume", "first", "--batch-size", "1")
        lock = shell.folder / ".bulkops/runs/.locks/weekly.lock"
        until(lambda: lock.exists() and f'"pid": {resumed.pid},' in lock.read_text())
        refused = shell.bulkops("run", "weekly.json", "--yes")
        assert (refused.code, "run first" in refused.err) == (3, True)
        resumed.kill()
        resumed.communicate()


def test_a_stale_file_is_refused(shell: Shell, sandbox: SandboxProcess) -> None:
    """Exit 3 with both ages; the command line's word counts over the file's; standard input has no age."""
    shell.configure(sandbox)
    name = job(shell, "hr", 1, options={"max_age": "24h"})
    two_days_ago = time.time() - 2 * 86_400 - 3_600
    os.utime(shell.folder / name, (two_days_ago, two_days_ago))
    refused = shell.bulkops("run", name, "--yes")
    assert refused.code == 3
    assert "hr.json is stale" in refused.err
    assert "2d 1h ago, and --max-age allows 1d" in refused.err
    assert shell.bulkops("plan", name).code == 3
    assert sandbox.effects("invite_sent") == {}
    assert shell.bulkops("run", name, "--yes", "--max-age", "7d").code == 0
    os.utime(shell.folder / name, (time.time() + 86_400,) * 2)
    assert "which lies ahead" in shell.bulkops("run", name, "--yes").err
    piped = shell.bulkops("run", "-", "--operation", "invite", "--max-age", "1h", stdin="email\na@new.test\n")
    assert (piped.code, "standard input has none" in piped.err) == (2, True)
    assert shell.bulkops("run", name, "--yes", "--max-age", "soon").code == 2


def test_a_command_is_run_at_the_end_with_the_facts_and_no_secret(shell: Shell, sandbox: SandboxProcess) -> None:
    """Its words are no shell's; it gets facts in its environment and on stdin, and its output is not on stdout."""
    shell.configure(sandbox)
    shell.write("tell.py", TELLER)
    command = [sys.executable, "tell.py", "told; $HOME.json"]
    name = job(shell, "weekly", 2, options={"on_finish": command})
    ended = shell.bulkops("run", name, "--yes", "--json", "--run-id", "r")
    assert (ended.code, ended.told["counts"]["succeeded"]) == (0, 2), ended.err
    assert "told on stdout" in ended.err
    told = json.loads((shell.folder / "told; $HOME.json").read_text())
    assert told["stdin"] == {**ended.told, "job": "weekly", "exit": 0}
    seen = told["environ"]
    assert (seen["BULKOPS_RUN_ID"], seen["BULKOPS_STATE"], seen["BULKOPS_SUCCEEDED"]) == ("r", "completed", "2")
    assert (seen["BULKOPS_JOB"], seen["BULKOPS_EXIT"], seen["BULKOPS_RUN_DIR"]) == ("weekly", "0", ".bulkops/runs/r")
    assert "ACME_TOKEN" not in seen
    assert sandbox.token not in json.dumps(told)
    log = (shell.folder / ".bulkops/runs/r/log.jsonl").read_text().splitlines()
    assert json.loads(log[-1])["event"] == "run.told"


def test_a_run_that_is_refused_is_told_too_and_a_plan_is_not(shell: Shell, sandbox: SandboxProcess) -> None:
    """An unattended job that does not begin is what somebody wants to hear of."""
    shell.configure(sandbox)
    shell.write("tell.py", TELLER)
    tell = f"{sys.executable} tell.py told.json"
    name = job(shell, "weekly", 1, options={"on_finish": tell, "max_age": "1h"})
    planned = shell.bulkops("plan", name)
    assert (planned.code, f"when a run has ended, the command {tell}" in planned.err) == (0, True)
    assert shell.bulkops("run", name, "--dry-run").code == 0
    os.utime(shell.folder / name, (0, 0))
    assert shell.bulkops("run", name, "--yes", "--on-finish", "none").code == 3
    assert not (shell.folder / "told.json").exists()
    assert shell.bulkops("run", name, "--yes").code == 3
    told = json.loads((shell.folder / "told.json").read_text())
    assert (told["stdin"]["state"], told["stdin"]["exit"], told["stdin"]["job"]) == ("refused", 3, "weekly")
    assert "is stale" in told["environ"]["BULKOPS_REASON"]


def test_a_command_that_fails_hangs_or_is_not_there_changes_no_exit_code(shell: Shell, sandbox: SandboxProcess) -> None:
    """What went wrong is a line on stderr and in the log; a signal calls it off, and what it started ends with it."""
    shell.configure(sandbox)
    failing = shell.bulkops("run", job(shell, "a", 1), "--yes", "--on-finish", "sh -c 'exit 7'", "--run-id", "a")
    assert (failing.code, "ended with exit code 7" in failing.err) == (0, True)
    assert "exit code 7" in (shell.folder / ".bulkops/runs/a/log.jsonl").read_text()
    missing = shell.bulkops("run", job(shell, "b", 1), "--yes", "--on-finish", "/nowhere/notify")
    assert (missing.code, "cannot be started: No such file" in missing.err) == (0, True)
    assert shell.bulkops("run", job(shell, "c", 1), "--yes", "--on-finish", "'open").code == 2
    hanging = shell.start(
        "run", job(shell, "d", 1), "--yes", "--on-finish", "sh -c 'sleep 600 & echo $! > child; wait'"
    )
    child = shell.folder / "child"
    until(lambda: child.is_file() and child.read_text().strip())
    hanging.send_signal(signal.SIGTERM)
    _, err = hanging.communicate(timeout=30)
    assert (hanging.returncode, "called off by SIGTERM" in err) == (0, True), err
    until(lambda: not alive(int(child.read_text())))


def alive(pid: int) -> bool:
    """Whether a process does something still."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@contextmanager
def hook(status: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address that keeps what it is sent, and answers with `status`."""
    kept: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.append({"path": self.path, "headers": dict(self.headers), "body": json.loads(body)})
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook/T0PS3CRET", kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_summary_is_posted_and_the_address_is_nowhere(shell: Shell, sandbox: SandboxProcess) -> None:
    """From a variable of the environment; with a failed answer the run still ended as it did."""
    shell.configure(sandbox)
    with hook(200) as (address, kept):
        shell.environ["TEAM_HOOK"] = address
        ended = shell.bulkops(
            "run", job(shell, "weekly", 1), "--yes", "--json", "--on-finish", "env:TEAM_HOOK", "--run-id", "r"
        )
        assert (ended.code, [one["body"] for one in kept]) == (0, [{**ended.told, "job": "weekly", "exit": 0}])
        assert kept[0]["headers"]["Content-Type"].startswith("application/json")
        assert sandbox.token not in json.dumps(kept)
    for status in (500, 302):
        with hook(status) as (address, kept):
            failed = shell.bulkops("run", job(shell, f"w{status}", 1), "--yes", "--on-finish", address)
            assert (failed.code, len(kept)) == (0, 1)
            assert f"a message to 127.0.0.1: answered with HTTP {status}" in failed.err
            assert "T0PS3CRET" not in failed.err
    gone = shell.bulkops("run", job(shell, "x", 1), "--yes", "--on-finish", address)
    assert (gone.code, "cannot be reached" in gone.err) == (0, True)
    runs = shell.folder / ".bulkops" / "runs"
    assert not [path for path in runs.rglob("*") if path.is_file() and b"T0PS3CRET" in path.read_bytes()]
    with_login = shell.bulkops("run", "x.json", "--yes", "--on-finish", "https://ann:T0PS3CRET@hooks.test/")
    assert (with_login.code, "T0PS3CRET" in with_login.err) == (2, False)


def test_a_resume_runs_no_command_that_its_folder_names(shell: Shell, sandbox: SandboxProcess) -> None:
    """A run's folder may come from somebody else: only the command line of the resume itself says what is run."""
    shell.configure(sandbox)
    name = job(shell, "weekly", 1, options={"on_finish": ["touch", "ran"]})
    assert shell.bulkops("run", name, "--yes", "--run-id", "r").code == 0
    (shell.folder / "ran").unlink()
    assert shell.bulkops("resume", "r").code == 0
    assert not (shell.folder / "ran").exists()
    assert shell.bulkops("resume", "r", "--on-finish", "touch ran").code == 0
    assert (shell.folder / "ran").exists()


def test_a_retry_runs_no_command_of_the_run_before_and_knows_no_age(shell: Shell, sandbox: SandboxProcess) -> None:
    """What is sent as a whole is run again from the run's own copy of the file, which others may have written."""
    shell.configure(sandbox)
    client = sandbox.allowed()[0]
    sandbox.send("POST", "faults", [{"kind": "reject_items", "path": "*/allowlist", "items": [client]}])
    head = {"operation": "allowlist-replace", "options": {"on_finish": ["touch", "ran"], "max_age": "1h"}}
    shell.write("apps.json", json.dumps({**head, "items": [{"client_id": client}]}))
    first = shell.bulkops("run", "apps.json", "--yes", "--run-id", "r")
    assert first.code == 1, first.err
    (shell.folder / "ran").unlink()
    os.utime(shell.folder / ".bulkops/runs/r/input.json", (0, 0))
    again = shell.bulkops("retry", "r", "--yes")
    assert again.code == 1, again.err
    assert not (shell.folder / "ran").exists()
    assert shell.bulkops("retry", "r", "--yes", "--on-finish", "touch ran").code == 1
    assert (shell.folder / "ran").exists()
