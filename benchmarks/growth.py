"""How a run grows with its file: time, memory, ledger, and how soon a stopped run sends again.

Batches of 100, four at a time, against a server without latency whose answers name the rows. A run is measured from
start to end; another is stopped by SIGTERM with its last rows still to be sent, and then resumed.
"""

from __future__ import annotations

import math
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import measure, picture
from benchmarks.place import CLIENT_CORE, Place, opened

SIZES = (1_000, 10_000, 100_000, 1_000_000)
LEFT = 2_000
"""From so many rows before its end the server answers late, so that the signal finds something left to send."""
WIDTH, BATCH = 4, 100
LONG_S = 600.0
OPTIONS = ("--json", "--concurrency", str(WIDTH), "--batch-size", str(BATCH))


@dataclass(frozen=True, slots=True)
class Grown:
    """One size, once. Seconds and MiB; `ledger_mb` and `folder_mb` are 10^6 bytes, without the input's snapshot.

    `first_call_s` is from the start of `resume` to the arrival of its first write; `listing_s` of it is from the first
    page of a listing to the last.
    """

    whole_s: float
    peak_mib: float
    ledger_mb: float
    folder_mb: float
    first_call_s: float
    listing_s: float
    resume_peak_mib: float


def main(*, quick: bool, repeats: int, rows: int | None = None) -> None:
    """Measure each size in each format; a million rows less often. `rows` is the largest size."""
    largest = rows or (10_000 if quick else SIZES[-1])
    sizes = sorted({*(size for size in SIZES if size < largest), largest})
    measured: dict[str, dict[int, list[Grown]]] = {"CSV": {}, "JSON": {}}
    with opened() as place:
        for size in sizes:
            jobs = {"CSV": place.job(size), "JSON": place.json_job(size)}
            for what in measure.turns(list(jobs), repeats if size < SIZES[-1] else max(1, repeats // 2)):
                measured[what].setdefault(size, []).append(grow(place, jobs[what], size))
            for what, path in jobs.items():
                tell_progress(what, size, measured[what][size])
                path.unlink()
    tell(measured)


def grow(place: Place, job: Path, size: int) -> Grown:
    """Run a job whole; run it again, stop it near its end, and resume it."""
    place.answer_as(named=True)
    took = measure.run([measure.COMMAND, "run", str(job), "--yes", *OPTIONS], cwd=place.folder, cpu=CLIENT_CORE)
    _require_all(place, size)
    ledger_mb, folder_mb = sizes_of(place.folder / ".bulkops/runs")
    place.forget_runs()
    _stop_near_end(place, job, size)
    place.answer_as(named=True, keep=True)
    started = time.perf_counter()  # the server's moments are on the same clock: the system's
    resumed = measure.run([measure.COMMAND, "resume", "--yes", *OPTIONS[:3]], cwd=place.folder, cpu=CLIENT_CORE)
    told = place.told()
    _require_all(place, size)
    place.forget_runs()
    listing_s = told["last_page_at"] - told["first_page_at"]
    first_call_s = told["first_write_at"] - started
    return Grown(took.wall_s, took.peak_mib, ledger_mb, folder_mb, first_call_s, listing_s, resumed.peak_mib)


def _stop_near_end(place: Place, job: Path, size: int) -> None:
    """Start the job and ask it to stop once its last rows are answered late. Raises RuntimeError if it is too quick."""
    threshold = size - LEFT if size > 2 * LEFT else size // 2
    place.answer_as(named=True, slow_after=threshold)
    process = subprocess.Popen(
        [measure.COMMAND, "run", str(job), "--yes", *OPTIONS],
        cwd=place.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    measure.hold(process.pid, CLIENT_CORE)
    while place.told()["items"] <= threshold and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.wait()
    told = place.told()
    if told["items"] >= size or process.returncode != 143:
        raise RuntimeError(f"the run was to be stopped with rows left: exit {process.returncode}, {told}")


def _require_all(place: Place, size: int) -> None:
    told = place.told()
    if told["distinct"] != size or told["doubled"]:
        raise RuntimeError(f"{size} rows were to be sent once each: {told}")


def sizes_of(runs: Path) -> tuple[float, float]:
    """The ledger's files, and all files but the input's snapshot, of the one run in `runs`; in MB."""
    files = {path: path.stat().st_size / 1e6 for path in runs.rglob("*") if path.is_file()}
    ledger = sum(size for path, size in files.items() if path.name.startswith("ledger"))
    return ledger, sum(size for path, size in files.items() if not path.name.startswith("input."))


def tell_progress(what: str, size: int, runs: Sequence[Grown]) -> None:
    """Keep one size's figures, and say at once what took long."""
    whole_s = measure.median(one.whole_s for one in runs)
    if whole_s > LONG_S:
        print(f"  {size:,} rows, {what}: {whole_s / 60:.0f} minutes, more than the {LONG_S / 60:.0f} that are bearable")
    measure.keep(
        "growth",
        format=what,
        rows=size,
        **{name: [getattr(one, name) for one in runs] for name in Grown.__slots__},
    )


def tell(measured: Mapping[str, Mapping[int, Sequence[Grown]]]) -> None:
    """Print each format's table and what it says, and draw time and memory."""
    heads = ("rows", "s", "rows/s", "peak MiB", "ledger MB", "folder MB", "first call s", "less listing", "resume MiB")
    for what, sizes in measured.items():
        rows = [_row(size, runs) for size, runs in sizes.items()]
        measure.table(f"Growth, {what}: batches of {BATCH}, {WIDTH} at a time", heads, rows)
        for line in verdicts(sizes):
            print(f"  {line}")
    for name, title, unit, field in (
        ("growth-time", "Time of a whole run", "seconds over rows, both logarithmic", "whole_s"),
        ("growth-memory", "Peak memory of a run", "MiB over rows, both logarithmic", "peak_mib"),
    ):
        series = {
            f"bulkops, {what}": [(float(size), _middle(runs, field)) for size, runs in sizes.items()]
            for what, sizes in measured.items()
        }
        picture.lines(name, title, unit, series)


def verdicts(sizes: Mapping[int, Sequence[Grown]]) -> Iterator[str]:
    """Whether time grows in proportion and memory stays, from 10,000 rows (below it the start is most of it)."""
    small, large = next((size for size in sizes if size >= SIZES[1]), 0), max(sizes)
    if not small or small == large:
        yield f"growth is told from {SIZES[1]:,} rows to more: give a larger --rows"
        return
    times = _middle(sizes[large], "whole_s") / _middle(sizes[small], "whole_s")
    memory = _middle(sizes[large], "peak_mib") / _middle(sizes[small], "peak_mib")
    power = math.log(times) / math.log(large / small)
    kind = "no more than in proportion" if power <= 1.1 else "more than in proportion"
    yield f"{small:,} to {large:,} rows: {times:.1f} times the time, power {power:.2f}: {kind}"
    flat = "flat" if memory <= 1.2 else "not flat"
    yield f"{small:,} to {large:,} rows: {memory:.2f} times the memory: {flat} (aim: at most 1.2)"


def _row(size: int, runs: Sequence[Grown]) -> tuple[str, ...]:
    whole_s = _middle(runs, "whole_s")
    first_s = _middle(runs, "first_call_s")
    net_s = measure.median(one.first_call_s - one.listing_s for one in runs)
    peaks = (f"{max(one.peak_mib for one in runs):.0f}", f"{max(one.resume_peak_mib for one in runs):.0f}")
    disk = (f"{_middle(runs, 'ledger_mb'):.2f}", f"{_middle(runs, 'folder_mb'):.1f}")
    return (
        f"{size:,}",
        f"{whole_s:.2f}",
        f"{size / whole_s:,.0f}",
        peaks[0],
        *disk,
        f"{first_s:.2f}",
        f"{net_s:.2f}",
        peaks[1],
    )


def _middle(runs: Sequence[Grown], field: str) -> float:
    return measure.median(getattr(one, field) for one in runs)
