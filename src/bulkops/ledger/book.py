"""Where every row stands, held in memory: the rules that all stores share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from bulkops.errors import LedgerError
from bulkops.ledger.base import Claim
from bulkops.model import FINAL, Counts, Outcome, RowSet, Settled, State, may_change

Ended = tuple[int, int, Outcome]
"""One run of rows that ended alike: first row, last row, how."""

_STATES = tuple(State)
_NO_ROW = 0xFF  # rows count from 1, so the first byte stands for none


class Book:
    """One byte a row, the open claims, and the only ways to change them.

    Each method that changes something checks all of its input first: a LedgerError leaves the book as it was.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.last_claim = 0
        self._states = bytearray(total + 1)
        self._states[0] = _NO_ROW
        self._tally = [total, 0, 0, 0, 0, 0]
        self._open: dict[int, tuple[Claim, ...]] = {}

    def state_of(self, row: int) -> State:
        """Where `row` stands."""
        if not 1 <= row <= self.total:
            raise LedgerError(f"row {row} is not among the {self.total:,} rows of this run")
        return _STATES[self._states[row]]

    def pending(self, after: int) -> int | None:
        """The first pending row above `after`."""
        row = self._states.find(State.PENDING, after + 1)
        return row if row > 0 else None

    def counts(self) -> Counts:
        """Rows by state; begun rows are being worked on, so they count as pending."""
        pending, begun, in_doubt, succeeded, skipped, failed = self._tally
        return Counts(succeeded, skipped, failed, in_doubt, pending + begun)

    def done(self) -> tuple[int, int, int]:
        """How many rows succeeded, were skipped, failed."""
        return self._tally[State.SUCCEEDED], self._tally[State.SKIPPED], self._tally[State.FAILED]

    def open_claims(self) -> tuple[Claim, ...]:
        """All open claims, oldest first; a claim with several reasons of doubt appears once for each."""
        return tuple(part for parts in self._open.values() for part in parts)

    def parts(self, claim_id: int) -> tuple[Claim, ...]:
        """What is still open of one claim."""
        return self._open.get(claim_id, ())

    def begin(self, rows: RowSet, *, attempt: int, at: float) -> Claim:
        """Pending rows become begun, under a new claim."""
        self._demand_pending(rows)
        self.last_claim += 1
        claim = Claim(self.last_claim, rows, attempt, at)
        self._mark(rows.runs, State.BEGUN)
        self._open[claim.id] = (claim,)
        return claim

    def settle(self, claim: Claim, outcomes: Sequence[Settled], doubts: Sequence[Settled]) -> list[Ended] | None:
        """Close `claim` but for `doubts`; the runs of rows that ended now. None: closed before, nothing changed."""
        parts = self.parts(claim.id)
        if not doubts and _is_whole(parts, claim, outcomes):  # by far the most frequent, so it takes a short way
            self._mark(claim.rows.runs, outcomes[0].outcome.state)
            del self._open[claim.id]
            return [(first, last, outcomes[0].outcome) for first, last in claim.rows.runs]
        kept, open_rows = _divide(parts, claim.rows)
        if not open_rows:
            return None
        draw = _Draw(claim, open_rows)
        ended = draw.runs(outcomes, FINAL)
        doubted = draw.runs(doubts, (State.IN_DOUBT,))
        # All answers are checked: from here on nothing fails, so a claim is settled whole or not at all.
        for first, last, outcome in (*ended, *doubted):
            self._mark(((first, last),), outcome.state)
        if draw.left:
            self._mark(RowSet.of(draw.left).runs, State.PENDING)
        self._keep(claim.id, _by_reason(parts[0], kept, doubted))
        return ended

    def conclude(self, rows: RowSet, outcome: Outcome) -> list[Ended]:
        """Pending rows get their outcome without a call."""
        if outcome.state not in FINAL or not may_change(State.PENDING, outcome.state):
            raise LedgerError(f"pending rows cannot become {outcome.state.label} without a call")
        self._demand_pending(rows)
        self._mark(rows.runs, outcome.state)
        return [(first, last, outcome) for first, last in rows.runs]

    def restore_ended(self, rows: Iterable[tuple[int, int | None, int]]) -> None:
        """Read back stored outcomes: first row, last row (None: the same), state; ascending, into a new book."""
        states = self._states
        end = 0
        for first, last, state in rows:
            if first <= end:
                raise LedgerError(f"row {first} has two outcomes in it, or they are out of order")
            if last is None:
                states[first] = state
                end = first
            else:
                states[first : last + 1] = bytes((state,)) * (last - first + 1)
                end = last
        if len(states) != self.total + 1:
            raise LedgerError(f"it has outcomes for rows beyond the {self.total:,} rows of the run")
        self._tally = [states.count(state) for state in State]

    def restore_claim(self, claim: Claim) -> None:
        """Read back a claim that was left open: its rows are in doubt."""
        self._demand_pending(claim.rows)
        self._mark(claim.rows.runs, State.IN_DOUBT)
        self._open[claim.id] = (*self.parts(claim.id), claim)
        self.last_claim = max(self.last_claim, claim.id)

    def _keep(self, claim_id: int, parts: tuple[Claim, ...]) -> None:
        if parts:
            self._open[claim_id] = parts
        else:
            del self._open[claim_id]

    def _mark(self, runs: Iterable[tuple[int, int]], new: State) -> None:
        """Give `runs` their new state. All rows of a run must stand alike, which every caller has made sure of."""
        for first, last in runs:
            length = last - first + 1
            self._tally[self._states[first]] -= length
            self._tally[new] += length
            if length == 1:
                self._states[first] = new
            else:
                self._states[first : last + 1] = bytes((new,)) * length

    def _demand_pending(self, rows: RowSet) -> None:
        if not rows.runs:
            raise LedgerError("no rows were named")
        for end in (rows.runs[0][0], rows.runs[-1][1]):
            self.state_of(end)
        for first, last in rows.runs:
            if self._states.count(State.PENDING, first, last + 1) != last - first + 1:
                row = next(row for row in range(first, last + 1) if self._states[row] != State.PENDING)
                raise LedgerError(f"row {row} is {self.state_of(row).label}, not pending")


