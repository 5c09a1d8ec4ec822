"""When a failing server is left alone, tried again, and given up."""

from __future__ import annotations

import pytest

from bulkops.policy import Breaker, BreakerLimits

LIMITS = BreakerLimits(sample=10, first_wait_s=1.0, longest_wait_s=4.0, give_up_s=60.0)


def opened(*, at: float = 100.0) -> Breaker:
    """A breaker that ten failures have opened."""
    breaker = Breaker(LIMITS)
    for _ in range(10):
        breaker.failed(at, "HTTP 500", trying=False)
    assert not breaker.closed
    return breaker


@pytest.mark.parametrize(("good", "bad", "opens"), [(0, 9, False), (0, 10, True), (5, 5, True), (6, 5, False)])
def test_it_opens_on_the_share_of_failures_from_a_sample_on(good: int, bad: int, opens: bool) -> None:
    """Half of at least ten calls."""
    breaker = Breaker(LIMITS)
    for _ in range(good):
        breaker.answered(1.0, trying=False)
    for _ in range(bad):
        breaker.failed(1.0, "HTTP 500", trying=False)
    assert breaker.closed is not opens


def test_failures_of_long_ago_do_not_count() -> None:
    """Nine of a minute ago and one now are one."""
    breaker = Breaker(LIMITS)
    for _ in range(9):
        breaker.failed(0.0, "HTTP 500", trying=False)
    breaker.failed(61.0, "HTTP 500", trying=False)
    assert breaker.closed


def test_a_long_good_past_does_not_hide_that_it_fails_now() -> None:
    """Only the last calls count, however many there were within the minute."""
    breaker = Breaker(LIMITS)
    for _ in range(10_000):
        breaker.answered(1.0, trying=False)
    for _ in range(25):
        breaker.failed(2.0, "HTTP 500", trying=False)
    assert not breaker.closed


def test_one_call_tries_it_and_a_good_answer_closes_it() -> None:
    """The others wait for that answer, and the count begins anew."""
    breaker = opened()
    assert breaker.wait_s(100.5) == 0.5
    assert breaker.wait_s(101.0) == 0.0
    assert breaker.leave()
    assert breaker.wait_s(101.0) > 0
    breaker.answered(101.2, trying=True)
    assert (breaker.closed, breaker.wait_s(101.2)) == (True, 0.0)
    breaker.failed(101.3, "HTTP 500", trying=False)
    assert breaker.closed


def test_each_failed_try_doubles_the_wait_up_to_a_bound() -> None:
    """One second, two, four, four."""
    breaker, now, waits = opened(), 100.0, []
    for _ in range(4):
        waits.append(breaker.wait_s(now))
        now += waits[-1]
        assert breaker.leave()
        breaker.failed(now, "HTTP 500", trying=True)
    assert waits == [1.0, 2.0, 4.0, 4.0]


def test_a_try_that_did_not_leave_lets_another_one_try() -> None:
    """Else nobody ever would."""
    breaker = opened()
    assert breaker.leave()
    breaker.unsent()
    assert breaker.wait_s(101.0) == 0.0


def test_answers_to_calls_of_before_change_nothing_while_it_is_open() -> None:
    """They were sent when all was still thought to be well."""
    breaker = opened()
    breaker.answered(100.1, trying=False)
    breaker.failed(100.1, "late", trying=False)
    assert not breaker.closed
    assert breaker.story() == "10 of the last 10 calls failed"


def test_it_is_given_up_by_a_try_that_fails_a_while_after_it_opened() -> None:
    """A minute here. Nobody who looks in later is told so before a call was tried; tries come in time for it."""
    breaker, now = opened(), 100.0
    assert not breaker.given_up
    tries = 0
    while not breaker.given_up:
        now += breaker.wait_s(now)
        assert breaker.leave()
        breaker.failed(now, "HTTP 500", trying=True)
        tries += 1
    assert 160.0 <= now <= 161.0
    assert tries > 3
    assert breaker.last_fault == "HTTP 500"


def test_a_breaker_that_nobody_met_for_long_is_tried_first() -> None:
    """The time that it was open proves nothing."""
    breaker = opened()
    assert breaker.wait_s(900.0) == 0.0
    assert not breaker.given_up
