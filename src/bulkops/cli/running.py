"""Work on an event loop, and what signals mean for it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import anyio
from anyio.abc import TaskStatus

from bulkops.errors import InterruptedRunError
from bulkops.wiring import StopSignal

Result = TypeVar("Result")


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """While a file is taken over and checked nothing is sent: either signal simply ends it, tidily."""

    def end(signum: int, _frame: object) -> None:
        raise InterruptedRunError(
            f"interrupted by {signal.Signals(signum).name} while the file was checked. Nothing was sent.", signum=signum
        )

    before = [(signum, signal.signal(signum, end)) for signum in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for signum, handler in before:
            signal.signal(signum, handler)


def on_loop(main: Callable[[], Awaitable[Result]]) -> Result:
    """Run on uvloop where it is installed; a task group's single error is raised as itself."""
    try:
        return anyio.run(main, backend_options={"use_uvloop": _has_uvloop()})
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from None


def _has_uvloop() -> bool:
    from importlib.util import find_spec  # noqa: PLC0415

    return find_spec("uvloop") is not None


async def watch_signals(stop: StopSignal, *, task_status: TaskStatus[None]) -> None:
    """The first signal asks for a polite stop; the second leaves at once: the ledger holds the truth."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for signum in signals:
            if stop.requested:
                print("\nbulkops: left at once; `bulkops resume` looks up what was in flight", file=sys.stderr)
                os._exit(128 + signum)
            name = signal.Signals(signum).name
            print(f"\nbulkops: {name}: finishing what is in flight; once more leaves at once", file=sys.stderr)
            stop.request(InterruptedRunError(f"interrupted by {name}", signum=int(signum)))
