"""What an operation is: data, and a few calls that the engine makes in a fixed order.

resolve (reads) → apply (one write) → check (reads), for a batch at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar, NamedTuple, Protocol

from pydantic import BaseModel

from bulkops.model import Batch, Item, Verdict
from bulkops.providers.base import BatchAnswer, Change, Office, Organization, Permit, Roster


class Fate(Enum):
    """What planning decided for a row."""

    READY = "ready"  # will be sent
    SKIP = "skip"  # already so
    INVALID = "invalid"  # names nothing, or several things
    PROTECTED = "protected"  # may not be touched


_READY = Fate.READY


class Decision(NamedTuple):
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
    effect_word: str = ""

    @classmethod
    def ready(cls, item: Item[Any], *, effect: str | None = None, word: str = "") -> Decision:
        """It will be sent. `word` says what it does, where rows of one operation do different things."""
        return cls(_READY, item, "", "", None, (), effect, word)

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
    unseats: ClassVar[frozenset[str]]  # by which kinds of office somebody may be an administrator no longer
    dated: ClassVar[bool]  # what is in doubt is told by a date of the provider's, so its clock must be known
    probed: ClassVar[bool]  # `check` always tells, of each row by itself, whether its call was made
    whole: ClassVar[bool]  # one request carries all rows, or none: it replaces what is there

    def key(self, fields: BaseModel) -> str:
        """The effect that a row intends, for finding repeats; compared case folded."""

    def way_back(self, roster: Roster) -> str:
        """What takes it back here, in words."""

    def effect(self, roster: Roster) -> str:
        """What a row does here, in a few words for the plan: "invited", "deleted softly from the organisation"."""

    async def population(self, roster: Roster) -> int | None:
        """How many there are of what the operation changes, for guards by share; None where nobody counts them."""

    async def removals(self, items: Sequence[Item[Any]], roster: Roster) -> Sequence[str]:
        """What goes although no row names it; only an operation that sends its rows as a whole has such."""

    def parent(self, item: Item[Any]) -> str | None:
        """What an item's batch is about, once resolved; one parent's batches are sent one after the other."""

    def bundle(self, item: Item[Any]) -> str | None:
        """What items must have in common to travel in one request."""

    def memo(self, item: Item[Any]) -> str:
        """What must be known of an item after a crash to finish what may be half done; empty for nothing."""

    def forecast(self, roster: Roster, ready: int) -> str:
        """Why a plan to send `ready` rows will not come to its end, in words; empty where nothing says so."""

    def loses_administrator(self, item: Item[Any], office: Office) -> str | None:
        """The id of the person who is no administrator by `office` any more once the item is done."""

    async def resolve(self, items: Sequence[Item[Any]], roster: Roster, guards: Guards) -> Mapping[int, Decision]:
        """A decision for each item, by row number. Reads only."""

    async def apply(self, org: Organization, batch: Batch[Any], permit: Permit) -> BatchAnswer:
        """Send one batch. Rows that the answer does not tell apart are checked afterwards.

        Raises as `bulkops.providers.base` says.
        """

    async def check(
        self, items: Sequence[Item[Any]], roster: Roster, sent_at: Mapping[int, float]
    ) -> Mapping[int, Verdict]:
        """Whether each item's effect is there now, read from a fresh roster; all alike for what is sent as a whole.

        `sent_at` is when each row's call left, in epoch seconds of the provider's clock. After a crash an item carries
        only what its row says; else what `resolve` made of it.
        """


class Guards(Protocol):
    """Who may not be touched."""

    def protects(self, *names: str) -> str | None:
        """The configured pattern that one of `names` matches, compared without case; None if none does."""


VERDICTS: Mapping[Fate, Verdict] = {
    Fate.SKIP: Verdict.APPLIED,  # already so: what was sent has happened
    Fate.READY: Verdict.NOT_APPLIED,
    Fate.PROTECTED: Verdict.NOT_APPLIED,
    Fate.INVALID: Verdict.UNKNOWN,  # its names mean nothing any more, or several things
}


class Verb:
    """What most operations share: nothing but their rows changes, and each row may travel with any other.

    A row is in doubt no longer once it can be seen whether planning would still send it.
    """

    kind: ClassVar[str]
    undo: ClassVar[str]
    whole: ClassVar[bool] = False
    repeatable: ClassVar[bool] = True
    destructive: ClassVar[bool] = False
    unseats: ClassVar[frozenset[str]] = frozenset()
    dated: ClassVar[bool] = False
    probed: ClassVar[bool] = False

    async def resolve(self, items: Sequence[Item[Any]], roster: Roster, guards: Guards) -> Mapping[int, Decision]:
        """A decision for each item. Each verb has its own."""
        raise NotImplementedError

    async def apply(self, org: Organization, batch: Batch[Any], permit: Permit) -> BatchAnswer:
        """One call for the batch."""
        return await org.send(self.kind, batch, permit)

    async def check(
        self, items: Sequence[Item[Any]], roster: Roster, sent_at: Mapping[int, float]
    ) -> Mapping[int, Verdict]:
        """What planning would say now."""
        asked = [Item(item.row, item.key, fields_of(item)) for item in items]
        decisions = await self.resolve(asked, roster, NOBODY)
        return {row: VERDICTS[decision.fate] for row, decision in decisions.items()}

    def way_back(self, roster: Roster) -> str:
        """The same everywhere."""
        return self.undo

    async def population(self, roster: Roster) -> int | None:
        """The members of the organisation."""
        return await roster.count_people()

    async def removals(self, items: Sequence[Item[Any]], roster: Roster) -> Sequence[str]:
        """None."""
        return ()

    def parent(self, item: Item[Any]) -> str | None:
        """None: there is no list that must be changed step by step."""
        return None

    def bundle(self, item: Item[Any]) -> str | None:
        """What items of one request have in common: their parent."""
        return self.parent(item)

    def memo(self, item: Item[Any]) -> str:
        """Nothing: one call does it."""
        return ""

    def forecast(self, roster: Roster, ready: int) -> str:
        """Nothing stands in the way."""
        return ""

    def loses_administrator(self, item: Item[Any], office: Office) -> str | None:
        """Nobody."""
        return None


class _Nobody:
    """Guards that protect nobody: for looking, not for doing."""

    def protects(self, *names: str) -> str | None:
        """None."""
        return None


NOBODY = _Nobody()


def fields_of(item: Item[Any]) -> Any:
    """What the row itself says, whether or not it was resolved."""
    return item.payload.fields if isinstance(item.payload, Change) else item.payload
