"""Starting the real command, and ending it by SIGKILL: from outside at a random moment, or at a point of its inside."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bulkops.testing.processes import Shell
from tests.chaos.mixture import RANDOM, Kill
from tests.chaos.world import World

HERE = Path(__file__).parent
LONGEST_S = 150.0
FILES = {"checkpoint": ".sqlite", "log-write": ".sqlite-wal"}


@dataclass(frozen=True, slots=True)
class Session:
    """How one command ended. `killed` names the kill that ended it; None where it ended by itself."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str
    killed: str | None = None


def build_shim(folder: Path) -> Path | None:
    """The library that kills inside a write; None where there is no C compiler or no such loader."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        return None
    shim = folder / "fatal_write.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", shim, HERE / "fatal_write.c", "-ldl"], check=True)
    return shim


@dataclass(slots=True)
class Executioner:
    """Runs commands of one round in its folder."""

    shell: Shell
    world: World
    shim: Path | None

    def whole(self, *arguments: str) -> Session:
        """A command that nobody kills. Raises TimeoutError for one that does not end."""
        return self._ended(self.shell.start(*arguments), arguments)

    def killed(self, kill: Kill, *arguments: str) -> Session:
        """A command that is killed, unless it ends before."""
        if kill.point == RANDOM or (kill.point in FILES and self.shim is None):
            return self._from_outside(kill, arguments)
        return self._at_a_point(kill, arguments)

    def _from_outside(self, kill: Kill, arguments: tuple[str, ...]) -> Session:
        before = self.world.calls()
        process = self.shell.start(*arguments)
        ends = time.monotonic() + LONGEST_S
        while process.poll() is None and self.world.calls() - before < kill.calls and time.monotonic() < ends:
            time.sleep(0.01)
        try:
            out, err = process.communicate(timeout=kill.wait_s)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        died = process.returncode == -signal.SIGKILL
        return Session(arguments, process.returncode, out, err, RANDOM if died else None)

    def _at_a_point(self, kill: Kill, arguments: tuple[str, ...]) -> Session:
        mark = self.shell.folder / "mark"
        mark.unlink(missing_ok=True)
        environ = {
            **os.environ,
            **self.shell.environ,
            "NO_COLOR": "1",
            "CHAOS_POINT": kill.point,
            "CHAOS_NTH": str(kill.nth),
            "CHAOS_MARK": str(mark),
        }
        if kill.point in FILES:
            environ.update(LD_PRELOAD=str(self.shim), CHAOS_FILE=FILES[kill.point], CHAOS_WRITE=str(kill.nth))
        process = subprocess.Popen(
            [sys.executable, HERE / "launcher.py", *arguments],
            cwd=self.shell.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        ended = self._ended(process, arguments)
        at = mark.read_text(encoding="ascii") if mark.exists() else None
        if ended.code == -signal.SIGKILL and at != kill.point:
            raise AssertionError(f"killed, and not at {kill.point}: {at}")
        return Session(arguments, ended.code, ended.out, ended.err, at)

    def _ended(self, process: subprocess.Popen[str], arguments: tuple[str, ...]) -> Session:
        try:
            out, err = process.communicate(timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise TimeoutError(f"bulkops {' '.join(arguments)} did not end within {LONGEST_S:.0f} s") from None
        return Session(arguments, process.returncode, out, err)
