"""The bounds of a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowance:
    """A number of rows, or a share of them: `50` is a count, `50%` a share, never a guess."""

    count: int | None = None
    percent: float | None = None

    def exceeded(self, number: int, *, of: int) -> bool:
        """Whether `number` of `of` rows is more than allowed."""
        if self.count is not None and number > self.count:
            return True
        return self.percent is not None and number > of * self.percent / 100.0

    def __str__(self) -> str:
        return f"{self.percent:g}%" if self.percent is not None else str(self.count)


@dataclass(frozen=True, slots=True)
class RunLimits:
    """What bounds one session of work.

    `width` workers send side by side. `body_bytes` bounds a request's body: the service may cap it there. So many rows
    as a window has wait to be looked up at once, from `window_rows` at first to `widest_window_rows`. What planning
    decided is kept for the sending as bytes, or as it is for up to `kept_decisions` rows. A share of failures is judged
    from `failure_sample` finished rows on. After a polite stop `last_look_s` bounds the look at what was in flight, and
    so does `ends_at` (epoch seconds), where the session has to end by then. Times in seconds.
    """

    width: int = 16
    batch_size: int = 50
    body_bytes: int = 100_000
    max_attempts: int = 5
    window_rows: int = 2000
    widest_window_rows: int = 8_000
    plan_chunk: int = 500
    kept_decisions: int = 10_000
    max_failures: Allowance | None = None
    failure_sample: int = 20
    backoff_base_s: float = 0.5
    backoff_cap_s: float = 30.0
    last_look_s: float = 10.0
    ends_at: float | None = None

    def look_s(self, now: float) -> float:
        """Seconds that the last look may take from `now` (epoch seconds) on."""
        return self.last_look_s if self.ends_at is None else max(0.0, min(self.last_look_s, self.ends_at - now))
