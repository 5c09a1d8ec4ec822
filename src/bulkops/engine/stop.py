"""Asking a run to stop, once and politely."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from bulkops.errors import BulkopsError

T = TypeVar("T")


class StopSignal:
    """Set once, by a signal or by an error that ends the run. The first reason stands."""

    def __init__(self) -> None:
        self.reason: BulkopsError | None = None
        self._event = anyio.Event()
        self._listeners: list[Callable[[], None]] = []

    @property
    def requested(self) -> bool:
        """Whether no new call may begin."""
        return self.reason is not None

    def request(self, reason: BulkopsError) -> None:
        """No new call from now on."""
        if self.reason is not None:
            return
        self.reason = reason
        self._event.set()
        for listener in list(self._listeners):
            listener()

    def on_request(self, listener: Callable[[], None]) -> None:
        """Call `listener` at the moment of the request; at once if it was made already."""
        self._listeners.append(listener)
        if self.requested:
            listener()

    async def unless_requested(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work`, which changes nothing, and give it up at the moment of the request.

        Raises the reason then.
        """
        done: list[T] = []
        with anyio.CancelScope() as scope:
            self.on_request(scope.cancel)
            try:
                done.append(await work())
            finally:
                self._listeners.remove(scope.cancel)
        if done:
            return done[0]
        if self.reason is None:
            raise RuntimeError("given up without a reason")
        raise self.reason

    async def sleep(self, seconds: float) -> None:
        """Sleep, or return early when the run is asked to stop."""
        with anyio.move_on_after(seconds):
            await self._event.wait()
