"""Plain SVG of calls per window against the quota. Readable on light and on dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 860, 320, 58, 64, 46
STYLE = """
    .paper { fill: #ffffff; stroke: #d0d7de }
    .a { fill: #2d7a4b } .b { fill: #4c8fbf } .c { fill: #b07514 } .d { fill: #7a5ca8 }
    .refused { fill: #c0392b }
    .limit { fill: none; stroke: #1c2733; stroke-width: 1.6; stroke-dasharray: 6 3 }
    .grid { stroke: #e3e8ee; stroke-width: 1 }
    text { fill: #1c2733 } .soft { fill: #55636f; font-size: 12px }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #11161c; stroke: #303a45 }
      .a { fill: #5bb37f } .b { fill: #6aaede } .c { fill: #d9a441 } .d { fill: #a98fd8 }
      .refused { fill: #e8705f }
      .limit { stroke: #e6edf3 } .grid { stroke: #26303a }
      text { fill: #e6edf3 } .soft { fill: #a3b1be }
    }"""
KINDS = "abcd"


@dataclass
class Picture:
    """Bars over time: `bars` are stacks of counts, one for each step of `step_s`; `limits` the quota of each step."""

    title: str
    description: str
    step_s: float
    bars: Sequence[Sequence[int]]
    refused: Sequence[int]
    limits: Sequence[float]
    legend: Sequence[str]
    limit_name: str = "quota"
    unit: str = "calls per window"
    _parts: list[str] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Draw it into a file."""
        highest = max(
            [1.0, *self.limits, *(sum(bar) + extra for bar, extra in zip(self.bars, self.refused, strict=True))]
        )
        scale = (HEIGHT - TOP - BOTTOM) / (1.08 * highest)
        self._axes(highest, scale)
        self._columns(scale)
        self._limit(scale)
        self._legend()
        path.write_text(self._whole(), encoding="utf-8")

    def _axes(self, highest: float, scale: float) -> None:
        step = _round_step(highest / 4)
        for number in range(int(highest / step) + 1):
            y = self._y(number * step, scale)
            self._parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - 16}"/>')
            self._parts.append(
                f'<text class="soft" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{number * step:g}</text>'
            )
        seconds = len(self.bars) * self.step_s
        tick = _round_step(seconds / 8)
        for number in range(int(seconds / tick) + 1):
            x = LEFT + number * tick / self.step_s * self._pitch()
            label = f"{number * tick:g}" + (" s" if number == 0 else "")
            self._parts.append(
                f'<text class="soft" x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label}</text>'
            )

    def _columns(self, scale: float) -> None:
        wide = max(1.0, self._pitch() - (3 if self._pitch() > 8 else 0.5))
        for index, (bar, extra) in enumerate(zip(self.bars, self.refused, strict=True)):
            place, below = f'x="{LEFT + index * self._pitch():.1f}" width="{wide:.1f}"', 0
            for kind, count in [*zip(KINDS, bar, strict=False), ("refused", extra)]:
                below += count
                if count:
                    y, high = self._y(below, scale), count * scale
                    self._parts.append(f'<rect class="{kind}" {place} y="{y:.1f}" height="{high:.1f}"/>')

    def _limit(self, scale: float) -> None:
        points = [f"M{LEFT} {self._y(self.limits[0], scale):.1f}"]
        for index, limit in enumerate(self.limits):
            points.append(f"V{self._y(limit, scale):.1f}H{LEFT + (index + 1) * self._pitch():.1f}")
        self._parts.append(f'<path class="limit" d="{"".join(points)}"/>')

    def _legend(self) -> None:
        x = float(LEFT)
        for kind, name in [*zip(KINDS, self.legend, strict=False), ("refused", "refused")]:
            self._parts.append(f'<rect class="{kind}" x="{x}" y="40" width="11" height="11"/>')
            self._parts.append(f'<text class="soft" x="{x + 16}" y="50">{escape(name)}</text>')
            x += 34 + 7 * len(name)
        self._parts.append(f'<path class="limit" d="M{x} 46h24"/>')
        self._parts.append(f'<text class="soft" x="{x + 30}" y="50">{escape(self.limit_name)}</text>')
        self._parts.append(f'<text class="soft" x="{WIDTH - 16}" y="50" text-anchor="end">{escape(self.unit)}</text>')

    def _pitch(self) -> float:
        return (WIDTH - LEFT - 16) / max(1, len(self.bars))

    @staticmethod
    def _y(count: float, scale: float) -> float:
        return HEIGHT - BOTTOM - count * scale

    def _whole(self) -> str:
        body = "\n  ".join(self._parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="t d" '
            f"font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"14\">\n"
            f'  <title id="t">{escape(self.title)}</title>\n  <desc id="d">{escape(self.description)}</desc>\n'
            f'  <style>{STYLE}\n  </style>\n  <rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" '
            f'height="{HEIGHT - 1}" rx="6"/>\n  <text x="{LEFT}" y="26" font-weight="600">{escape(self.title)}</text>\n'
            f"  {body}\n</svg>\n"
        )


def _round_step(rough: float) -> float:
    """The next larger of 1, 2, 5 times a power of ten."""
    power = 1.0
    while power * 10 <= rough:
        power *= 10
    return next((factor * power for factor in (1, 2, 5) if factor * power >= rough), 10 * power)
