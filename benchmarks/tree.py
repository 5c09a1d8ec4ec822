"""Memory of a whole tree of processes. Pages that several of them share are counted once (PSS), where Linux tells."""

from __future__ import annotations

import contextlib
import threading
from types import TracebackType
from typing import Self

EVERY_S = 0.1


class TreeMemory:
    """While open, samples what the processes take that this one starts meanwhile, and theirs."""

    def __init__(self) -> None:
        import psutil  # noqa: PLC0415 - a child's peak memory starts at ours, and most measurements need none of it

        self._us = psutil.Process()
        self._gone = psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._before = {child.pid for child in self._us.children()}
        self.peak_mib = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(EVERY_S):
            self.peak_mib = max(self.peak_mib, self._now_mib())

    def _now_mib(self) -> float:
        total = 0
        for process in self._us.children(recursive=True):
            if process.pid in self._before:
                continue
            with contextlib.suppress(*self._gone):
                facts = process.memory_full_info()
                total += getattr(facts, "pss", 0) or facts.rss
        return total / 2**20
