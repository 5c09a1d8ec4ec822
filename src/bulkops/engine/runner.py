"""Running a job: read, decide, batch, send, settle; and all of it again where a run left off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import anyio
import structlog
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from bulkops.engine.limits import RunLimits
from bulkops.engine.sender import Question, Sender, Why
from bulkops.engine.settler import Settler
from bulkops.engine.stop import StopSignal
from bulkops.errors import BulkopsError
from bulkops.ledger.base import Claim, Ledger
from bulkops.model import Batch, Item, Outcome, Settled, State
from bulkops.operations.base import Fate, Operation
from bulkops.planning import Plan, Planner, outcome_of
from bulkops.providers.base import Organization

log = structlog.get_logger(__name__)

ItemSource = Callable[[Callable[[int], bool]], Iterator[Item[Any]]]
"""Items of the run's snapshot, in order, of the rows that the given function wants."""


@dataclass(slots=True)
class Phase:
    """What the run is doing, for people to read."""

    name: str = "starting"
    sent_rows: int = 0


@dataclass(slots=True)
class Batcher:
    """Gathers ready items into batches of at most `size`."""

    size: int
    _items: list[Item[Any]] = field(default_factory=list)

    def add(self, item: Item[Any]) -> Batch[Any] | None:
        """A full batch, when `item` completes one."""
        self._items.append(item)
        return self.rest() if len(self._items) >= self.size else None

    def rest(self) -> Batch[Any] | None:
        """What is left, as a batch; None when nothing is."""
        items, self._items = self._items, []
        return Batch(tuple(items)) if items else None


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
    ) -> None:
        self.phase = Phase()
        self.stop = stop
        self.sender = Sender(operation=operation, org=org, ledger=ledger, limits=limits, stop=stop)
        self._settler = Settler(planner=planner, org=org, ledger=ledger, limits=limits, sender=self.sender, stop=stop)
        self._planner = planner
        self._ledger = ledger
        self._source = source
        self._limits = limits
        self._outstanding = 0
        self._idle = anyio.Event()

    async def reconcile(self) -> None:
        """Settle what an earlier session left in doubt; what did not happen is pending again."""
        claims = self._ledger.open_claims()
        if not claims:
            return
        self.phase.name = "looking up what was in flight"
        wanted = {row for claim in claims for row in claim.rows}
        items = {item.row: item for item in self._source(wanted.__contains__)}
        questions = [_question(claim, items) for claim in claims]
        log.info("job.reconciling", rows=len(wanted), claims=len(claims))
        # what must be sent again is pending now, and comes up in its turn
        await self._settler.settle(questions)

    async def survey(self, *, skip_invalid: bool) -> Plan:
        """Decide for every pending row, and note at once the ones that need no call.

        Invalid and protected rows are noted as failed only with `skip_invalid`; otherwise the caller refuses the job
        on what the plan counts. Reads only.
        """
        self.phase.name = "planning"
        plan = Plan(self._planner.operation.kind)
        for chunk in self._chunks():
            for decision in await self._planner.decide(chunk):
                plan.count(decision)
                ending = outcome_of(decision)
                if ending is not None and (skip_invalid or decision.fate is Fate.SKIP):
                    self._ledger.conclude(ending.rows, ending.outcome)
            self._raise_if_stopped()
        plan.calls = -(-plan.ready // self._limits.batch_size)
        await self._ledger.flush()
        return plan

    async def apply(self) -> None:
        """Send every pending row, and settle them all.

        Raises the reason when the run stops early; everything is then noted, and what is left is pending.
        """
        self.phase.name = "sending"
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
        batcher = Batcher(self._limits.batch_size)
        in_window = 0
        for chunk in self._chunks():
            for decision in await self._planner.decide(chunk):
                ending = outcome_of(decision)
                if ending is not None:
                    self._ledger.conclude(ending.rows, ending.outcome)
                elif (batch := batcher.add(decision.item)) is not None:
                    await self._submit(send, batch)
            in_window += len(chunk)
            if in_window >= self._limits.window_rows and self.sender.questions:
                in_window = 0
                await self._settle_all(send)
            if self.stop.requested:
                return
        if (batch := batcher.rest()) is not None:
            await self._submit(send, batch)
        await self._settle_all(send)

    async def _settle_all(self, send: MemoryObjectSendStream[Batch[Any]]) -> None:
        """Wait for what is in flight, ask about what is open, send again what did not happen; until nothing is open."""
        await self._drained()
        while self.sender.questions and not self.stop.requested:
            self.phase.name = "reading back"
            questions, self.sender.questions = self.sender.questions, []
            again = await self._settler.settle(questions)
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
        """After a polite stop, tell what can be told without waiting; the rest stays in doubt, with its reason."""
        questions, self.sender.questions = self.sender.questions, []
        if not questions:
            return
        if self.stop.interrupted:
            self.phase.name = "finishing what was in flight"
            try:
                await self._settler.settle(questions)
            except BulkopsError as error:
                log.info("doubt.kept", text=str(error))
            else:
                return
        for question in questions:
            self._ledger.settle(question.claim, (), doubts=[Settled(question.batch.rows, question.doubt)])

    async def _submit(self, send: MemoryObjectSendStream[Batch[Any]], batch: Batch[Any]) -> None:
        if self.stop.requested:
            return
        self._outstanding += 1
        await send.send(batch)

    async def _work(self, receive: MemoryObjectReceiveStream[Batch[Any]]) -> None:
        async with receive:
            async for batch in receive:
                try:
                    await self.sender.deliver(batch)
                    self.phase.sent_rows += len(batch)
                finally:
                    self._outstanding -= 1
                    self._idle.set()

    async def _drained(self) -> None:
        while self._outstanding:
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
