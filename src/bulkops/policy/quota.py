"""What an answer says about the server's quota, in the forms that vendors use.

Sources of the forms: the vendor's knowledge base for `X-RateLimit-*` (reset in UTC epoch seconds), RFC 9110 for
`Retry-After`, the IETF draft on rate limit fields, whose resets are deltas: `RateLimit: "default";r=50;t=30` with
`RateLimit-Policy`, before that `limit=100, remaining=50, reset=30`, before that three fields like the vendor's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache

_MANY = 10**9  # calls; no quota is larger
_EPOCH_FROM = 1e9  # seconds; a smaller number is what is left

LONGEST_WINDOW_S = 3600.0
"""Where a vendor names no other, so many seconds may be left of a window: a larger number is one of milliseconds."""

# a member of a structured list: a quoted or bare name, then parameters; commas within quotes belong to the name
_MEMBER = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^,;"\s][^,;"]*)((?:;[^,;"]*(?:"(?:[^"\\]|\\.)*"[^,;"]*)*)*)(?:,|$)')


@dataclass(frozen=True, slots=True)
class QuotaReading:
    """One answer's word on its quota. All None where it said nothing.

    `reset_in_s` and `retry_after_s` are seconds from the moment of the answer, never negative. `reset_at` is the reset
    as an epoch second of the server's clock, where the server gave it as one: that names the window. `window_s` is a
    window's length. `in_ms`: the reset is a number of milliseconds left.
    """

    limit: int | None = None
    remaining: int | None = None
    reset_in_s: float | None = None
    reset_at: float | None = None
    retry_after_s: float | None = None
    window_s: float | None = None
    in_ms: bool = False

    @property
    def spent(self) -> bool:
        """Whether it says that nothing is left now: no calls remain, or it names a reset to come and nothing else."""
        if self.remaining is not None:
            return self.remaining == 0
        return bool(self.reset_in_s)


NOTHING = QuotaReading()


@dataclass(slots=True)
class ResetUnit:
    """Whether a server counts the time left in milliseconds: a small number alone does not tell.

    A large one does, and so do two that differ by far more than the seconds between them.
    """

    in_ms: bool = False
    _last: tuple[float, float] | None = None

    def note(self, reading: QuotaReading, now: float) -> bool:
        """Take in an answer of `now` (any clock that runs evenly). Returns whether all before it was misread."""
        if self.in_ms or reading.reset_in_s is None or reading.reset_at is not None:
            return False
        last, self._last = self._last, (reading.reset_in_s, now)
        fell, took_s = (last[0] - reading.reset_in_s, now - last[1]) if last is not None else (0.0, 0.0)
        self.in_ms = reading.in_ms or fell > 10.0 * took_s + 2.0
        return self.in_ms and last is not None


def read_quota(
    headers: Mapping[str, str], *, server_now: float, in_ms: bool = False, longest_s: float = LONGEST_WINDOW_S
) -> QuotaReading:
    """The quota as an answer's `headers` (any case of names) give it.

    `server_now` is the server's clock at the answer in epoch seconds: resets and dates are moments on it. `in_ms`: it
    is known that the server counts the time left in milliseconds; a small number alone does not tell. `longest_s` is
    the longest window that the vendor has: more cannot be left of one.
    """
    retry_after_s = _retry_after(headers.get("Retry-After"), server_now)
    return (
        _of_three(headers, "X-RateLimit", server_now, retry_after_s, in_ms, longest_s)
        or _of_one(headers, retry_after_s)
        or _of_three(headers, "RateLimit", server_now, retry_after_s, in_ms, longest_s)
        or (QuotaReading(retry_after_s=retry_after_s) if retry_after_s is not None else NOTHING)
    )


@lru_cache(maxsize=64)
def read_date(text: str | None) -> float | None:
    """An HTTP date in epoch seconds; None for none, and for what is not one."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _of_three(
    headers: Mapping[str, str],
    prefix: str,
    server_now: float,
    retry_after_s: float | None,
    in_ms: bool,
    longest_s: float,
) -> QuotaReading | None:
    """`PREFIX-Limit`, `-Remaining` and `-Reset`; a limit may be followed by policies (`100, 100;w=60`)."""
    limit_text, remaining_text = headers.get(f"{prefix}-Limit"), headers.get(f"{prefix}-Remaining")
    reset_text = headers.get(f"{prefix}-Reset")
    if limit_text is None and remaining_text is None and reset_text is None:
        return None
    limit, *policies = _members(limit_text or "")
    reset_in_s, reset_at, in_ms = _reset(reset_text, server_now, in_ms, longest_s)
    windows = [parameters["w"] for _, parameters in policies if "w" in parameters]
    return QuotaReading(
        limit=_count(limit[0]),
        remaining=_count(remaining_text),
        reset_in_s=reset_in_s,
        reset_at=reset_at,
        retry_after_s=retry_after_s,
        window_s=_seconds(windows[0]) if windows else None,
        in_ms=in_ms,
    )


