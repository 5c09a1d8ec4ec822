"""Any sequence of calls leaves both stores, and the file that is opened again, where a plain dictionary says."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bulkops.errors import LedgerError
from bulkops.ledger.base import Claim, Ledger
from bulkops.ledger.memory import MemoryLedger
from bulkops.ledger.sqlite import SqliteLedger, SqliteLedgerView
from bulkops.model import FINAL, Outcome, RowSet, Settled, State, Traffic

TOTAL = 12
ENDINGS = (
    Outcome.succeeded(attempts=1, http_status=200),
    Outcome.skipped("already_so", "nothing to do"),
    Outcome.failed("bad", "refused", attempts=2, http_status=400, request_id="r-1"),
)
DOUBTS = (Outcome.in_doubt("no_answer", "gone", attempts=1), Outcome.in_doubt("timeout", "slow", attempts=2))
ROWS = st.sets(st.integers(1, TOTAL), min_size=1, max_size=6)
ANSWERS = st.lists(st.sampled_from((*ENDINGS, *DOUBTS, None)), min_size=TOTAL, max_size=TOTAL)


class Stores(RuleBasedStateMachine):
    """Calls both stores alike, and keeps the truth in `states`, `ended` and `claims`."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "ledger.db"
        self.memory = MemoryLedger(TOTAL)
        self.sqlite = SqliteLedger.create(self.path, total=TOTAL, linger_s=3600)
        self.states = dict.fromkeys(range(1, TOTAL + 1), State.PENDING)
        self.ended: dict[int, Outcome] = {}
        self.claims: dict[int, set[int]] = {}
        self.requests = 0

    @property
    def both(self) -> tuple[Ledger, Ledger]:
        """The stores."""
        return self.memory, self.sqlite

    @rule(numbers=ROWS)
    def begin(self, numbers: set[int]) -> None:
        """Only pending rows are claimed."""
        allowed = all(self.states[row] is State.PENDING for row in numbers)
        for ledger in self.both:
            if allowed:
                claim = self.runner.run(_begin(ledger, numbers))
                self.claims[claim.id] = set(numbers)
            else:
                with pytest.raises(LedgerError):
                    self.runner.run(_begin(ledger, numbers))
        if allowed:
            self.states.update(dict.fromkeys(numbers, State.BEGUN))

    @rule(batches=st.lists(ROWS, min_size=1, max_size=3))
    def begin_ahead(self, batches: list[set[int]]) -> None:
        """Pending rows of batches that share none are claimed, all batches or none."""
        numbers = [row for batch in batches for row in batch]
        allowed = len(numbers) == len(set(numbers)) and all(self.states[row] is State.PENDING for row in numbers)
        for ledger in self.both:
            if allowed:
                claims = self.runner.run(_begin_ahead(ledger, batches))
                self.claims.update((claim.id, set(claim.rows)) for claim in claims)
            else:
                with pytest.raises(LedgerError):
                    self.runner.run(_begin_ahead(ledger, batches))
        if allowed:
            self.states.update(dict.fromkeys(numbers, State.BEGUN))

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), answers=ANSWERS)
    def settle(self, data: st.DataObject, answers: list[Outcome | None]) -> None:
        """Rows of one listed claim, which may be one reason of several, end, stay in doubt, or go back."""
        index = data.draw(st.integers(0, len(self.sqlite.open_claims()) - 1))
        claim = self.sqlite.open_claims()[index]
        how = dict(zip(claim.rows, answers, strict=False))
        for ledger in self.both:
            (same,) = [other for other in ledger.open_claims() if other.id == claim.id and other.rows == claim.rows]
            ledger.settle(
                same,
                [Settled(RowSet.of([row]), answer) for row, answer in how.items() if answer in ENDINGS],
                doubts=[Settled(RowSet.of([row]), answer) for row, answer in how.items() if answer in DOUBTS],
            )
        for row, answer in how.items():
            self.states[row] = State.PENDING if answer is None else answer.state
            if answer in ENDINGS:
                self.ended[row] = answer
            if answer not in DOUBTS:
                self.claims[claim.id].discard(row)
        if not self.claims[claim.id]:
            del self.claims[claim.id]

    @rule(numbers=ROWS, ending=st.sampled_from(ENDINGS))
    def conclude(self, numbers: set[int], ending: Outcome) -> None:
        """Only pending rows end without a call, and never as succeeded."""
        allowed = ending.state is not State.SUCCEEDED and all(self.states[row] is State.PENDING for row in numbers)
        for ledger in self.both:
            if allowed:
                ledger.conclude(RowSet.of(numbers), ending)
            else:
                with pytest.raises(LedgerError):
                    ledger.conclude(RowSet.of(numbers), ending)
        if allowed:
            self.states.update(dict.fromkeys(numbers, ending.state))
            self.ended.update(dict.fromkeys(numbers, ending))

    @rule()
    def send(self) -> None:
        """Traffic adds up."""
        self.requests += 1
        for ledger in self.both:
            ledger.add_traffic(Traffic(requests=1))

    @rule()
    def flush(self) -> None:
        """What is durable is what a reader beside sees."""
        self.runner.run(self.sqlite.flush())
        view = SqliteLedgerView.open(self.path)
        assert {row: settled.outcome for settled in view.outcomes() for row in settled.rows} == self.ended
        assert view.traffic().requests == self.requests

    @rule()
    def reopen(self) -> None:
        """What was in flight is in doubt then."""
        self.runner.run(self.sqlite.close())
        self.sqlite = SqliteLedger.open(self.path, linger_s=3600)
        for row, state in self.states.items():
            self.states[row] = State.IN_DOUBT if state is State.BEGUN else state

    @invariant()
    def all_agree(self) -> None:
        """States, counts, claims and outcomes."""
        assert {row: self.sqlite.state_of(row) for row in self.states} == self.states
        pending = [row for row, state in self.states.items() if state is State.PENDING]
        in_doubt = [row for row, state in self.states.items() if state is State.IN_DOUBT]
        assert self.sqlite.pending() == self.memory.pending() == (pending[0] if pending else None)
        assert self.sqlite.counts().in_doubt == len(in_doubt)
        assert self.sqlite.counts().done == self.memory.counts().done == len(self.ended)
        assert {row: ended.outcome for ended in self.memory.outcomes() for row in ended.rows} == self.ended
        for ledger in self.both:
            assert ledger.traffic().requests == self.requests
            open_rows: dict[int, set[int]] = {}
            for claim in ledger.open_claims():
                open_rows.setdefault(claim.id, set()).update(claim.rows)
            assert open_rows == self.claims
        assert all((self.states[row] in FINAL) == (row in self.ended) for row in self.states)

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.runner.run(self.sqlite.close())
        self.runner.close()
        shutil.rmtree(self.folder)


async def _begin_ahead(ledger: Ledger, batches: list[set[int]]) -> Sequence[Claim]:
    return await ledger.begin_ahead([RowSet.of(batch) for batch in batches])


async def _begin(ledger: Ledger, numbers: set[int]) -> Claim:
    return await ledger.begin(RowSet.of(numbers), attempt=1)


TestStores = Stores.TestCase
TestStores.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
