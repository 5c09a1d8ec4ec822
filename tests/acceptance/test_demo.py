"""The demo keeps its word: it is itself a check of the promises, killed process and all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def demo(folder: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`python -m bulkops.cli.demo FOLDER` in `cwd`."""
    return subprocess.run(
        [sys.executable, "-m", "bulkops.cli.demo", folder],
        cwd=cwd,
        env={**os.environ, "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def test_a_run_killed_half_way_and_resumed_invites_everybody_once(tmp_path: Path) -> None:
    """The demo's own count, taken from the server, finds nothing doubled, nothing lost, and counts that add up."""
    done = demo("story", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert "$ bulkops validate new-hires.csv" in lines
    assert any(line.startswith("$ kill -9 ") for line in lines)
    assert "$ bulkops resume" in lines
    assert "invited exactly once            470" in lines
    assert "invited twice                   0" in lines
    assert "never invited                   0" in lines
    assert "As promised: nothing doubled, nothing lost, every row accounted for." in lines
    summary = json.loads(next((tmp_path / "story/.bulkops/runs").glob("*/summary.json")).read_text(encoding="utf-8"))
    assert sum(number for name, number in summary["counts"].items() if name != "total") == 500
    assert not done.stderr


def test_the_demo_removes_only_a_folder_of_its_own(tmp_path: Path) -> None:
    """A folder that holds anything else is left as it is, and the demo says so."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")
    done = demo("mine", tmp_path)
    assert done.returncode == 1
    assert "holds other files" in done.stdout
    assert (tmp_path / "mine" / "thesis.txt").read_text(encoding="utf-8") == "years of work"
