"""What the durable record costs: one engine with the ledger in memory and in a file, in turns; and the file alone."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path

from benchmarks import measure
from benchmarks.engine import MEMORY, SQLITE, Result, Setting, run_once
from benchmarks.place import CLIENT_CORE, WIDTH, opened, python

BOTH = (MEMORY, SQLITE)
SETTINGS = (
    Setting("single calls, no latency", 20_000, 1, (0, 0), BOTH),
    Setting("single calls, 20–50 ms", 10_000, 1, (20, 50), BOTH),
)
OPENED = 1_000_000
WRITTEN = 100_000
_WORKERS = 200


def main(*, quick: bool, repeats: int) -> None:
    """Measure the engine with both ledgers, then the file alone."""
    with opened() as place:
        for setting in SETTINGS:
            rows = setting.rows // 5 if quick else setting.rows
            results: dict[str, list[Result]] = {variant: [] for variant in BOTH}
            for variant in measure.turns(BOTH, repeats):
                results[variant].append(run_once(place, variant, setting, rows, None))
            _tell_engine(setting, rows, results)
    _tell_file(quick=quick, repeats=repeats)


def _tell_engine(setting: Setting, rows: int, results: dict[str, list[Result]]) -> None:
    lines = []
    for variant, runs in results.items():
        rate = measure.median(run.calls_s for run in runs)
        cpu = measure.median(run.took.cpu_s for run in runs) / rows * 1e6
        ratios = [run.calls_s / base.calls_s for run, base in zip(runs, results[MEMORY], strict=True)]
        lines.append((variant, f"{rate:,.0f}", f"{measure.median(ratios):.2f}", measure.spread(ratios), f"{cpu:.0f}"))
        measure.keep(
            "ledger",
            setting=setting.title,
            variant=variant,
            rows=rows,
            width=WIDTH,
            calls_s=[run.calls_s for run in runs],
            ratio_to_memory=ratios,
        )
    heads = ("variant", "calls/s", "ratio", "range", "CPU µs/row")
    measure.table(f"The ledger's share: {setting.title}; {rows:,} rows, {WIDTH} at a time", heads, lines)


def _tell_file(*, quick: bool, repeats: int) -> None:
    lines = []
    for what, size, ids in (("write", WRITTEN, False), ("open", OPENED, False), ("open", OPENED, True)):
        rows = size // 10 if quick else size
        figures = _alone(what, rows, ids=ids, repeats=repeats)
        title = f"{what} {rows:,} single rows" + (", a request id each" if ids else "")
        middle, unit = measure.median(figures), "transitions/s" if what == "write" else "s"
        shown = f"{middle:,.0f}" if what == "write" else f"{middle:.2f}"
        lines.append((title, shown, unit, measure.spread(figures)))
        measure.keep("ledger", setting=title, unit=unit, figures=figures)
    measure.table(f"The ledger alone, {_WORKERS} workers", ("what", "median", "unit", "range"), lines)


def _alone(what: str, rows: int, *, ids: bool, repeats: int) -> list[float]:
    """The figure of each of `repeats` fresh processes."""
    with tempfile.TemporaryDirectory(prefix="bulkops-bench-") as name:
        command = python("benchmarks.ledger", name, str(rows), what, *(["ids"] if ids else []), entry="alone")
        core = CLIENT_CORE if what == "write" else None  # opening examines the file beside reading it
        return [float(json.loads(measure.run(command, cwd=Path(name), cpu=core).printed)) for _ in range(repeats)]


def alone(folder: str, rows: str, what: str, ids: str = "") -> None:
    """One process: prints how many changes of state a second it wrote, or how many seconds opening took."""
    path = Path(folder) / f"{what}{ids}.sqlite"
    if what == "write":
        print(asyncio.run(_write(path, int(rows))))
        for file in path.parent.glob("write*"):
            file.unlink()
        return
    if not path.exists():
        asyncio.run(_fill(path, int(rows), ids=bool(ids)))
    print(asyncio.run(_open(path)))


async def _write(path: Path, rows: int) -> float:
    from bulkops.ledger.lock import this_process  # noqa: PLC0415 - a child's peak memory starts at its parent's
    from bulkops.ledger.sqlite import SqliteLedger  # noqa: PLC0415
    from bulkops.model import Outcome, RowSet, Settled  # noqa: PLC0415

    done = Outcome.succeeded(attempts=1, http_status=200)
    ledger = SqliteLedger.create(path, total=rows)
    await ledger.acquire(this_process("bench"), lease_s=600)
    numbers = iter(range(1, rows + 1))

    async def work() -> None:
        for number in numbers:
            row = RowSet.of([number])
            ledger.settle(await ledger.begin(row, attempt=1), [Settled(row, done)])

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(_WORKERS)))
    await ledger.flush()
    took = time.perf_counter() - started
    await ledger.close()
    return 2 * rows / took


async def _fill(path: Path, rows: int, *, ids: bool) -> None:
    from bulkops.ledger.sqlite import SqliteLedger  # noqa: PLC0415 - as above
    from bulkops.model import Outcome, RowSet  # noqa: PLC0415

    ledger = SqliteLedger.create(path, total=rows)
    for number in range(1, rows + 1):
        request = f"{number:08x}-5a4d-4000-8000-00000000beac" if ids else None
        ledger.conclude(RowSet.of([number]), Outcome.failed("bad", "refused", http_status=400, request_id=request))
        if number % 5000 == 0:
            await ledger.flush()
    await ledger.close()


async def _open(path: Path) -> float:
    from bulkops.ledger.sqlite import SqliteLedger  # noqa: PLC0415 - as above

    started = time.perf_counter()
    ledger = SqliteLedger.open(path)
    took = time.perf_counter() - started
    await ledger.close()
    return took
