"""A send rate under a limit that the server does not tell, against simulated servers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkops.policy.pace import BACK_OFF, LATE_S, Pace


@dataclass
class FixedWindows:
    """`limit` calls in each window of `window_s` that begins at a multiple of it."""

    limit: int
    window_s: float
    used: dict[int, int] = field(default_factory=dict)

    def admits(self, now: float) -> bool:
        """Count a call."""
        index = int(now // self.window_s)
        self.used[index] = self.used.get(index, 0) + (admitted := self.used.get(index, 0) < self.limit)
        return admitted


@dataclass
class SlidingWindow:
    """`limit` calls in any `window_s` seconds."""

    limit: int
    window_s: float
    calls: deque[float] = field(default_factory=deque)

    def admits(self, now: float) -> bool:
        """Count a call."""
        while self.calls and self.calls[0] <= now - self.window_s:
            self.calls.popleft()
        if len(self.calls) >= self.limit:
            return False
        self.calls.append(now)
        return True


@dataclass
class Bucket:
    """`per_s` calls a second, with some of them saved up."""

    per_s: float
    size: float
    level: float = 0.0
    at: float = 0.0

    def admits(self, now: float) -> bool:
        """Take a token."""
        self.level, self.at = min(self.size, self.level + (now - self.at) * self.per_s), now
        if self.level < 1.0:
            return False
        self.level -= 1.0
        return True


def drive(admits: Callable[[float], bool], calls: int, *, free_gap_s: float = 0.005) -> tuple[float, int]:
    """Send one call after the other as the pace allows; the seconds it took and the refusals."""
    pace, now, done, refused, hand = Pace(), 1.0, 0, 0, 0
    while done < calls:
        if not pace.paused and pace.on and not hand:
            now += pace.wait_s(now)
            hand = pace.take(now, 1.0)
        now += free_gap_s
        hand = max(0, hand - 1)
        if admits(now):
            done += 1
            pace.accepted += 1
            if pace.paused:
                pace.accept(now)
                hand = 0
        else:
            refused += 1
            now += pace.refuse(now, began=1.0, accepted=done)
    return now - 1.0, refused


@pytest.mark.parametrize(
    ("admits", "ideal_s"),
    [
        (FixedWindows(100, 2.0).admits, 60.0),
        (FixedWindows(500, 10.0).admits, 60.0),
        (SlidingWindow(100, 2.0).admits, 60.0),
        (Bucket(50.0, 10.0).admits, 60.0),
    ],
    ids=["windows of 2 s", "windows of 10 s", "sliding window", "token bucket"],
)
def test_three_thousand_calls_take_little_longer_than_the_limit_allows(
    admits: Callable[[float], bool], ideal_s: float
) -> None:
    """And at most one in fifty is refused, though nothing tells the limit."""
    took_s, refused = drive(admits, 3000)
    assert took_s <= 1.15 * ideal_s
    assert refused <= 0.02 * 3000


def test_a_limit_that_halves_is_found_again() -> None:
    """The rate follows it down, with few refusals."""
    before, after = FixedWindows(100, 2.0), FixedWindows(50, 2.0)
    took_s, refused = drive(lambda now: (before if now < 30.0 else after).admits(now), 2500)
    assert took_s <= 1.2 * 72.0
    assert refused <= 0.03 * 2500


def test_before_the_first_refusal_there_is_no_pace() -> None:
    """A server that refuses nobody is not slowed down."""
    pace = Pace()
    assert (pace.on, pace.wait_s(5.0), pace.rate(5.0)) == (False, 0.0, float("inf"))


def test_waits_double_from_refusal_to_refusal_and_begin_anew_after_an_acceptance() -> None:
    """So a pause of any length costs few calls."""
    pace = Pace()
    assert [pace.refuse(10.0 + n, began=0.0, accepted=50) for n in range(4)] == [0.25, 0.5, 1.0, 2.0]
    pace.accept(20.0)
    assert pace.refuse(21.0, began=0.0, accepted=0) <= 1.0


def test_the_rate_climbs_from_below_its_level_along_a_cubic_curve() -> None:
    """Flat around the level, and steeper the longer nothing is refused."""
    pace = Pace()
    pace.refuse(10.0, began=0.0, accepted=500)
    pace.accept(10.5)
    start, level, later = pace.rate(10.5), pace.rate(10.5 + pace.climb_s), pace.rate(10.5 + 2 * pace.climb_s)
    assert start == pytest.approx(BACK_OFF * pace.level)
    assert level == pytest.approx(pace.level)
    assert later == pytest.approx((2 - BACK_OFF) * pace.level)
    for part in (0.9, 1.1):
        assert pace.rate(10.5 + part * pace.climb_s) == pytest.approx(level, rel=0.01)


@given(st.lists(st.tuples(st.sampled_from(["take", "refuse", "accept"]), st.floats(0, 100)), max_size=60))
def test_no_wait_is_without_end_and_no_rate_without_sense(events: list[tuple[str, float]]) -> None:
    """Whatever happens: a call may be sent again within bounds, and the rate stays a positive number."""
    pace, now = Pace(), 1.0
    for what, later_s in events:
        now += later_s
        if what == "refuse":
            assert 0 < pace.refuse(now, began=0.0, accepted=3) <= 2.0**20
        elif what == "accept":
            pace.accepted += 1
            pace.accept(now)
        elif pace.level:
            now += pace.wait_s(now)
            assert pace.take(now, 0.5) >= 1
            assert pace.wait_s(now) <= 1.0 / pace.rate(now) + 0.2
        assert pace.rate(now) > 0


def test_a_pace_that_is_not_refused_for_long_is_none() -> None:
    """One passing refusal during slow traffic says nothing of the limit: hours later the rate is not bound by it."""
    pace = Pace()
    pace.refuse(100.0, began=50.0, accepted=5)
    pace.accept(101.0)
    assert pace.rate(102.0) < 1.0
    assert pace.rate(101.0 + 3600.0) > 1e3


@given(
    accepted=st.integers(1, 500), took_s=st.floats(0.1, 20.0), dead_s=st.floats(30.0, 20_000.0), again=st.integers(1, 4)
)
def test_time_in_which_nobody_called_says_nothing_of_the_limit(
    accepted: int, took_s: float, dead_s: float, again: int
) -> None:
    """A process that was killed while it waited is resumed much later: the pace is that of one that waited."""
    patient, killed, now = Pace(), Pace(), 100.0
    for pace in (patient, killed):
        now = 100.0
        for _ in range(again):
            now += pace.refuse(now, began=100.0 - took_s, accepted=accepted)
    patient.accept(now)
    killed.accept(now + dead_s + 2.0 * killed.told_s + LATE_S)
    assert killed.level == pytest.approx(patient.level)
    assert killed.longest_pause_s == pytest.approx(patient.longest_pause_s)
