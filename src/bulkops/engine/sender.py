"""Sending batches: each attempt is noted, sent, and answered for, until every row of the batch has an end."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import structlog

from bulkops.engine.limits import RunLimits
from bulkops.engine.permit import LedgerPermit
from bulkops.engine.questions import Question, Why
from bulkops.engine.stop import StopSignal
from bulkops.engine.telling import done, settled, speaks_for_all, told
from bulkops.errors import (
    AccessError,
    AttemptError,
    BulkopsError,
    InDoubtError,
    LedgerError,
    RejectedError,
    RetryableError,
    StoppedError,
    ThrottledError,
)
from bulkops.ledger.base import Claim, Ledger
from bulkops.model import Batch, Counts, Outcome, RowSet, Settled
from bulkops.operations.base import Operation
from bulkops.policy import Splitter, full_jitter
from bulkops.providers.base import AnswerShape, BatchAnswer, Organization

log = structlog.get_logger(__name__)

FORBIDDEN_ALONE = 2
"""So many rows refused with a 403, each alone and none accepted, mean that the account lacks the right."""

REFUSED_AT_ONCE = 200
"""So many rows that were refused alone wait for one look."""


class Sender:
    """Brings batches to their end. Tasks may share one."""

    def __init__(
        self, *, operation: Operation, org: Organization, ledger: Ledger, limits: RunLimits, stop: StopSignal
    ) -> None:
        self.questions: list[Question] = []
        self.budget = org.gates.budget
        self.splitter = Splitter()
        self.retries = 0
        support = org.support[operation.kind]
        # an answer that tells rows apart, or speaks for all of them, is refused before anything is done
        told_apart = support.answers is not AnswerShape.OPAQUE
        self.refusals_are_atomic = operation.repeatable or told_apart
        self.moot_refusals_are_atomic = operation.repeatable and told_apart
        self._moot = support.moot
        self._memo = operation.memo if support.anew else None
        self._refused_alone = 0
        self._operation = operation
        self._org = org
        self._ledger = ledger
        self._limits = limits
        self._stop = stop
        self._permits: set[LedgerPermit] = set()
        self._accepted_any = False
        self._forbidden: list[tuple[Batch[Any], RejectedError]] = []
        self._before = Counts()
        stop.on_request(self._call_off_waiting)

    async def deliver(self, batch: Batch[Any], claim: Claim | None = None) -> None:
        """Send `batch` until each row ended, went back to pending because of a stop, or became a question.

        `claim` is what was noted ahead for its first attempt.
        """
        todo = [batch]
        while todo and not self._stop.requested:
            part = todo.pop()
            ahead, claim = claim, None
            try:
                todo.extend(await self._attempt(part, ahead))
            except BulkopsError as error:
                self._stop.request(error)
        if claim is not None:
            self._unclaim(claim)

    async def _attempt(self, batch: Batch[Any], ahead: Claim | None) -> Sequence[Batch[Any]]:
        """One try. Returns the batches to send next, in reverse order."""
        permit = LedgerPermit(self._ledger, batch, self.providers_time, self._memo, ahead)
        self._permits.add(permit)
        try:
            self._take_answer(permit, batch, await self._operation.apply(self._org, batch, permit))
            return ()
        except asyncio.CancelledError:
            if not permit.take_back():
                raise
            return ()  # it waited still: nothing has left
        except LedgerError:
            raise  # the record is not safe: whatever was begun stays in doubt
        except InDoubtError as error:
            self._ask_later(permit, batch, Why.LOST, error)
            return ()
        except ThrottledError:
            self._give_back(permit)
            return (batch,)
        except RetryableError as error:
            self._give_back(permit)
            return (await self._retry(batch, error),)
        except RejectedError as error:
            return self._take_refusal(permit, batch, error)
        except BulkopsError:
            self._give_back(permit)
            raise
        finally:
            self._permits.discard(permit)
            if permit.ahead is not None:
                self._unclaim(permit.ahead)

    def _take_answer(self, permit: LedgerPermit, batch: Batch[Any], answer: BatchAnswer) -> None:
        """Settle what the answer told; what it did not tell becomes a question."""
        claim = _begun(permit)
        self._accepted_any = True
        self._fail_forbidden()
        self.budget.count_call()
        self.splitter.count(good=len(batch))
        if speaks_for_all(batch, answer):
            self._ledger.settle(claim, (Settled(claim.rows, done(batch, answer)),))
            self.judge_failures()
            return
        outcomes = told(batch, answer)
        silent = tuple(item for item in batch.items if item.row not in outcomes)
        if not silent:
            self._ledger.settle(claim, settled(outcomes))
            self.judge_failures()
            return
        doubt = Outcome.in_doubt(
            "unverified",
            "accepted, and not yet read back",
            attempts=batch.attempt,
            http_status=answer.http_status,
            request_id=answer.request_id,
        )
        if outcomes:
            # the claim stays open with the rows that the answer did not name
            rows = RowSet.of(item.row for item in silent)
            self._ledger.settle(claim, settled(outcomes), doubts=[Settled(rows, doubt)])
        self.questions.append(Question(replace(batch, items=silent), claim, Why.ACCEPTED, doubt))

    def _ask_later(self, permit: LedgerPermit, batch: Batch[Any], why: Why, error: AttemptError) -> None:
        claim = permit.claim
        self.budget.count_call()
        if claim is None:
            raise StoppedError(f"a read before the write failed: {error}") from error
        doubt = Outcome.in_doubt(
            error.code,
            str(error),
            attempts=batch.attempt,
            http_status=error.http_status,
            request_id=error.request_id,
        )
        log.info("batch.in_doubt", rows=len(batch), attempt=batch.attempt, why=why.value, text=str(error))
        self._ledger.settle(claim, (), doubts=[Settled(batch.rows, doubt)])
        refusal = Outcome.failed_by(error, attempts=batch.attempt) if why is Why.REFUSED and len(batch) == 1 else None
        self._refused_alone += refusal is not None
        self.questions.append(Question(batch, claim, why, doubt, refusal))

    def _take_refusal(self, permit: LedgerPermit, batch: Batch[Any], error: RejectedError) -> Sequence[Batch[Any]]:
        """The provider said no. One row has its end; a batch is taken apart.

        A refusal by which nothing may be left to do is looked up first: what somebody else has done, or a part of the
        batch that was applied, has not failed.
        """
        if error.stops_run:
            self.budget.count_call()
            self._give_back(permit)
            raise StoppedError(f"every further call would be refused for the same reason: {error}") from error
        if error.code == "forbidden" and not self._accepted_any:
            return self._take_forbidden(permit, batch, error)
        moot = error.http_status in self._moot and not batch.whole
        if (len(batch) == 1 and not moot) or batch.whole:
            self.budget.count_call()
            self.splitter.count(bad=len(batch))
            claim = _begun(permit)
            outcome = Outcome.failed_by(error, attempts=batch.attempt)
            self._ledger.settle(claim, [Settled(batch.rows, outcome)])
            log.info("item.failed", row=batch.items[0].row, rows=len(batch), code=outcome.code, text=outcome.message)
            self.judge_failures()
            return ()
        atomic = self.moot_refusals_are_atomic if moot else self.refusals_are_atomic
        if len(batch) == 1 or not (error.atomic or atomic):
            self._ask_later(permit, batch, Why.REFUSED, error)
            return ()
        self.budget.count_call()
        self._give_back(permit)
        return self.parts(batch)

    def _take_forbidden(self, permit: LedgerPermit, batch: Batch[Any], error: RejectedError) -> Sequence[Batch[Any]]:
        """A 403 before anything was accepted speaks of the account's rights, or of one row: two rows alone tell.

        Raises AccessError when two different rows were refused, each alone.
        """
        self._give_back(permit)
        if len(batch) == 1 or batch.whole:
            self._forbidden.append((batch, error))
            if batch.whole or len(self._forbidden) >= FORBIDDEN_ALONE:
                self.judge_refusals()
            return ()
        first, *middle, last = batch.items
        rest = [replace(batch, items=tuple(middle))] if middle else []
        return [*rest, replace(batch, items=(last,)), replace(batch, items=(first,))]

    def judge_refusals(self) -> None:
        """Raise AccessError if rows were refused with a 403 and nothing was ever accepted."""
        if self._forbidden and not self._accepted_any:
            _batch, error = self._forbidden[0]
            raise AccessError(f"the provider refuses {self._operation.kind} for these credentials ({error})")

    def _fail_forbidden(self) -> None:
        """Something was accepted, so the rights are there: what a 403 refused before was refused for itself."""
        for batch, error in self._forbidden:
            self._ledger.conclude(batch.rows, Outcome.failed_by(error, attempts=batch.attempt))
        self._forbidden.clear()

    def parts(self, batch: Batch[Any]) -> list[Batch[Any]]:
        """A refused batch taken apart, last part first."""
        parts = self.splitter.split(batch.items)
        return [replace(batch, items=tuple(part)) for part in reversed(parts)]

    async def _retry(self, batch: Batch[Any], error: RetryableError) -> Batch[Any]:
        """The next attempt, after backoff. Raises StoppedError when attempts or the budget are used up."""
        if batch.attempt >= self._limits.max_attempts:
            raise StoppedError(f"{error} ({batch.attempt} attempts)") from error
        self.spend_retry(error)
        await self._stop.sleep(self.backoff_s(batch.attempt))
        return replace(batch, attempt=batch.attempt + 1)

    def spend_retry(self, why: object) -> None:
        """Take one retry from the budget. Raises StoppedError when there is none left."""
        if not self.budget.take():
            raise StoppedError(f"too many faults: {self.budget.spent} retries were spent; the last one: {why}")
        self.retries += 1

    def backoff_s(self, attempt: int) -> float:
        """Seconds to wait after failed attempt number `attempt`."""
        limits = self._limits
        return full_jitter(attempt, base_s=limits.backoff_base_s, cap_s=limits.backoff_cap_s, draw=random.random)

    def _give_back(self, permit: LedgerPermit) -> None:
        """The attempt certainly changed nothing: its rows are pending again."""
        if permit.claim is not None:
            self._ledger.settle(permit.claim, ())

    def _unclaim(self, claim: Claim) -> None:
        """Nothing has left under a claim that was made ahead: its rows are pending again, where that can be noted."""
        with contextlib.suppress(LedgerError):  # else they are looked up as if it had
            self._ledger.settle(claim, ())

    def begin_counting(self) -> None:
        """Rows that failed before anything was sent are no reason to stop."""
        self._before = self._ledger.counts()

    def judge_failures(self) -> None:
        """Stop once more rows failed than is allowed; a share is judged from some finished rows on."""
        if text := self._too_many_failures():
            self._stop.request(StoppedError(text))

    def look_is_due(self) -> bool:
        """Whether so many rows were refused alone that it must be known now which of them failed."""
        refused = self._refused_alone
        return refused >= REFUSED_AT_ONCE or (refused > 0 and bool(self._too_many_failures(refused)))

    def looked(self) -> None:
        """The questions have their answers."""
        self.questions.clear()
        self._refused_alone = 0
        self.judge_failures()

    def _too_many_failures(self, more: int = 0) -> str:
        """Why the run must stop, if `more` rows have failed besides those that are noted; empty for no reason."""
        allowed = self._limits.max_failures
        if allowed is None:
            return ""
        counts = self._ledger.counts()
        failed, done = counts.failed - self._before.failed + more, counts.done - self._before.done + more
        if allowed.percent is not None and done < self._limits.failure_sample and counts.pending:
            return ""
        if not allowed.exceeded(failed, of=done):
            return ""
        return f"{failed} of {done} finished rows failed, more than --max-failures {allowed}"

    def providers_time(self) -> float:
        """Now, by the provider's clock."""
        return time.time() + self._org.clock_ahead_s()

    def _call_off_waiting(self) -> None:
        for permit in self._permits:
            permit.call_off()


def _begun(permit: LedgerPermit) -> Claim:
    if permit.claim is None:
        raise LedgerError("a batch was sent without a note in the ledger")
    return permit.claim
