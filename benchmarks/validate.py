"""Checking a whole job file: rows a second and peak memory of a fresh `bulkops validate`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import measure

SIZES = (10_000, 100_000, 1_000_000)
GROUPS = ("Developers", "Exchange Viewers;Developers", "Support Desk", "")


def main(*, quick: bool, repeats: int) -> None:
    """Measure each format at each size."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="bulkops-bench-") as name:
        folder = Path(name)
        for size in SIZES[:2] if quick else SIZES:
            for path in (write_csv(folder / f"{size}.csv", size), write_json(folder / f"{size}.json", size)):
                took = [
                    measure.run([measure.COMMAND, "validate", str(path), "--json"], cwd=folder)
                    for _ in range(max(1, repeats if size < SIZES[2] else repeats // 2))
                ]
                if any(json.loads(one.printed)["valid_rows"] != size for one in took):
                    raise RuntimeError(f"{path.name} was not found valid")
                rows.append(_row(path, size, took))
                path.unlink()
    heads = ("file", "MB", "s", "range", "rows/s", "peak MiB")
    measure.table("bulkops validate, whole process", heads, rows)


def _row(path: Path, size: int, took: list[measure.Took]) -> tuple[object, ...]:
    walls = [one.wall_s for one in took]
    middle, peak = measure.median(walls), max(one.peak_mib for one in took)
    measure.keep("validate", format=path.suffix[1:], rows=size, wall_s=walls, peak_mib=peak)
    what = f"{size:,} rows, {path.suffix[1:].upper()}"
    megabytes = f"{path.stat().st_size / 1e6:.1f}"
    return what, megabytes, f"{middle:.2f}", measure.spread(walls), f"{size / middle:,.0f}", f"{peak:.0f}"


def items(size: int) -> Iterator[tuple[str, str, str]]:
    """Address, role groups and a remark of each row."""
    for number in range(size):
        yield f"given.family.{number}@newhires.example", GROUPS[number % len(GROUPS)], f"cost centre {number % 97}"


def write_csv(path: Path, size: int) -> Path:
    """An invite job as CSV."""
    with path.open("w", encoding="utf-8") as file:
        file.write("operation,email,role_groups,_note\n")
        file.writelines(f"invite,{email},{groups},{note}\n" for email, groups, note in items(size))
    return path


def write_json(path: Path, size: int) -> Path:
    """The same as one JSON document."""
    with path.open("w", encoding="utf-8") as file:
        file.write('{"operation": "invite", "items": [\n')
        for number, (email, groups, note) in enumerate(items(size)):
            item = {"email": email, "role_groups": groups.split(";") if groups else [], "_note": note}
            file.write((",\n" if number else "") + json.dumps(item))
        file.write("\n]}\n")
    return path
