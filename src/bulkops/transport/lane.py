"""One endpoint class on its way out: who may leave now, who waits for what, and what answers teach.

Everything here is decided on the event loop between two awaits, so nothing is locked.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import structlog

from bulkops.errors import StoppedError
from bulkops.policy import (
    EXACT_S,
    VAGUE_S,
    Allotment,
    Breaker,
    BreakerLimits,
    Concurrency,
    Grant,
    QuotaReading,
    Refusal,
    Told,
)
from bulkops.transport.book import Book

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
"""How often a class without limits looks whether another process has met one."""

ASK_EVERY_S = 0.03
TOLD_FROM_S = 2.0
"""A longer wait for a pace or a rate is told to people."""

EPISODE_S = 60.0
LEAST_HAND = 8
OWNER = f"{os.getpid()}-{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class Wait:
    """Nobody may leave for `seconds`; `held_by` says what for, where that is worth telling a person."""

    seconds: float
    held_by: str = ""


FOR_AN_ANSWER = Wait(float("inf"))


@dataclass(slots=True, eq=False)
class Pass:
    """The right to send one call. Whoever has it says how the call went, or closes it."""

    lane: Lane
    serial: int
    probe: bool
    trying: bool
    sent_at: float = 0.0
    over: bool = False

    def leave(self) -> None:
        """The call's bytes leave now."""
        self.sent_at = self.lane.clock()

    def answered(self, reading: QuotaReading) -> None:
        """An ordinary answer came, be it a refusal of what was asked."""
        self.over = True
        self.lane.answered(self, reading)

    def refused(self, reading: QuotaReading, *, to_minute_s: float) -> float:
        """The provider refused the call for its rate. Returns the seconds to wait for."""
        self.over = True
        return self.lane.refused(self, reading, to_minute_s)

    def failed(self, why: str) -> None:
        """A fault: no connection, no answer in time, a 5xx that is no throttling."""
        self.over = True
        self.lane.failed(self, why)

    def close(self) -> None:
        """Done with it. A call that never left gives back what it took."""
        if not self.over:
            self.over = True
            self.lane.dropped(self)


@dataclass(slots=True)
class _Record:
    """The newest word on the window, in the answer to call number `of`.

    `serial` was the last call sent before it came, `still` calls were unanswered then.
    """

    limit: int | None
    remaining: int
    ends: float
    reset_at: float | None
    of: int
    serial: int
    still: int
    unsent: int = 0  # calls after it that were given up before they left

    def is_older_than(self, reading: QuotaReading, ends: float, *, of: int) -> bool:
        """Whether `reading`, the answer to call `of`, is of a later window or was counted later within this one."""
        if reading.reset_at is not None and self.reset_at is not None:
            later_s, least_s = reading.reset_at - self.reset_at, EXACT_S
        else:
            later_s, least_s = ends - self.ends, VAGUE_S
        if abs(later_s) > least_s:
            return later_s > 0
        if reading.limit != self.limit:
            return of > self.of  # counts of two limits cannot be compared
        return (reading.remaining or 0) < self.remaining


