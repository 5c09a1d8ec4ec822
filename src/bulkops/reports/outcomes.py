"""The outcome of every row of a run, in the order of the job file."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from bulkops.ledger.base import Claim, LedgerView
from bulkops.model import Outcome, State


@dataclass(frozen=True, slots=True)
class NoOutcome:
    """What a row shows that has no outcome yet: it is pending, and there is nothing else to say."""

    state: State = State.PENDING
    code: str = ""
    message: str = ""
    attempts: int = 0
    http_status: int | None = None
    request_id: str | None = None


PENDING = NoOutcome()
THROTTLED_OUT = NoOutcome(code="throttled_out", message="the run ended while it waited for the provider's quota")
"""Rows that are pending because a session ended while the provider asked it to wait."""
WAITED = "ended while waiting for a quota"
"""The note of a ledger whose last session ended so; empty where it did not."""

RowOutcome = Outcome | NoOutcome


class Span(NamedTuple):
    """Rows `first` to `last`, which stand alike."""

    first: int
    last: int
    outcome: RowOutcome


def row_outcomes(view: LedgerView) -> Iterator[tuple[int, RowOutcome]]:
    """Number and outcome of every row of `view`, ascending; what is not recorded yet is pending.

    Neighbours that ended alike share one object. Memory grows with the open claims only.
    """
    for first, last, outcome in _spans(view):
        for number in range(first, last + 1):
            yield number, outcome


def _spans(view: LedgerView) -> Iterator[Span]:
    """All rows, parted where the outcome changes."""
    # Claims are read first: a claim that a live run settles meanwhile then shows up as an outcome, which wins.
    doubts = _doubts(view)
    pending, unseen = THROTTLED_OUT if view.note(WAITED) else PENDING, 1
    for settled in view.outcomes():
        for first, last in settled.rows.runs:
            yield from _unsettled(doubts, unseen, first - 1, pending)
            yield Span(max(first, unseen), last, settled.outcome)
            unseen = max(unseen, last + 1)
    yield from _unsettled(doubts, unseen, view.total, pending)


def _doubts(view: LedgerView) -> deque[Span]:
    claims = view.open_claims()
    explained = sum(len(claim.rows) for claim in claims if claim.doubt is not None)
    # Begun rows are in doubt only where nobody works on the run, and the view's counts know whether somebody does.
    abandoned = view.counts().in_doubt > explained
    spans = [
        Span(first, last, claim.doubt or _unanswered(claim))
        for claim in claims
        if claim.doubt is not None or abandoned
        for first, last in claim.rows.runs
    ]
    return deque(sorted(spans, key=lambda span: span.first))


def _unanswered(claim: Claim) -> Outcome:
    return Outcome.in_doubt("no_answer", "sent; the run ended before an answer was recorded", attempts=claim.attempt)


def _unsettled(doubts: deque[Span], first: int, last: int, pending: NoOutcome) -> Iterator[Span]:
    """Rows `first` to `last`, which have no final outcome: in doubt or pending. Uses `doubts` up as it goes."""
    while first <= last:
        while doubts and doubts[0].last < first:
            doubts.popleft()
        if not doubts or doubts[0].first > last:
            span = Span(first, last, pending)
        elif doubts[0].first > first:
            span = Span(first, doubts[0].first - 1, pending)
        else:
            span = Span(first, min(doubts[0].last, last), doubts[0].outcome)
        yield span
        first = span.last + 1
