"""A disk whose flushes take longer: a small library that is loaded before the others."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

SOURCE = Path(__file__).with_name("slow_flush.c")
CHECK = """
import os, sys, time
with open(sys.argv[1], "wb") as file:
    started = time.perf_counter()
    os.fsync(file.fileno())
    os.fdatasync(file.fileno())
    print(time.perf_counter() - started)
"""


def slow_flushes(folder: Path, ms: int) -> Mapping[str, str] | str:
    """The environment in which every flush takes `ms` more; or, in words, why it cannot be had here."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        return "slow flushes need Linux and a C compiler"
    library = folder / "slow_flush.so"
    built = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE)], capture_output=True, check=False
    )
    if built.returncode:
        return f"slow flushes: {built.stderr.decode(errors='replace').strip()[:200]}"
    environ = {**os.environ, "LD_PRELOAD": str(library), "FLUSH_MS": str(ms)}
    checked = subprocess.run(
        [sys.executable, "-c", CHECK, str(folder / "flushed")], env=environ, capture_output=True, check=True
    )
    if float(checked.stdout) < 2 * ms / 1000:
        return "slow flushes: the library is built, but not used"
    return environ
