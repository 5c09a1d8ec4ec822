"""Where every row stands, held in memory: the rules that all stores share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from bulkops.errors import LedgerError
from bulkops.ledger.base import Claim
from bulkops.model import FINAL, Change, Counts, Outcome, RowSet, Settled, State

Ended = tuple[int, int, Outcome]
"""One run of rows that ended alike: first row, last row, how."""

_STATES = tuple(State)
_BYTES = tuple(bytes((state,)) for state in State)
_NO_ROW = 0xFF  # rows count from 1, so the first byte stands for none


class Book:
    """One byte a row and the open claims. A row's state changes by a `Change` alone.

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
        try:
            change = Change.begun(rows)
        except ValueError as error:
            raise LedgerError(str(error)) from error
        self._apply(change)
        number = self.last_claim = self.last_claim + 1
        claim = Claim(number, rows, attempt, at)
        self._open[number] = (claim,)
        return claim

    def begin_all(self, batches: Sequence[RowSet], *, at: float) -> list[Claim]:
        """A first claim for each of `batches`, or for none."""
        claims: list[Claim] = []
        try:
            for rows in batches:
                claims.append(self.begin(rows, attempt=1, at=at))  # noqa: PERF401 - those before a refusal must be known
        except LedgerError:
            for claim in claims:
                self.settle(claim, (), ())
            self.last_claim -= len(claims)  # nobody has seen these numbers
            raise
        return claims

    def settle(self, claim: Claim, outcomes: Sequence[Settled], doubts: Sequence[Settled]) -> list[Ended] | None:
        """Close `claim` but for `doubts`; the runs of rows that ended now. None: closed before, nothing changed."""
        parts = self._open.get(claim.id, ())
        if not doubts and _is_whole(parts, claim, outcomes):  # by far the most frequent, so it takes a short way
            rows, outcome = claim.rows, outcomes[0].outcome
            self._apply(_END[self._states[rows.runs[0][0]]](rows, outcome))
            del self._open[claim.id]
            return [(first, last, outcome) for first, last in rows.runs]
        kept, open_rows = _divide(parts, claim.rows)
        if not open_rows:
            return None
        draw = _Draw(claim, open_rows)
        ended = draw.take(outcomes, FINAL)
        doubted = draw.take(doubts, (State.IN_DOUBT,))
        # All answers are checked: from here on nothing fails, so a claim is settled whole or not at all.
        standing = {self._states[part.rows.runs[0][0]] for part in parts}  # the rows of one part stand alike
        for change in self._settlement(standing, ended, doubted, RowSet.of(draw.left)):
            self._apply(change)
        self._keep(claim.id, _by_reason(parts[0], kept, doubted))
        return _runs(ended)

    def conclude(self, rows: RowSet, outcome: Outcome) -> list[Ended]:
        """Pending rows get their outcome without a call."""
        try:
            change = Change.concluded(rows, outcome)
        except ValueError as error:
            raise LedgerError(str(error)) from error
        self._apply(change)
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
        if self._tally[State.PENDING] + sum(self.done()) != self.total:
            raise LedgerError("it has outcomes that are no ends")

    def restore_claim(self, claim: Claim) -> None:
        """Read back a claim that was left open: its rows are in doubt."""
        self._apply(Change.begun(claim.rows))
        self._apply(Change.doubted(claim.rows, claim.doubt))
        self._open[claim.id] = (*self.parts(claim.id), claim)
        self.last_claim = max(self.last_claim, claim.id)

    def _keep(self, claim_id: int, parts: tuple[Claim, ...]) -> None:
        if parts:
            self._open[claim_id] = parts
        else:
            del self._open[claim_id]

    def _settlement(
        self, standing: Collection[int], ended: Sequence[Settled], doubted: Sequence[Settled], left: RowSet
    ) -> Iterator[Change]:
        """What becomes of open rows, which are begun or in doubt: their ends, their doubts, and what goes back."""
        for answers, make in ((ended, _END), (doubted, _DOUBT)):
            for answer in answers:
                for old, rows in self._parted(answer.rows, standing):
                    yield make[old](rows, answer.outcome)
        for old, rows in self._parted(left, standing):
            yield _BACK[old](rows)

    def _parted(self, rows: RowSet, standing: Collection[int]) -> Sequence[tuple[int, RowSet]]:
        """`rows` by where they stand; none where there are no rows."""
        if len(standing) == 1 and rows:
            return [(old, rows) for old in standing]
        parts = [(old, RowSet.of(row for row in rows if self._states[row] == old)) for old in standing]
        return [(old, part) for old, part in parts if part]

    def _apply(self, change: Change) -> None:
        """The one way in which states change. Raises LedgerError unless each row stands where the change begins."""
        rows, old, new, _outcome = change
        states, tally, runs = self._states, self._tally, rows.runs
        if runs[0][0] < 1 or runs[-1][1] > self.total:
            raise self._refusal(change)
        for first, last in runs:
            # a row by itself is told faster by its byte
            if states[first] != old if first == last else states.count(old, first, last + 1) <= last - first:
                raise self._refusal(change)
        for first, last in runs:
            length = last - first + 1
            tally[old] -= length
            tally[new] += length
            if length == 1:
                states[first] = new
            else:
                states[first : last + 1] = _BYTES[new] * length

    def _refusal(self, change: Change) -> LedgerError:
        row = next(row for row in change.rows if self.state_of(row) is not change.old)
        return LedgerError(f"row {row} is {self.state_of(row).label}, not {change.old.label}")


