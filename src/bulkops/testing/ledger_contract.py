"""What every ledger must do. A store joins by a subclass of `LedgerContract` that gives the fixture `ledger`."""
# ruff: noqa: S101 - these are tests, kept here so that stores outside this project can run them too

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import pytest

from bulkops.errors import LedgerError, RefusedError
from bulkops.ledger.base import Ledger, Owner
from bulkops.ledger.lock import this_process
from bulkops.model import Counts, Outcome, RowSet, Settled, State, Traffic

TOTAL = 10
"""Rows of the ledger that the fixture gives."""

DONE = Outcome.succeeded(attempts=1, http_status=200, request_id="r-1")
LOST = Outcome.in_doubt("no_answer", "the connection broke", attempts=1)
SLOW = Outcome.in_doubt("timeout", "no answer within 30 s", attempts=1, http_status=504, request_id="r-9")
BAD = Outcome.failed("bad_role", "there is no role «Ädmin»", attempts=2, http_status=400)


def rows(*numbers: int) -> RowSet:
    """A set of rows."""
    return RowSet.of(numbers)


def ended(outcome: Outcome, *numbers: int) -> Settled:
    """Rows that ended with `outcome`."""
    return Settled(rows(*numbers), outcome)


def by_row(outcomes: Iterable[Settled]) -> list[tuple[int, Outcome]]:
    """Each row with its outcome, in the order given."""
    return [(row, settled.outcome) for settled in outcomes for row in settled.rows]


