"""What must be asked of the organisation, because no answer told it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from bulkops.ledger.base import Claim
from bulkops.model import Batch, Item, Outcome


class Why(Enum):
    """Why a batch's rows must be looked up."""

    ACCEPTED = "accepted"  # the provider said yes to the batch; its answer does not tell the rows apart
    LOST = "lost"  # sent, and no usable answer
    REFUSED = "refused"  # the provider said no to the batch, and may have applied a part


@dataclass(frozen=True, slots=True)
class Question:
    """Rows of an open claim whose end must be asked of the organisation.

    `refusal` is how a row that was refused on its own ends, unless it turns out to be done. `since_s` is when it was
    accepted, or its answer was lost: until then the provider may have been at work on it. It is on this process's
    monotonic clock, which nobody sets.
    """

    batch: Batch[Any]
    claim: Claim
    why: Why
    doubt: Outcome
    refusal: Outcome | None = None
    since_s: float = field(default_factory=time.monotonic)

    @property
    def alone(self) -> bool:
        """Whether the call carried no other row."""
        return len(self.claim.rows) == 1


def question_of(claim: Claim, items: Mapping[int, Item[Any]], *, since_s: float) -> Question:
    """What must be asked about a claim that an earlier session left open, of those of its rows that are in `items`."""
    found = tuple(items[row] for row in claim.rows if row in items)
    doubt = claim.doubt or Outcome.in_doubt(
        "no_answer", "the run ended before the answer arrived", attempts=claim.attempt
    )
    return Question(Batch(found, claim.attempt), claim, Why.LOST, doubt, since_s=since_s)


def items_of(batch: Batch[Any], rows: set[int]) -> tuple[Item[Any], ...]:
    """The items of `batch` that `rows` names."""
    return tuple(item for item in batch.items if item.row in rows)
