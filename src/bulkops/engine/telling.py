"""What the answer to a batch tells of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from bulkops.model import Batch, Outcome, RowSet, Settled
from bulkops.providers.base import BatchAnswer, Ending


def speaks_for_all(batch: Batch[Any], answer: BatchAnswer) -> bool:
    """Whether the answer says of every item of the batch that it is done; by far the most frequent."""
    if answer.refused or answer.endings:
        return False
    return answer.complete or all(item.payload.key.casefold() in answer.named for item in batch.items)


def done(batch: Batch[Any], answer: BatchAnswer) -> Outcome:
    """How the rows end of which the answer says that they are done."""
    if answer.request_id is None:
        return _success(batch.attempt, answer.http_status)
    return Outcome.succeeded(attempts=batch.attempt, http_status=answer.http_status, request_id=answer.request_id)


@lru_cache(maxsize=64)
def _success(attempt: int, status: int) -> Outcome:
    """Most successes are alike: one value serves them all."""
    return Outcome.succeeded(attempts=attempt, http_status=status)


def told(batch: Batch[Any], answer: BatchAnswer) -> dict[int, Outcome]:
    """The outcomes that an accepted batch's answer tells, by row; joined by key, never by position.

    A key that comes twice in the batch, or that the answer has and the batch has not, tells nothing.
    """
    rows: dict[str, list[int]] = {}
    for item in batch.items:
        rows.setdefault(item.payload.key.casefold(), []).append(item.row)
    facts: dict[str, Any] = {
        "attempts": batch.attempt,
        "http_status": answer.http_status,
        "request_id": answer.request_id,
    }
    ended = done(batch, answer)
    outcomes: dict[int, Outcome] = {}
    for key, numbers in rows.items():
        if key in answer.refused:
            outcomes.update(dict.fromkeys(numbers, Outcome.failed("refused", answer.refused[key], **facts)))
        elif key in answer.endings:
            outcomes.update(dict.fromkeys(numbers, _ended(answer.endings[key], facts)))
        elif key in answer.named or answer.complete:
            outcomes.update(dict.fromkeys(numbers, ended))
    return outcomes


def _ended(ending: Ending, facts: Mapping[str, Any]) -> Outcome:
    if ending.already:
        return Outcome.skipped(ending.code, ending.message, attempts=facts["attempts"])
    return Outcome.failed(ending.code, ending.message, **facts)


def settled(outcomes: Mapping[int, Outcome]) -> list[Settled]:
    """Outcomes by row, gathered so that rows that ended alike share one entry."""
    alike: dict[Outcome, list[int]] = {}
    for row, outcome in outcomes.items():
        alike.setdefault(outcome, []).append(row)
    return [Settled(RowSet.of(rows), outcome) for outcome, rows in alike.items()]
