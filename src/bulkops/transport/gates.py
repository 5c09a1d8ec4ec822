"""What a call passes before it may leave: the wait that the server named, and the user's own ceiling."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from dataclasses import dataclass

import anyio
import structlog
from aiolimiter import AsyncLimiter

from bulkops.policy import QuotaReading, ThrottleGate, spent_wait_s, throttle_wait_s

log = structlog.get_logger(__name__)

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

    gate: str
    until: float


class Gates:
    """All gates of one account. A wait named for an endpoint class holds every worker of that class."""

    def __init__(self, *, rate: Rate | None = None, reserve: float = 0.0, jitter_s: float = 0.25) -> None:
        self._throttles: dict[str, ThrottleGate] = defaultdict(ThrottleGate)
        self._limiter = _limiter(rate)
        self._reserve = reserve
        self._jitter_s = jitter_s
        self._waiters: dict[str, int] = defaultdict(int)

    async def pass_through(self, gate: str) -> None:
        """Return when a call of endpoint class `gate` may leave. Waiting costs nobody an attempt."""
        throttle = self._throttles[gate]
        while True:
            await self._wait_open(gate, throttle)
            if self._limiter is not None:
                await self._limiter.acquire()
            # another worker may have been refused while this one waited for its slot
            if throttle.wait_s(time.monotonic()) <= 0:
                return

    def waiting(self) -> Waiting | None:
        """The longest wait that somebody is in now; None when nobody waits."""
        now = time.monotonic()
        waits = [(self._throttles[gate].wait_s(now), gate) for gate, count in tuple(self._waiters.items()) if count]
        longest, gate = max(waits, default=(0.0, ""))
        return Waiting(gate, time.time() + longest) if longest > 0 else None

    def refused(self, gate: str, reading: QuotaReading, *, server_now: float) -> float:
        """The provider refused a call for its rate: hold the class. Returns the wait in seconds."""
        known_s = self._throttles[gate].known_reset_in_s(time.monotonic())
        wait_s = throttle_wait_s(reading, server_now=server_now, known_reset_in_s=known_s) + self._draw()
        self._hold(gate, wait_s, "refused")
        return wait_s

    def answered(self, gate: str, reading: QuotaReading) -> None:
        """An ordinary answer came: if it says that the window is spent, hold the class without being refused."""
        if reading.reset_in_s is not None:
            self._throttles[gate].learn(time.monotonic() + reading.reset_in_s)
        if wait_s := spent_wait_s(reading, reserve=self._reserve):
            self._hold(gate, wait_s + self._draw(), "spent")

    def _hold(self, gate: str, wait_s: float, why: str) -> None:
        throttle = self._throttles[gate]
        before = throttle.until
        throttle.hold(time.monotonic() + wait_s)
        if throttle.until > before + 1.0:
            log.info("gate.held", gate=gate, why=why, wait_s=round(wait_s, 1))

    async def _wait_open(self, gate: str, throttle: ThrottleGate) -> None:
        self._waiters[gate] += 1
        try:
            # the end of the wait may move while one sleeps: look again
            while (wait_s := throttle.wait_s(time.monotonic())) > 0:  # noqa: ASYNC110 - a point in time, no event
                await anyio.sleep(wait_s)
        finally:
            self._waiters[gate] -= 1

    def _draw(self) -> float:
        return random.random() * self._jitter_s  # noqa: S311 - spreads calls, guards nothing


def _limiter(rate: Rate | None) -> AsyncLimiter | None:
    if rate is None:
        return None
    burst = max(1.0, rate.per_second * BURST_S)
    return AsyncLimiter(burst, burst / rate.per_second)