def _of_one(headers: Mapping[str, str], retry_after_s: float | None) -> QuotaReading | None:
    """The field `RateLimit` in either of its forms. Of several policies the one with the fewest calls left counts."""
    text = headers.get("RateLimit")
    if text is None:
        return None
    members = list(_members(text))
    keyed = dict(name.split("=", 1) for name, _ in members if "=" in name)
    if keyed:
        reset_in_s = _seconds(keyed.get("reset"))
        return QuotaReading(_count(keyed.get("limit")), _count(keyed.get("remaining")), reset_in_s, None, retry_after_s)
    policies = dict(_members(headers.get("RateLimit-Policy") or ""))
    found = [
        QuotaReading(
            limit=_count(policies.get(name, {}).get("q")),
            remaining=remaining,
            reset_in_s=_seconds(parameters.get("t")),
            retry_after_s=retry_after_s,
            window_s=_seconds(policies.get(name, {}).get("w")),
        )
        for name, parameters in members
        if (remaining := _count(parameters.get("r"))) is not None and _counts_calls(policies.get(name, {}))
    ]
    return min(found, key=_tightness, default=None)


def _tightness(reading: QuotaReading) -> tuple[int, float]:
    return reading.remaining or 0, -(reading.reset_in_s or 0.0)


def _counts_calls(policy: Mapping[str, str]) -> bool:
    """Whether a policy counts requests, and not bytes or calls in flight."""
    return policy.get("qu", "requests").strip('"') == "requests"


def _members(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The members of a list with their parameters; one empty member for an empty text."""
    at = 0
    while match := _MEMBER.match(text, at):
        parameters = {
            key.strip(): value.strip()
            for key, _, value in (part.partition("=") for part in match[2].split(";") if part)
        }
        yield match[1].strip().strip('"'), parameters
        at = match.end()
        if at >= len(text):
            return
    if at == 0:
        yield text, {}


def _count(text: str | None) -> int | None:
    try:
        return min(max(0, int(float(text))), _MANY) if text is not None else None
    except (ValueError, OverflowError):
        return None


def _seconds(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else -1.0
    except ValueError:
        return None
    return value if 0 <= value < 1e15 else None


def _reset(
    text: str | None, server_now: float, in_ms: bool, longest_s: float
) -> tuple[float | None, float | None, bool]:
    """Seconds until a reset; the reset in epoch seconds, where it is a moment; whether it was left in milliseconds.

    It comes as epoch seconds, epoch milliseconds, or a delta in seconds or milliseconds.
    """
    value = _seconds(text)
    if value is None:
        return None, None, in_ms
    if value > 1e11:
        value /= 1000.0
    if value > _EPOCH_FROM:
        return max(0.0, value - server_now), value, in_ms
    in_ms = in_ms or value > longest_s
    return (value / 1000.0 if in_ms else value), None, in_ms


def _retry_after(text: str | None, server_now: float) -> float | None:
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        moment = read_date(text)
        return None if moment is None else max(0.0, moment - server_now)
    return max(0.0, seconds) if math.isfinite(seconds) else None
