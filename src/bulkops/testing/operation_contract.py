"""What every operation must do, against a simulated organisation that keeps its own count.

An operation joins by one `Case`: how rows come about that change something, and how the organisation tells what
became of each. The suite believes the organisation, never our own reports.
"""
# ruff: noqa: S101 - these are tests, kept here so that other providers can run them too

from __future__ import annotations

import csv
import io
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from bulkops.errors import ConfigError, JobFileError
from bulkops.ledger.sqlite import SqliteLedger
from bulkops.model import Batch, Job
from bulkops.operations import OPERATIONS, Operation
from bulkops.operations.base import Verb
from bulkops.providers.adapter import Adapter
from bulkops.providers.base import AnswerShape
from bulkops.sandbox import Sandbox
from bulkops.testing.desk import Desk
from bulkops.wiring import ADAPTERS, AVAILABLE, Plan, RunResult

NO_WORDS = "This one is not wanted here"
"""The words of a refusal in these tests."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a job. `done` asks the organisation whether it is so; `mails` how many of its mails left.

    `marks` are the settings by which a fault meets only calls that carry this row. `by_others` makes it so without a
    call of ours; None where that means nothing.
    """

    cells: Mapping[str, str]
    done: Callable[[], bool]
    marks: Mapping[str, str] = field(default_factory=dict)
    by_others: Callable[[], object] | None = None
    mails: Callable[[], int] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """How one operation is put to the test.

    `fresh(sandbox, count, parents)` prepares rows that will each change something, spread over so many parents where
    the operation has such; `already(sandbox)` is a row that is so, skipped for `reason`; None where the organisation
    remembers nothing by which it could be told from a name that never was there. `effect` is the organisation's
    word for what a row does. `method` and `path` (a glob) name the write, `batch` is how many rows of one parent it
    carries. `settles` is False where the organisation does not always show whether a lost call was carried out: such
    rows stay in doubt. `calls` is how many writes a batch takes.
    """

    kind: str
    effect: str
    method: str
    path: str
    batch: int
    fresh: Callable[[Sandbox, int, int], list[Row]]
    already: Callable[[Sandbox], Row] | None
    reason: str
    settles: bool = True
    calls: int = 1

    @property
    def operation(self) -> Operation:
        """The operation under test."""
        return OPERATIONS[self.kind]


class PowerCutError(BaseException):
    """The process ends here."""


