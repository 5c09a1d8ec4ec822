"""Waits between tries, and how many there may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkops.policy import RetryBudget, full_jitter

seconds = st.floats(min_value=0.001, max_value=1e6)


@given(attempt=st.integers(1, 10_000), base_s=seconds, cap_s=seconds, drawn=st.floats(0, 1, exclude_max=True))
def test_a_wait_lies_between_zero_and_the_bound_of_its_attempt(
    attempt: int, base_s: float, cap_s: float, drawn: float
) -> None:
    """The bound doubles with each attempt until the cap; no attempt is too high a number."""
    wait_s = full_jitter(attempt, base_s=base_s, cap_s=cap_s, draw=lambda: drawn)
    assert 0 <= wait_s <= cap_s
    if attempt <= 20:
        assert wait_s <= base_s * 2 ** (attempt - 1)


@pytest.mark.parametrize(("attempt", "bound"), [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 10.0), (60, 10.0)])
def test_the_whole_of_the_bound_is_used(attempt: int, bound: float) -> None:
    """The jitter is full: half a draw gives half the bound."""
    assert full_jitter(attempt, base_s=1.0, cap_s=10.0, draw=lambda: 0.5) == bound / 2


@pytest.mark.parametrize("attempt", [0, -1])
def test_attempts_count_from_one(attempt: int) -> None:
    """There is no attempt number zero to wait after."""
    with pytest.raises(ValueError, match="count from 1"):
        full_jitter(attempt, base_s=1.0, cap_s=10.0, draw=lambda: 0.5)


@pytest.mark.parametrize(("calls", "retries"), [(0, 10), (100, 30), (1000, 210)])
def test_retries_are_a_share_of_the_calls_and_a_floor(calls: int, retries: int) -> None:
    """A short run may still retry; a long one may not retry without end."""
    budget = RetryBudget()
    for _ in range(calls):
        budget.count_call()
    granted = 0
    while budget.take():
        granted += 1
    assert granted == budget.spent == retries


def test_a_spent_budget_grows_again_with_work_that_succeeds() -> None:
    """Five calls buy one more retry."""
    budget = RetryBudget(share=0.2, floor=0)
    assert not budget.take()
    for _ in range(5):
        budget.count_call()
    assert (budget.take(), budget.take()) == (True, False)
