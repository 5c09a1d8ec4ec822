"""The server's clock as its answers tell it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bulkops.policy import ServerClock

AHEAD_S = 1_700_000_000.25


def test_one_answer_bounds_the_difference_to_a_second_and_the_time_of_the_call() -> None:
    """A Date counts whole seconds, and was written at some time between sending and answer."""
    clock = ServerClock()
    clock.note(100.0, sent=10.0, answered=10.5)
    assert (clock.least, clock.most) == (89.5, 91.0)


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(0.001, 0.2), st.floats(0, 1)), min_size=1, max_size=50))
def test_the_true_difference_stays_between_the_bounds(calls: list[tuple[float, float, float]]) -> None:
    """Whatever the order of answers: what is waited for by the lower bound is never too early."""
    clock = ServerClock()
    for sent, took, share in calls:
        date = float(int(sent + took * share + AHEAD_S))
        clock.note(date, sent=sent, answered=sent + took)
        assert clock.least is not None
        assert clock.least - 1e-6 <= AHEAD_S <= clock.most + 1e-6


def test_many_answers_narrow_it_down_to_the_time_of_a_call() -> None:
    """Seconds begin at different parts of our own."""
    clock = ServerClock()
    for number in range(100):
        sent = number * 0.0373
        clock.note(float(int(sent + 0.01 + AHEAD_S)), sent=sent, answered=sent + 0.02)
    assert clock.least is not None
    assert 0 <= AHEAD_S - clock.least < 0.06


def test_a_clock_that_is_set_is_followed() -> None:
    """What was known before counts no more."""
    clock = ServerClock()
    clock.note(100.0, sent=10.0, answered=10.1)
    clock.note(5000.0, sent=11.0, answered=11.1)
    assert clock.least == 5000.0 - 11.1
