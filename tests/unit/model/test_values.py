"""The values that every room shares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkops.errors import InDoubtError, RejectedError, ThrottledError
from bulkops.model import (
    FINAL,
    Batch,
    Counts,
    Item,
    Outcome,
    Problem,
    RowSet,
    State,
    Traffic,
    shorten,
)
from bulkops.model.states import LEGAL

rows = st.lists(st.integers(1, 200))


@given(rows)
def test_a_set_of_rows_holds_each_row_once_in_order(numbers: list[int]) -> None:
    """As runs that neither touch nor overlap."""
    found = RowSet.of(numbers)
    assert list(found) == sorted(set(numbers))
    assert len(found) == len(set(numbers))
    assert bool(found) == bool(numbers)
    assert all(first <= last for first, last in found.runs)
    assert all(before[1] + 1 < after[0] for before, after in zip(found.runs, found.runs[1:], strict=False))


@given(rows, rows)
def test_rows_can_be_taken_away_and_asked_for(some: list[int], others: list[int]) -> None:
    """What is left is the difference."""
    left = RowSet.of(some).minus(RowSet.of(others))
    assert set(left) == set(some) - set(others)
    assert all((number in left) == (number in set(left)) for number in range(1, 201))
    assert "1" not in left


def test_neighbours_cost_one_entry() -> None:
    """A batch of a hundred rows is one run."""
    assert RowSet.of([3, 1, 2, 5, 2]).runs == ((1, 3), (5, 5))


@pytest.mark.parametrize("state", State)
def test_a_final_state_stays(state: State) -> None:
    """And every other state has a way to each ending."""
    ways = LEGAL[state]
    assert state.final is (state in FINAL)
    assert ways == set() if state.final else ways >= {State.SKIPPED, State.FAILED}


@pytest.mark.parametrize(
    ("old", "new", "legal"),
    [
        (State.PENDING, State.BEGUN, True),
        (State.PENDING, State.SUCCEEDED, False),  # nothing succeeds that was never sent
        (State.PENDING, State.IN_DOUBT, False),
        (State.BEGUN, State.PENDING, True),
        (State.BEGUN, State.IN_DOUBT, True),
        (State.IN_DOUBT, State.BEGUN, False),  # it is asked about before it is sent again
        (State.IN_DOUBT, State.PENDING, True),
        (State.IN_DOUBT, State.SUCCEEDED, True),
    ],
)
def test_only_legal_changes_are_allowed(old: State, new: State, legal: bool) -> None:
    """The arrows of the diagram."""
    assert (new in LEGAL[old]) is legal


def test_stored_numbers_of_states_never_change() -> None:
    """Ledgers on disks hold them."""
    assert {state.label: int(state) for state in State} == {
        "pending": 0,
        "begun": 1,
        "in_doubt": 2,
        "succeeded": 3,
        "skipped": 4,
        "failed": 5,
    }


@given(st.tuples(*[st.integers(0, 10**6)] * 5))
def test_counts_add_up_to_the_rows_of_the_file(numbers: tuple[int, int, int, int, int]) -> None:
    """What is printed too."""
    counts = Counts(*numbers)
    printed = counts.as_dict()
    assert counts.total == printed.pop("total") == sum(printed.values()) == sum(numbers)
    assert counts.done == counts.succeeded + counts.skipped + counts.failed


def test_counts_of_stages_are_added_up() -> None:
    """Column by column; nothing changes where nothing is added."""
    assert Counts(1, 2, 3, 4, 5).plus(Counts(10, 20, 30, 40, 50)) == Counts(11, 22, 33, 44, 55)
    assert Counts(1, 2, 3, 4, 5).plus(Counts()) == Counts(1, 2, 3, 4, 5)


def test_traffic_of_sessions_is_added_up() -> None:
    """A resumed run reports what all of it sent."""
    assert Traffic(1, 2, 3, 0.5).plus(Traffic(10, 20, 30, 1.5)) == Traffic(11, 22, 33, 2.0)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RejectedError("no", http_status=400, request_id="r1"), "rejected"),
        (RejectedError("no", code="invalid", http_status=400, request_id="r1"), "invalid"),
        (InDoubtError("lost", http_status=400, request_id="r1"), "no_answer"),
        (ThrottledError("wait", http_status=400, request_id="r1"), "throttled_out"),
    ],
)
def test_a_failure_keeps_what_the_provider_said(error: RejectedError, code: str) -> None:
    """Its code, its status, its transaction and its words."""
    outcome = Outcome.failed_by(error, attempts=3)
    assert outcome == Outcome(State.FAILED, code, str(error), 3, 400, "r1")


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.succeeded(attempts=1), State.SUCCEEDED),
        (Outcome.skipped("already_invited", "x"), State.SKIPPED),
        (Outcome.failed("invalid", "x"), State.FAILED),
        (Outcome.in_doubt("no_answer", "x", attempts=1), State.IN_DOUBT),
    ],
)
def test_each_ending_has_its_constructor(outcome: Outcome, state: State) -> None:
    """And only a success has no code."""
    assert outcome.state is state
    assert (outcome.code == "") is (state is State.SUCCEEDED)


def test_a_batch_knows_its_rows() -> None:
    """Out of order they are still the rows of the file."""
    batch = Batch((Item(7, "b", None), Item(3, "a", None)))
    assert (list(batch.rows), len(batch), batch.attempt) == ([3, 7], 2, 1)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("people.csv", "is empty"), "people.csv: is empty"),
        (
            Problem("people.csv", "is no address", line=7, row=6, column="email", value="ada", expected="an address"),
            "people.csv, line 7, column email: is no address (found 'ada'); expected an address",
        ),
        (
            Problem("people.json", "unknown field", row=2, column="emial", nearest="email"),
            "people.json, item 2, column emial: unknown field; did you mean 'email'?",
        ),
    ],
)
def test_a_problem_says_where_and_what(problem: Problem, text: str) -> None:
    """File, place, what is wrong, what was found and what was expected."""
    assert str(problem) == text


def test_a_long_text_is_cut_and_its_length_named() -> None:
    """A cell of a megabyte does not flood the screen."""
    assert shorten("x" * 60) == "x" * 60
    assert shorten("x" * 1_000_000) == "x" * 60 + "… (1,000,000 characters)"
