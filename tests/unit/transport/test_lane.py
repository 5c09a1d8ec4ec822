"""A lane against simulated servers, on a clock that is moved by hand: refusals, progress, bounded waits."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkops.errors import StoppedError
from bulkops.policy import BreakerLimits, QuotaReading
from bulkops.transport import MemoryBook
from bulkops.transport.lane import Lane, Pass

FAULTLESS = BreakerLimits()


@dataclass
class Clock:
    """Time stands still until somebody moves it."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Server:
    """`limit` calls in each window of the clock; its headers tell what is left, as `form` has it."""

    limit: int
    window_s: float
    form: str = "moment"
    late_s: float = 0.0
    used: dict[int, int] = field(default_factory=dict)

    def count(self, now: float) -> tuple[bool, QuotaReading]:
        """Whether the call is admitted, and what the answer says."""
        index = int(now // self.window_s)
        used, end = self.used.get(index, 0), (index + 1) * self.window_s
        admitted = used < self.limit
        self.used[index] = used + admitted
        left = max(0, self.limit - used - 1)
        if self.form == "none" or (self.form == "silent" and not admitted):
            return admitted, QuotaReading()
        if self.form == "delta":
            return admitted, QuotaReading(self.limit, left, float(math.ceil(end - now)))
        # what lies ahead is known a little too late, never too early
        return admitted, QuotaReading(self.limit, left, end - now + self.late_s, end)


@dataclass
class World:
    """Lanes that share a book, and everything that is on its way."""

    clock: Clock
    lanes: list[Lane]
    server: Server
    chance: random.Random
    calls: int
    done: int = 0
    refused: int = 0
    longest_wait_s: float = 0.0
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)
    _asking: set[int] = field(default_factory=set)

    def run(self, workers: int) -> float:
        """Let so many workers of each lane make all calls; the seconds it took."""
        started = self.clock.now
        for lane in self.lanes:
            for _ in range(workers):
                self._soon(0.0, partial(self._send, lane))
        while self.done < self.calls:
            assert self._events, "nobody will ever send again"
            at, _, what = heapq.heappop(self._events)
            self.clock.now = max(self.clock.now, at)
            what()
        return self.clock.now - started

    def _soon(self, later_s: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.clock.now + later_s, next(self._order), what))

    def _send(self, lane: Lane) -> None:
        got = lane.try_pass()
        if not isinstance(got, Pass):
            self.longest_wait_s = max(self.longest_wait_s, 0.0 if math.isinf(got.seconds) else got.seconds)
            # an answer may end the wait sooner: ask again in a while
            self._soon(min(max(got.seconds, 1e-4), 0.02), lambda: self._send(lane))
            return
        got.leave()
        there_s, back_s = self.chance.uniform(0.001, 0.02), self.chance.uniform(0.001, 0.05)
        self._soon(there_s, lambda: self._arrive(got, back_s))

    def _arrive(self, call: Pass, back_s: float) -> None:
        admitted, reading = self.server.count(self.clock.now)
        self._soon(back_s, lambda: self._answer(call, reading, admitted=admitted))

    def _answer(self, call: Pass, reading: QuotaReading, *, admitted: bool) -> None:
        if admitted:
            self.done += 1
            call.answered(reading)
        else:
            self.refused += 1
            call.refused(reading, to_minute_s=60.0 - self.clock.now % 60.0)
        self._send(call.lane)


def world(server: Server, *, calls: int, lanes: int = 1, seed: int = 0, reserve: float = 0.0) -> World:
    """Lanes like those of so many processes."""
    clock, book = Clock(), MemoryBook()
    made = [
        Lane("GET things", book, 16, reserve, FAULTLESS, owner=f"process {number}", clock=clock)
        for number in range(lanes)
    ]
    return World(clock, made, server, random.Random(seed), calls)


@settings(max_examples=12, deadline=None)
@given(
    limit=st.integers(5, 120),
    window_s=st.sampled_from([2.0, 5.0, 60.0]),
    workers=st.integers(1, 30),
    form=st.sampled_from(["moment", "silent", "delta"]),
    late_s=st.floats(0.0, 0.05),
    seed=st.integers(0, 1000),
)
def test_nobody_is_refused_while_headers_are_honest_and_we_are_alone(
    limit: int, window_s: float, workers: int, form: str, late_s: float, seed: int
) -> None:
    """And each window is used to its end: the calls take no window more than they need."""
    calls = 3 * limit + limit // 2
    running = world(Server(limit, window_s, form, late_s), calls=calls, seed=seed)
    took_s = running.run(workers)
    assert running.refused == 0
    alone_s = calls / min(16, workers) * 0.071  # what so many workers need without a quota
    assert took_s <= 4 * window_s + alone_s + 2.5
    assert running.longest_wait_s <= window_s + 1.1


