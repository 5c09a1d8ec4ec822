"""Taking a refused batch apart: how many calls it costs, and that nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkops.policy import Splitter


def take_apart(size: int, bad: set[int], splitter: Splitter) -> tuple[int, list[int], list[int]]:
    """Send a batch to a server that refuses any batch with a bad row.

    Returns the calls after the first one, the rows accepted, and the rows refused on their own.
    """
    todo: list[Sequence[int]] = [range(size)]
    calls = -1
    accepted: list[int] = []
    refused: list[int] = []
    while todo:
        part = todo.pop(0)
        calls += 1
        if not bad.intersection(part):
            splitter.count(good=len(part))
            accepted += part
        elif len(part) == 1:
            splitter.count(bad=1)
            refused += part
        else:
            todo = [*splitter.split(part), *todo]
    return calls, accepted, refused


@pytest.mark.parametrize("place", [0, 1, 37, 50, 98, 99])
def test_one_bad_row_of_a_hundred_costs_at_most_fourteen_calls(place: int) -> None:
    """Two for each halving, wherever the row stands."""
    calls, _, refused = take_apart(100, {place}, Splitter())
    assert calls <= 14
    assert refused == [place]


@pytest.mark.parametrize(("k", "most"), [(0, 0), (2, 26), (5, 60), (15, 125), (50, 130), (100, 130)])
def test_many_bad_rows_cost_little_more_than_single_calls(k: int, most: int) -> None:
    """Halving alone would cost almost two calls a row once most rows are bad."""
    calls, _, refused = take_apart(100, {n * 100 // k for n in range(k)} if k else set(), Splitter())
    assert len(refused) == k
    assert calls <= most


@given(size=st.integers(1, 120), bad=st.sets(st.integers(0, 119)), good=st.integers(0, 50), worse=st.integers(0, 50))
def test_each_row_comes_to_its_own_end_once(size: int, bad: set[int], good: int, worse: int) -> None:
    """Whatever was learnt before; and in the order of the file."""
    _, accepted, refused = take_apart(size, bad, Splitter(good=good, bad=worse))
    assert refused == sorted(bad & set(range(size)))
    assert accepted == sorted(set(range(size)) - bad)


@given(items=st.lists(st.integers(), min_size=2), good=st.integers(0, 50), bad=st.integers(0, 50))
def test_the_parts_are_the_whole(items: list[int], good: int, bad: int) -> None:
    """At least two parts, none of them empty, in order."""
    parts = Splitter(good=good, bad=bad).split(items)
    assert len(parts) >= 2
    assert all(parts)
    assert [item for part in parts for item in part] == items


def test_a_run_that_learnt_that_rows_are_bad_goes_to_single_calls() -> None:
    """From a sample on, and no longer once the share falls."""
    splitter = Splitter(good=16, bad=3)
    assert len(splitter.split(range(10))) == 2
    splitter.count(bad=1)
    assert len(splitter.split(range(10))) == 10
    splitter.count(good=80)
    assert len(splitter.split(range(10))) == 2
