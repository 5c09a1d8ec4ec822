"""Running a job: read, decide, batch, send, settle; and all of it again where a run left off."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import anyio
import structlog
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from bulkops.engine.batching import FRAME_BYTES, Batcher, ParentQueues
from bulkops.engine.limits import RunLimits
from bulkops.engine.sender import Question, Sender, Why
from bulkops.engine.settler import Settler
from bulkops.engine.stop import StopSignal
from bulkops.engine.traffic import TrafficNotes
from bulkops.errors import AccessError, BulkopsError, ConfigError, LedgerError
from bulkops.ledger.base import Claim, Ledger
from bulkops.model import Batch, Item, Outcome, Settled, State
from bulkops.operations.base import Decision, Fate, Operation
from bulkops.planning import Plan, Planner, outcome_of
from bulkops.providers.base import Organization

log = structlog.get_logger(__name__)

ItemSource = Callable[[Callable[[int], bool]], Iterator[Item[Any]]]
"""Items of the run's snapshot, in order, of the rows that the given function wants."""


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
        self._traffic = traffic
        self.stop = stop
        self.sender = Sender(operation=operation, org=org, ledger=ledger, limits=limits, stop=stop)
        self._settler = Settler(planner=planner, org=org, ledger=ledger, limits=limits, sender=self.sender, stop=stop)
        self._planner = planner
        self._ledger = ledger
        self._source = source
        self._limits = limits
        self._weigh = org.support[operation.kind].weigh
        self._operation = operation
        self._queues = ParentQueues()
        self._outstanding = 0
        self._idle = anyio.Event()

    async def reconcile(self) -> None:
        """Settle what an earlier session left in doubt; what did not happen is pending again."""
        claims = self._ledger.open_claims()
        wanted = {row for claim in claims for row in claim.rows}
        items = {item.row: item for item in self._source(wanted.__contains__)} if wanted else {}
        questions = [question for claim in claims if (question := _question(claim, items)).batch.items]
        if not questions:
            return
        self.phase.name = "looking up what was in flight"
        log.info("job.reconciling", operation=self._operation.kind, rows=len(items), claims=len(questions))
        # what must be sent again is pending now, and comes up in its turn
        await self._settler.settle(questions)

    async def survey(self, *, note_skipped: bool, note_invalid: bool) -> Plan:
        """Decide for every pending row. Reads only.

        Rows that need no call get their outcome at once with `note_skipped`, invalid and protected ones as failed with
        `note_invalid`; otherwise the caller refuses the job on what the plan counts, or leaves it to `apply`.
        """
        self.phase.name = "planning"
        plan = await self._planner.new_plan()
        if plan.scope:
            self._settler.note = f"{plan.scope}: {plan.effect}"  # the report says how far the row's effect goes
        batcher = Batcher(
            self._limits.batch_size,
            self._limits.body_bytes,
            self._weigh,
            self._operation.bundle,
            self._operation.parent,
        )
        for chunk in self._surveyed():
            decisions = await self._planner.decide(chunk)
            for decision in decisions:
                plan.count(decision)
                if note_skipped if decision.fate is Fate.SKIP else note_invalid:
                    self._conclude(decision)
                if decision.fate is Fate.READY:
                    plan.calls += sum(1 for _ in batcher.add(decision.item))
            if self._operation.whole:
                self._refuse_too_long([one.item for one in decisions if one.fate is Fate.READY])
                plan.removals = await self._planner.removals(decisions)
            self._raise_if_stopped()
        plan.calls = min(1, plan.ready) if self._operation.whole else plan.calls + sum(1 for _ in batcher.rest())
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
        self._planner.forget()

    async def apply(self) -> None:
        """Send every pending row, and settle them all.

        Raises the reason when the run stops early; everything is then noted, and what is left is pending.
        """
        self.phase.name = "sending"
        self.sender.begin_counting()
        send, receive = anyio.create_memory_object_stream[Batch[Any]](self._limits.width)
        async with anyio.create_task_group() as workers, send:
            for _ in range(self._limits.width):
                workers.start_soon(self._work, receive.clone())
            receive.close()
            try:
                await self._dispatch(send)
            except BulkopsError as error:
                self.stop.request(error)
            await self._drained()
        await self._last_look()
        await self._ledger.flush()
        self._raise_if_stopped()

    async def _dispatch(self, send: MemoryObjectSendStream[Batch[Any]]) -> None:
        if self._operation.whole:
            await self._dispatch_whole(send)
            return
        limits = self._limits
        batcher = Batcher(
            limits.batch_size, limits.body_bytes, self._weigh, self._operation.bundle, self._operation.parent
        )
        in_window, window = 0, limits.window_rows
        for chunk in self._chunks():
            for item in await self._ready(chunk):
                for batch in batcher.add(item):
                    await self._submit(send, batch)
                    if self.sender.look_is_due():
                        await self._settle_all(send)
            in_window += len(chunk)
            if in_window >= window and self.sender.questions:
                # each look reads a listing that has grown by what was sent: wider windows keep the looks' cost in line
                in_window, window = 0, min(2 * window, limits.widest_window_rows)
                await self._settle_all(send)
            if self.stop.requested:
                return
        for batch in batcher.rest():
            await self._submit(send, batch)
        await self._settle_all(send)
        self.sender.judge_refusals()

    async def _dispatch_whole(self, send: MemoryObjectSendStream[Batch[Any]]) -> None:
        """One request that carries every row, whichever of them are pending still."""
        decisions = await self._planner.decide(list(self._source(lambda row: not self._passed_over(row))))
        everything = tuple(decision.item for decision in decisions if decision.fate is Fate.READY)
        pending = tuple(item for item in everything if self._ledger.state_of(item.row) is State.PENDING)
        for decision in decisions:
            if self._ledger.state_of(decision.item.row) is State.PENDING:
                self._conclude(decision)
        if pending:
            await self._submit(send, Batch(pending, parent=self._operation.parent(pending[0]), whole=everything))
        await self._settle_all(send)

    def _passed_over(self, row: int) -> bool:
        """Whether a row has no part in the whole: it was invalid, or repeats another."""
        return self._ledger.state_of(row) in {State.SKIPPED, State.FAILED}

    async def _ready(self, chunk: Sequence[Item[Any]]) -> list[Item[Any]]:
        """The items of `chunk` that are to be sent; the others get their outcome."""
        decisions = await self._planner.decide(chunk)
        return [decision.item for decision in decisions if not self._conclude(decision)]

    def _conclude(self, decision: Decision) -> bool:
        ending = outcome_of(decision)
        if ending is not None:
            self._ledger.conclude(ending.rows, ending.outcome)
        return ending is not None

    async def _settle_all(self, send: MemoryObjectSendStream[Batch[Any]]) -> None:
        """Wait for what is in flight, ask about what is open, send again what did not happen; until nothing is open."""
        await self._drained()
        while self.sender.questions and not self.stop.requested:
            self.phase.name = "reading back"
            again = await self._settler.settle(questions := list(self.sender.questions))
            self.sender.looked()
            self.phase.name = "sending"
            await self._pay_for(questions, again)
            for batch in again:
                await self._submit(send, batch)
            await self._drained()

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

    async def _submit(self, send: MemoryObjectSendStream[Batch[Any]], batch: Batch[Any]) -> None:
        """Hand a batch to the workers; waits while they are all busy and a few batches wait already."""
        while self._outstanding >= 2 * self._limits.width and not self.stop.requested:
            await self._next_change()
        if self.stop.requested:
            return
        self._outstanding += 1
        if self._queues.enter(batch):
            await send.send(batch)

    async def _work(self, receive: MemoryObjectReceiveStream[Batch[Any]]) -> None:
        async with receive:
            async for first in receive:
                batch: Batch[Any] | None = first
                while batch is not None:  # a parent's batches stay with one worker, in their order
                    batch = await self._deliver(batch)

    async def _deliver(self, batch: Batch[Any]) -> Batch[Any] | None:
        try:
            await self.sender.deliver(batch)
        finally:
            self._outstanding -= 1
            self._idle.set()
        if not self.stop.requested:
            try:
                self._traffic.note()
            except LedgerError as error:
                self.stop.request(error)
        return self._queues.leave(batch)

    async def _drained(self) -> None:
        while self._outstanding:
            await self._next_change()

    async def _next_change(self) -> None:
        self._idle = anyio.Event()
        await self._idle.wait()

    def _chunks(self) -> Iterator[Sequence[Item[Any]]]:
        """The rows that are pending when their turn comes, some hundreds at a time."""
        items = self._source(lambda row: self._ledger.state_of(row) is State.PENDING)
        while chunk := list(islice(items, self._limits.plan_chunk)):
            yield chunk

    def _raise_if_stopped(self) -> None:
        if self.stop.reason is not None:
            raise self.stop.reason


def _question(claim: Claim, items: dict[int, Item[Any]]) -> Question:
    found = tuple(items[row] for row in claim.rows if row in items)
    doubt = claim.doubt or Outcome.in_doubt(
        "no_answer", "the run ended before the answer arrived", attempts=claim.attempt
    )
    return Question(Batch(found, claim.attempt), claim, Why.LOST, doubt)
