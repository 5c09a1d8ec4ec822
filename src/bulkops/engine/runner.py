"""Running a job: read, decide, batch, send, settle; and all of it again where a run left off."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import anyio
import structlog

from bulkops.engine.batching import FRAME_BYTES, Batcher
from bulkops.engine.claims import ClaimsAhead
from bulkops.engine.limits import RunLimits
from bulkops.engine.permit import memo_key
from bulkops.engine.questions import Question, Why, question_of
from bulkops.engine.sender import Sender
from bulkops.engine.settler import Settler
from bulkops.engine.stop import StopSignal
from bulkops.engine.traffic import TrafficNotes
from bulkops.engine.workers import Workers
from bulkops.errors import AccessError, BulkopsError, ConfigError, LedgerError
from bulkops.ledger.base import Ledger
from bulkops.model import Batch, Item, Settled, State, Verdict
from bulkops.operations.base import Decision, Fate, Operation
from bulkops.planning import OLDEST_S, KeptDecisions, Plan, Planner, outcome_of
from bulkops.providers.base import Organization

log = structlog.get_logger(__name__)

ItemSource = Callable[[Callable[[int], bool]], Iterator[Item[Any]]]
"""Items of the run's snapshot, in order, of the rows that the given function wants."""


CLOCK_S = 0.2
"""So closely the provider's clock is known before calls leave that are told from their like by a date."""


@dataclass(slots=True)
class Phase:
    """What the run is doing, for people to read."""

    name: str = "starting"


