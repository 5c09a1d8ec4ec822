"""A small organisation that keeps the truth, and does to each call what it is told to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Any, Generic, NamedTuple, Never, Self, TypeVar

from pydantic import BaseModel

from bulkops.errors import InDoubtError, RejectedError, RetryableError, ThrottledError
from bulkops.model import Batch, Item
from bulkops.operations import OPERATIONS
from bulkops.paging import OffsetWalk, Page, PageWalk, Position
from bulkops.providers.base import (
    AnswerShape,
    BatchAnswer,
    Caller,
    Invitation,
    Listing,
    OperationSupport,
    OrganizationFacts,
    Permit,
    Person,
)
from bulkops.providers.resources import Resource
from bulkops.transport import Gates, Meter
from tests.integration.history.stepped import Clock

SETTLING_S = 3600.0
"""Virtual seconds, and so many that no real ones count beside them."""

LATE_S = 1000.0
RowT = TypeVar("RowT")


class Fate(Enum):
    """What may happen to a call at one of its points."""

    GO = "it leaves"
    APPLY = "all is applied"
    PART = "some rows are passed over without a word"
    LATE = "it is accepted, and applied later"
    REFUSE = "nothing is applied, and the answer is a refusal"
    REFUSE_AFTER = "a part is applied, and the answer is a refusal"
    LOSE = "it is lost on its way, or its answer is"
    THROTTLE = "it is refused for its rate"
    UNREACHABLE = "it could not be sent"
    AGAIN = "its token had expired: nothing was applied, and it is written once more"
    TELL = "the answer names what was done"
    NOD = "the answer says yes and nothing else"


class Choice(NamedTuple):
    """One step of a history: which of the things that could happen, how it goes, and for which rows of a batch."""

    which: int = 0
    fate: int = 0
    mask: int = 0


@dataclass(eq=False)
class Point:
    """Where a call or a read waits to be told how it goes on. The first of its fates is the calm one."""

    fates: Sequence[Fate]
    future: asyncio.Future[tuple[Fate, int]]

    def go(self, choice: Choice) -> None:
        """Let it go on."""
        if not self.future.done():
            self.future.set_result((self.fates[choice.fate % len(self.fates)], choice.mask))


LEAVING = (Fate.GO, Fate.GO, Fate.GO, Fate.THROTTLE, Fate.UNREACHABLE)
ARRIVED = (
    Fate.APPLY, Fate.LATE, Fate.LOSE, Fate.PART, Fate.REFUSE, Fate.REFUSE_AFTER, Fate.AGAIN, Fate.THROTTLE,
    Fate.UNREACHABLE,
)  # fmt: skip
ANSWERING = (Fate.TELL, Fate.NOD, Fate.LOSE)


@dataclass
class World:
    """What is true, whatever any process believes. `bad` rows are always refused, `forbidden` ones with a 403.

    `claimed` gives the rows of the claims that are on the disk. `unsure` rows were sent, and nobody has heard or seen
    since what became of them.
    """

    kind: str
    claimed: Callable[[], set[int]]
    clock: Clock = field(default_factory=Clock)
    effects: Counter[int] = field(default_factory=Counter)
    late: list[tuple[float, int]] = field(default_factory=list)
    unsure: set[int] = field(default_factory=set)
    bad: set[int] = field(default_factory=set)
    forbidden: set[int] = field(default_factory=set)

    @property
    def repeatable(self) -> bool:
        """Whether an effect may happen twice."""
        return OPERATIONS[self.kind].repeatable

    def sent(self, rows: set[int]) -> None:
        """A call for `rows` is on the wire."""
        if not self.repeatable:
            assert not rows & self.unsure, f"sent again without a look: {rows & self.unsure}"
        self.unsure |= rows

    def apply(self, rows: set[int]) -> None:
        """Their effects happen now."""
        claimed = self.claimed()
        assert rows <= claimed, f"effects without a durable claim: {rows - claimed}"
        self.effects.update(rows)
        if not self.repeatable:
            twice = [row for row, count in self.effects.items() if count > 1]
            assert not twice, f"done twice: {twice}"

    def seen(self) -> None:
        """Somebody reads: what is due has happened by now, and what is absent is known to be."""
        due = [(at, row) for at, row in self.late if at <= self.clock.now]
        self.late = [one for one in self.late if one not in due]
        for _at, row in due:
            self.apply({row})
        self.unsure -= {row for row in self.unsure if not self.effects[row]}


@dataclass
class Pages(Generic[RowT]):
    """A listing of three rows a page."""

    resource: str
    read: Callable[[], Any]
    rows: Callable[[], Sequence[RowT]]
    max_limit: int = 3

    def paging(self) -> PageWalk:
        """By offset, under a total."""
        return OffsetWalk(self.max_limit)

    async def page(self, at: Position, limit: int) -> Page[RowT]:
        """One page of what is true when it is served."""
        offset = int(at)
        await self.read()
        rows = self.rows()
        return Page(offset, rows[offset : offset + min(limit, self.max_limit)], len(rows))

    def identity(self, row: RowT) -> Hashable:
        """Its id."""
        return row.id  # type: ignore[attr-defined, no-any-return]


class Client:
    """One process's way to the world; an `Organization`. `points` are where it waits now.

    `noted` is called with the rows of a batch when its claim should be durable.
    """

    provider = "small"
    organization = "o1"
    settling_s = SETTLING_S
    administrators = ""
    administered_by = "role_group"
    caution = ""

    def __init__(self, world: World, total: int, noted: Callable[[set[int]], None]) -> None:
        self.world = world
        self.points: list[Point] = []
        self.alive = True
        self.gates = Gates()
        self.meter = Meter()
        self._rows = range(1, total + 1)
        self._noted = noted

    @property
    def support(self) -> Mapping[str, OperationSupport]:
        """Invitations are answered by a status alone; enabling tells the rows apart."""
        return {
            "invite": OperationSupport(BaseModel, AnswerShape.OPAQUE, 3, 3),
            "enable-user": OperationSupport(BaseModel, AnswerShape.ITEMISED, 3, 3),
        }

    @property
    def resources(self) -> Mapping[str, Resource]:
        """None that a run would read."""
        return {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing to close."""

    async def facts(self) -> OrganizationFacts:
        """A root organisation."""
        return OrganizationFacts(self.organization, "Small")

    async def caller(self) -> Caller:
        """An application."""
        return Caller(client="test")

    def invitations(self) -> Listing[Invitation]:
        """Who was invited."""
        return Pages("invitations", self._read, self._invited)

    def people(self) -> Listing[Person]:
        """Who is to be enabled, or was; nobody where people are invited."""
        return Pages("people", self._read, self._people)

    accounts = everybody = people

    def departed(self) -> Listing[Person]:
        """Nobody."""
        return Pages("departed", self._read, tuple)

    def named(self, kind: str, within: str = "") -> Never:
        """There is nothing else."""
        raise KeyError(kind)

    links = named

    def searchable(self, text: str) -> bool:
        return True

    async def find_people(self, text: str) -> Sequence[Person]:
        """Whom a search for a name finds."""
        await self._read()
        return [person for person in self._people() if text.casefold() in person.names()]

    find_accounts = find_people

    async def find_departed(self, text: str) -> Sequence[Person]:
        """Nobody."""
        return ()

    async def find_invitations(self, address: str) -> Sequence[Invitation]:
        """What a search for an address finds."""
        await self._read()
        return [one for one in self._invited() if one.email == address]

    def clock_ahead_s(self) -> float:
        """Not at all."""
        return 0.0

    async def sharpen_clock(self, *, within_s: float) -> None:
        """It is known."""

    async def send(self, operation: str, batch: Batch[Any], permit: Permit) -> BatchAnswer:
        """One write, which comes by three points: before its note, on arrival, and before its answer."""
        fate, _mask = await self._point(LEAVING)
        if fate is not Fate.GO:
            raise _unsent(fate)
        while True:
            await permit.begin()
            self._check_alive()
            self.meter.requests += 1
            self._noted(set(batch.rows))
            self.world.sent(set(batch.rows))
            fate, mask = await self._point(ARRIVED)
            if fate is not Fate.AGAIN:
                break
            self.world.unsure -= set(batch.rows)
        done = self._arrive(fate, {row: bool(mask & 1 << place) for place, row in enumerate(batch.rows)})
        fate, _mask = await self._point(ANSWERING)
        return self._answer(fate, batch.items, done)

    def _arrive(self, fate: Fate, marked: dict[int, bool]) -> set[int]:
        """What happens to the rows of a call, some of which are marked. Returns those that are done by now."""
        world, rows = self.world, set(marked)
        some = {row for row, mark in marked.items() if mark} - world.bad
        refusable = bool(rows & world.bad) or len(rows) > 1 or not world.repeatable
        if world.forbidden & rows:
            world.unsure -= rows
            raise RejectedError("forbidden", code="forbidden", http_status=403)
        if fate in {Fate.THROTTLE, Fate.UNREACHABLE}:
            world.unsure -= rows
            raise _unsent(fate)
        if fate is Fate.LOSE:
            raise InDoubtError("the connection was reset")
        if (fate is Fate.REFUSE and refusable) or rows <= world.bad:
            atomic = bool(some) or fate is not Fate.REFUSE
            if atomic:
                world.unsure -= rows
            raise RejectedError("no", atomic=atomic, http_status=400 if len(some) != 1 else 409)
        if fate is Fate.REFUSE_AFTER and len(rows) > 1:
            world.apply(some)
            raise RejectedError("no", atomic=False, http_status=400)
        if fate is Fate.LATE:
            # where repeating is harmless, nothing is still to come for a row that has its effect
            coming = {row for row in rows - world.bad if not (world.repeatable and world.effects[row])}
            world.late += [(world.clock.now + LATE_S, row) for row in sorted(coming)]
            return set()
        done = some if fate is Fate.PART else rows - world.bad
        world.apply(done)
        return done

    def _answer(self, fate: Fate, items: Sequence[Item[Any]], done: set[int]) -> BatchAnswer:
        if fate is Fate.LOSE:
            raise InDoubtError("no answer came")
        if fate is Fate.NOD:
            return BatchAnswer(202)
        keys = {item.row: item.payload.key.casefold() for item in items}
        self.world.unsure -= done
        return BatchAnswer(
            200,
            named=frozenset(keys[row] for row in done),
            refused={keys[row]: "no" for row in self.world.bad & set(keys)},
            complete=done == set(keys),
        )

    async def _read(self) -> None:
        await self._point((Fate.GO,))
        self.world.seen()

    async def _point(self, fates: Sequence[Fate]) -> tuple[Fate, int]:
        self._check_alive()
        point = Point(fates, asyncio.get_running_loop().create_future())
        self.points.append(point)
        try:
            return await point.future
        finally:
            self.points.remove(point)

    def _check_alive(self) -> None:
        """What a dead process would have done next is not done."""
        if not self.alive:
            raise asyncio.CancelledError

    def _invited(self) -> Sequence[Invitation]:
        return [Invitation(f"i{row}", address(row)) for row in self._rows if self.world.effects[row]]

    def _people(self) -> Sequence[Person]:
        if self.world.kind == "invite":
            return ()
        return [Person(f"id{row}", f"u{row}", address(row), enabled=self.world.effects[row] > 0) for row in self._rows]


def address(row: int) -> str:
    """Whom a row is about."""
    return f"p{row}@hire.test"


def _unsent(fate: Fate) -> ThrottledError | RetryableError:
    return ThrottledError("too many calls") if fate is Fate.THROTTLE else RetryableError("no connection")
