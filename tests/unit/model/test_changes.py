"""The arrows between states: all of them can be made and applied, and nothing else can."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from bulkops.errors import LedgerError
from bulkops.ledger.base import Claim
from bulkops.ledger.book import Book
from bulkops.model import Change, Outcome, RowSet, Settled, State
from bulkops.model.states import LEGAL

ROWS = RowSet.of([2, 3, 5])
ENDS = {
    State.SUCCEEDED: Outcome.succeeded(attempts=1),
    State.SKIPPED: Outcome.skipped("already_so", "x"),
    State.FAILED: Outcome.failed("refused", "x"),
    State.IN_DOUBT: Outcome.in_doubt("no_answer", "x", attempts=1),
}
PAIRS = list(product(State, State))
ARROWS = {(old, new) for old, following in LEGAL.items() for new in following}
PLAIN = [Change.begun, Change.given_back, Change.found_not_applied]
TOLD = [
    Change.concluded,
    Change.answered,
    Change.doubted,
    Change.still_doubted,
    Change.found_applied,
    Change.given_up,
]


def every_change() -> list[tuple[str, Change]]:
    """All that the constructors can make, of every outcome that they take, with the constructor's name."""
    made = [(make.__name__, make(ROWS)) for make in PLAIN]
    for make, outcome in product(TOLD, ENDS.values()):
        with contextlib.suppress(ValueError):
            made.append((make.__name__, make(ROWS, outcome)))
    return made


def book_at(state: State) -> tuple[Book, Claim | None]:
    """A book of seven rows in which `ROWS` have come to `state` by legal ways, and their claim if it is open."""
    book = Book(7)
    if state is State.PENDING:
        return book, None
    claim = book.begin(ROWS, attempt=1, at=0.0)
    if state is State.IN_DOUBT:
        book.settle(claim, (), [Settled(ROWS, ENDS[state])])
    elif state.final:
        book.settle(claim, [Settled(ROWS, ENDS[state])], ())
    return book, claim


def standing(book: Book) -> list[State]:
    """Where each row stands."""
    return [book.state_of(row) for row in range(1, book.total + 1)]


def test_the_constructors_make_every_legal_arrow_once_and_no_other() -> None:
    """Thirteen changes for thirteen arrows, each with an outcome of its new state or with none."""
    made = [change for _name, change in every_change()]
    assert sorted((change.old, change.new) for change in made) == sorted(ARROWS)
    assert all(change.rows == ROWS for change in made)
    assert all(change.outcome is None or change.outcome.state is change.new for change in made)
    assert {change.new for change in made if change.outcome is None} == {State.PENDING, State.BEGUN}