@pytest.mark.parametrize(("limit", "lanes", "seed"), [(40, 2, 1), (100, 4, 2), (150, 5, 3), (200, 3, 4)])
def test_processes_that_share_a_book_share_the_windows(limit: int, lanes: int, seed: int) -> None:
    """Nobody is refused, and each window is used to its end."""
    running = world(Server(limit, 5.0), calls=4 * limit, lanes=lanes, seed=seed)
    took_s = running.run(8)
    assert running.refused == 0
    assert took_s <= 4 * 5.0 + 2.0
    assert max(running.server.used.values()) == limit


def test_a_share_of_the_limit_is_never_touched() -> None:
    """A fifth of a hundred is left in each window."""
    running = world(Server(100, 5.0), calls=240, reserve=0.2)
    running.run(10)
    assert max(running.server.used.values()) == 80
    assert running.refused == 0


def test_a_rival_costs_few_refusals() -> None:
    """What somebody else takes is seen in the answers, and no more than the rest is sent."""
    running = world(Server(200, 5.0), calls=800, seed=3)

    def rival() -> None:
        running.server.count(running.clock.now)
        running._soon(0.08, rival)

    rival()
    running.run(10)
    assert running.refused <= 0.02 * 800


@pytest.mark.parametrize("when_s", [5.02, 5.15, 5.3])
@pytest.mark.parametrize("new", [50, 200])
def test_a_limit_that_changes_is_followed(new: int, when_s: float) -> None:
    """Halved or doubled at any time within a window: only calls that were on their way then are refused."""
    running = world(Server(100, 5.0), calls=600, seed=5)

    def change() -> None:
        running.server.limit = new

    running._soon(when_s, change)
    took_s = running.run(10)
    assert running.refused <= 16
    assert took_s <= (13 if new == 50 else 5) * 5.0
    assert max(used for index, used in running.server.used.items() if index > 201) == new


def test_a_server_that_tells_nothing_is_paced() -> None:
    """At most one call in fifty is refused, and little time is lost."""
    running = world(Server(100, 2.0, "none"), calls=3000)
    took_s = running.run(10)
    assert took_s <= 1.15 * 60.0
    assert running.refused <= 0.02 * 3000


def test_a_killed_process_gives_its_share_back() -> None:
    """What it held is sent by another within the same window."""
    clock, book = Clock(1000.0), MemoryBook()
    server = Server(40, 60.0)
    dead, living = (
        Lane("GET things", book, 16, 0.0, FAULTLESS, owner=name, clock=clock) for name in ("dead", "living")
    )

    def call(lane: Lane, *, answered: bool = True) -> bool:
        got = lane.try_pass()
        if not isinstance(got, Pass):
            return False
        got.leave()
        _, reading = server.count(clock.now)
        if answered:
            got.answered(reading)
        return True

    assert call(living)
    while dead._hand == 0:
        assert call(dead, answered=False)
    held = dead._hand
    while call(living):
        pass
    left = server.limit - sum(server.used.values())
    assert left == held
    clock.now += 6.0
    while call(living):
        pass
    assert sum(server.used.values()) == server.limit


def test_a_lost_probe_holds_the_others_for_a_bounded_time() -> None:
    """Then the next one is sent."""
    clock = Clock(1001.0)
    lane = Lane("GET things", MemoryBook(), 16, 0.0, FAULTLESS, clock=clock)
    first = lane.try_pass()
    assert isinstance(first, Pass)
    first.leave()
    first.answered(QuotaReading(10, 0, 5.0, 1006.0))
    held = lane.try_pass()
    assert not isinstance(held, Pass)
    assert (held.seconds, held.held_by) == (5.0, "quota of GET things")
    clock.now += 5.0
    probe = lane.try_pass()
    assert isinstance(probe, Pass)
    probe.leave()
    behind = lane.try_pass()
    assert not isinstance(behind, Pass)
    assert behind.seconds == 2.0
    clock.now += 2.0
    assert isinstance(lane.try_pass(), Pass)


