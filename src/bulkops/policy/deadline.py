"""When to begin no more calls, so that all has ended before a moment that was set."""

from __future__ import annotations

END_S = 1.0
"""For the reports."""


def margin_s(*, whole_s: float, slowest_s: float | None, timeout_s: float) -> float:
    """So many seconds before a deadline no call may begin any more.

    A call is expected to take up to twice the slowest of the last ones, `slowest_s`; the time-out, where none was
    answered yet. As much again is left for the look at what answers left open. It is never more than half of
    `whole_s`, the time that there was from the start: a short deadline still lets work begin.
    """
    expected_s = timeout_s if slowest_s is None else min(timeout_s, 2.0 * slowest_s)
    return min(2.0 * expected_s + END_S, whole_s / 2.0)