def test_the_document_names_the_constructor_of_each_arrow() -> None:
    """docs/architecture.md tells which constructor makes which change."""
    text = (Path(__file__).parents[3] / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| \d+ \| ([\w ]+) → ([\w ]+) \| `(\w+)` \|", text, re.MULTILINE)
    made = [(change.old.label, change.new.label, name) for name, change in every_change()]
    assert sorted((old.replace(" ", "_"), new.replace(" ", "_"), name) for old, new, name in named) == sorted(made)


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_a_book_applies_a_change_where_its_rows_stand_and_nowhere_else(old: State, new: State) -> None:
    """For each pair of states: rows at `old` take every change to `new` that begins there, and refuse the others."""
    for _name, change in every_change():
        if change.new is not new:
            continue
        book, _claim = book_at(old)
        before = standing(book)
        if change.old is old:
            book._apply(change)
            assert standing(book) == [new if row in ROWS else State.PENDING for row in range(1, 8)]
            assert (old, new) in ARROWS
        else:
            with pytest.raises(LedgerError, match=f"row 2 is {old.label}, not {change.old.label}"):
                book._apply(change)
            assert standing(book) == before


def ask(book: Book, claim: Claim | None, new: State) -> object:
    """What a ledger is asked for that would bring `ROWS` to `new`; None where it changed nothing."""
    if new is State.BEGUN:
        return book.begin(ROWS, attempt=2, at=0.0)
    if claim is None:
        return book.conclude(ROWS, ENDS[new])
    ended = [Settled(ROWS, ENDS[new])] if new.final else []
    return book.settle(claim, ended, [Settled(ROWS, ENDS[new])] if new is State.IN_DOUBT else [])


@pytest.mark.parametrize(("old", "new"), [pair for pair in PAIRS if pair != (State.PENDING, State.PENDING)])
def test_what_a_ledger_is_asked_for_is_a_legal_arrow_or_changes_nothing(old: State, new: State) -> None:
    """By `begin`, `conclude` and `settle` rows reach exactly the states to which arrows lead, and counts follow."""
    book, claim = book_at(old)
    before, counts = standing(book), book.counts()
    if (old, new) in ARROWS:
        assert ask(book, claim, new) is not None
        assert standing(book) == [new if row in ROWS else State.PENDING for row in range(1, 8)]
        assert book.counts().total == 7
        return
    with contextlib.suppress(LedgerError):
        assert ask(book, claim, new) is None  # the first outcome stands
    assert (standing(book), book.counts()) == (before, counts)


def test_a_change_refused_for_one_row_leaves_all_as_they_were() -> None:
    """Whether the row stands elsewhere or does not exist."""
    book, _claim = book_at(State.BEGUN)
    for rows in (RowSet.of([1, 2]), RowSet.of([1, 8]), RowSet.of([0, 1]), RowSet(((-5, -4),)), RowSet(((6, 9),))):
        with pytest.raises(LedgerError):
            book._apply(Change.begun(rows))
    assert standing(book) == [State.BEGUN if row in ROWS else State.PENDING for row in range(1, 8)]
    assert book.counts().pending == 7


def test_a_claim_of_begun_and_doubtful_rows_is_settled_by_the_change_of_each() -> None:
    """Rows of one claim that stand apart end, are doubted and go back together."""
    book = Book(7)
    claim = book.begin(RowSet.of(range(1, 7)), attempt=1, at=0.0)
    some = Claim(claim.id, RowSet.of([1, 2, 3]), claim.attempt, claim.at)
    book.settle(some, (), [Settled(some.rows, ENDS[State.IN_DOUBT])])
    assert standing(book) == [State.IN_DOUBT] * 3 + [State.BEGUN] * 3 + [State.PENDING]
    slow = Outcome.in_doubt("timeout", "slow", attempts=1)
    ended = book.settle(claim, [Settled(RowSet.of([1, 4]), ENDS[State.FAILED])], [Settled(RowSet.of([2, 5]), slow)])
    assert ended == [(1, 1, ENDS[State.FAILED]), (4, 4, ENDS[State.FAILED])]
    states = [State.FAILED, State.IN_DOUBT, State.PENDING]
    assert standing(book) == [*states, *states, State.PENDING]
    assert [(part.rows, part.doubt) for part in book.parts(claim.id)] == [(RowSet.of([2, 5]), slow)]
    assert (book.counts().failed, book.counts().in_doubt, book.counts().pending) == (2, 2, 3)


def test_a_claim_that_is_read_back_is_in_doubt_also_without_a_reason() -> None:
    """Begun, and then doubted because the process ended."""
    book = Book(7)
    book.restore_claim(Claim(4, ROWS, 1, 0.0))
    assert [book.state_of(row) for row in ROWS] == [State.IN_DOUBT] * 3
    with pytest.raises(LedgerError, match="row 3 is in_doubt, not pending"):
        book.restore_claim(Claim(5, RowSet.of([3, 4]), 1, 0.0))


@pytest.mark.parametrize("state", [State.BEGUN, State.IN_DOUBT])
def test_stored_outcomes_that_are_no_ends_are_refused(state: State) -> None:
    """A row cannot stand between two states without a claim."""
    with pytest.raises(LedgerError, match="no ends"):
        Book(7).restore_ended([(1, 2, State.SUCCEEDED), (4, None, state)])


@pytest.mark.parametrize("make", PLAIN)
def test_a_change_of_no_rows_is_none(make: Callable[[RowSet], Change]) -> None:
    """Neither with an outcome nor without."""
    with pytest.raises(ValueError, match="no rows"):
        make(RowSet())
    for told, outcome in product(TOLD, ENDS.values()):
        with pytest.raises(ValueError):
            told(RowSet(), outcome)


def test_a_change_is_not_made_by_hand_and_not_changed() -> None:
    """There is no way around the constructors."""
    change = Change.begun(ROWS)
    with pytest.raises(TypeError, match="named constructors"):
        Change((ROWS, State.SUCCEEDED, State.PENDING, None))  # type: ignore[arg-type]
    for name in ("rows", "old", "new", "outcome"):
        with pytest.raises(AttributeError):
            setattr(change, name, State.FAILED)
    assert not hasattr(change, "_replace")
    assert change == Change.begun(RowSet.of([5, 3, 2]))


@pytest.mark.parametrize("state", [State.PENDING, State.BEGUN])
def test_a_row_that_has_not_ended_has_no_outcome(state: State) -> None:
    """Not even by hand."""
    with pytest.raises(ValueError, match="is no outcome"):
        Outcome(state, "code")


@pytest.mark.parametrize("state", ENDS)
def test_only_a_success_has_no_code(state: State) -> None:
    """And the others always have one; attempts are counted from none."""
    with pytest.raises(ValueError, match="code"):
        Outcome(state, "a_code" if state is State.SUCCEEDED else "")
    with pytest.raises(ValueError, match="attempts"):
        Outcome(state, ENDS[state].code, attempts=-1)