class LedgerContract:
    """The suite. `ledger` is new, has `TOTAL` rows, and nobody has acquired it."""

    async def test_a_new_ledger_has_only_pending_rows(self, ledger: Ledger) -> None:
        """Nothing is claimed, ended, sent or noted."""
        assert ledger.total == TOTAL
        assert ledger.counts() == Counts(pending=TOTAL)
        assert list(ledger.outcomes()) == []
        assert list(ledger.open_claims()) == []
        assert ledger.traffic() == Traffic()
        assert ledger.note("anything") is None
        assert ledger.pending() == 1

    async def test_a_begun_row_is_claimed_and_still_counts_as_pending(self, ledger: Ledger) -> None:
        """It is in flight: no other worker gets it, and no outcome is made up for it."""
        claim = await ledger.begin(rows(1, 2, 5), attempt=3)
        assert (claim.rows, claim.attempt, claim.doubt) == (rows(1, 2, 5), 3, None)
        assert list(ledger.open_claims()) == [claim]
        assert ledger.state_of(2) is State.BEGUN
        assert ledger.state_of(3) is State.PENDING
        assert ledger.counts() == Counts(pending=TOTAL)
        assert ledger.pending() == 3

    @pytest.mark.parametrize("at", [0.0, 1_000_000_000.25, 9_000_000_000.0])
    async def test_a_claim_is_dated_as_its_maker_says(self, ledger: Ledger, at: float) -> None:
        """By a clock that may be years off the ledger's own, to the millisecond."""
        claim = await ledger.begin(rows(1), attempt=1, at=at)
        assert claim.at == at
        assert [one.at for one in ledger.open_claims()] == [at]

    async def test_claims_can_be_made_ahead_many_at_a_time(self, ledger: Ledger) -> None:
        """Each batch has a claim of its own, which is settled, doubted or given back by itself."""
        one, two, three = await ledger.begin_ahead([rows(1, 2), rows(3), rows(4, 5)], at=7.25)
        assert list(ledger.open_claims()) == [one, two, three]
        assert [(claim.rows, claim.attempt, claim.at) for claim in (one, two, three)] == [
            (rows(1, 2), 1, 7.25),
            (rows(3), 1, 7.25),
            (rows(4, 5), 1, 7.25),
        ]
        await ledger.leaving()
        ledger.settle(one, [ended(DONE, 1)], doubts=[ended(LOST, 2)])
        ledger.settle(two, [])
        assert [ledger.state_of(row) for row in (1, 2, 3, 4)] == [
            State.SUCCEEDED,
            State.IN_DOUBT,
            State.PENDING,
            State.BEGUN,
        ]
        assert [claim.id for claim in ledger.open_claims()] == [one.id, three.id]

    async def test_claims_made_ahead_are_made_all_or_none(self, ledger: Ledger) -> None:
        """One row that is not pending refuses them all, and no trace is left."""
        held = await ledger.begin(rows(4), attempt=1)
        for batches in ([rows(1), rows(2, 4)], [rows(1), rows(1, 2)], [rows(1), rows()]):
            with pytest.raises(LedgerError):
                await ledger.begin_ahead(batches)
        assert list(ledger.open_claims()) == [held]
        assert ledger.counts() == Counts(pending=TOTAL)
        assert len(await ledger.begin_ahead([rows(1), rows(2)])) == 2

    async def test_an_outcome_ends_its_row_and_closes_the_claim(self, ledger: Ledger) -> None:
        """After `flush` the outcome is listed as it was given."""
        claim = await ledger.begin(rows(4, 5, 6), attempt=1)
        ledger.settle(claim, [ended(DONE, 4, 6), ended(BAD, 5)])
        await ledger.flush()
        assert by_row(ledger.outcomes()) == [(4, DONE), (5, BAD), (6, DONE)]
        assert list(ledger.open_claims()) == []
        assert ledger.counts() == Counts(succeeded=2, failed=1, pending=TOTAL - 3)

    async def test_outcomes_come_by_ascending_row_one_run_each(self, ledger: Ledger) -> None:
        """Whatever the order of their settling."""
        for numbers in ((9, 10), (1, 3), (5, 6, 7)):
            ledger.settle(await ledger.begin(rows(*numbers), attempt=1), [ended(DONE, *numbers)])
        await ledger.flush()
        listed = list(ledger.outcomes())
        assert all(len(settled.rows.runs) == 1 for settled in listed)
        assert [row for row, _ in by_row(listed)] == [1, 3, 5, 6, 7, 9, 10]

    async def test_rows_without_an_answer_go_back_to_pending(self, ledger: Ledger) -> None:
        """A batch that is settled in part gives the rest back."""
        claim = await ledger.begin(rows(1, 2, 3, 4), attempt=1)
        ledger.settle(claim, [ended(DONE, 2)])
        assert [ledger.state_of(row) for row in (1, 2, 3, 4)] == [
            State.PENDING,
            State.SUCCEEDED,
            State.PENDING,
            State.PENDING,
        ]
        assert ledger.pending(after=1) == 3
        assert list(ledger.open_claims()) == []
        assert (await ledger.begin(rows(1, 3, 4), attempt=2)).attempt == 2

    async def test_a_claim_given_back_whole_leaves_no_trace(self, ledger: Ledger) -> None:
        """A throttled request was certainly not applied."""
        ledger.settle(await ledger.begin(rows(1, 2), attempt=1), [])
        await ledger.flush()
        assert ledger.counts() == Counts(pending=TOTAL)
        assert list(ledger.outcomes()) == []
        assert list(ledger.open_claims()) == []

    async def test_doubtful_rows_keep_the_claim_open_with_the_reason(self, ledger: Ledger) -> None:
        """The claim shrinks to exactly these rows."""
        claim = await ledger.begin(rows(1, 2, 3), attempt=1)
        ledger.settle(claim, [ended(DONE, 1)], doubts=[ended(LOST, 3)])
        (left,) = ledger.open_claims()
        assert (left.id, left.rows, left.attempt, left.at, left.doubt) == (claim.id, rows(3), 1, claim.at, LOST)
        assert ledger.state_of(2) is State.PENDING
        assert ledger.state_of(3) is State.IN_DOUBT
        assert ledger.counts() == Counts(succeeded=1, in_doubt=1, pending=TOTAL - 2)

    async def test_a_doubt_can_be_settled_later(self, ledger: Ledger) -> None:
        """It happened, it did not and goes back, or it still cannot be told."""
        claim = await ledger.begin(rows(1, 2, 3), attempt=1)
        ledger.settle(claim, [], doubts=[ended(LOST, 1, 2, 3)])
        (doubtful,) = ledger.open_claims()
        ledger.settle(doubtful, [ended(DONE, 1)], doubts=[ended(SLOW, 3)])
        (left,) = ledger.open_claims()
        assert (left.rows, left.doubt) == (rows(3), SLOW)
        assert ledger.state_of(2) is State.PENDING
        ledger.settle(left, [ended(BAD, 3)])
        assert ledger.counts() == Counts(succeeded=1, failed=1, pending=TOTAL - 2)

    async def test_each_reason_of_doubt_is_listed_with_its_rows(self, ledger: Ledger) -> None:
        """Settling one of them leaves the other open; the claim as first made stands for both."""
        claim = await ledger.begin(rows(1, 2, 3, 4), attempt=1)
        ledger.settle(claim, [], doubts=[ended(LOST, 1, 4), ended(SLOW, 2, 3)])
        lost, slow = ledger.open_claims()
        assert {lost.doubt: lost.rows, slow.doubt: slow.rows} == {LOST: rows(1, 4), SLOW: rows(2, 3)}
        ledger.settle(lost if lost.doubt == LOST else slow, [ended(DONE, 1, 4)])
        assert [left.rows for left in ledger.open_claims()] == [rows(2, 3)]
        ledger.settle(claim, [ended(DONE, 2)])
        assert list(ledger.open_claims()) == []
        assert ledger.counts() == Counts(succeeded=3, pending=TOTAL - 3)

    async def test_the_first_outcome_stands(self, ledger: Ledger) -> None:
        """Settling again changes nothing, whatever the second answer says."""
        claim = await ledger.begin(rows(1), attempt=1)
        ledger.settle(claim, [ended(DONE, 1)])
        ledger.settle(claim, [ended(BAD, 1)])
        ledger.settle(claim, [], doubts=[ended(LOST, 1)])
        await ledger.flush()
        assert by_row(ledger.outcomes()) == [(1, DONE)]

    async def test_a_late_answer_does_not_touch_a_new_claim_of_the_same_row(self, ledger: Ledger) -> None:
        """The row was given back and begun again: only its new claim can end it."""
        old = await ledger.begin(rows(1), attempt=1)
        ledger.settle(old, [])
        new = await ledger.begin(rows(1), attempt=2)
        ledger.settle(old, [ended(BAD, 1)])
        assert ledger.state_of(1) is State.BEGUN
        assert list(ledger.open_claims()) == [new]

    async def test_open_claims_are_listed_oldest_first(self, ledger: Ledger) -> None:
        """Also after one of them has shrunk."""
        first = await ledger.begin(rows(8, 9), attempt=1)
        second = await ledger.begin(rows(1), attempt=1)
        ledger.settle(first, [], doubts=[ended(LOST, 9)])
        third = await ledger.begin(rows(4), attempt=1)
        assert [claim.id for claim in ledger.open_claims()] == [first.id, second.id, third.id]

    async def test_rows_that_need_no_call_are_concluded(self, ledger: Ledger) -> None:
        """Skipped or failed straight from pending."""
        repeat = Outcome.skipped("duplicate_row", "row 1 does it")
        ledger.conclude(rows(2, 4), repeat)
        ledger.conclude(rows(3), Outcome.failed("invalid", "no address"))
        await ledger.flush()
        assert ledger.counts() == Counts(skipped=2, failed=1, pending=TOTAL - 3)
        assert by_row(ledger.outcomes())[0] == (2, repeat)

    @pytest.mark.parametrize("state", [State.BEGUN, State.IN_DOUBT, State.SUCCEEDED])
    async def test_a_row_is_begun_only_from_pending(self, ledger: Ledger, state: State) -> None:
        """The whole request is refused, and its other rows stay pending."""
        claim = await ledger.begin(rows(2), attempt=1)
        if state is State.IN_DOUBT:
            ledger.settle(claim, [], doubts=[ended(LOST, 2)])
        elif state is State.SUCCEEDED:
            ledger.settle(claim, [ended(DONE, 2)])
        with pytest.raises(LedgerError, match=f"row 2 is {state.label}"):
            await ledger.begin(rows(1, 2, 3), attempt=1)
        with pytest.raises(LedgerError, match="row 2"):
            ledger.conclude(rows(1, 2), Outcome.skipped("x", "x"))
        assert ledger.state_of(1) is State.PENDING
        assert ledger.state_of(2) is state

    @pytest.mark.parametrize("numbers", [(0,), (TOTAL + 1,), (TOTAL, TOTAL + 1), ()])
    async def test_rows_outside_the_job_are_refused(self, ledger: Ledger, numbers: tuple[int, ...]) -> None:
        """So is a claim without rows."""
        with pytest.raises(LedgerError):
            await ledger.begin(rows(*numbers), attempt=1)
        assert ledger.counts() == Counts(pending=TOTAL)

    @pytest.mark.parametrize(
        ("outcomes", "doubts"),
        [
            pytest.param([ended(DONE, 1, 3)], [], id="a row that was never claimed"),
            pytest.param([ended(DONE, 1), ended(BAD, 1)], [], id="two outcomes"),
            pytest.param([ended(DONE, 1)], [ended(LOST, 1)], id="an outcome and a doubt"),
            pytest.param([ended(LOST, 1)], [], id="a doubt as an outcome"),
            pytest.param([ended(DONE, 1)], [ended(DONE, 2)], id="an outcome as a doubt"),
        ],
    )
    async def test_an_impossible_settlement_changes_nothing(
        self, ledger: Ledger, outcomes: list[Settled], doubts: list[Settled]
    ) -> None:
        """It raises, and the claim can still be settled as it should be."""
        claim = await ledger.begin(rows(1, 2), attempt=1)
        with pytest.raises(LedgerError):
            ledger.settle(claim, outcomes, doubts=doubts)
        await ledger.flush()
        assert list(ledger.open_claims()) == [claim]
        assert list(ledger.outcomes()) == []
        ledger.settle(claim, [ended(DONE, 1, 2)])
        assert ledger.counts().succeeded == 2

    async def test_a_row_cannot_be_concluded_as_succeeded(self, ledger: Ledger) -> None:
        """Nothing succeeds without a call, nor is it in doubt."""
        for outcome in (DONE, LOST):
            with pytest.raises(LedgerError):
                ledger.conclude(rows(1), outcome)
        assert ledger.state_of(1) is State.PENDING

    async def test_pending_rows_are_found_in_order(self, ledger: Ledger) -> None:
        """`after` is exclusive, and None says that there are no more."""
        ledger.conclude(rows(1, 2, 5), BAD)
        assert ledger.pending() == 3
        assert ledger.pending(after=3) == 4
        assert ledger.pending(after=4) == 6
        assert ledger.pending(after=TOTAL - 1) == TOTAL
        assert ledger.pending(after=TOTAL) is None

    async def test_a_row_that_does_not_exist_has_no_state(self, ledger: Ledger) -> None:
        """Rows count from 1."""
        for row in (-1, 0, TOTAL + 1):
            with pytest.raises(LedgerError):
                ledger.state_of(row)

    async def test_traffic_adds_up(self, ledger: Ledger) -> None:
        """Each call adds to what was sent before."""
        ledger.add_traffic(Traffic(requests=3, throttled=1, elapsed_s=0.5))
        ledger.add_traffic(Traffic(requests=2, retries=1, elapsed_s=0.25))
        await ledger.flush()
        assert ledger.traffic() == Traffic(5, 1, 1, 0.75)

    async def test_the_last_note_of_a_key_is_kept(self, ledger: Ledger) -> None:
        """Other keys are not touched."""
        ledger.put_note("cursor", "a")
        ledger.put_note("canary", "passed")
        ledger.put_note("cursor", "b")
        await ledger.flush()
        assert ledger.note("cursor") == "b"
        assert ledger.note("canary") == "passed"

    async def test_many_tasks_may_share_a_ledger(self, ledger: Ledger) -> None:
        """Each gets its own claim, and every outcome is there."""

        async def work(row: int) -> int:
            claim = await ledger.begin(rows(row), attempt=1)
            ledger.settle(claim, [ended(DONE, row)])
            return claim.id

        numbers = range(1, TOTAL + 1)
        ids = await asyncio.gather(*(work(row) for row in numbers))
        await ledger.flush()
        assert len(set(ids)) == TOTAL
        assert by_row(ledger.outcomes()) == [(row, DONE) for row in numbers]

    async def test_closing_twice_is_harmless(self, ledger: Ledger) -> None:
        """What writes is refused afterwards; what is in memory can still be read."""
        claim = await ledger.begin(rows(1), attempt=1)
        await ledger.close()
        await ledger.close()
        with pytest.raises(LedgerError, match="closed"):
            await ledger.begin(rows(2), attempt=1)
        with pytest.raises(LedgerError, match="closed"):
            await ledger.begin_ahead([rows(2)])
        with pytest.raises(LedgerError, match="closed"):
            await ledger.leaving()
        writes: list[Callable[[], None]] = [
            lambda: ledger.settle(claim, []),
            lambda: ledger.conclude(rows(2), BAD),
            lambda: ledger.add_traffic(Traffic(1)),
            lambda: ledger.put_note("a", "b"),
        ]
        for write in writes:
            with pytest.raises(LedgerError, match="closed"):
                write()
        assert ledger.state_of(1) is State.BEGUN

    async def test_an_owner_renews_by_acquiring_again(self, ledger: Ledger) -> None:
        """And goes on writing under its lock."""
        me = this_process("me")
        await ledger.acquire(me, lease_s=30)
        await ledger.acquire(me, lease_s=30)
        ledger.settle(await ledger.begin(rows(1), attempt=1), [ended(DONE, 1)])
        await ledger.flush()
        await ledger.acquire(me, lease_s=30)
        await ledger.release()

    async def test_a_living_owner_keeps_others_out(self, ledger: Ledger) -> None:
        """The refusal names the holder; after `release` the next one gets the run."""
        me = this_process("alice")
        other = Owner("bob", me.host, me.pid, me.started_at)
        await ledger.acquire(me, lease_s=30)
        with pytest.raises(RefusedError, match=rf"alice.*{me.pid}.*{me.host}"):
            await ledger.acquire(other, lease_s=30)
        await ledger.release()
        await ledger.release()
        await ledger.acquire(other, lease_s=30)

    async def test_the_lock_of_a_dead_process_is_taken_over(self, ledger: Ledger) -> None:
        """Its pid may belong to another process by now: the start tells them apart."""
        me = this_process("me")
        await ledger.acquire(Owner("dead", me.host, me.pid, me.started_at - 3600), lease_s=3600)
        await ledger.acquire(me, lease_s=30)

    async def test_an_owner_elsewhere_holds_the_run_for_its_lease(self, ledger: Ledger) -> None:
        """Whether its process runs cannot be seen from here."""
        me = this_process("me")
        await ledger.acquire(Owner("far", "another-host", 1, 0.0), lease_s=3600)
        with pytest.raises(RefusedError, match=r"far.*another-host"):
            await ledger.acquire(me, lease_s=30)
        await ledger.release()
        await ledger.acquire(Owner("far", "another-host", 1, 0.0), lease_s=-1)
        await ledger.acquire(me, lease_s=30)
