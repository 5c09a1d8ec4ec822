"""Running fresh processes, and saying what they took. Imports nothing heavy: a child's peak memory starts at ours."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

ThingT = TypeVar("ThingT")
OUT = Path(__file__).parent / "out"
COMMAND = str(Path(sys.executable).with_name("bulkops"))
PACKAGES = ("bulkops", "aiohttp", "uvloop", "pydantic", "orjson", "anyio")


@dataclass(frozen=True, slots=True)
class Took:
    """One process from start to end: wall and CPU seconds, peak resident memory in MiB, and what it printed."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    printed: str


def run(command: Sequence[str], *, cwd: Path, cpu: int | None = None, env: Mapping[str, str] | None = None) -> Took:
    """Run `command` in a fresh process, held to core `cpu` where that is given. Raises RuntimeError if it fails."""
    with (cwd / "stderr").open("w+b") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=env
        )
        hold(process.pid, cpu)
        printed = process.stdout.read().decode() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.stdout:
            process.stdout.close()
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{' '.join(command)}: exit {process.returncode}: {errors.read()[-2000:].decode()}")
    return Took(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, printed)


def hold(pid: int, cpu: int | None) -> None:
    """Hold a process to one core, where the system can."""
    if cpu is not None and hasattr(os, "sched_setaffinity") and cpu < (os.cpu_count() or 1):
        os.sched_setaffinity(pid, {cpu})


def turns(things: Sequence[ThingT], repeats: int) -> Iterator[ThingT]:
    """Each of `things` in each repeat, starting one further on each time, so that none is always first."""
    for repeat in range(repeats):
        start = repeat % len(things)
        yield from (*things[start:], *things[:start])


def spread(values: Sequence[float]) -> str:
    """Smallest and largest as one text."""
    return f"{min(values):,.2f}–{max(values):,.2f}" if max(values) < 100 else f"{min(values):,.0f}–{max(values):,.0f}"


def median(values: Iterable[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under a title, columns aligned."""
    texts = [list(heads), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(heads))]
    print(f"\n{title}")
    for number, row in enumerate(texts):
        cells = (text.ljust(width) if at == 0 else text.rjust(width) for at, (text, width) in _zip(row, widths))
        print("  " + "  ".join(cells))
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))
    sys.stdout.flush()


def _zip(row: Sequence[str], widths: Sequence[int]) -> Iterable[tuple[int, tuple[str, int]]]:
    return enumerate(zip(row, widths, strict=True))


def keep(name: str, **facts: object) -> None:
    """Add one JSON line to `out/NAME.jsonl`, with the machine."""
    OUT.mkdir(exist_ok=True)
    line = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **machine(), **facts}
    with (OUT / f"{name}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def machine() -> dict[str, object]:
    """What the figures depend on."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": [round(part, 2) for part in os.getloadavg()],
        "versions": {name: _version(name) for name in PACKAGES},
    }


def processor() -> str:
    """The processor's own name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
