"""Stopping a run before a moment that was set for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

import anyio

from bulkops.engine.stop import StopSignal
from bulkops.errors import StoppedError
from bulkops.policy import margin_s

LOOK_EVERY_S = 0.2


class Deadline:
    """Asks a run to stop so early that it has ended at `at` (epoch seconds).

    `slowest_s` tells how long calls take now; None before the first answer.
    """

    def __init__(self, at: float, *, slowest_s: Callable[[], float | None], timeout_s: float) -> None:
        self._at = at
        self._whole_s = max(0.0, at - time.time())
        self._slowest_s = slowest_s
        self._timeout_s = timeout_s

    async def watch(self, stop: StopSignal) -> None:
        """Return once the run was asked to stop."""
        # what calls take may change while one sleeps: look again
        while (left_s := self._left_s()) > 0:  # noqa: ASYNC110 - a point in time, no event
            await anyio.sleep(min(left_s, LOOK_EVERY_S))
        until = datetime.fromtimestamp(self._at).astimezone()
        stop.request(StoppedError(f"the deadline is near ({until:%Y-%m-%d %H:%M:%S}): no further call was begun"))

    def _left_s(self) -> float:
        margin = margin_s(whole_s=self._whole_s, slowest_s=self._slowest_s(), timeout_s=self._timeout_s)
        return self._at - time.time() - margin
