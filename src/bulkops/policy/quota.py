"""What an answer says about the server's quota, and until when nobody may send.

Pure decisions: the clocks are arguments. Sources of the header forms: the vendor's knowledge base for
`X-RateLimit-*` (reset in UTC epoch seconds), RFC 9110 for `Retry-After`, the IETF draft for `RateLimit-*` deltas.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

SHORTEST_WAIT_S = 0.5
"""After a refusal nobody sends at once, even where the named reset has passed."""

LONGEST_WINDOW_S = 60.0
"""The vendor's windows are whole minutes: so many seconds may be left of one, and a larger number is milliseconds."""

LONGEST_WAIT_S = 900.0
"""No single wait is longer, whatever a header says: the server is asked again after it."""


@dataclass(frozen=True, slots=True)
class QuotaReading:
    """One answer's word on its quota. All None where it said nothing.

    `reset_in_s` and `retry_after_s` are seconds from the moment of the answer, never negative.
    """

    limit: int | None = None
    remaining: int | None = None
    reset_in_s: float | None = None
    retry_after_s: float | None = None


def read_quota(headers: Mapping[str, str], *, now: float) -> QuotaReading:
    """The quota as an answer's `headers` (any case of names) give it.

    `now` is the local wall clock in epoch seconds, used only where the answer has no usable Date of its own:
    a reset is a moment on the server's clock, so it is measured from the server's Date.
    """
    server_now = read_date(headers.get("Date")) or now
    return QuotaReading(
        limit=_count(headers.get("X-RateLimit-Limit")),
        remaining=_count(headers.get("X-RateLimit-Remaining")),
        reset_in_s=_reset(headers.get("X-RateLimit-Reset"), server_now),
        retry_after_s=_retry_after(headers.get("Retry-After"), server_now),
    )


def read_date(text: str | None) -> float | None:
    """An HTTP date in epoch seconds; None for none, and for what is not one."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def throttle_wait_s(reading: QuotaReading, *, server_now: float, known_reset_in_s: float = 0.0) -> float:
    """Seconds to wait after a refusal: what the provider named, else until its next full minute.

    `known_reset_in_s` is how far ahead the reset lies that an earlier answer of the class named; 0 for none. An empty
    503 names nothing itself, and it belongs to that window.

    The vendor's windows are whole minutes of its clock; without a header that is the best guess. Bounded by
    `LONGEST_WAIT_S`.
    """
    if reading.retry_after_s is not None:
        return min(reading.retry_after_s, LONGEST_WAIT_S)
    if reading.reset_in_s is not None:
        # a reset that is now or past means that a new window is open; the Date it is measured from counts whole seconds
        return min(max(reading.reset_in_s, SHORTEST_WAIT_S), LONGEST_WAIT_S)
    if known_reset_in_s > 0:
        return min(max(known_reset_in_s, SHORTEST_WAIT_S), LONGEST_WAIT_S)
    return 60.0 - server_now % 60.0


def exhausted(reading: QuotaReading, *, reserve: float) -> bool:
    """Whether the window is spent down to the share left to the server's other clients, and ends later.

    `reserve` is that share of the limit, 0 to 1.
    """
    if reading.remaining is None or not reading.reset_in_s:
        return False
    kept = int(reserve * reading.limit) if reading.limit else 0
    return reading.remaining <= kept


def spent_wait_s(reading: QuotaReading, *, reserve: float) -> float:
    """Seconds to hold a class whose window is spent; 0 where it is not. Bounded by `LONGEST_WAIT_S`."""
    if reading.reset_in_s is None or not exhausted(reading, reserve=reserve):
        return 0.0
    return min(reading.reset_in_s, LONGEST_WAIT_S)


@dataclass(slots=True)
class ThrottleGate:
    """Until when nobody of one endpoint class may send; `until` is on the caller's monotonic clock."""

    until: float = 0.0
    holds: int = 0
    reset_at: float = 0.0

    def learn(self, reset_at: float) -> None:
        """An ordinary answer named the end of its window, on the caller's monotonic clock."""
        self.reset_at = reset_at

    def known_reset_in_s(self, now: float) -> float:
        """Seconds until the window that was last named ends; 0 when it has, or none was named."""
        return max(0.0, self.reset_at - now)

    def hold(self, until: float) -> None:
        """Close the gate until `until`; a later end stands, an earlier one changes nothing."""
        if until > self.until:
            self.until = until
            self.holds += 1

    def wait_s(self, now: float) -> float:
        """Seconds until the gate opens; 0 when it is open."""
        return max(0.0, self.until - now)


def _count(text: str | None) -> int | None:
    try:
        return max(0, int(float(text))) if text is not None else None
    except (ValueError, OverflowError):
        return None


def _reset(text: str | None, server_now: float) -> float | None:
    """Seconds until a reset given as epoch seconds, epoch milliseconds, or a delta in seconds or milliseconds."""
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    if value is None or not 0 <= value < 1e15:
        return None
    if value > 1e11:
        value /= 1000.0
    if value > 1e9:
        return max(0.0, value - server_now)
    return value if value <= LONGEST_WINDOW_S else value / 1000.0


def _retry_after(text: str | None, server_now: float) -> float | None:
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        moment = read_date(text)
        return None if moment is None else max(0.0, moment - server_now)
    return max(0.0, seconds) if math.isfinite(seconds) else None
