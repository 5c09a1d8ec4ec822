"""How long the command takes to start, against an interpreter that does nothing."""

from __future__ import annotations

import shutil
import sys

from benchmarks import measure
from benchmarks.place import opened

PASS = "python -c pass"


def main(*, quick: bool, repeats: int) -> None:
    """Measure, interleaved; medians."""
    del quick
    with opened() as place:
        folder, job = place.folder, str(place.job(10))
        place.answer_as(named=True)
        measure.run([measure.COMMAND, "run", job, "--yes", "--json"], cwd=folder)
        commands = {
            PASS: [sys.executable, "-c", "pass"],
            "bulkops --help": [measure.COMMAND, "--help"],
            "bulkops --version": [measure.COMMAND, "--version"],
            "bulkops runs": [measure.COMMAND, "runs"],
            "bulkops show, 10 rows": [measure.COMMAND, "show"],
            "bulkops validate, 10 rows": [measure.COMMAND, "validate", job],
            "bulkops run, 10 rows": [measure.COMMAND, "run", job, "--yes", "--json", "--run-id", "again"],
        }
        took: dict[str, list[measure.Took]] = {what: [] for what in commands}
        for what in measure.turns(list(commands), 3 * repeats):
            place.answer_as(named=True)
            took[what].append(measure.run(commands[what], cwd=folder))
            shutil.rmtree(folder / ".bulkops/runs/again", ignore_errors=True)
    base = measure.median(one.wall_s for one in took[PASS])
    rows = []
    for what, runs in took.items():
        walls = [one.wall_s * 1000 for one in runs]
        middle = measure.median(walls)
        peak = measure.median(one.peak_mib for one in runs)
        rows.append((what, f"{middle:.0f}", measure.spread(walls), f"{middle / 1000 / base:.1f}", f"{peak:.0f}"))
        measure.keep("startup", what=what, ms=walls, times_pass=middle / 1000 / base, peak_mib=peak)
    measure.table("Start", ("command", "ms", "range", "× pass", "peak MiB"), rows)
