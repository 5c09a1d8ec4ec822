"""When a server fails so often that it is better left alone for a while, and when a run gives it up."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """When it opens and for how long. With the defaults: half of at least 20 calls of the last minute failed.

    It then waits `first_wait_s` before a single call is tried, after each further failure twice as long up to
    `longest_wait_s`. What is tried `give_up_s` after it opened and fails again is given up.
    """

    share: float = 0.5
    sample: int = 20
    window_s: float = 60.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 30.0
    give_up_s: float = 300.0


@dataclass(slots=True)
class Breaker:
    """Counts real failures (no connection, time-outs, 5xx that are no throttling) against answers.

    `now` is any clock that runs evenly, in seconds.
    """

    limits: BreakerLimits = field(default_factory=BreakerLimits)
    opened_at: float | None = None
    failures: int = 0
    last_fault: str = ""
    _calls: deque[tuple[float, bool]] = field(default_factory=deque)
    _next_try: float = 0.0
    _wait_s: float = 0.0
    _trying: bool = False
    _last_try: float = float("-inf")

    @property
    def closed(self) -> bool:
        """Whether calls pass freely."""
        return self.opened_at is None

    @property
    def given_up(self) -> bool:
        """Whether a call that was tried `give_up_s` after it opened, or later, failed."""
        return self.opened_at is not None and self._last_try >= self.opened_at + self.limits.give_up_s

    def wait_s(self, now: float) -> float:
        """Seconds until a call may be tried; 0 when one may leave now."""
        if self.opened_at is None:
            return 0.0
        # while one is out its answer decides; the others look again soon, should it be lost
        return max(0.0, self._next_try - now, self.limits.first_wait_s if self._trying else 0.0)

    def leave(self) -> bool:
        """A call leaves. Returns whether it is the one that tries an open breaker."""
        if self.opened_at is None:
            return False
        self._trying = True
        return True

    def unsent(self) -> None:
        """The trying call did not leave after all, or its answer says nothing: another one may try."""
        self._trying = False

    def answered(self, now: float, *, trying: bool) -> None:
        """The server answered, be it with a refusal."""
        if trying:
            self.opened_at = None
            self._trying = False
            self._calls.clear()
            self.failures = 0
        if self.opened_at is None:
            self._count(now, failed=False)

    def failed(self, now: float, why: str, *, trying: bool) -> None:
        """A call failed for a fault; `why` is kept for people."""
        self.last_fault = why
        if trying:
            self._trying = False
            self._last_try = now
            self._wait(now, min(2.0 * self._wait_s, max(self.limits.first_wait_s, self._left_s(now))))
        elif self.opened_at is None:
            self._count(now, failed=True)
            if len(self._calls) >= self.limits.sample and self.failures >= self.limits.share * len(self._calls):
                self.opened_at = now
                self._wait(now, self.limits.first_wait_s)

    def story(self) -> str:
        """What opened it, in words."""
        return f"{self.failures} of the last {len(self._calls)} calls failed"

    def _left_s(self, now: float) -> float:
        return (self.opened_at or now) + self.limits.give_up_s - now

    def _wait(self, now: float, wait_s: float) -> None:
        self._wait_s = min(wait_s, self.limits.longest_wait_s)
        self._next_try = now + self._wait_s

    def _count(self, now: float, *, failed: bool) -> None:
        self._calls.append((now, failed))
        self.failures += failed
        while self._calls[0][0] < now - self.limits.window_s or len(self._calls) > 5 * self.limits.sample:
            self.failures -= self._calls.popleft()[1]
