"""Deciding for each row, before anything is sent, what will happen to it."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bulkops.errors import ConfigError
from bulkops.model import Item, Outcome, RowSet, Settled
from bulkops.operations.base import Decision, Fate, Operation
from bulkops.planning.roster import OrganizationRoster
from bulkops.providers.base import Caller, Office, Organization, OrganizationFacts, Roster

_READY = Fate.READY

LISTED = 1000
"""So many decisions of a kind are kept for showing; the rest are counted."""


@dataclass(frozen=True, slots=True)
class ProtectedNames:
    """The configured patterns of accounts that may not be touched, compared without case; `*` stands for anything."""

    patterns: Sequence[str] = ()

    def protects(self, *names: str) -> str | None:
        """The first pattern that one of `names` matches."""
        folded = [name.casefold() for name in names if name]
        for pattern in self.patterns:
            if any(_matches(pattern.casefold(), name) for name in folded):
                return pattern
        return None


def _matches(pattern: str, name: str) -> bool:
    """Whether `name` is `pattern`, in which `*` stands for anything and all else for itself."""
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), name, re.DOTALL) is not None


@dataclass(slots=True)
class Plan:
    """What a run would do with the rows of one operation. The lists keep the first `LISTED` decisions each.

    `ready` rows will be sent, in about `calls` calls. `removals` are things that the file does not name and that go
    all the same. `caution` must be confirmed whatever the plan does; `forecast` says why it will not come to its end.
    `population` is how many there are of what is changed. `effect` says in words what a row does,
    `reads` how the organisation was read. `scope` names the business group that alone is changed, if it is one.
    """

    operation: str
    effect: str = ""
    undo: str = ""
    scope: str = ""
    destructive: bool = False
    ready: int = 0
    effects: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    invalid: int = 0
    protected: int = 0
    invalid_listed: list[Decision] = field(default_factory=list)
    protected_listed: list[Decision] = field(default_factory=list)
    calls: int = 0
    removals: tuple[str, ...] = ()
    last_administrators: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    population: int | None = None
    caution: str = ""
    forecast: str = ""

    @property
    def changes(self) -> int:
        """Everything that will be different: rows to send, and what goes without being named."""
        return self.ready + len(self.removals)

    def as_dict(self) -> dict[str, object]:
        """The numbers, for `--json`."""
        return {
            "operation": self.operation,
            "effect": self.effect,
            "undo": self.undo,
            "scope": self.scope,
            "destructive": self.destructive,
            "ready": self.ready,
            "changes": self.changes,
            "removals": list(self.removals),
            "reads": list(self.reads),
            "population": self.population,
            "calls": self.calls,
            "caution": self.caution,
            "forecast": self.forecast,
            "effects": dict(self.effects),
            "skipped": dict(self.skipped),
            "invalid": self.invalid,
            "protected": self.protected,
            "protected_listed": [decision.message for decision in self.protected_listed],
        }

    def count(self, decision: Decision) -> None:
        """Take one decision in."""
        if decision.fate is _READY:
            self.ready += 1
            self.effects[decision.effect_word or self.effect] += 1
            return
        match decision.fate:
            case Fate.SKIP:
                self.skipped[decision.code] += 1
            case Fate.INVALID:
                self.invalid += 1
                _keep(self.invalid_listed, decision)
            case Fate.PROTECTED:
                self.protected += 1
                _keep(self.protected_listed, decision)


def _keep(listed: list[Decision], decision: Decision) -> None:
    if len(listed) < LISTED:
        listed.append(decision)


OLDEST_S = 600.0
"""What was read longer ago is read again before more is decided on it."""


class Rosters:
    """What the planners of one run have read of the organisation: each listing once, until it is no longer true."""

    def __init__(self, org: Organization, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.org = org
        self._clock = clock
        self._read_at = 0.0
        self.losing: set[str] = set()  # who administers the organisation no longer once the run is done
        self._caller: Caller | None = None
        self._facts: OrganizationFacts | None = None
        self._current: Roster | None = None

    async def fresh(self, expected: int) -> Roster:
        """A roster for one question: what is true now about `expected` items. It keeps only what it is asked for."""
        return await self._new(expected, keep_all=False)

    async def current(self, expected: int) -> Roster:
        """The roster that planning uses; the first who asks says how many items it is for. Read anew when it is old."""
        if self._current is None or self._clock() - self._read_at > OLDEST_S:
            self._current = await self._new(expected, keep_all=True)
            self._read_at = self._clock()
        return self._current

    async def _new(self, expected: int, *, keep_all: bool) -> Roster:
        if self._facts is None or self._caller is None:
            self._facts = await self.org.facts()
            self._caller = await self.org.caller()
        return OrganizationRoster(
            self.org, caller=self._caller, facts=self._facts, expected=expected, keep_all=keep_all
        )

    def how(self) -> tuple[str, ...]:
        """How the current one was read, in words."""
        return tuple(self._current.how()) if self._current is not None else ()

    def forget(self) -> None:
        """What was read is no longer true."""
        self._current = None


class Planner:
    """Decides for the items of one operation. Keeps which effects were taken by which row."""

    def __init__(self, operation: Operation, rosters: Rosters, *, guards: ProtectedNames, expected: int) -> None:
        self.operation = operation
        self._rosters = rosters
        self._guards = guards
        self._expected = expected
        self._taken: dict[str, int] = {}
        self._done: set[str] = set()  # effects that were done already, and must not be repeated
        self._office: Office | None = None
        self._asked_office = False

    async def fresh_roster(self, expected: int) -> Roster:
        """A roster that has read nothing yet, for asking what is true now about `expected` items."""
        return await self._rosters.fresh(expected)

    def forget(self) -> None:
        """Read the organisation anew at the next decision: what was read is no longer true."""
        self._rosters.forget()
        self._taken.clear()

    async def new_plan(self) -> Plan:
        """An empty plan, with what is to be said of the operation on this organisation."""
        operation = self.operation
        roster = await self._ready_roster()
        support = self._rosters.org.support[operation.kind]
        if support.root_only and not roster.facts.root:
            raise ConfigError(
                f"{operation.kind} works on the root organisation only, and {roster.facts.name} is a business group of "
                f"it: nothing was sent"
            )
        return Plan(
            operation.kind,
            effect=support.effect or operation.effect(roster),
            undo=support.undo or operation.way_back(roster),
            scope="" if roster.facts.root else f"business group {roster.facts.name}",
            destructive=operation.destructive,
            caution=self._rosters.org.caution,
        )

    def reads(self) -> tuple[str, ...]:
        """How the organisation was read, listing by listing."""
        return self._rosters.how()

    async def forecast(self, ready: int) -> str:
        """Why a plan to send `ready` rows will not come to its end; empty where nothing says so."""
        return self.operation.forecast(await self._ready_roster(), ready)

    async def population(self) -> int | None:
        """How many there are of what the operation changes; None where the provider gives no total."""
        return await self.operation.population(await self._ready_roster())

    async def removals(self, decisions: Sequence[Decision]) -> tuple[str, ...]:
        """What goes although no row names it, if the ready ones of `decisions` are sent."""
        items = [decision.item for decision in decisions if decision.fate is Fate.READY]
        return tuple(await self.operation.removals(items, await self._ready_roster())) if items else ()

    async def last_administrators(self) -> tuple[str, ...]:
        """Who administers the organisation now and can sign in, if nobody of them would afterwards; else nobody."""
        if not self._rosters.losing or self._office is None:
            return ()
        holders = await self._administrators(self._office)
        found = await (await self._ready_roster()).people(holders)
        able = [person for people in found.values() for person in people if person.enabled]
        if not able or not {person.id for person in able} <= self._rosters.losing:
            return ()
        return tuple(sorted(str(person) for person in able))

    async def _administrators(self, office: Office) -> set[str]:
        return {link.key for link in await (await self._ready_roster()).links(office.kind, office.id)}

    async def _ready_roster(self) -> Roster:
        return await self._rosters.current(self._expected)

    async def effects(self, items: Sequence[Item[Any]]) -> set[str]:
        """The effects that sending `items` would have, where the operation can name them. Reads only."""
        found = await self.operation.resolve(items, await self._ready_roster(), self._guards)
        return {one.effect for one in found.values() if one.fate is Fate.READY and one.effect is not None}

    def leave_alone(self, effects: Collection[str]) -> None:
        """Rows with one of `effects` are repeats from now on."""
        self._done.update(effects)

    async def decide(self, items: Sequence[Item[Any]]) -> Sequence[Decision]:
        """A decision for each of `items`, in their order. Reads only.

        A row that means the same thing as an earlier one, by another name, is skipped as its duplicate.
        """
        roster = await self._ready_roster()
        found: Mapping[int, Decision] = await self.operation.resolve(items, roster, self._guards)
        decisions = [self._once(found[item.row]) for item in items]
        await self._note_administrators(decisions, roster)
        return decisions

    async def _note_administrators(self, decisions: Sequence[Decision], roster: Roster) -> None:
        """Keep who would administer the organisation no longer."""
        if self._rosters.org.administered_by not in self.operation.unseats:
            return
        if not self._asked_office:
            self._asked_office = True
            self._office = await roster.administrators()
        for decision in decisions:
            if decision.fate is Fate.READY and self._office is not None:
                loser = self.operation.loses_administrator(decision.item, self._office)
                if loser is not None:
                    self._rosters.losing.add(loser)

    def _once(self, decision: Decision) -> Decision:
        if decision.fate is not _READY or decision.effect is None:
            return decision
        if decision.effect in self._done:
            return Decision.skip(decision.item, "duplicate_row", "the same was done for another row before")
        first = self._taken.setdefault(decision.effect, decision.item.row)
        if first == decision.item.row:
            return decision
        return Decision.skip(decision.item, "duplicate_row", f"row {first} means the same")


def outcome_of(decision: Decision) -> Settled | None:
    """How a row ends that will not be sent; None for one that will."""
    if decision.fate is _READY:
        return None
    rows = RowSet.of([decision.item.row])
    if decision.fate is Fate.SKIP:
        return Settled(rows, Outcome.skipped(decision.code, decision.message))
    return Settled(rows, Outcome.failed(decision.code, with_candidates(decision)))


def with_candidates(decision: Decision) -> str:
    """The decision's message, with the candidates named."""
    if not decision.candidates:
        return decision.message
    return f"{decision.message}; candidates: {', '.join(decision.candidates)}"
