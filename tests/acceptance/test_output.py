"""What a run did does not depend on whether its words found room."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bulkops.testing.processes import SandboxProcess, Shell

FULL = Path("/dev/full")
NO_ROOM = "bulkops: the output could not be written: No space left on device"


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")
@pytest.mark.parametrize(("rows", "code"), [("h1@new.test,", 0), ("h1@new.test,\nh2@new.test,Nobodies", 2)])
def test_a_full_disk_under_stdout_leaves_the_run_alone(
    shell: Shell, sandbox: SandboxProcess, rows: str, code: int
) -> None:
    """Its exit code is its own, one line tells of the output, and everything that could be sent was."""
    shell.configure(sandbox)
    shell.write("job.csv", f"email,role_groups\n{rows}\n")
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "bulkops", "run", "job.csv", "--operation", "invite", "--yes", "--json"],
            cwd=shell.folder,
            env={**os.environ, **shell.environ},
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == code, done.stderr
    assert done.stderr.splitlines().count(NO_ROOM) == 1
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert sandbox.effects("invite_sent") == ({"h1@new.test": 1} if code == 0 else {})
    for command in (("runs",), ("show",)) if code == 0 else ():
        told = shell.bulkops(*command)
        assert (told.code, "invite" in told.out) == (0, True), told.err


def test_a_run_is_resumed_and_shown_from_inside_its_folder(shell: Shell, sandbox: SandboxProcess) -> None:
    """`.` has a name: the next command names the run, and no folder is made elsewhere."""
    shell.configure(sandbox)
    shell.write("job.csv", "email\nh1@new.test\n")
    assert shell.bulkops("run", "job.csv", "--operation", "invite", "--yes", "--run-id", "r").code == 0
    inside = Shell(shell.folder / ".bulkops" / "runs" / "r", shell.environ)
    inside.write("bulkops.toml", (shell.folder / "bulkops.toml").read_text())
    before = {path.name for path in inside.folder.iterdir()}
    for command in ("show", "resume"):
        ended = inside.bulkops(command, ".", "--json")
        assert (ended.code, ended.told["run_id"]) == (0, "r"), ended.err
        assert Path(ended.told["run_dir"]) == inside.folder.resolve()
    assert {path.name for path in inside.folder.iterdir()} == before