@dataclass
class Bench:
    """A case at a desk."""

    case: Case
    desk: Desk
    rows: list[Row] = field(default_factory=list)

    @property
    def sandbox(self) -> Sandbox:
        """The organisation."""
        return self.desk.sandbox

    def fresh(self, count: int, parents: int = 1) -> list[Row]:
        """New rows that change something."""
        self.rows = self.case.fresh(self.sandbox, count, parents)
        return self.rows

    async def run(self, rows: Sequence[Row] | None = None, run_id: str = "r1", **options: Any) -> RunResult:
        """Run a job of these rows."""
        self.rows = list(self.rows if rows is None else rows)
        header, lines = sheet([row.cells for row in self.rows])
        return await self.desk.run(self.case.kind, lines, column=header, run_id=run_id, **options)

    def fault(self, kind: str, **settings: Any) -> None:
        """A fault in the operation's writes."""
        self.sandbox.faults.add(kind, **{"method": self.case.method, "path": self.case.path, **settings})

    def refuse(self, row: Row, **settings: Any) -> None:
        """Every call that carries `row` is refused, and applies nothing."""
        body = {"message": NO_WORDS, "requestId": "r-1"}
        headers = {"X-Request-Id": "r-1"}
        self.fault("status", **{"status": 400, "body": body, "headers": headers, **row.marks, **settings})

    def writes(self) -> list[dict[str, Any]]:
        """Every write that arrived."""
        return [one for one in self.sandbox.requests if not is_read(one)]

    @property
    def adapter(self) -> Adapter:
        """How the provider is put together."""
        return ADAPTERS[self.sandbox.vendor.name]

    @property
    def itemised(self) -> bool:
        """Whether the answer to a batch names its rows: then nothing else could tell of one that it names falsely."""
        return AVAILABLE[self.adapter.name][self.case.kind].answers is AnswerShape.ITEMISED

    def quirks(self, **wanted: Any) -> dict[str, Any]:
        """Those of `wanted` that the simulated vendor has."""
        known = self.sandbox.settings()["quirks"]
        return {name: value for name, value in wanted.items() if name in known}

    def results(self, run_id: str = "r1") -> list[dict[str, str]]:
        """The report, a row for each."""
        return self.desk.results(run_id)

    async def done_by_others_meanwhile(self, share: int) -> None:
        """Run twelve rows of which `share` come to be so between the plan and the first write: all end true."""
        rows = self.fresh(12)
        acts = [row.by_others for row in rows[:share] if row.by_others is not None]
        confirm = self.desk.observer.confirm

        async def confirmed(plans: Sequence[Plan], job: Job) -> None:
            await confirm(plans, job)
            for act in acts:
                act()

        self.desk.observer.confirm = confirmed  # type: ignore[method-assign]
        result = await self.run(batch_size=12)
        assert self.wrong() == []
        assert result.counts.failed == result.counts.in_doubt == result.counts.pending == 0
        assert all(row.done() for row in rows)

    def effects(self) -> int:
        """How often the effect happened, by the organisation's own count."""
        return self.sandbox.effects.count(self.case.effect)

    def wrong(self, run_id: str = "r1") -> list[str]:
        """Rows whose report says something else than the organisation, and rows that were mailed twice."""
        found = []
        for row, told in zip(self.rows, self.results(run_id), strict=True):
            outcome, done = told["_outcome"], row.done()
            if (outcome in {"succeeded", "skipped"}) != done and outcome != "in_doubt":
                found.append(f"{dict(row.cells)}: reported {outcome} ({told['_message']}), and done is {done}")
            if row.mails is not None and row.mails() > 1:
                found.append(f"{dict(row.cells)}: mailed {row.mails()} times")
            if outcome in {"pending", ""}:
                found.append(f"{dict(row.cells)}: has no outcome")
        return found

    def doubled(self) -> int:
        """Effects beyond one for each row that is done."""
        return self.effects() - sum(row.done() for row in self.rows)


def is_read(request: Mapping[str, Any]) -> bool:
    """Whether a request only asks; some vendors search by POST."""
    return request["method"] == "GET" or str(request["path"]).endswith("/search")


