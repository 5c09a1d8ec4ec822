"""Reading a long listing: pages side by side against one after the other, through the client that runs use.

Every walk is certified: neighbours share rows, so that the same quota pays for all of it (some 1 % more pages).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from benchmarks import measure, picture
from benchmarks.place import CLIENT_CORE, Place, opened, python

RECORDS, LATENCY_MS = 100_000, 30
WIDTHS = (1, 2, 4, 8, 16)
HOWS = {"list": "into memory, as plans do", "stream": "page after page, as exports do"}


@dataclass(frozen=True, slots=True)
class Walked:
    """One walk: wall and CPU seconds of the walk itself, its calls, and the process's peak memory."""

    s: float
    cpu_s: float
    calls: int
    peak_mib: float


def main(*, quick: bool, repeats: int) -> None:
    """Measure each width, in turns."""
    records = RECORDS // 4 if quick else RECORDS
    with opened() as place:
        place.answer_as(people=records, latency_ms=(LATENCY_MS, LATENCY_MS))
        for how in HOWS:
            runs: dict[int, list[Walked]] = {width: [] for width in WIDTHS}
            for width in measure.turns(WIDTHS, repeats):
                runs[width].append(walk_once(place, width, how, records))
            tell(records, how, runs)


def walk_once(place: Place, width: int, how: str, records: int) -> Walked:
    """A fresh process walks the listing once. Raises RuntimeError if rows are missing."""
    took = measure.run(python("benchmarks.walker", place.url, str(width), how), cwd=place.folder, cpu=CLIENT_CORE)
    told = json.loads(took.printed)
    if told["rows"] != records:
        raise RuntimeError(f"{told['rows']} of {records} rows came")
    return Walked(told["s"], told["cpu_s"], told["calls"], took.peak_mib)


def tell(records: int, how: str, runs: dict[int, list[Walked]]) -> None:
    """Print, keep and draw; ratios are taken within each repeat, then their median."""
    rows, drawn = [], []
    for width, walks in runs.items():
        seconds = measure.median(one.s for one in walks)
        ratios = [base.s / one.s for base, one in zip(runs[1], walks, strict=True)]
        ratio = measure.median(ratios)
        cpu_us = measure.median(one.cpu_s for one in walks) / records * 1e6
        peak = max(one.peak_mib for one in walks)
        drawn.append((float(width), ratio))
        rate = f"{records / seconds:,.0f}"
        facts = (f"{seconds:.2f}", rate, f"{ratio:.2f}", measure.spread(ratios), f"{ratio / width:.2f}")
        rows.append((width, *facts, walks[0].calls, f"{cpu_us:.1f}", f"{peak:.0f}"))
        measure.keep(
            "paging", records=records, how=how, in_flight=width, s=[one.s for one in walks], ratio=ratios, peak_mib=peak
        )
    title = f"Walking {records:,} records {HOWS[how]}; 500 a page, {LATENCY_MS} ms a page"
    heads = ("pages in flight", "s", "rows/s", "ratio", "range", "of k", "calls", "CPU µs/row", "peak MiB")
    measure.table(title, heads, rows)
    bound = [(width, width) for width, _ in drawn]
    picture.lines(
        f"paging-{how}", title, "times as fast as one page after the other, over pages in flight",
        {"bulkops": drawn, "in proportion": bound}, bound="in proportion",
    )  # fmt: skip
