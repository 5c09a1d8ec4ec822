"""Small pictures of figures as SVG, readable in light and in dark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from benchmarks import measure

FOLDER = measure.OUT
"""Where pictures go; the command line may name another."""

WIDTH, LEFT, RIGHT, TOP = 800, 290, 90, 56
BAR, GAP = 20, 8
PLOT = 300
LEAST_SPAN = 20.0
"""An axis spans at least such a factor, so that what is flat looks flat."""
STYLE = """<style>
  text { fill: #1c2733 } .light { fill: #5b6875; font-size: 12px } .name { text-anchor: end }
  .paper { fill: #ffffff; stroke: #d0d7de } .grid { stroke: #d9dfe5 } .ours { fill: #2d7a4b } .other { fill: #8fa1b3 }
  .line { fill: none; stroke-width: 2 } .a { stroke: #2d7a4b } .b { stroke: #b07514 } .c { stroke: #5b6fb0 }
  .bound { stroke: #8fa1b3; stroke-dasharray: 5 4 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e3e9ef } .light { fill: #a5b1bd } .paper { fill: #11161c; stroke: #303a45 } .grid { stroke: #2a333d }
    .ours { fill: #56b57c } .other { fill: #64768a }
    .a { stroke: #56b57c } .b { stroke: #d9a441 } .c { stroke: #8d9fe0 }
  }
</style>"""
Points = Sequence[tuple[float, float]]


def bars(name: str, title: str, unit: str, values: Mapping[str, float]) -> None:
    """One bar for each value, longest the largest; those of bulkops stand out."""
    largest = max(values.values()) or 1.0
    room = WIDTH - LEFT - RIGHT
    parts = []
    for at, (label, value) in enumerate(values.items()):
        y = TOP + at * (BAR + GAP)
        kind = "ours" if label.startswith("bulkops") else "other"
        length = max(1.0, room * value / largest)
        parts.append(f'<text class="name" x="{LEFT - 10}" y="{y + 15}">{escape(label)}</text>')
        parts.append(f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2"/>')
        parts.append(f'<text class="light" x="{LEFT + length + 8:.1f}" y="{y + 15}">{number(value)}</text>')
    _save(name, title, unit, parts, TOP + len(values) * (BAR + GAP) + 12)


def lines(name: str, title: str, unit: str, series: Mapping[str, Points], *, bound: str = "") -> None:
    """Lines over two logarithmic axes, where a straight one of slope 1 means: in proportion. `bound` is dashed."""
    points = [point for each in series.values() for point in each]
    ticks_across, ticks_up = sorted({x for x, _ in points}), steps([y for _, y in points])
    across, up = _Axis(ticks_across, 60, WIDTH - 170), _Axis(ticks_up, TOP + PLOT, TOP)
    bottom, right = TOP + PLOT, WIDTH - 170
    parts = []
    for value in ticks_across:
        x = across(value)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>')
        parts.append(f'<text class="light" text-anchor="middle" x="{x:.1f}" y="{bottom + 18}">{number(value)}</text>')
    for value in ticks_up:
        y = up(value)
        parts.append(f'<line class="grid" x1="60" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="light" text-anchor="end" x="52" y="{y + 4:.1f}">{number(value)}</text>')
    for at, (label, each) in enumerate(series.items()):
        kind = "bound" if label == bound else "abc"[at % 3]
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in each)
        parts.append(f'<polyline class="line {kind}" points="{path}"/>')
    free = 0.0  # labels stand at the ends of their lines, or below the one above
    for label, each in sorted(series.items(), key=lambda named: up(named[1][-1][1])):
        y = max(free, up(each[-1][1]) + 4)
        free = y + 15
        text = f"{escape(label)}: {number(each[-1][1])}"
        parts.append(f'<text class="light" x="{right + 8}" y="{y:.1f}">{text}</text>')
    _save(name, title, unit, parts, bottom + 36)


def steps(values: Sequence[float]) -> list[float]:
    """1, 2, 5, 10, 20 … from below the least of `values` to above the largest, spanning `LEAST_SPAN` at least."""
    every = [lead * 10.0**power for power in range(-6, 10) for lead in (1, 2, 5)]
    high = min(step for step in every if step >= max(values))
    low = max(step for step in every if step <= min(*values, high / LEAST_SPAN))
    return [step for step in every if low <= step <= high]


def number(value: float) -> str:
    """Three figures, no more."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


class _Axis:
    """Where a value lies between `start` and `end`, when the first and the last of `ticks` lie on them."""

    def __init__(self, ticks: Sequence[float], start: float, end: float) -> None:
        self._low, self._span = math.log(ticks[0]), math.log(ticks[-1] / ticks[0]) or 1.0
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        return self._start + (math.log(value) - self._low) / self._span * (self._end - self._start)


def _save(name: str, title: str, unit: str, parts: Sequence[str], height: int) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f"font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"13\">"
        f"<title>{escape(title)}, {escape(unit)}</title>{STYLE}"
        f'<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>'
        f'<text x="16" y="24" font-weight="600">{escape(title)}</text>'
        f'<text class="light" x="16" y="42">{escape(unit)}</text>'
    )
    (FOLDER / f"{name}.svg").write_text(head + "\n" + "\n".join(parts) + "\n</svg>\n", encoding="utf-8")
