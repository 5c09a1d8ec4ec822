"""The engine against a bare aiohttp loop: same rows, same server, same width, in turns.

Rates are calls a second over the span from the first write's arrival to the last write's answer, as the server
measured it; read-backs within that span count as time. The whole process is told beside it.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import measure

WIDTH = 50
CLIENT_CORE, SERVER_CORE = 0, 1
ORGANIZATION = "5a4db0c5-0000-4000-8000-00000000beac"  # the server's; its module imports too much for here


@dataclass(frozen=True, slots=True)
class Setting:
    """What is sent, and how the server answers. `named`: its answers tell the rows apart, so no read-back is needed."""

    title: str
    rows: int
    batch: int
    latency_ms: tuple[int, int]
    named: bool
    variants: Sequence[str]


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one variant."""

    calls_s: float
    span_s: float
    took: measure.Took


BARE, BARE_UV = "bare aiohttp, standard loop", "bare aiohttp, uvloop"
COMMAND = "bulkops run"
STANDARD, MEMORY = "engine, standard loop, SQLite", "engine, uvloop, memory"
SQLITE = "engine, uvloop, SQLite"
ALL = (BARE, BARE_UV, COMMAND, STANDARD, MEMORY)
SETTINGS = (
    Setting("single calls, no latency, answers name the rows", 20_000, 1, (0, 0), True, ALL),
    Setting("single calls, no latency, opaque answers read back", 20_000, 1, (0, 0), False, (BARE, COMMAND)),
    Setting("batches of 50, no latency, answers name the rows", 20_000, 50, (0, 0), True, (BARE, COMMAND, MEMORY)),
    Setting("batches of 50, no latency, opaque answers read back", 20_000, 50, (0, 0), False, (BARE, COMMAND)),
    Setting("single calls, 20–50 ms, answers name the rows", 10_000, 1, (20, 50), True, (BARE, COMMAND)),
    Setting("batches of 50, 20–50 ms, opaque answers read back", 20_000, 50, (20, 50), False, (BARE, COMMAND)),
)


class Bench:
    """The server, a folder, and how each variant is run."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._url = url
        text = (
            f'default_target = "bench"\n[targets.bench]\nprovider = "sandbox"\nbase_url = "{url}"\n'
            f'organization = "{ORGANIZATION}"\nconcurrency = {WIDTH}\n[targets.bench.auth]\nmethod = "bearer"\n'
            f'token_file = "{folder / "token"}"\n'
        )
        (folder / "bulkops.toml").write_text(text, encoding="utf-8")
        (folder / "token").write_text("bench", encoding="utf-8")

    def job(self, rows: int) -> Path:
        """An invite job of `rows` rows."""
        path = self._folder / f"invite-{rows}.csv"
        if not path.exists():
            lines = (f"invite,given.family.{number}@newhires.example\n" for number in range(rows))
            path.write_text("operation,email\n" + "".join(lines), encoding="utf-8")
        return path

    def run(self, variant: str, setting: Setting, rows: int) -> Result:
        """Run one variant on a server that has forgotten the last one."""
        self._ask({"named": setting.named, "latency_ms": setting.latency_ms})
        took = measure.run(self._command(variant, setting, rows), cwd=self._folder, cpu=CLIENT_CORE)
        told = self._ask(None)
        if told["items"] != rows or told["doubled"]:
            raise RuntimeError(f"{variant}: {told}")
        shutil.rmtree(self._folder / ".bulkops", ignore_errors=True)
        return Result(told["writes"] / told["span_s"], told["span_s"], took)

    def _command(self, variant: str, setting: Setting, rows: int) -> list[str]:
        job = str(self.job(rows))
        if variant == COMMAND:
            return [measure.COMMAND, "run", job, "--yes", "--json", "--batch-size", str(setting.batch)]
        facts = (self._url, job, str(setting.batch), str(WIDTH))
        module, *more = {
            BARE: ("benchmarks.bare", "standard"),
            BARE_UV: ("benchmarks.bare", "uvloop"),
            STANDARD: ("benchmarks.direct", "standard", "sqlite"),
            MEMORY: ("benchmarks.direct", "uvloop", "memory"),
            SQLITE: ("benchmarks.direct", "uvloop", "sqlite"),
        }[variant]
        root = str(Path(__file__).resolve().parents[1])
        entry = f"import sys; sys.path.insert(0, {root!r}); from {module} import main; main(*sys.argv[1:])"
        return [sys.executable, "-c", entry, *facts, *more]

    def _ask(self, wanted: Mapping[str, object] | None) -> Any:
        data = None if wanted is None else json.dumps(wanted).encode()
        with urllib.request.urlopen(f"{self._url}/bench", data=data, timeout=30) as answer:
            return json.load(answer)


def main(*, quick: bool, repeats: int) -> None:
    """Measure every setting."""
    with tempfile.TemporaryDirectory(prefix="bulkops-bench-") as name, server() as url:
        bench = Bench(Path(name), url)
        for setting in SETTINGS:
            rows = setting.rows // 5 if quick else setting.rows
            results: dict[str, list[Result]] = {variant: [] for variant in setting.variants}
            for repeat in range(repeats):
                turn = repeat % len(setting.variants)
                for variant in (*setting.variants[turn:], *setting.variants[:turn]):
                    results[variant].append(bench.run(variant, setting, rows))
            tell(setting, rows, results)


def tell(setting: Setting, rows: int, results: Mapping[str, Sequence[Result]]) -> None:
    """Print and keep one setting's figures; ratios are taken within each repeat, then their median."""
    lines = []
    for variant, runs in results.items():
        ratios = [run.calls_s / base.calls_s for run, base in zip(runs, results[BARE], strict=True)]
        rate = measure.median(run.calls_s for run in runs)
        whole = measure.median(run.took.wall_s for run in runs)
        cpu = measure.median(run.took.cpu_s for run in runs) / rows * 1e6
        peak = max(run.took.peak_mib for run in runs)
        ratio, spread = f"{measure.median(ratios):.2f}", measure.spread(ratios)
        lines.append(
            (
                variant,
                f"{rate:,.0f}",
                f"{rate * setting.batch:,.0f}",
                ratio,
                spread,
                f"{whole:.2f}",
                f"{cpu:.0f}",
                f"{peak:.0f}",
            )
        )
        measure.keep(
            "engine",
            setting=setting.title,
            variant=variant,
            rows=rows,
            width=WIDTH,
            calls_s=[run.calls_s for run in runs],
            ratio_to_bare=ratios,
            wall_s=[run.took.wall_s for run in runs],
            peak_mib=peak,
        )
    heads = ("variant", "calls/s", "rows/s", "ratio", "range", "process s", "CPU µs/row", "peak MiB")
    measure.table(f"{setting.title}: {rows:,} rows, {WIDTH} at a time", heads, lines)


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The server in its own process, on the other core."""
    root = Path(__file__).resolve().parents[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server"], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    measure.hold(process.pid, SERVER_CORE)
    try:
        port = process.stdout.readline().decode().strip() if process.stdout else ""
        yield f"http://127.0.0.1:{port}"
    finally:
        process.communicate(timeout=10)
