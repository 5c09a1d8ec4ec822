"""Showing a run while it works: one live block on a terminal, plain lines elsewhere. Everything goes to stderr."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from bulkops.model import Counts
from bulkops.wiring import Progress

if TYPE_CHECKING:
    from rich.console import RenderableType

REFRESH_S = 0.2
LINE_EVERY_S = 10.0
RATE_SPAN_S = 30.0


class Display(Protocol):
    """Something that shows a run's progress."""

    def start(self, look: Callable[[], Progress]) -> None:
        """Begin to show what `look` returns."""

    def stop(self) -> None:
        """Show the last state and end. Harmless when it never began."""


class Pace:
    """How fast rows are finished, and from that when the run ends: as a range, because the pace is never even."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque(maxlen=int(RATE_SPAN_S / REFRESH_S))
        self._first: tuple[float, int] | None = None

    def mark(self, now: float, done: int) -> None:
        """Note that `done` rows were finished at `now` (seconds, monotonic)."""
        if self._first is None:
            self._first = (now, done)
        self._marks.append((now, done))

    def left_s(self, remaining: int) -> tuple[float, float] | None:
        """Shortest and longest time left in seconds, by the recent and the overall pace; None when unknown."""
        if self._first is None or len(self._marks) < 2 or not remaining:
            return None
        rates = [_rate(self._marks[0], self._marks[-1]), _rate(self._first, self._marks[-1])]
        known = [rate for rate in rates if rate > 0]
        if not known:
            return None
        return remaining / max(known), remaining / min(known) * 1.25


def _rate(earlier: tuple[float, int], later: tuple[float, int]) -> float:
    seconds = later[0] - earlier[0]
    return (later[1] - earlier[1]) / seconds if seconds > 0 else 0.0


def states_line(counts: Counts) -> str:
    """The counts by state in words; states without rows are left out, in doubt is never left out when it has any."""
    parts = [f"{counts.succeeded:,} succeeded"]
    for number, word in ((counts.skipped, "skipped"), (counts.failed, "failed"), (counts.in_doubt, "in doubt")):
        if number:
            parts.append(f"{number:,} {word}")
    parts.append(f"{counts.pending:,} to go")
    return " · ".join(parts)


def waiting_line(progress: Progress) -> str:
    """What is being waited for, and until when; empty when nothing is."""
    waiting = progress.waiting
    if waiting is None:
        return ""
    until = datetime.fromtimestamp(waiting.until).astimezone()
    left = max(0.0, waiting.until - time.time())
    return f"waiting for {waiting.what}, until {until:%H:%M:%S} ({left:.0f} s)"


def duration(seconds: float) -> str:
    """Seconds for people: `40 s`, `12 min`, `2.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def left_text(left: tuple[float, float] | None) -> str:
    """A range of time left in words."""
    if left is None:
        return ""
    short, long = duration(left[0]), duration(left[1])
    return f"{short} left" if short == long else f"{short} to {long} left"


class PlainDisplay:
    """A line when the phase changes or a wait begins, and every ten seconds; for logs and pipes."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._look: Callable[[], Progress] | None = None
        self._pace = Pace()

    def start(self, look: Callable[[], Progress]) -> None:
        """Begin to print."""
        self._look = look
        self._thread = threading.Thread(target=self._print_on, name="progress", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Print the last state and end."""
        if self._thread is None or self._look is None:
            return
        self._ended.set()
        self._thread.join(timeout=2)
        self._line(self._look())
        self._thread = None

    def _print_on(self) -> None:
        shown, last = ("", ""), 0.0
        while not self._ended.wait(REFRESH_S):
            if self._look is None:
                return
            progress = self._look()
            now = time.monotonic()
            self._pace.mark(now, progress.counts.done)
            key = (progress.phase, progress.waiting.what if progress.waiting else "")
            if key != shown or now - last >= LINE_EVERY_S:
                shown, last = key, now
                self._line(progress)

    def _line(self, progress: Progress) -> None:
        counts = progress.counts
        per_s = progress.requests / progress.elapsed_s if progress.elapsed_s > 0 else 0.0
        parts = [
            f"{progress.phase}: {counts.done:,} of {counts.total:,}",
            states_line(counts),
            f"{per_s:.1f} calls/s",
            waiting_line(progress),
            left_text(self._pace.left_s(counts.pending)),
        ]
        print("  ".join(part for part in parts if part), file=sys.stderr, flush=True)


class LiveDisplay:
    """One block that is drawn anew a few times a second."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
        from rich.live import Live  # noqa: PLC0415

        self._pace = Pace()
        self._look: Callable[[], Progress] | None = None
        self._live = Live(
            console=Console(stderr=True), refresh_per_second=1 / REFRESH_S, get_renderable=self._render, transient=True
        )
        self._running = False

    def start(self, look: Callable[[], Progress]) -> None:
        """Begin to draw."""
        self._look = look
        self._live.start()
        self._running = True

    def stop(self) -> None:
        """Take the block away; the summary follows."""
        if self._running:
            self._live.stop()
            self._running = False

    def _render(self) -> RenderableType:
        from rich.console import Group  # noqa: PLC0415
        from rich.progress_bar import ProgressBar  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        if self._look is None:
            return Text("")
        progress = self._look()
        counts = progress.counts
        self._pace.mark(time.monotonic(), counts.done)
        head = Table.grid(padding=(0, 2))
        head.add_row(
            Text(f"{progress.operation} → {progress.target}", style="bold"), Text(progress.phase, style="cyan")
        )
        bar = Table.grid(padding=(0, 2))
        bar.add_row(
            ProgressBar(total=max(1, counts.total), completed=counts.done, width=40),
            Text(f"{counts.done:,} of {counts.total:,}"),
            Text(left_text(self._pace.left_s(counts.pending)), style="dim"),
        )
        per_s = progress.requests / progress.elapsed_s if progress.elapsed_s > 0 else 0.0
        style = "yellow" if counts.in_doubt else ("red" if counts.failed else "")
        lines: list[RenderableType] = [
            head,
            bar,
            Text(states_line(counts), style=style),
            Text(f"{per_s:.1f} calls/s", style="dim"),
        ]
        if waiting := waiting_line(progress):
            lines.append(Text(waiting, style="yellow"))
        return Group(*lines)


def display() -> Display:
    """A live block on a terminal, else plain lines."""
    return LiveDisplay() if sys.stderr.isatty() else PlainDisplay()