def sheet(rows: Sequence[Mapping[str, str]]) -> tuple[str, list[str]]:
    """Rows as CSV: the header and the lines, over all their columns."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    header, *lines = text.getvalue().splitlines()
    return header, lines


async def until_the_cut(work: Awaitable[object]) -> bool:
    """Whether the power was cut while `work` went on."""
    try:
        await work
    except BaseExceptionGroup as group:
        if group.subgroup(PowerCutError) is None:
            raise
        return True
    except PowerCutError:
        return True
    return False


@dataclass
class Sent:
    """The batches that were sent, and how many were under way at once, in all and under each parent."""

    batches: list[Batch[Any]] = field(default_factory=list)
    now: Counter[str | None] = field(default_factory=Counter)
    most_at_once: dict[str | None, int] = field(default_factory=dict)
    most: int = 0


def watch_sends(patch: pytest.MonkeyPatch) -> Sent:
    """Watch what leaves from now on."""
    sent, original = Sent(), Verb.apply

    async def apply(self: Verb, org: Any, batch: Batch[Any], permit: Any) -> Any:
        sent.batches.append(batch)
        sent.now[batch.parent] += 1
        sent.most = max(sent.most, sent.now.total())
        sent.most_at_once[batch.parent] = max(sent.most_at_once.get(batch.parent, 0), sent.now[batch.parent])
        try:
            return await original(self, org, batch, permit)
        finally:
            sent.now[batch.parent] -= 1

    patch.setattr(Verb, "apply", apply)
    return sent


@dataclass
class Cut:
    """Cuts the power at the `nth` passage of a point."""

    nth: int = 1
    passed: int = 0
    off: bool = False

    def here(self) -> None:
        """Pass the point. Once the power is off nothing goes on."""
        self.passed += 1
        if self.off or self.passed >= self.nth:
            self.off = True
            raise PowerCutError


def cut_before_begin(patch: pytest.MonkeyPatch, cut: Cut) -> None:
    """Nothing is noted, nothing is sent."""
    for name in ("begin", "begin_ahead"):
        patch.setattr(SqliteLedger, name, _cut_before(getattr(SqliteLedger, name), cut))


def _cut_before(original: Callable[..., Any], cut: Cut) -> Callable[..., Any]:
    async def note(self: SqliteLedger, *args: Any, **named: Any) -> Any:
        cut.here()
        return await original(self, *args, **named)

    return note


def cut_after_begin(patch: pytest.MonkeyPatch, cut: Cut) -> None:
    """Noted, and not sent."""
    for name in ("begin", "begin_ahead"):
        patch.setattr(SqliteLedger, name, _cut_after(getattr(SqliteLedger, name), cut))


def _cut_after(original: Callable[..., Any], cut: Cut) -> Callable[..., Any]:
    async def note(self: SqliteLedger, *args: Any, **named: Any) -> Any:
        claimed = await original(self, *args, **named)
        cut.here()
        return claimed

    return note


def cut_after_send(patch: pytest.MonkeyPatch, cut: Cut) -> None:
    """Sent and answered, and the answer not taken."""
    original = Verb.apply

    async def apply(self: Verb, *args: Any) -> Any:
        answer = await original(self, *args)
        cut.here()
        return answer

    patch.setattr(Verb, "apply", apply)


def cut_before_settle(patch: pytest.MonkeyPatch, cut: Cut) -> None:
    """Sent, answered and looked up, and not yet noted."""
    original = SqliteLedger.settle

    def settle(self: SqliteLedger, *args: Any, **named: Any) -> None:
        cut.here()
        original(self, *args, **named)

    patch.setattr(SqliteLedger, "settle", settle)


CUTS: Mapping[str, Callable[[pytest.MonkeyPatch, Cut], None]] = {
    "before begin": cut_before_begin,
    "after begin": cut_after_begin,
    "after send": cut_after_send,
    "before settle": cut_before_settle,
}

FAULTS: Mapping[str, Mapping[str, Any]] = {
    "lost after applying": {"kind": "lose_after"},
    "lost before applying": {"kind": "lose_before"},
    "a 500 after applying": {"kind": "status_after", "status": 500, "body": "upstream timed out"},
    "a broken body": {"kind": "break_body"},
    "a proxy's page": {"kind": "html"},
    "a part silently passed over": {"kind": "partial", "share": 0.5},
}
NOT_APPLIED = {"lost before applying", "a proxy's page"}


class OperationContract:
    """The suite. `bench` is a case at a desk whose sandbox nobody has touched yet."""

    async def test_each_effect_happens_exactly_once(self, bench: Bench) -> None:
        """Every row succeeds at its first attempt, and is so in the organisation."""
        rows = bench.fresh(12, 3)
        assert not any(row.done() for row in rows)
        result = await bench.run(batch_size=5)
        assert result.counts.succeeded == 12
        assert result.error is None
        assert all(row.done() for row in rows)
        assert bench.effects() == 12
        assert {row["_attempts"] for row in bench.results()} == {"1"}
        assert bench.wrong() == []

    async def test_what_is_already_so_is_skipped_with_its_reason_and_costs_no_write(self, bench: Bench) -> None:
        """One row that is so, alone in its file."""
        if bench.case.already is None:
            pytest.skip("the organisation does not remember")
        result = await bench.run([bench.case.already(bench.sandbox)])
        assert result.counts.skipped == 1
        assert bench.results()[0]["_error"] == bench.case.reason
        assert bench.results()[0]["_message"]
        assert bench.writes() == []

    async def test_the_same_job_run_twice_changes_nothing_the_second_time(self, bench: Bench) -> None:
        """The second run finds it all done; only what is meant to repeat, a mail, is asked for anew."""
        rows = bench.fresh(8, 2)
        await bench.run()
        writes = len(bench.writes())
        if bench.case.kind == "resend-invite":
            pytest.skip("sending a mail again is meant to send it again")
        if bench.case.already is None:
            with pytest.raises(JobFileError, match="8 rows cannot be run"):
                await bench.run(rows, run_id="r2")
            assert len(bench.writes()) == writes
            return
        again = await bench.run(rows, run_id="r2")
        assert again.counts.skipped == 8
        assert len(bench.writes()) == writes
        assert bench.effects() == 8

    async def test_a_refused_row_fails_alone_with_the_vendors_status_and_words(self, bench: Bench) -> None:
        """The others of its batch succeed. A list that is sent as a whole is refused as a whole."""
        rows = bench.fresh(12)
        bench.refuse(rows[7])
        result = await bench.run()
        told = bench.results()
        failed = [number for number, row in enumerate(told) if row["_outcome"] == "failed"]
        assert failed == (list(range(12)) if bench.case.operation.whole else [7])
        assert result.counts.succeeded == 12 - len(failed)
        assert told[7]["_http_status"] == "400"
        assert NO_WORDS in told[7]["_message"]
        assert told[7]["_request_id"]
        assert bench.wrong() == []
        assert bench.doubled() == 0

    async def test_one_refused_row_of_a_hundred_costs_at_most_fifteen_more_writes(self, bench: Bench) -> None:
        """The batch is halved until the row is alone."""
        rows = bench.fresh(100)
        bench.refuse(rows[62])
        await bench.run(batch_size=100)
        assert len(bench.writes()) <= (-(-100 // bench.case.batch) + 15) * bench.case.calls
        assert bench.wrong() == []

    async def test_without_refusals_there_is_one_write_for_each_batch_and_one_look(self, bench: Bench) -> None:
        """As many writes as the plan announced, and each listing is read once before and at most once after them."""
        bench.fresh(30)
        result = await bench.run(batch_size=10)
        size = min(10, bench.case.batch)
        expected = 1 if bench.case.operation.whole else -(-30 // size)
        assert len(bench.writes()) == expected * bench.case.calls == result.plans[0].calls * bench.case.calls
        arrived = list(bench.sandbox.requests)
        requests = [(one["method"], one["path"], str(one["query"])) for one in arrived]
        first = next(number for number, one in enumerate(arrived) if not is_read(one))
        last = max(number for number, one in enumerate(arrived) if not is_read(one))
        for reads in (requests[:first], requests[last + 1 :]):
            if bench.case.operation.dated:  # the clock was asked for
                reads = [one for one in reads if "/organizations/" not in one[1] or one[1].count("/") > 4]  # noqa: PLW2901
            assert [one for one, count in Counter(reads).items() if count > 1] == []
        assert not [one for one in arrived[first:last] if is_read(one)]

    @pytest.mark.parametrize("share", [4, 12])
    async def test_what_somebody_else_did_meanwhile_is_not_a_failure(self, bench: Bench, share: int) -> None:
        """Between the plan and the first write some rows, or all of them, come to be so."""
        await bench.done_by_others_meanwhile(share)

    @pytest.mark.parametrize("fault", FAULTS.keys())
    async def test_after_a_fault_every_row_is_true_and_nothing_is_doubled(self, bench: Bench, fault: str) -> None:
        """Two calls in the middle go wrong."""
        rows = bench.fresh(24, 2)
        bench.fault(**FAULTS[fault], after=1, times=2)
        result = await bench.run(batch_size=6)
        assert bench.doubled() == 0
        if fault == "a part silently passed over" and bench.itemised:
            return  # the answer itself says that they were sent: nothing else could tell
        assert bench.wrong() == []
        if bench.case.settles:
            assert result.counts.succeeded == 24
            assert all(row.done() for row in rows)
        else:
            assert result.counts.failed == result.counts.pending == 0
            assert all(
                row.done() for row, told in zip(rows, bench.results(), strict=True) if told["_outcome"] == "succeeded"
            )

    @pytest.mark.parametrize("seed", range(2))
    async def test_random_refusals_and_silent_skips_lead_to_no_wrong_verdict(self, bench: Bench, seed: int) -> None:
        """Up to 30 % of the rows are refused, by one of several words, and some calls pass over a part of theirs."""
        dice = random.Random(f"{bench.case.kind}:{seed}")  # noqa: S311 - the same rows for the same seed
        rows = bench.fresh(40, dice.choice([1, 2, 4]))
        refused = [row for row in rows if dice.random() < dice.choice([0.0, 0.1, 0.3, 0.6])]
        for row in refused:
            bench.refuse(row, status=dice.choice([400, 404, 409, 422]))
        if not bench.itemised:
            bench.fault("partial", share=0.8, probability=0.5)
        await bench.run(batch_size=dice.choice([7, 20, 100]))
        assert bench.wrong() == []
        assert bench.doubled() == 0
        if bench.case.settles and not bench.case.operation.whole:
            told = Counter(row["_outcome"] for row in bench.results())
            assert told == Counter(succeeded=40 - len(refused), failed=len(refused))

    @pytest.mark.parametrize("point", CUTS.keys())
    @pytest.mark.parametrize("nth", [1, 2])
    async def test_a_crash_anywhere_leads_to_the_right_count_of_effects(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch, point: str, nth: int
    ) -> None:
        """The run is taken up again: what was in flight is looked up, and every row ends true."""
        rows = bench.fresh(12, 2)
        with monkeypatch.context() as patch:
            CUTS[point](patch, Cut(nth))
            cut = await until_the_cut(bench.run(batch_size=4))
        result = await bench.desk.resume() if cut else None
        assert cut or nth > 1
        assert bench.wrong() == []
        assert bench.doubled() == 0
        assert result is None or result.counts.pending == result.counts.failed == 0
        if bench.case.settles:
            assert all(row.done() for row in rows)

    @pytest.mark.parametrize("status", [503, 429])
    async def test_being_throttled_in_the_middle_loses_nothing_and_costs_no_attempt(
        self, bench: Bench, status: int
    ) -> None:
        """Both ways in which vendors ask to wait. Where one of them means nothing of the kind, it is a lost answer."""
        bench.fresh(12, 2)
        headers = {"Retry-After": "0"}
        bench.fault("status", status=status, body="", headers=headers, after=1, times=2)
        result = await bench.run(batch_size=4)
        assert bench.effects() <= 12
        if not bench.adapter.profile.throttles(status, 0, headers) and not bench.case.settles:
            return
        assert result.counts.succeeded == 12
        assert bench.effects() == 12
        if bench.adapter.profile.throttles(status, 0, headers):
            assert {row["_attempts"] for row in bench.results()} == {"1"}

    async def test_writes_under_one_parent_never_overlap_and_other_parents_go_side_by_side(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A batch has one parent. The organisation would refuse a second write under a parent that is busy."""
        bench.fresh(30, 3)
        bench.sandbox.change(latency_ms=5, quirks=bench.quirks(parent_write_ms=5))
        sent = watch_sends(monkeypatch)
        result = await bench.run(batch_size=4)
        assert result.counts.succeeded == 30
        assert bench.sandbox.summary()["write_collisions"] == 0
        assert {row["_attempts"] for row in bench.results()} == {"1"}
        bundle = bench.case.operation.bundle
        assert all(len({bundle(item) for item in batch.items}) == 1 for batch in sent.batches)
        assert all(count == 1 for parent, count in sent.most_at_once.items() if parent is not None)
        parents = {batch.parent for batch in sent.batches}
        assert sent.most > 1 or (len(parents) == 1 and parents != {None})

    async def test_no_body_is_longer_than_the_configured_bytes(self, small_bodies: Bench) -> None:
        """The service would refuse a longer one. A list that cannot be parted is refused before anything is sent."""
        bench = small_bodies
        bench.sandbox.change(quirks=bench.quirks(body_cap_bytes=1000))
        bench.fresh(30, 2)
        if bench.case.operation.whole:
            with pytest.raises(ConfigError, match="body_bytes"):
                await bench.run()
            assert bench.writes() == []
            return
        result = await bench.run(batch_size=100)
        assert result.counts.succeeded == 30
        assert {one["status"] for one in bench.writes()} <= {200, 201, 202, 204}
        assert all(len(json.dumps(one["body"], separators=(",", ":"))) <= 1000 for one in bench.writes())