class _Draw:
    """Takes answered rows out of the open rows of one claim; `left` is what nobody answered for."""

    def __init__(self, claim: Claim, open_rows: set[int]) -> None:
        self.left = set(open_rows)
        self._claim = claim
        self._open = open_rows

    def take(self, answers: Sequence[Settled], allowed: Collection[State]) -> list[Settled]:
        """`answers` with the rows that they settle."""
        taken: list[Settled] = []
        for answer in answers:
            if answer.outcome.state not in allowed:
                raise LedgerError(f"{answer.outcome.state.label} does not belong among these outcomes of a claim")
            if rows := self._take(answer.rows):
                taken.append(answer if rows is answer.rows else Settled(rows, answer.outcome))
        return taken

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


def _found(rows: RowSet, outcome: Outcome) -> Change:
    return (Change.given_up if outcome.state is State.FAILED else Change.found_applied)(rows, outcome)


# What settles open rows, by where they stand.
_END: dict[int, Callable[[RowSet, Outcome], Change]] = {State.BEGUN: Change.answered, State.IN_DOUBT: _found}
_DOUBT: dict[int, Callable[[RowSet, Outcome], Change]] = {
    State.BEGUN: Change.doubted,
    State.IN_DOUBT: Change.still_doubted,
}
_BACK: dict[int, Callable[[RowSet], Change]] = {
    State.BEGUN: Change.given_back,
    State.IN_DOUBT: Change.found_not_applied,
}


def _is_whole(parts: tuple[Claim, ...], claim: Claim, outcomes: Sequence[Settled]) -> bool:
    """Whether all rows of an untouched claim ended alike."""
    if len(outcomes) != 1 or len(parts) != 1 or outcomes[0].outcome.state not in FINAL:
        return False
    return outcomes[0].rows.runs == claim.rows.runs == parts[0].rows.runs


def _runs(ended: Sequence[Settled]) -> list[Ended]:
    """The runs of rows that ended, neighbours with one outcome joined."""
    runs: list[Ended] = []
    for answer in ended:
        outcome = answer.outcome
        for first, last in answer.rows.runs:
            if runs and runs[-1][1] == first - 1 and runs[-1][2] == outcome:
                runs[-1] = (runs[-1][0], last, outcome)
            else:
                runs.append((first, last, outcome))
    return runs


def _divide(parts: tuple[Claim, ...], rows: RowSet) -> tuple[tuple[Claim, ...], set[int]]:
    """What `rows` leaves of a claim's open parts, and the open rows that it names."""
    if len(parts) == 1 and parts[0].rows == rows:
        return (), set(rows)
    named = set(rows)
    kept = tuple(_part(part, rest, part.doubt) for part in parts if (rest := part.rows.minus(rows)))
    return kept, {row for part in parts for row in part.rows if row in named}


def _by_reason(claim: Claim, kept: Sequence[Claim], doubted: Sequence[Settled]) -> tuple[Claim, ...]:
    """What stays open of `claim`: one part for each reason."""
    rows: dict[Outcome | None, list[int]] = {}
    for part in kept:
        rows.setdefault(part.doubt, []).extend(part.rows)
    for answer in doubted:
        rows.setdefault(answer.outcome, []).extend(answer.rows)
    return tuple(_part(claim, RowSet.of(numbers), reason) for reason, numbers in rows.items())


def _part(claim: Claim, rows: RowSet, doubt: Outcome | None) -> Claim:
    return Claim(claim.id, rows, claim.attempt, claim.at, doubt)
