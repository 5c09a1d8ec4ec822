"""How many calls may be in flight: more while answers come well, fewer when the server shows that it has enough."""

from __future__ import annotations

from dataclasses import dataclass

START = 4
SMOOTHING = 0.1
CLIMB = 3.0
"""So many calls more does each good answer allow at first: four rounds of doubling would cost 5,000 calls 3 % of their
time."""


@dataclass(slots=True)
class Concurrency:
    """Additive increase, multiplicative decrease, from `START` up to `ceiling`. Times in seconds, on one clock.

    Until the first decrease each good answer allows `CLIMB` calls more (four times as many are in flight in the next
    round, so that 50 are reached in two), from then on each round allows one. A fault (5xx, time-out) cuts the limit to
    `cut` of itself, at most once for the calls that were in flight together. So does a smoothed latency of more than
    twice the lowest of the last answers and `slack_s`; never below `START`, since so few calls are no reason for it.
    """

    ceiling: int
    cut: float = 0.7
    slack_s: float = 0.1
    window: int = 200
    limit: float = START
    latency_s: float = 0.0
    _lowest_s: float = 0.0
    _lowest_before_s: float = 0.0
    _seen: int = 0
    _cut_at: float = float("-inf")
    _climbing: bool = True

    def __post_init__(self) -> None:
        self.limit = min(self.limit, self.ceiling)

    def admits(self, in_flight: int) -> bool:
        """Whether one more call may leave beside `in_flight` others."""
        return in_flight < int(self.limit)

    def answered(self, latency_s: float, *, sent_at: float, now: float, in_flight: int) -> None:
        """A good answer came after `latency_s`; `in_flight` counts its call too."""
        self._note(latency_s)
        if self.latency_s > 2.0 * self._floor_s() + self.slack_s:
            self._decrease(START, sent_at, now)
        elif 2 * in_flight >= self.limit and self.limit < self.ceiling:  # a limit that is not used proves nothing
            self.limit = min(self.ceiling, self.limit + (CLIMB if self._climbing else 1.0 / self.limit))

    def failed(self, *, sent_at: float, now: float) -> None:
        """A call met a fault of the server or got no answer in time."""
        self._decrease(1, sent_at, now)

    def _decrease(self, least: int, sent_at: float, now: float) -> None:
        self._climbing = False
        if sent_at <= self._cut_at or self.limit <= least:
            return
        self.limit = max(float(least), self.limit * self.cut)
        self._cut_at = now
        self.latency_s = 0.0  # what was measured in the crowd says nothing of what comes now

    def _note(self, latency_s: float) -> None:
        self.latency_s = self.latency_s + SMOOTHING * (latency_s - self.latency_s) if self.latency_s else latency_s
        if self._seen % self.window == 0:  # the lowest of a window or two: older ones are forgotten
            self._lowest_before_s, self._lowest_s = self._lowest_s or latency_s, latency_s
        self._seen += 1
        self._lowest_s = min(self._lowest_s, latency_s)

    def _floor_s(self) -> float:
        return min(self._lowest_s, self._lowest_before_s)
