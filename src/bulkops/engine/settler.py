"""Asking the organisation what is true about rows that were sent, and giving each its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import anyio
import structlog

from bulkops.engine.limits import RunLimits
from bulkops.engine.questions import Question, Why, items_of
from bulkops.engine.sender import Sender
from bulkops.engine.stop import StopSignal
from bulkops.engine.telling import settled
from bulkops.ledger.base import Ledger
from bulkops.model import Batch, Item, Outcome, RowSet, Settled, Verdict
from bulkops.planning import Planner
from bulkops.providers.base import Organization

log = structlog.get_logger(__name__)


class Settler:
    """Settles questions: one look for all of them, a second one where an effect may still be on its way."""

    def __init__(
        self,
        *,
        planner: Planner,
        org: Organization,
        ledger: Ledger,
        limits: RunLimits,
        sender: Sender,
        stop: StopSignal,
    ) -> None:
        self.note = ""  # what is said of rows that were done
        self.declared: Verdict | None = None  # what a person says of rows that the organisation cannot tell
        self._planner = planner
        self._org = org
        self._ledger = ledger
        self._limits = limits
        self._sender = sender
        self._stop = stop

    async def settle(self, questions: Sequence[Question]) -> list[Batch[Any]]:
        """Give every row that can be told its end. Returns the batches that are to be sent again.

        Nothing may be sent meanwhile: a listing that changes while it is read cannot be trusted.
        Raises what reads raise, and the reason when the run is asked to stop; the claims then stay open.
        """

        async def look() -> dict[int, Verdict]:
            verdicts = await self._ask(
                questions, [item for question in questions for item in (question.batch.whole or question.batch.items)]
            )
            await self._ask_again(questions, verdicts)
            return verdicts

        return await self._settle(questions, await self._stop.unless_requested(look))

    async def settle_without_waiting(self, questions: Sequence[Question]) -> None:
        """One look for all, although the run was asked to stop: what is not there yet stays in doubt."""
        verdicts = await self._ask(
            questions, [item for question in questions for item in (question.batch.whole or question.batch.items)]
        )
        for question in questions:
            if self._on_its_way_s(question) > 0:
                verdicts.update((item.row, Verdict.UNKNOWN) for item in self._absent(question, verdicts))
        await self._settle(questions, verdicts)

    async def _settle(self, questions: Sequence[Question], verdicts: dict[int, Verdict]) -> list[Batch[Any]]:
        again: list[Batch[Any]] = []
        for question in questions:
            again.extend(self._conclude(question, verdicts))
        await self._ledger.flush()
        return again

    async def _ask(self, questions: Sequence[Question], items: Sequence[Item[Any]]) -> dict[int, Verdict]:
        roster = await self._planner.fresh_roster(len(items))
        sent_at = {row: question.claim.at for question in questions for row in question.claim.rows}
        return dict(await self._planner.operation.check(items, roster, sent_at))

    async def _ask_again(self, questions: Sequence[Question], verdicts: dict[int, Verdict]) -> None:
        """What is not there may come until `settling_s` after its answer was lost: wait, and look once more."""
        early = [q for q in questions if self._on_its_way_s(q) > 0 and self._absent(q, verdicts)]
        if not early:
            return
        # the clock went on since they were chosen: nothing may be left to wait for
        await anyio.sleep(max(0.0, *(self._on_its_way_s(question) for question in early)))
        verdicts.update(
            await self._ask(early, [item for q in early for item in q.batch.whole or self._absent(q, verdicts)])
        )

    def _on_its_way_s(self, question: Question) -> float:
        """Seconds for which the effect may still appear, by our even clock: no setting of the other one changes it."""
        return question.since_s + self._org.settling_s - time.monotonic()

    def _absent(self, question: Question, verdicts: dict[int, Verdict]) -> list[Item[Any]]:
        return [item for item in question.batch.items if verdicts.get(item.row) is Verdict.NOT_APPLIED]

    def _conclude(self, question: Question, verdicts: dict[int, Verdict]) -> list[Batch[Any]]:
        rows: dict[Verdict, set[int]] = {verdict: set() for verdict in Verdict}
        for item in question.batch.items:
            rows[verdicts.get(item.row, Verdict.UNKNOWN)].add(item.row)
        declared = self._declare(rows, question)
        if question.why is Why.REFUSED and (question.refusal is not None or self._planner.operation.repeatable):
            # the provider has said no: what cannot be seen is told by its word, or by asking it for that row alone
            rows[Verdict.NOT_APPLIED] |= rows[Verdict.UNKNOWN]
            rows[Verdict.UNKNOWN] = set()
        outcomes = {row: self._applied(question) for row in rows[Verdict.APPLIED]} | declared
        absent = items_of(question.batch, rows[Verdict.NOT_APPLIED])
        lost = self._given_up(question, absent)
        if question.batch.whole and absent and not lost:
            # what is sent as a whole may lose a row again that it has now: nothing is told before the last try
            self._ledger.settle(question.claim, ())
            return [replace(question.batch, attempt=question.batch.attempt + 1)]
        outcomes.update(lost)
        unknown = RowSet.of(rows[Verdict.UNKNOWN])
        doubts = [Settled(unknown, _unsettled(question.doubt))] if unknown else []
        self._ledger.settle(question.claim, settled(outcomes), doubts=doubts)
        log.info(
            "doubt.settled",
            why=question.why.value,
            applied=len(rows[Verdict.APPLIED]),
            not_applied=len(absent),
            unknown=len(unknown),
        )
        left = tuple(item for item in absent if item.row not in lost)
        return self._next(question, left, whole=len(left) == len(question.batch)) if left else []

    def _declare(self, rows: dict[Verdict, set[int]], question: Question) -> dict[int, Outcome]:
        """The ends that a person has given to rows that stay unknown; those that they found undone are pending again.

        What an earlier session left without a word they cannot have meant: its doubt is told first.
        """
        unknown = rows[Verdict.UNKNOWN]
        if self.declared is None or question.claim.doubt is None or not unknown:
            return {}
        rows[Verdict.UNKNOWN] = set()
        log.info("doubt.declared", rows=len(unknown), verdict=self.declared.value)
        if self.declared is Verdict.NOT_APPLIED:
            return {}  # given back with the claim, however often they were tried
        outcome = Outcome.succeeded(
            attempts=question.doubt.attempts, message="the answer was lost; a person found it done (--in-doubt done)"
        )
        return dict.fromkeys(unknown, outcome)

    def _applied(self, question: Question) -> Outcome:
        message = {
            Why.ACCEPTED: self.note,
            Why.LOST: "the answer was lost; found done in the organisation",
            Why.REFUSED: "its batch was refused; found done in the organisation",
        }[question.why]
        doubt = question.doubt
        status = doubt.http_status if question.why is Why.ACCEPTED else None
        return Outcome.succeeded(
            attempts=doubt.attempts, message=message, http_status=status, request_id=doubt.request_id
        )

    def _given_up(self, question: Question, absent: Sequence[Item[Any]]) -> dict[int, Outcome]:
        """Rows that are not tried again: the attempts are used up, or a single call was accepted without effect."""
        doubt, attempt = question.doubt, question.batch.attempt
        if question.refusal is not None:
            self._sender.splitter.count(bad=len(absent))
            return dict.fromkeys((item.row for item in absent), question.refusal)
        if question.why is Why.ACCEPTED and (question.alone or (question.batch.whole and attempt > 1)):
            code, message = "not_applied", _without_effect(question)
        elif question.why is Why.LOST and attempt >= self._limits.max_attempts:
            code, message = doubt.code, f"not done after {attempt} attempts: {doubt.message}"
        else:
            return {}
        outcome = Outcome.failed(
            code, message, attempts=attempt, http_status=doubt.http_status, request_id=doubt.request_id
        )
        return {item.row: outcome for item in absent}

    def _next(self, question: Question, left: tuple[Item[Any], ...], *, whole: bool) -> list[Batch[Any]]:
        """How the rows that certainly were not done are sent again."""
        batch = question.batch
        if question.why is Why.LOST:
            return [replace(batch, items=left, attempt=batch.attempt + 1)]
        if question.why is Why.ACCEPTED:
            # the provider passed over some rows of an accepted batch: alone, each shows its own fate
            return [replace(batch, items=(item,), attempt=batch.attempt + 1) for item in left]
        if whole and self._planner.operation.repeatable:
            # nothing of a refused batch was done: from now on a refusal need not be asked about. One sample proves
            # nothing of the next, though, so what must not be repeated is looked up each time.
            self._sender.refusals_are_atomic = self._sender.moot_refusals_are_atomic = True
        return self._sender.parts(replace(batch, items=left))


def _without_effect(question: Question) -> str:
    if question.batch.whole:
        return "the provider accepted the call, and what came of it is not what the file says"
    return "the provider accepted the call, and nothing came of it"


def _unsettled(doubt: Outcome) -> Outcome:
    if doubt.code != "unverified":
        return doubt
    return replace(doubt, message="accepted by the provider, and it could not be read back yet")
