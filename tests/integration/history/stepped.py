"""An event loop whose every step is chosen: what the disk does, what the network does, and when time goes on."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Clock:
    """Seconds that pass only when somebody lets them pass."""

    now: float = 0.0


@dataclass(frozen=True)
class Job:
    """What an executor's thread would do: it is done when it is chosen."""

    work: Callable[[], Any]
    future: asyncio.Future[Any]

    def do(self) -> None:
        """Do it and tell, unless nobody listens any more."""
        try:
            result = self.work()
        except Exception as error:  # noqa: BLE001 - it belongs to whoever waits
            if not self.future.done():
                self.future.set_exception(error)
        else:
            if not self.future.done():
                self.future.set_result(result)


class _Selector(selectors.DefaultSelector):
    """Stops its loop instead of waiting."""

    stop: Callable[[float | None], None]

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self.stop(timeout)
        return super().select(0)


class SteppedLoop(asyncio.SelectorEventLoop):
    """Runs until it would have to wait. `jobs` wait for a thread; `due_in_s` is when the next timer is due, if any."""

    def __init__(self, clock: Clock) -> None:
        self.jobs: list[Job] = []
        self.due_in_s: float | None = None
        self._time = clock
        selector = _Selector()
        selector.stop = self._idle
        super().__init__(selector)

    def time(self) -> float:
        """The clock's."""
        return self._time.now

    def run_in_executor(self, executor: object, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Keep the work for whoever chooses the steps."""
        job = Job(lambda: func(*args), self.create_future())
        self.jobs.append(job)
        return job.future

    def run_until_idle(self) -> None:
        """Run what can run without a job, a point or a timer."""
        self.run_forever()

    def do_job(self) -> None:
        """Do the oldest job."""
        self.jobs.pop(0).do()

    def pass_time(self) -> None:
        """Let the next timer come due."""
        self._time.now += (self.due_in_s or 0.0) + 1e-6

    def _idle(self, due_in_s: float | None) -> None:
        self.due_in_s = due_in_s
        self.stop()