class _Draw:
    """Takes answered rows out of the open rows of one claim; `left` is what nobody answered for."""

    def __init__(self, claim: Claim, open_rows: set[int]) -> None:
        self.left = set(open_rows)
        self._claim = claim
        self._open = open_rows

    def runs(self, answers: Sequence[Settled], allowed: Collection[State]) -> list[Ended]:
        """The runs that `answers` settle, neighbours with one outcome joined."""
        runs: list[Ended] = []
        for answer in answers:
            if answer.outcome.state not in allowed:
                raise LedgerError(f"{answer.outcome.state.label} does not belong among these outcomes of a claim")
            for first, last in self._take(answer.rows).runs:
                _join(runs, first, last, answer.outcome)
        return runs

    def _take(self, rows: RowSet) -> RowSet:
        if not self.left.issuperset(rows):
            # The first outcome stands: rows that this claim holds no longer are left as they are.
            rows = RowSet.of(row for row in rows if self._holds(row))
        self.left.difference_update(rows)
        return rows

    def _holds(self, row: int) -> bool:
        if row not in self._open and row not in self._claim.rows:
            raise LedgerError(f"row {row} was never part of claim {self._claim.id}")
        if row in self._open and row not in self.left:
            raise LedgerError(f"row {row} has two outcomes in one settlement of claim {self._claim.id}")
        return row in self.left


def _is_whole(parts: tuple[Claim, ...], claim: Claim, outcomes: Sequence[Settled]) -> bool:
    """Whether all rows of an untouched claim ended alike."""
    if len(outcomes) != 1 or len(parts) != 1 or outcomes[0].outcome.state not in FINAL:
        return False
    return outcomes[0].rows.runs == claim.rows.runs == parts[0].rows.runs


def _join(runs: list[Ended], first: int, last: int, outcome: Outcome) -> None:
    if runs and runs[-1][1] == first - 1 and (runs[-1][2] is outcome or runs[-1][2] == outcome):
        runs[-1] = (runs[-1][0], last, outcome)
    else:
        runs.append((first, last, outcome))


def _divide(parts: tuple[Claim, ...], rows: RowSet) -> tuple[tuple[Claim, ...], set[int]]:
    """What `rows` leaves of a claim's open parts, and the open rows that it names."""
    if len(parts) == 1 and parts[0].rows == rows:
        return (), set(rows)
    named = set(rows)
    kept = tuple(_part(part, rest, part.doubt) for part in parts if (rest := part.rows.minus(rows)))
    return kept, {row for part in parts for row in part.rows if row in named}


def _by_reason(claim: Claim, kept: Sequence[Claim], doubted: Sequence[Ended]) -> tuple[Claim, ...]:
    """What stays open of `claim`: one part for each reason."""
    rows: dict[Outcome | None, list[int]] = {}
    for part in kept:
        rows.setdefault(part.doubt, []).extend(part.rows)
    for first, last, outcome in doubted:
        rows.setdefault(outcome, []).extend(range(first, last + 1))
    return tuple(_part(claim, RowSet.of(numbers), reason) for reason, numbers in rows.items())


def _part(claim: Claim, rows: RowSet, doubt: Outcome | None) -> Claim:
    return Claim(claim.id, rows, claim.attempt, claim.at, doubt)
