"""What a call passes before it may leave: breaker, concurrency, the server's quota, and the user's own ceiling."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from dataclasses import dataclass

from aiolimiter import AsyncLimiter

from bulkops.errors import StoppedError
from bulkops.policy import BreakerLimits, RetryBudget
from bulkops.transport.book import Book, MemoryBook
from bulkops.transport.lane import TOLD_FROM_S, Lane, Pass, Wait

BURST_S = 0.1
"""How much of a second's ceiling may leave at once: a limiter that starts full lets twice its rate through."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A ceiling of `calls` in `per_s` seconds."""

    calls: float
    per_s: float

    @property
    def per_second(self) -> float:
        """Calls a second."""
        return self.calls / self.per_s


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is being waited for, for people to read; `until` is wall clock in epoch seconds."""

    what: str
    until: float


class Gates:
    """All gates of one account, a lane of them for each endpoint class. A wait holds every worker of its class.

    `ceiling` bounds the calls in flight in a class, `rate` the calls of all classes together. `budget` is what the
    run's retries are paid from, those of reads and of writes.
    """

    def __init__(
        self,
        *,
        rate: Rate | None = None,
        reserve: float = 0.0,
        ceiling: int = 16,
        book: Book | None = None,
        breaker: BreakerLimits | None = None,
    ) -> None:
        self.budget = RetryBudget()
        self._lanes: dict[str, Lane] = {}
        self._serving: dict[str, asyncio.Task[None]] = {}
        self._limiter = _limiter(rate)
        self._per_second = rate.per_second if rate is not None else math.inf
        self._reserve = reserve
        self._ceiling = ceiling
        self._book = book or MemoryBook()
        self._breaker = breaker or BreakerLimits()

    async def enter(self, gate: str) -> Pass:
        """Return when a call of endpoint class `gate` may leave. Waiting costs nobody an attempt.

        Raises StoppedError when the class failed for so long that it is given up.
        """
        lane = self._lanes.get(gate) or self._new_lane(gate)
        if not lane.queue and (self._limiter is None or self._limiter.has_capacity()):
            got = lane.try_pass()
            if isinstance(got, Pass):
                if self._limiter is not None:
                    await self._limiter.acquire()  # there is room: it does not wait
                return got
        return await self._queue_up(lane)

    def waiting(self) -> Waiting | None:
        """The longest wait that somebody is in now and that is worth telling; None when nobody waits."""
        now = time.monotonic()
        waits = [
            (lane.blocked_until, lane.blocked.held_by)
            for lane in tuple(self._lanes.values())
            if lane.queue and lane.blocked is not None and lane.blocked.held_by
        ]
        until, what = max(waits, default=(0.0, ""))
        return Waiting(what, time.time() + until - now) if until > now else None

    def slowest_s(self) -> float | None:
        """How long a call may take, by the slowest of the last ones; None before the first answer."""
        return max((lane.slowest_s for lane in self._lanes.values()), default=0.0) or None

    def close(self) -> None:
        """No call leaves any more: give back what was taken from the shared quota."""
        for lane in self._lanes.values():
            lane.leave()
        self._book.close()
        for task in self._serving.values():
            task.cancel()

    def _new_lane(self, gate: str) -> Lane:
        lane = self._lanes[gate] = Lane(gate, self._book, self._ceiling, self._reserve, self._breaker)
        return lane

    async def _queue_up(self, lane: Lane) -> Pass:
        """First come, first served: one task asks for all who wait, so that a wait wakes one and not all."""
        turn: asyncio.Future[Pass] = asyncio.get_running_loop().create_future()
        lane.queue.append(turn)
        if lane.name not in self._serving:
            self._serving[lane.name] = asyncio.create_task(self._serve(lane))
        try:
            return await turn
        except asyncio.CancelledError:
            if turn in lane.queue:
                lane.queue.remove(turn)
                lane.changed.set()
            elif not turn.cancelled() and turn.exception() is None:
                turn.result().close()  # it came in the moment in which nobody wanted it any more
            raise

    async def _serve(self, lane: Lane) -> None:
        """Hand out passes until nobody waits."""
        admitted = self._limiter is None
        try:
            while lane.queue:
                if lane.queue[0].done():  # cancelled in this very turn of the event loop
                    lane.queue.popleft()
                    continue
                if not admitted and self._limiter is not None:
                    self._tell_of_rate(lane)
                    await self._limiter.acquire()
                    admitted = True
                    continue  # who waited may be gone
                got = lane.try_pass()
                if isinstance(got, Pass):
                    admitted = self._limiter is None
                    lane.queue.popleft().set_result(got)
                else:
                    await self._wait(lane, got)
        except BaseException as error:
            for turn in lane.queue:
                if not turn.done():
                    turn.set_exception(_again(error))
            lane.queue.clear()
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            del self._serving[lane.name]

    def _tell_of_rate(self, lane: Lane) -> None:
        """A slow ceiling of the user's own is named while its turn is waited for."""
        each_s = 1.0 / self._per_second
        lane.blocked = Wait(each_s, "your own rate") if each_s > TOLD_FROM_S else None
        lane.blocked_until = time.monotonic() + each_s

    async def _wait(self, lane: Lane, wait: Wait) -> None:
        """Until the time is over or an answer may have changed it."""
        lane.blocked, lane.blocked_until = wait, time.monotonic() + wait.seconds
        lane.changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if math.isinf(wait.seconds) else wait.seconds):
                await lane.changed.wait()


def _again(error: BaseException) -> BaseException:
    """An error for each who waits: none may get another's traceback."""
    return StoppedError(str(error)) if isinstance(error, StoppedError) else RuntimeError(f"the gates broke: {error!r}")


def _limiter(rate: Rate | None) -> AsyncLimiter | None:
    if rate is None:
        return None
    burst = max(1.0, rate.per_second * BURST_S)
    return AsyncLimiter(burst, burst / rate.per_second)
