"""How long before a deadline calls may begin."""

from __future__ import annotations

import pytest

from bulkops.policy import margin_s


@pytest.mark.parametrize(
    ("whole_s", "slowest_s", "expected"),
    [
        (3600.0, 0.5, 3.0),  # twice the slowest call, as much again for the look, a second for reports
        (3600.0, None, 121.0),  # nothing is known yet: the time-out
        (3600.0, 500.0, 121.0),  # no call takes longer than that
        (10.0, None, 5.0),  # a short deadline still lets work begin
        (0.0, None, 0.0),
    ],
)
def test_the_margin_is_what_calls_are_seen_to_take(whole_s: float, slowest_s: float | None, expected: float) -> None:
    """The time-out stands in where none was answered; half of the whole time is the most."""
    assert margin_s(whole_s=whole_s, slowest_s=slowest_s, timeout_s=60.0) == expected
