"""`bulkops runs prune`: finished runs that are old go, whole or not at all; nothing else is touched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bulkops.testing.processes import SandboxProcess, Shell, sandbox_process
from bulkops.wiring import parse_keep, prune_survey
from tests.acceptance.test_unattended import SLOW, at_work, job


def runs(shell: Shell) -> list[str]:
    """What is in the runs folder, hidden things too."""
    return sorted(path.name for path in (shell.folder / ".bulkops/runs").iterdir())


def make(shell: Shell, *names: str) -> None:
    """A finished run of each name, in order."""
    for name in names:
        assert shell.bulkops("run", job(shell, name, 1), "--yes", "--run-id", name).code == 0


def test_the_newest_are_kept_and_the_others_listed_confirmed_and_removed(shell: Shell, sandbox: SandboxProcess) -> None:
    """A dry run and a missing confirmation remove nothing."""
    shell.configure(sandbox)
    make(shell, "a", "b", "c", "d")
    listed = shell.bulkops("runs", "prune", "--keep", "2", "--dry-run", "--json")
    assert (listed.code, listed.told["old"], listed.told["removed"]) == (0, ["b", "a"], [])
    assert "2 to remove, 2 to keep" in listed.err
    refused = shell.bulkops("runs", "prune", "--keep", "2")
    assert (refused.code, "no terminal to ask on" in refused.err) == (3, True)
    assert runs(shell) == ["a", "b", "c", "d"]
    pruned = shell.bulkops("runs", "--json", "prune", "--keep", "2", "--yes")
    assert (pruned.code, pruned.told["removed"], runs(shell)) == (0, ["b", "a"], ["c", "d"])
    assert [run["run_id"] for run in json.loads(shell.bulkops("runs", "--json").out)["runs"]] == ["d", "c"]
    named = shell.bulkops("runs", "prune", "--keep", "0", "--name", "c", "--yes")
    assert (named.code, runs(shell)) == (0, ["d"])
    assert shell.bulkops("runs", "prune", "--keep", "30d", "--yes").code == 0
    assert runs(shell) == ["d"]
    assert shell.bulkops("runs", "prune", "--keep", "some", "--yes").code == 2
    assert shell.bulkops("runs", "prune", "--keep", "3", "--runs-dir", "elsewhere", "--yes").code == 0


def test_a_run_at_work_or_unfinished_stays(shell: Shell) -> None:
    """Named with the reason; the unfinished one goes only by name of the option, the one at work never."""
    with sandbox_process(faults=SLOW) as sandbox:
        shell.configure(sandbox, concurrency=1)
        with at_work(shell, sandbox):
            told = shell.bulkops("runs", "prune", "--keep", "0", "--yes", "--even-unfinished", "--json")
            assert (told.code, told.told["removed"]) == (0, [])
            assert "at work: process" in told.told["left"][0]["reason"]
        told = shell.bulkops("runs", "prune", "--keep", "0", "--yes", "--json")
        assert (told.code, told.told["removed"], runs(shell)) == (0, [], [".locks", "first"])
        assert "not finished:" in told.told["left"][0]["reason"]
        gone = shell.bulkops("runs", "prune", "--keep", "0", "--yes", "--even-unfinished")
        assert (gone.code, "first" in runs(shell)) == (0, False)


def test_what_is_no_run_is_left_alone(shell: Shell, sandbox: SandboxProcess) -> None:
    """Other folders, links to runs elsewhere, runs with somebody's folder in them, and damaged ones."""
    shell.configure(sandbox)
    make(shell, "good", "odd", "torn")
    base = shell.folder / ".bulkops/runs"
    (base / "notes").mkdir()
    (base / "notes" / "keep.txt").write_text("mine")
    (base / "odd" / "mine").mkdir()
    (base / "torn" / "ledger.sqlite").write_bytes(b"x" * 5_000)
    elsewhere = shell.folder / "elsewhere"
    (base / "good").rename(elsewhere)
    (base / "linked").symlink_to(elsewhere)
    told = shell.bulkops("runs", "prune", "--keep", "0", "--yes", "--even-unfinished", "--json")
    assert (told.code, told.told["removed"]) == (0, [])
    assert {one["run_id"] for one in told.told["left"]} == {"notes", "odd", "torn"}
    assert runs(shell) == ["linked", "notes", "odd", "torn"]
    assert (elsewhere / "job.json").exists()


def test_runs_that_ended_long_ago_go_by_a_span(shell: Shell, sandbox: SandboxProcess) -> None:
    """Its last report counts as its end: a run of last month that was gone on with today is no old one."""
    shell.configure(sandbox)
    make(shell, "a", "b")
    base, month_s = shell.folder / ".bulkops/runs", 30 * 86_400.0
    later = time.time() + month_s + 3_600
    summary = base / "b" / "summary.json"
    told = json.loads(summary.read_text())
    finished = datetime.fromtimestamp(later, UTC).isoformat()
    summary.write_text(json.dumps({**told, "finished_at": finished}))
    found = prune_survey(base, parse_keep("30d"), name=None, even_unfinished=False, now=later)
    assert ([run.folder.run_id for run in found.old], found.kept) == (["a"], 1)
    assert shell.bulkops("runs", "prune", "--keep", "30d", "--yes").code == 0
    assert runs(shell) == ["a", "b"]


@pytest.mark.parametrize("call", range(1, 9))
def test_a_crash_in_the_middle_leaves_the_run_or_no_run(shell: Shell, sandbox: SandboxProcess, call: int) -> None:
    """Killed at each change of the disk: the run is listed and whole, or gone; the next pruning tidies up."""
    shell.configure(sandbox)
    make(shell, "a")
    script = (
        "import os, signal, sys\n"
        "left = [int(sys.argv[1])]\n"
        "def seen(event, args):\n"
        "    if event in ('os.rename', 'os.remove', 'os.rmdir') and '.bulkops' in str(args[0]):\n"
        "        left[0] -= 1\n"
        "        if left[0] == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.addaudithook(seen)\n"
        "from bulkops.cli.main import main\n"
        "sys.exit(main(['runs', 'prune', '--keep', '0', '--yes']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(call)],
        cwd=shell.folder,
        env={**os.environ, **shell.environ},
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    listed = json.loads(shell.bulkops("runs", "--json").out)["runs"]
    folder = shell.folder / ".bulkops/runs/a"
    if folder.exists():
        assert [run["state"] for run in listed] == ["completed"]
        assert json.loads(shell.bulkops("show", "a", "--json").out)["counts"]["succeeded"] == 1
    else:
        assert listed == []
        assert shell.bulkops("resume", "a").code == 2
    assert shell.bulkops("runs", "prune", "--keep", "0", "--yes").code == 0
    assert runs(shell) == []


def test_a_runs_folder_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A runs folder that cannot be read is said, not passed over."""
    (tmp_path / "file").write_text("")
    shell = Shell(tmp_path)
    refused = shell.bulkops("runs", "prune", "--keep", "1", "--yes", "--runs-dir", "file")
    assert (refused.code, "cannot be read" in refused.err) == (2, True)