@dataclass(slots=True)
class Lane:
    """The gates of one endpoint class, in a row: breaker, concurrency, quota or pace."""

    name: str
    book: Book
    ceiling: int
    reserve: float
    breaker_limits: BreakerLimits
    owner: str = OWNER
    clock: Callable[[], float] = time.monotonic
    in_flight: int = 0
    queue: deque[asyncio.Future[Pass]] = field(default_factory=deque)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    slowest_s: float = 0.0
    blocked: Wait | None = None
    blocked_until: float = 0.0
    concurrency: Concurrency = field(init=False)
    breaker: Breaker = field(init=False)
    _free: bool = True
    _hand: int = 0
    _hand_until: float = 0.0
    _serial: int = 0
    _record: _Record | None = None
    _accepted: int = 0
    _untold: int = 0
    _episodes: deque[tuple[float, int]] = field(default_factory=deque)
    _next_look: float = 0.0

    def __post_init__(self) -> None:
        self.concurrency = Concurrency(self.ceiling)
        self.breaker = Breaker(self.breaker_limits)

    def try_pass(self) -> Pass | Wait:
        """A pass for a call that leaves now, or what to wait for. Raises StoppedError once the breaker gave up."""
        now = self.clock()
        if not self.breaker.closed and (wait := self._breaker_wait(now)):
            return wait
        if not self.concurrency.admits(self.in_flight):
            return FOR_AN_ANSWER
        probe = False
        if self._free and now >= self._next_look:
            self._look(now)
        if not self._free:
            if not self._hand or now >= self._hand_until:
                grant = self._ask(now)
                if not grant.calls and not grant.free:
                    return self._wait_of(grant)
                probe = grant.probe
            self._hand = max(0, self._hand - 1)
        self._serial += 1
        self.in_flight += 1
        return Pass(self, self._serial, probe, self.breaker.leave())

    def answered(self, call: Pass, reading: QuotaReading) -> None:
        """See `Pass.answered`."""
        now = self.clock()
        self.breaker.answered(now, trying=call.trying)
        latency_s = now - call.sent_at
        self.concurrency.answered(latency_s, sent_at=call.sent_at, now=now, in_flight=self.in_flight)
        self.slowest_s = max(latency_s, 0.98 * self.slowest_s)
        self.in_flight -= 1
        self._accepted += 1
        news = self._note(call, reading, now)
        self._untold += 1
        if call.probe or news or (not self._free and self._ran_dry()):
            self._tell(now, call)
        self._wake()

    def refused(self, call: Pass, reading: QuotaReading, to_minute_s: float) -> float:
        """See `Pass.refused`."""
        now = self.clock()
        self.in_flight -= 1
        if call.trying:
            self.breaker.answered(now, trying=True)  # who asks to wait is alive
        self._free = False
        began, before = self._episodes[0] if self._episodes else (call.sent_at, 0)
        with self._edit(now) as allotment:
            allotment.answered(self.owner, now, None, reserve=self.reserve, accepted=self._take_untold())
            wait_s = allotment.refused(
                now,
                reading,
                Refusal(call.sent_at, to_minute_s, began, self._accepted - before, call.probe),
            )
        if wait_s > 1.0:
            log.info("gate.held", gate=self.name, why="refused", wait_s=round(wait_s, 1))
        self._wake()
        return wait_s

    def failed(self, call: Pass, why: str) -> None:
        """See `Pass.failed`."""
        now = self.clock()
        self.in_flight -= 1
        self.concurrency.failed(sent_at=call.sent_at, now=now)
        before = self.breaker.closed
        self.breaker.failed(now, why, trying=call.trying)
        if before and not self.breaker.closed:
            log.warning("breaker.opened", gate=self.name, why=why, calls=self.breaker.story())
        if call.probe:
            with self.book.edit(self.name) as allotment:
                allotment.end_probe()
        self._wake()

    def dropped(self, call: Pass) -> None:
        """See `Pass.close`: the call did not leave, or it was called off before its answer."""
        self.in_flight -= 1
        if call.trying:
            self.breaker.unsent()
        if call.probe:
            with self.book.edit(self.name) as allotment:
                allotment.end_probe()
        elif not call.sent_at and not self._free:
            self._hand += 1
            self._forget(call.serial)
        self._wake()

    def unlearn(self) -> None:
        """Forget what was told of windows."""
        self._record = None
        if not self._free:
            with self._edit(self.clock()) as allotment:
                allotment.forget_window()

    def leave(self) -> None:
        """Nothing is sent any more: others may have what is in hand."""
        if not self._free:
            with self._edit(self.clock()) as allotment:
                allotment.leave(self.owner)

    def _breaker_wait(self, now: float) -> Wait | None:
        if self.breaker.given_up:
            raise StoppedError(
                f"{self.name}: {self.breaker.story()}, and it did not recover within "
                f"{self.breaker_limits.give_up_s:.0f} s; the last fault: {self.breaker.last_fault}"
            )
        wait_s = self.breaker.wait_s(now)
        return Wait(wait_s, f"{self.name} to recover ({self.breaker.story()})") if wait_s > 0 else None

    def _wait_of(self, grant: Grant) -> Wait:
        wait_s = min(grant.wait_s, ASK_EVERY_S) if grant.ask_often and self.book.shared else grant.wait_s
        if grant.held:
            return Wait(wait_s, f"quota of {self.name}")
        return Wait(wait_s, f"pace of {self.name}" if grant.wait_s > TOLD_FROM_S else "")

    def _look(self, now: float) -> None:
        """Once in a while: whether another process has met a limit of this class."""
        self._next_look = now + LOOK_EVERY_S
        if not self._episodes or now >= self._episodes[-1][0] + EPISODE_S:
            self._episodes.append((now, self._accepted))
            if len(self._episodes) > 2:
                self._episodes.popleft()
        self._free = not self.book.limits(self.name)

    def _ask(self, now: float) -> Grant:
        """Take some calls for the next moments; one at a time near the end of a window."""
        with self._edit(now) as allotment:
            allotment.answered(self.owner, now, self._told(), reserve=self.reserve, accepted=self._take_untold())
            grant = allotment.take(
                self.owner,
                now,
                most=LEAST_HAND + 2 * (self.in_flight + len(self.queue)),
                busy=self.in_flight,
                latency_s=self.concurrency.latency_s,
            )
        self._hand, self._hand_until, self._free = grant.calls, grant.until, grant.free
        return grant

    @contextlib.contextmanager
    def _edit(self, now: float) -> Iterator[Allotment]:
        """The allotment, with all put back that is in hand."""
        with self.book.edit(self.name) as allotment:
            allotment.come(self.owner, now, unsent=self._hand)
            self._hand = 0
            yield allotment

    def _note(self, call: Pass, reading: QuotaReading, now: float) -> bool:
        """Keep the newest word on the window. Returns whether it must be told at once."""
        record = self._record
        if reading.remaining is None or not reading.reset_in_s:
            return False
        ends = now + reading.reset_in_s
        if record is not None and not record.is_older_than(reading, ends, of=call.serial):
            record.still -= call.serial <= record.serial and record.still > 0
            return False
        self._record = _Record(
            reading.limit, reading.remaining, ends, reading.reset_at, call.serial, self._serial, self.in_flight
        )
        later = record is None or (reading.reset_at or ends) > (record.reset_at or record.ends) + VAGUE_S
        return self._free or later or reading.remaining < self._hand

    def _forget(self, serial: int) -> None:
        """A call was never sent: the word on the window counts without it."""
        record = self._record
        if record is None:
            return
        if serial > record.serial:
            record.unsent += 1
        elif record.still:
            record.still -= 1

    def _ran_dry(self) -> bool:
        return not (self._hand or self.in_flight or self.queue)

    def _told(self) -> Told | None:
        record = self._record
        if record is None:
            return None
        after = self._serial - record.serial - record.unsent
        return Told(record.limit, record.remaining, record.ends, record.reset_at, after, record.still)

    def _tell(self, now: float, call: Pass) -> None:
        with self._edit(now) as allotment:
            allotment.answered(
                self.owner,
                now,
                self._told(),
                reserve=self.reserve,
                accepted=self._take_untold(),
                unasked=self.in_flight + 1 if self._free else 0,
                probe=call.probe,
            )
            self._free = allotment.idle

    def _take_untold(self) -> int:
        untold, self._untold = self._untold, 0
        return untold

    def _wake(self) -> None:
        if self.queue:
            self.changed.set()