class Runner:
    """One session of work on a run. The ledger is acquired by the caller, and released by it."""

    def __init__(
        self,
        *,
        operation: Operation,
        org: Organization,
        planner: Planner,
        ledger: Ledger,
        source: ItemSource,
        limits: RunLimits,
        stop: StopSignal,
        traffic: TrafficNotes,
    ) -> None:
        self.phase = Phase()
        self._began_s = time.monotonic()  # nobody waits for an earlier session's answers from then on, at the latest
        self.stop = stop
        self.sender = Sender(operation=operation, org=org, ledger=ledger, limits=limits, stop=stop)
        self._settler = Settler(planner=planner, org=org, ledger=ledger, limits=limits, sender=self.sender, stop=stop)
        self._planner = planner
        self._org = org
        self._ledger = ledger
        self._source = source
        self._limits = limits
        support = org.support[operation.kind]
        self._weigh, self._together, self._anew = support.weigh, support.together, support.anew
        self._operation = operation
        ahead = ClaimsAhead(operation, ledger, most=2 * limits.width)
        self._workers = Workers(self.sender, ahead, width=limits.width, stop=stop, traffic=traffic)
        self._kept: KeptDecisions | None = None
        self._surveyed_at = 0.0

    async def reconcile(self, *, declared: Verdict | None = None) -> None:
        """Settle what an earlier session left in doubt; what did not happen is pending again.

        `declared` is what a person says of the rows that the organisation cannot tell, and that were told as in doubt.
        """
        claims = self._ledger.open_claims()
        wanted = {row for claim in claims for row in claim.rows}
        items = {item.row: self._remembered(item) for item in self._source(wanted.__contains__)} if wanted else {}
        questions = [
            question for claim in claims if (question := question_of(claim, items, since_s=self._began_s)).batch.items
        ]
        if not questions:
            return
        self.phase.name = "looking up what was in flight"
        log.info("job.reconciling", operation=self._operation.kind, rows=len(items), claims=len(questions))
        # what must be sent again is pending now, and comes up in its turn
        self._settler.declared = declared
        try:
            await self._settler.settle(questions)
        finally:
            self._settler.declared = None

    def half_done(self) -> Iterator[tuple[int, str]]:
        """Rows without an end of which an earlier try noted something, with the note: a part may be done already."""
        if not self._anew:
            return
        for item in self._source(lambda row: not self._ledger.state_of(row).final):
            memo = self._ledger.note(memo_key(item.row))
            if memo is not None:
                yield item.row, memo

    async def effects_of_done(self, wanted: Callable[[int], bool]) -> set[str]:
        """The effects of rows that were done, or perhaps, and must not be repeated; none for what is harmless."""
        if self._operation.repeatable:
            return set()
        items = self._source(
            lambda row: self._ledger.state_of(row) in {State.SUCCEEDED, State.IN_DOUBT} and wanted(row)
        )
        found: set[str] = set()
        while chunk := list(islice(items, self._limits.plan_chunk)):
            found |= await self._planner.effects(chunk)
        return found

    async def leave_done_alone(self, effects: Collection[str]) -> None:
        """Nothing that was done for a row is done for another that means the same, nor are `effects`."""
        self._planner.leave_alone(await self.effects_of_done(lambda _row: True) | set(effects))

    async def survey(self, *, note_skipped: bool, note_invalid: bool) -> Plan:
        """Decide for every pending row. Reads only.

        Rows that need no call get their outcome at once with `note_skipped`, invalid and protected ones as failed with
        `note_invalid`; otherwise the caller refuses the job on what the plan counts, or leaves it to `apply`.
        """
        self.phase.name = "planning"
        began_s = time.monotonic()
        plan = await self._planner.new_plan()
        if plan.scope:
            self._settler.note = f"{plan.scope}: {plan.effect}"  # the report says how far the row's effect goes
        batcher = Batcher(
            self._limits.batch_size,
            self._limits.body_bytes,
            self._weigh,
            self._bundle,
            self._operation.parent,
        )
        kept = KeptDecisions(whole=self._limits.kept_decisions)
        for chunk in self._surveyed():
            decisions = await self._planner.decide(chunk)
            kept.add(decisions)
            for decision in decisions:
                plan.count(decision)
                if note_skipped if decision.fate is Fate.SKIP else note_invalid:
                    self._conclude(decision)
                if decision.fate is Fate.READY:
                    plan.calls += len(batcher.add(decision.item))
            if self._operation.whole:
                self._refuse_too_long([one.item for one in decisions if one.fate is Fate.READY])
                plan.removals = await self._planner.removals(decisions)
            self._raise_if_stopped()
        self._kept, self._surveyed_at = kept, began_s
        plan.calls = min(1, plan.ready) if self._operation.whole else plan.calls + sum(1 for _ in batcher.rest())
        plan.forecast = await self._planner.forecast(plan.ready)
        plan.reads = self._planner.reads()
        plan.last_administrators = await self._planner.last_administrators()
        await self._ledger.flush()
        return plan

    def _refuse_too_long(self, items: Sequence[Item[Any]]) -> None:
        """What goes as a whole cannot be parted to fit. Raises ConfigError for more than a body may hold."""
        size = FRAME_BYTES + sum(self._weigh(item) for item in items)
        if size > self._limits.body_bytes:
            raise ConfigError(
                f"{self.kind} sends the file in one request of about {size:,} bytes, and body_bytes of the target "
                f"allows {self._limits.body_bytes:,}: nothing was sent. Raise it if the service takes so much"
            )

    def _surveyed(self) -> Iterator[Sequence[Item[Any]]]:
        """Pending rows chunk by chunk; an operation that sends its rows as a whole is decided as a whole."""
        if not self._operation.whole:
            yield from self._chunks()
        elif everything := list(self._source(lambda row: not self._ledger.state_of(row).final)):
            yield everything

    @property
    def kind(self) -> str:
        """The operation that it runs."""
        return self._operation.kind

    async def population(self) -> int | None:
        """How many there are of what the operation changes."""
        return await self._planner.population()

    def forget(self) -> None:
        """What was read of the organisation is no longer true: another operation has changed it."""
        self._kept = None
        self._planner.forget()

    async def apply(self) -> None:
        """Send every pending row, and settle them all.

        Raises the reason when the run stops early; everything is then noted, and what is left is pending.
        """
        self.phase.name = "sending"
        self.sender.begin_counting()
        if self._operation.dated and not self._anew and self._ledger.pending() is not None:
            await self.stop.unless_requested(partial(self._org.sharpen_clock, within_s=CLOCK_S))
        async with anyio.create_task_group() as tasks:
            self._workers.start(tasks)
            try:
                await self._dispatch()
            except BulkopsError as error:
                self.stop.request(error)
            await self._workers.drained()
            self._workers.dismiss()
        await self._last_look()
        await self._ledger.flush()
        self._raise_if_stopped()

    async def _dispatch(self) -> None:
        if self._operation.whole:
            await self._dispatch_whole()
            return
        limits = self._limits
        batcher = Batcher(limits.batch_size, limits.body_bytes, self._weigh, self._bundle, self._operation.parent)
        in_window, window = 0, limits.window_rows
        async for decisions in self._decided():
            for item in self._ready(decisions):
                for batch in batcher.add(item):
                    await self._workers.submit(batch)
                    if self.sender.look_is_due():
                        await self._settle_all()
            in_window += len(decisions)
            if in_window >= window and self.sender.questions:
                # each look reads a listing that has grown by what was sent: wider windows keep the looks' cost in line
                in_window, window = 0, min(2 * window, limits.widest_window_rows)
                await self._settle_all()
            if self.stop.requested:
                return
        for batch in batcher.rest():
            await self._workers.submit(batch)
        await self._settle_all()
        self.sender.judge_refusals()

    async def _dispatch_whole(self) -> None:
        """One request that carries every row, whichever of them are pending still."""
        decisions = await self._planner.decide(list(self._source(lambda row: not self._passed_over(row))))
        everything = tuple(decision.item for decision in decisions if decision.fate is Fate.READY)
        pending = tuple(item for item in everything if self._ledger.state_of(item.row) is State.PENDING)
        for decision in decisions:
            if self._ledger.state_of(decision.item.row) is State.PENDING:
                self._conclude(decision)
        if pending:
            await self._workers.submit(Batch(pending, parent=self._operation.parent(pending[0]), whole=everything))
        await self._settle_all()

    def _passed_over(self, row: int) -> bool:
        """Whether a row has no part in the whole: it was invalid, or repeats another."""
        return self._ledger.state_of(row) in {State.SKIPPED, State.FAILED}

    async def _decided(self) -> AsyncIterator[Sequence[Decision]]:
        """A decision for every pending row: the one that the survey made just now, where it could be kept.

        Of a job that is too large to be done at once, what was decided long ago is decided anew.
        """
        kept, self._kept = self._kept, None
        last = rows = 0
        for decisions in kept.take() if kept is not None else ():
            if rows > self._limits.kept_decisions and time.monotonic() - self._surveyed_at > OLDEST_S:
                break
            last, rows = decisions[-1].item.row, rows + len(decisions)
            yield [one for one in decisions if self._ledger.state_of(one.item.row) is State.PENDING]
        for chunk in self._chunks(after=last):
            yield await self._planner.decide(chunk)

    def _ready(self, decisions: Sequence[Decision]) -> list[Item[Any]]:
        """The items that are to be sent; the others get their outcome."""
        return [decision.item for decision in decisions if not self._conclude(decision)]

    def _conclude(self, decision: Decision) -> bool:
        ending = outcome_of(decision)
        if ending is not None:
            self._ledger.conclude(ending.rows, ending.outcome)
        return ending is not None

    async def _settle_all(self) -> None:
        """Wait for what is in flight, ask about what is open, send again what did not happen; until nothing is open."""
        await self._workers.claim()
        await self._workers.drained()
        while self.sender.questions and not self.stop.requested:
            self.phase.name = "reading back"
            again = await self._settler.settle(questions := list(self.sender.questions))
            self.sender.looked()
            self.phase.name = "sending"
            await self._pay_for(questions, again)
            for batch in again:
                await self._workers.hand_over(batch)
            await self._workers.drained()

    async def _pay_for(self, questions: Sequence[Question], again: Sequence[Batch[Any]]) -> None:
        """Batches whose answer was lost are sent again within the retry budget, after backoff."""
        lost = [question for question in questions if question.why is Why.LOST]
        if not lost or not again:
            return
        for question in lost:
            self.sender.spend_retry(question.doubt.message)
        await self.stop.sleep(self.sender.backoff_s(max(question.batch.attempt for question in lost)))

    async def _last_look(self) -> None:
        """After a stop, tell what can be told without waiting; the rest stays in doubt, with its reason."""
        questions, self.sender.questions = self.sender.questions, []
        if not questions or isinstance(self.stop.reason, LedgerError):
            return
        if not isinstance(self.stop.reason, AccessError):
            self.phase.name = "finishing what was in flight"
            with anyio.move_on_after(self._limits.look_s(time.time())):
                try:
                    await self._settler.settle_without_waiting(questions)
                except BulkopsError as error:
                    log.info("doubt.kept", text=str(error))
                else:
                    return
        for question in questions:
            self._ledger.settle(question.claim, (), doubts=[Settled(question.batch.rows, question.doubt)])

    def _chunks(self, after: int = 0) -> Iterator[Sequence[Item[Any]]]:
        """The rows above `after` that are pending when their turn comes, some hundreds at a time."""
        if self._ledger.pending(after=after) is None:
            return
        items = self._source(lambda row: row > after and self._ledger.state_of(row) is State.PENDING)
        while chunk := list(islice(items, self._limits.plan_chunk)):
            yield [self._remembered(item) for item in chunk] if self._anew else chunk

    def _remembered(self, item: Item[Any]) -> Item[Any]:
        """The item with what an earlier try noted of it."""
        memo = self._ledger.note(memo_key(item.row)) if self._anew else None
        return item if memo is None else item._replace(memo=memo)

    def _bundle(self, item: Item[Any]) -> str | None:
        """What items of one request have in common: for the operation, and for the provider."""
        own, together = self._operation.bundle(item), self._together(item)
        return f"{own or ''} {together}" if together else own

    def _raise_if_stopped(self) -> None:
        if self.stop.reason is not None:
            raise self.stop.reason
