"""The server's current window, as its answers tell it: how many calls are left in it, and when it ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

LONGEST_WAIT_S = 900.0
"""No single wait is longer, whatever a header says: the server is asked again after it."""

EXACT_S = 0.01
VAGUE_S = 1.5
"""Two ends that lie closer are one window's: a delta in whole seconds moves with each answer."""


@dataclass(frozen=True, slots=True)
class Told:
    """The last thing that the server said of a window, and what it could not know yet.

    `remaining` is without the calls in `after` (sent since that answer came) and perhaps without those in `still` (in
    flight then, and unanswered yet). `ends` is on our clock; `reset_at` names the window where the server gave a
    moment and no delta. The counts are those of one process, which has given back what it had in hand.
    """

    limit: int | None
    remaining: int
    ends: float
    reset_at: float | None = None
    after: int = 0
    still: int = 0


@dataclass(slots=True)
class Window:
    """`left` calls may be handed out before `ends` (seconds on a clock that runs evenly); nothing known at first.

    `lag_s` is how much later than told the server begins a new window, learnt from calls that came too early.
    `rivals` is how many calls others were seen to take since it `opened_at`. Only `sure` ones of those left are, should
    none of the calls in flight have been counted when the server last told. Once `refused`, nothing is left of it,
    whatever answers say that were on their way.
    """

    known: bool = False
    limit: int | None = None
    left: int = 0
    ends: float = 0.0
    reset_at: float | None = None
    length_s: float = 60.0
    spent_at: float | None = None
    lag_s: float = 0.0
    opened_at: float = 0.0
    rivals: int = 0
    sure: int = 0
    refused: bool = False

    def over(self, now: float) -> bool:
        """Whether it has ended, or nobody could send for so long that the server must be asked again."""
        spent_for_long = self.spent_at is not None and now >= self.spent_at + LONGEST_WAIT_S
        return self.known and (now >= self.ends + self.lag_s or spent_for_long)

    def wait_s(self, now: float) -> float:
        """Seconds until it is over."""
        end = self.ends + self.lag_s
        return max(0.0, (end if self.spent_at is None else min(end, self.spent_at + LONGEST_WAIT_S)) - now)

    def rivals_in(self, seconds: float, now: float) -> int:
        """How many calls others will take in so many seconds, if they go on as they did."""
        return math.ceil(self.rivals * seconds / max(now - self.opened_at, 0.1))

    def take(self, now: float, most: int) -> int:
        """Hand out at most `most` calls; 0 when none are left."""
        count = max(0, min(most, self.left))
        self.left -= count
        self.sure -= count
        if self.left <= 0 and self.spent_at is None:
            self.spent_at = now
        return count

    def give_back(self, count: int) -> None:
        """Calls that were handed out are not sent."""
        self.left += count
        self.sure += count
        if self.left > 0:
            self.spent_at = None

    def is_news(self, told: Told, now: float, *, probed: bool) -> bool:
        """Whether `told` speaks of a window that began after this one; `probed`: it answers a probe."""
        if not self.known:
            return True
        if told.reset_at is not None and self.reset_at is not None:
            return told.reset_at > self.reset_at + EXACT_S
        return told.ends > self.ends + VAGUE_S or (probed and self.over(now) and told.ends > now)

    def is_stale(self, told: Told) -> bool:
        """Whether `told` speaks of a window before this one."""
        if told.reset_at is not None and self.reset_at is not None:
            return told.reset_at < self.reset_at - EXACT_S
        return told.ends < self.ends - VAGUE_S

    def open(self, told: Told, now: float, *, kept: int) -> None:
        """A window begins of which `kept` calls are left to others."""
        if self.known and now < self.ends + self.length_s:
            self.length_s = max(1.0, told.ends - self.ends)
        self.known, self.limit, self.ends, self.reset_at = True, told.limit, told.ends, told.reset_at
        self.left, self.spent_at = told.remaining - kept - told.after - told.still, None
        self.opened_at, self.rivals, self.sure, self.refused = now, 0, self.left, False
        if self.left <= 0:
            self.spent_at = now

    def correct(self, told: Told, now: float, *, kept: int, alone: bool) -> None:
        """News of this very window: what rivals took is gone, and a limit that was raised is there.

        Where others of ours take calls too, the word of one process may be older than what they took since: then it
        can only lower what is left. One that is `alone` knows exactly.
        """
        most = told.remaining - kept - told.after
        least = most - told.still if alone else self.left + max(0, (told.limit or 0) - (self.limit or 0))
        if told.limit == self.limit:
            self.rivals += max(0, self.left - most)
        self.ends, self.limit = min(self.ends, told.ends), told.limit
        self.left = min(self.left if self.refused else max(least, self.left), most)
        self.sure = min(self.left, most - told.still)
        self.spent_at = None if self.left > 0 else (self.spent_at or now)

    def spend(self, now: float) -> None:
        """A refusal came: nothing is left of it."""
        self.left, self.spent_at, self.refused = min(0, self.left), now, True