def test_a_probe_that_never_left_lets_another_one_go() -> None:
    """Its call was given up before its bytes left."""
    clock = Clock(1001.0)
    lane = Lane("GET things", MemoryBook(), 16, 0.0, FAULTLESS, clock=clock)
    first = lane.try_pass()
    assert isinstance(first, Pass)
    first.leave()
    first.answered(QuotaReading(10, 0, 5.0, 1006.0))
    clock.now += 5.0
    probe = lane.try_pass()
    assert isinstance(probe, Pass)
    probe.close()
    assert isinstance(lane.try_pass(), Pass)


def test_a_call_that_was_given_up_before_it_left_gives_its_place_back() -> None:
    """Of two calls that are left, two are sent, whatever was given up in between."""
    clock = Clock(1001.0)
    lane = Lane("GET things", MemoryBook(), 16, 0.0, FAULTLESS, clock=clock)
    first = lane.try_pass()
    assert isinstance(first, Pass)
    first.leave()
    first.answered(QuotaReading(10, 2, 59.0, 1060.0))
    for _ in range(5):
        dropped = lane.try_pass()
        assert isinstance(dropped, Pass)
        dropped.close()
    assert lane.in_flight == 0
    assert isinstance(lane.try_pass(), Pass)
    assert isinstance(lane.try_pass(), Pass)
    assert not isinstance(lane.try_pass(), Pass)


@pytest.mark.parametrize("reset_in_s", [0.0, 365 * 86_400.0])
def test_a_reset_without_sense_holds_nobody_for_good(reset_in_s: float) -> None:
    """Past or a year ahead: the server is asked again, after a quarter of an hour at the latest."""
    clock = Clock(1001.0)
    lane = Lane("GET things", MemoryBook(), 16, 0.0, FAULTLESS, clock=clock)
    for _ in range(3):
        call = lane.try_pass()
        assert isinstance(call, Pass)
        call.leave()
        wait_s = call.refused(QuotaReading(10, 0, reset_in_s, 1001.0 + reset_in_s), to_minute_s=30.0)
        assert 0 < wait_s <= 900.0
        held = lane.try_pass()
        assert not isinstance(held, Pass)
        clock.now += held.seconds


def test_a_passing_trouble_is_not_taken_for_a_spent_window() -> None:
    """A refusal without a word, while most of the window is left, is waited for briefly; the third one is believed."""
    clock = Clock(1001.0)
    lane = Lane("GET things", MemoryBook(), 16, 0.0, FAULTLESS, clock=clock)
    first = lane.try_pass()
    assert isinstance(first, Pass)
    first.leave()
    first.answered(QuotaReading(100, 80, 59.0, 1060.0))
    waits = []
    for _ in range(4):
        call = lane.try_pass()
        assert isinstance(call, Pass)
        call.leave()
        waits.append(call.refused(QuotaReading(), to_minute_s=59.0))
        clock.now += waits[-1]
    assert waits[:3] == [0.25, 0.5, 1.0]
    assert waits[3] > 50.0


def test_a_class_that_goes_on_failing_is_given_up_with_its_reason() -> None:
    """It says which calls, how many, and what the last fault was."""
    clock = Clock()
    lane = Lane("GET things", MemoryBook(), 16, 0.0, BreakerLimits(sample=3, give_up_s=5.0), clock=clock)
    for _ in range(3):
        call = lane.try_pass()
        assert isinstance(call, Pass)
        call.leave()
        call.failed("HTTP 500: boom")
    held = lane.try_pass()
    assert not isinstance(held, Pass)
    assert held.held_by == "GET things to recover (3 of the last 3 calls failed)"
    while not lane.breaker.given_up:
        clock.now += lane.breaker.wait_s(clock.now)
        call = lane.try_pass()
        assert isinstance(call, Pass)
        call.leave()
        call.failed("HTTP 500: boom")
    with pytest.raises(StoppedError, match=r"GET things: 3 of the last 3 calls failed.*5 s; the last fault: HTTP 500"):
        lane.try_pass()


def test_a_refusal_that_allows_to_come_back_at_once_is_not_believed() -> None:
    """Else calls would be refused as fast as they can be made."""
    clock = Clock()
    lane = Lane("POST things", MemoryBook(), 16, 0.0, BreakerLimits(), clock=clock)
    waits = []
    for _ in range(6):
        call = lane.try_pass()
        assert isinstance(call, Pass)
        call.leave()
        waits.append(call.refused(QuotaReading(retry_after_s=0.0), to_minute_s=59.0))
        clock.now += waits[-1]
    assert min(waits) >= 0.25
    assert waits[-1] == 0.5
