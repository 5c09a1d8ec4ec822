"""How long the command takes to start, against an interpreter that does nothing."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks import measure


def main(*, quick: bool, repeats: int) -> None:
    """Measure, interleaved; medians."""
    del quick
    with tempfile.TemporaryDirectory(prefix="bulkops-bench-") as name:
        folder = Path(name)
        job = folder / "ten.csv"
        lines = ["operation,email", *(f"invite,person.{number}@newhires.example" for number in range(10))]
        job.write_text("\n".join(lines) + "\n", encoding="utf-8")
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "bulkops --help": [measure.COMMAND, "--help"],
            "bulkops --version": [measure.COMMAND, "--version"],
            "bulkops runs": [measure.COMMAND, "runs"],
            "bulkops validate, 10 rows": [measure.COMMAND, "validate", str(job)],
        }
        took: dict[str, list[measure.Took]] = {what: [] for what in commands}
        for _ in range(3 * repeats):
            for what, command in commands.items():
                took[what].append(measure.run(command, cwd=folder))
    base = measure.median(one.wall_s for one in took["python -c pass"])
    rows = []
    for what, runs in took.items():
        walls = [one.wall_s * 1000 for one in runs]
        middle = measure.median(walls)
        peak = measure.median(one.peak_mib for one in runs)
        rows.append((what, f"{middle:.0f}", measure.spread(walls), f"{middle / 1000 / base:.1f}", f"{peak:.0f}"))
        measure.keep("startup", what=what, ms=walls, times_pass=middle / 1000 / base, peak_mib=peak)
    measure.table("Start", ("command", "ms", "range", "× pass", "peak MiB"), rows)
