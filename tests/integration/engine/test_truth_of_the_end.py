"""What a run says at its end is what is so, also when it ended badly or waited long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from bulkops.engine import Allowance, RunLimits, runner
from bulkops.errors import AccessError, LedgerError, StoppedError
from bulkops.ledger.sqlite import SqliteLedger
from bulkops.model import Job, RowSet, Traffic
from bulkops.planning import plan
from bulkops.testing.desk import Desk, Silent, addresses
from bulkops.wiring import Plan, steps


@dataclass
class Slow(Silent):
    """While it is asked, somebody else runs the same job, or the end of it."""

    desk: Desk | None = None
    done: int = 0

    async def confirm(self, plans: Sequence[Plan], job: Job) -> None:
        """Let the other one finish first."""
        await super().confirm(plans, job)
        if self.desk is not None:
            other, self.desk = self.desk, None
            other.observer = Silent()
            await other.run("invite", addresses(20)[self.done :], run_id="other")


async def test_a_plan_that_waited_long_is_made_anew(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the plan and the word to go everybody was invited by somebody else: nobody gets a second mail."""
    monkeypatch.setattr(steps, "STALE_S", -1.0)
    desk.observer = Slow(desk=desk)
    result = await desk.run("invite", addresses(20))
    assert result.counts.skipped == 20
    assert desk.invites() == dict.fromkeys(addresses(20), 1)


async def test_what_a_large_job_decided_long_ago_is_decided_anew(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Since then somebody else has invited the last ten: the plan's decisions about them are not carried out."""
    monkeypatch.setattr(steps, "RunLimits", partial(RunLimits, plan_chunk=5, kept_decisions=5))
    monkeypatch.setattr(runner, "OLDEST_S", -1.0)
    monkeypatch.setattr(plan, "OLDEST_S", -1.0)
    desk.observer = Slow(desk=desk, done=10)
    result = await desk.run("invite", addresses(20))
    assert (result.counts.succeeded, result.counts.skipped) == (10, 10)
    assert desk.invites() == dict.fromkeys(addresses(20), 1)


@pytest.mark.parametrize("batch_size", [1, 10, 50])
async def test_a_403_about_one_row_fails_that_row_alone(desk: Desk, batch_size: int) -> None:
    """The account may invite; one address is forbidden. The others are invited, wherever the row stands."""
    desk.sandbox.faults.add(
        kind="status", method="POST", path="*/invites", status=403, body="Forbidden", body_contains="new.0@hire.test"
    )
    result = await desk.run("invite", addresses(30), batch_size=batch_size)
    assert result.error is None
    assert (result.counts.succeeded, result.counts.failed) == (29, 1)
    failed = [row for row in desk.results() if row["_outcome"] == "failed"]
    assert [(row["email"], row["_error"], row["_http_status"]) for row in failed] == [
        ("new.0@hire.test", "forbidden", "403")
    ]
    assert set(desk.invites().values()) == {1}


async def test_missing_rights_are_told_after_few_calls(desk: Desk) -> None:
    """Two rows alone are enough to know; nobody is failed for it."""
    desk.sandbox.change(quirks={"forbid": ["invites:write"]})
    result = await desk.run("invite", addresses(200), batch_size=50)
    assert isinstance(result.error, AccessError)
    assert result.counts.pending == 200
    assert len(desk.sandbox.requests.matching("POST", "/invites")) <= 12


async def test_a_ledger_that_fails_leaves_the_truth_in_the_summary(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notes can no longer be kept: the run stops, and what was begun and never settled is told as in doubt."""
    real = SqliteLedger.add_traffic
    calls = 0

    def failing(self: SqliteLedger, traffic: Traffic) -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise LedgerError("the disk is full")
        real(self, traffic)

    monkeypatch.setattr(SqliteLedger, "add_traffic", failing)
    monkeypatch.setattr("bulkops.engine.traffic.NOTED_EACH_S", 0.0)
    result = await desk.run("invite", addresses(300), batch_size=5)
    assert isinstance(result.error, LedgerError)
    assert result.counts.total == 300
    assert result.counts.succeeded + result.counts.in_doubt == len(desk.invites())
    assert desk.outcomes()["in_doubt"] == result.counts.in_doubt
    monkeypatch.undo()
    again = await desk.resume()
    assert again.counts.succeeded == 300
    assert desk.invites() == dict.fromkeys(addresses(300), 1)


async def test_a_stop_for_failures_still_tells_what_was_accepted(desk: Desk) -> None:
    """Accepted rows are read back before the run says goodbye; none stays in doubt for a reason that is none."""
    desk.sandbox.faults.add(kind="reject_items", method="POST", path="*/invites", items="new.7@hire.test")
    result = await desk.run("invite", addresses(60), batch_size=1, max_failures=Allowance(count=0))
    assert isinstance(result.error, StoppedError)
    assert result.counts.failed == 1
    assert result.counts.in_doubt == 0
    assert result.counts.succeeded == len(desk.invites())


async def test_what_was_begun_when_the_ledger_closed_is_in_doubt(tmp_path: Path) -> None:
    """A claim without a word about its end counts as in doubt once nobody works on the run."""
    from bulkops.wiring.reporting import ended_counts  # noqa: PLC0415

    ledger = SqliteLedger.create(tmp_path / "l.sqlite", total=10)
    try:
        await ledger.begin(RowSet.of([1, 2, 3]), attempt=1)
        assert ledger.counts().pending == 10
        assert (ended_counts(ledger).pending, ended_counts(ledger).in_doubt) == (7, 3)
    finally:
        await ledger.close()
