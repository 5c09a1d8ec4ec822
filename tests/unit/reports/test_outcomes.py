"""Every row has one outcome, in order, whatever the ledger holds of it."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from bulkops.ledger.base import Claim, LedgerView
from bulkops.ledger.memory import MemoryLedger
from bulkops.model import Outcome, RowSet, Settled, State
from bulkops.reports import WAITED, row_outcomes

OK = Outcome.succeeded(attempts=1)
NO = Outcome.failed("invalid", "bad address", attempts=1)
DOUBT = Outcome.in_doubt("server_error", "HTTP 502", attempts=1, http_status=502)


def states(view: LedgerView) -> list[str]:
    """The labels, after a check that the numbers are 1 to total."""
    found = list(row_outcomes(view))
    assert [number for number, _ in found] == list(range(1, view.total + 1))
    return [outcome.state.label for _, outcome in found]


def test_rows_without_any_record_are_pending(view_of: Callable[..., LedgerView]) -> None:
    """Also before, between and after runs of rows that ended."""
    assert states(view_of(3)) == ["pending"] * 3
    assert states(view_of(7, [(2, 3, OK), (5, 5, NO)])) == [
        "pending", "succeeded", "succeeded", "pending", "failed", "pending", "pending",
    ]  # fmt: skip


def test_a_job_without_rows_has_no_outcomes(view_of: Callable[..., LedgerView]) -> None:
    """Nothing is made up."""
    assert states(view_of(0)) == []


def test_a_claim_with_a_reason_is_in_doubt_with_that_reason(view_of: Callable[..., LedgerView]) -> None:
    """The reason is the row's outcome."""
    view = view_of(5, [(1, 1, OK), (4, 4, OK)], [Claim(1, RowSet(((2, 3),)), 1, 0.0, doubt=DOUBT)])
    assert states(view) == ["succeeded", "in_doubt", "in_doubt", "succeeded", "pending"]
    assert dict(row_outcomes(view))[3] is DOUBT


def test_a_claim_that_nobody_works_on_is_in_doubt(view_of: Callable[..., LedgerView]) -> None:
    """A process was killed between sending and recording: the row says so, with the attempt that was sent."""
    view = view_of(2, claims=[Claim(1, RowSet(((2, 2),)), 3, 0.0)], abandoned=True)
    assert states(view) == ["pending", "in_doubt"]
    outcome = dict(row_outcomes(view))[2]
    assert (outcome.code, outcome.attempts) == ("no_answer", 3)
    assert outcome.message == "sent; the run ended before an answer was recorded"


def test_a_claim_in_flight_is_pending(view_of: Callable[..., LedgerView]) -> None:
    """Somebody works on the run: nothing is in doubt yet."""
    assert states(view_of(2, claims=[Claim(1, RowSet(((1, 1),)), 1, 0.0)])) == ["pending", "pending"]


def test_a_claim_that_was_settled_while_reading_shows_its_end(view_of: Callable[..., LedgerView]) -> None:
    """A row is never listed twice: the final outcome wins."""
    view = view_of(4, [(2, 3, OK)], [Claim(1, RowSet(((1, 4),)), 1, 0.0, doubt=DOUBT)])
    assert states(view) == ["in_doubt", "succeeded", "succeeded", "in_doubt"]


def test_claims_come_in_any_order_and_in_pieces(view_of: Callable[..., LedgerView]) -> None:
    """Oldest first is not lowest row first."""
    claims = [
        Claim(1, RowSet(((7, 8),)), 1, 0.0, doubt=DOUBT),
        Claim(2, RowSet(((1, 1), (5, 5))), 1, 0.0, doubt=DOUBT),
    ]
    assert states(view_of(8, [(6, 6, OK)], claims)) == [
        "in_doubt", "pending", "pending", "pending", "in_doubt", "succeeded", "in_doubt", "in_doubt",
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
async def test_the_outcomes_agree_with_a_real_ledger(seed: int) -> None:
    """State for state, and count for count."""
    draw = random.Random(seed)
    ledger = MemoryLedger(60)
    rows = list(range(1, 61))
    draw.shuffle(rows)
    for start in range(0, 45, 5):
        claim = await ledger.begin(RowSet.of(rows[start : start + 5]), attempt=1)
        ended, doubted = RowSet.of(rows[start : start + 2]), RowSet.of(rows[start + 2 : start + 4])
        if draw.random() < 0.8:
            ledger.settle(claim, [Settled(ended, draw.choice([OK, NO]))], doubts=[Settled(doubted, DOUBT)])
    found = dict(row_outcomes(ledger))
    begun_is_pending = {State.BEGUN: State.PENDING}
    for row in range(1, 61):
        state = ledger.state_of(row)
        assert found[row].state is begun_is_pending.get(state, state)


def test_what_waited_for_a_quota_says_so() -> None:
    """Rows that are pending because the session ended while it was asked to wait; the others say nothing."""
    ledger = MemoryLedger(3)
    ledger.conclude(RowSet.of([2]), Outcome.skipped("duplicate_row", "row 1 means the same"))
    assert [outcome.code for _, outcome in row_outcomes(ledger)] == ["", "duplicate_row", ""]
    ledger.put_note(WAITED, "yes")
    assert [outcome.code for _, outcome in row_outcomes(ledger)] == ["throttled_out", "duplicate_row", "throttled_out"]
    ledger.put_note(WAITED, "")
    assert [outcome.code for _, outcome in row_outcomes(ledger)] == ["", "duplicate_row", ""]
