"""Runs in several processes on one machine that share a target share its quota."""

from __future__ import annotations

import json
import time
from pathlib import Path

from bulkops.testing.processes import Shell, sandbox_process

OPTIONS = ("--quota", "12", "--window", "1")


def office(folder: Path, name: str, sandbox: object, rows: int) -> Shell:
    """A folder of its own with a job of so many rows."""
    (folder / name).mkdir()
    shell = Shell(folder / name)
    shell.configure(sandbox)  # type: ignore[arg-type]
    shell.write("hires.csv", "operation,email\n" + "".join(f"invite,{name}{n}@new.test\n" for n in range(rows)))
    return shell


def test_three_runs_at_once_are_hardly_ever_refused(tmp_path: Path) -> None:
    """Each alone would send what the window has left; only what leaves before a quota is known may be too much."""
    with sandbox_process(options=OPTIONS) as sandbox:
        shells = [office(tmp_path, name, sandbox, 30) for name in ("a", "b", "c")]
        runs = [shell.start("run", "hires.csv", "--yes", "--json", "--batch-size", "1") for shell in shells]
        ended = [run.communicate(timeout=120) for run in runs]
        assert [run.returncode for run in runs] == [0, 0, 0], ended
        assert [json.loads(out)["counts"]["succeeded"] for out, _ in ended] == [30, 30, 30]
        assert sum(json.loads(out)["throttled"] for out, _ in ended) <= 12


def test_a_run_goes_on_when_another_one_is_killed(tmp_path: Path) -> None:
    """The killed one's share comes back; its resume sends what is left, and nobody gets two mails."""
    with sandbox_process(options=OPTIONS) as sandbox:
        first, second = (office(tmp_path, name, sandbox, 40) for name in ("a", "b"))
        killed = first.start("run", "hires.csv", "--yes", "--batch-size", "1", "--run-id", "r")
        going_on = second.start("run", "hires.csv", "--yes", "--json", "--batch-size", "1")
        while not any(name.startswith("a") for name in sandbox.effects("invite_sent")):
            time.sleep(0.01)
        killed.kill()
        killed.communicate()
        out, err = going_on.communicate(timeout=120)
        assert going_on.returncode == 0, err
        assert json.loads(out)["counts"]["succeeded"] == 40
        assert first.bulkops("resume", "r").code == 0
        mails = sandbox.effects("invite_sent")
        assert (len(mails), set(mails.values())) == (80, {1})
