"""What an operation is: data, and a few calls that the engine makes in a fixed order.

resolve (reads) → apply (one write) → check (reads), for a batch at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel

from bulkops.model import Batch, Item, Outcome, Verdict
from bulkops.providers.base import Organization, Permit, Roster


class Fate(Enum):
    """What planning decided for a row."""

    READY = "ready"  # will be sent
    SKIP = "skip"  # already so
    INVALID = "invalid"  # names nothing, or several things
    PROTECTED = "protected"  # may not be touched


@dataclass(frozen=True, slots=True)
class Decision:
    """What planning decided for one item, with the reason.

    `item` carries what will be sent. `effect` names the thing that changes (a person's id), so that two rows that
    name it differently are still found to be the same.
    """

    fate: Fate
    item: Item[Any]
    code: str = ""
    message: str = ""
    column: str | None = None
    candidates: tuple[str, ...] = ()
    effect: str | None = None

    @classmethod
    def ready(cls, item: Item[Any], *, effect: str | None = None) -> Decision:
        """It will be sent."""
        return cls(Fate.READY, item, effect=effect)

    @classmethod
    def skip(cls, item: Item[Any], code: str, message: str) -> Decision:
        """It is already so."""
        return cls(Fate.SKIP, item, code, message)

    @classmethod
    def invalid(
        cls, item: Item[Any], code: str, message: str, *, column: str, candidates: Sequence[str] = ()
    ) -> Decision:
        """The row cannot be run as it is."""
        return cls(Fate.INVALID, item, code, message, column, tuple(candidates))

    @classmethod
    def protected(cls, item: Item[Any], message: str) -> Decision:
        """A guard refuses it."""
        return cls(Fate.PROTECTED, item, "protected", message)


class Operation(Protocol):
    """The verb applied to each item. Without state: one object serves all runs."""

    kind: ClassVar[str]  # stored in ledgers and job files: never rename
    summary: ClassVar[str]
    repeatable: ClassVar[bool]  # harmless to send twice; if not, what is in doubt is looked up first
    destructive: ClassVar[bool]  # asks for the number of items
    undo: ClassVar[str]  # what takes it back, in words

    def key(self, fields: BaseModel) -> str:
        """The effect that a row intends, for finding repeats; compared case folded."""

    async def resolve(self, items: Sequence[Item[Any]], roster: Roster, guards: Guards) -> Mapping[int, Decision]:
        """A decision for each item, by row number. Reads only."""

    async def apply(self, org: Organization, batch: Batch[Any], permit: Permit) -> Mapping[int, Outcome]:
        """Send one batch. Returns the outcomes that the answer itself tells, by row number.

        A row that is missing from it was sent and must be checked. Raises as `bulkops.providers.base` says.
        """

    async def check(self, items: Sequence[Item[Any]], roster: Roster) -> Mapping[int, Verdict]:
        """Whether each item's effect is there now, read from a fresh roster."""


class Guards(Protocol):
    """Who may not be touched."""

    def protects(self, *names: str) -> str | None:
        """The configured pattern that one of `names` matches, compared without case; None if none does."""
