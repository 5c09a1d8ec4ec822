"""Deciding for each row, before anything is sent, what will happen to it."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bulkops.model import Item, Outcome, RowSet, Settled
from bulkops.operations.base import Decision, Fate, Operation
from bulkops.planning.roster import OrganizationRoster
from bulkops.providers.base import Caller, Organization, OrganizationFacts, Roster

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
            if any(fnmatch.fnmatchcase(name, pattern.casefold()) for name in folded):
                return pattern
        return None


@dataclass(slots=True)
class Plan:
    """What a run would do. `ready` rows will be sent; the lists keep the first `LISTED` decisions each."""

    operation: str
    ready: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    invalid: int = 0
    protected: int = 0
    invalid_listed: list[Decision] = field(default_factory=list)
    protected_listed: list[Decision] = field(default_factory=list)
    calls: int = 0

    def as_dict(self) -> dict[str, object]:
        """The numbers, for `--json`."""
        return {
            "ready": self.ready,
            "calls": self.calls,
            "skipped": dict(self.skipped),
            "invalid": self.invalid,
            "protected": self.protected,
        }

    def count(self, decision: Decision) -> None:
        """Take one decision in."""
        match decision.fate:
            case Fate.READY:
                self.ready += 1
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


class Planner:
    """Decides for the items of one run. Keeps the roster that it read, and which effects were taken by which row."""

    def __init__(self, operation: Operation, org: Organization, *, guards: ProtectedNames, expected: int) -> None:
        self.operation = operation
        self._org = org
        self._guards = guards
        self._expected = expected
        self._caller: Caller | None = None
        self._facts: OrganizationFacts | None = None
        self._roster: Roster | None = None
        self._taken: dict[str, int] = {}

    async def fresh_roster(self, expected: int) -> Roster:
        """A roster that has read nothing yet, for asking what is true now about `expected` items."""
        if self._facts is None or self._caller is None:
            self._facts = await self._org.facts()
            self._caller = await self._org.caller()
        return OrganizationRoster(self._org, caller=self._caller, facts=self._facts, expected=expected)

    async def decide(self, items: Sequence[Item[Any]]) -> Sequence[Decision]:
        """A decision for each of `items`, in their order. Reads only.

        A row that means the same thing as an earlier one, by another name, is skipped as its duplicate.
        """
        roster = self._roster = self._roster or await self.fresh_roster(self._expected)
        found: Mapping[int, Decision] = await self.operation.resolve(items, roster, self._guards)
        return [self._once(found[item.row]) for item in items]

    def _once(self, decision: Decision) -> Decision:
        if decision.fate is not Fate.READY or decision.effect is None:
            return decision
        first = self._taken.setdefault(decision.effect, decision.item.row)
        if first == decision.item.row:
            return decision
        return Decision.skip(decision.item, "duplicate_row", f"row {first} means the same account")


def outcome_of(decision: Decision) -> Settled | None:
    """How a row ends that will not be sent; None for one that will."""
    rows = RowSet.of([decision.item.row])
    if decision.fate is Fate.READY:
        return None
    if decision.fate is Fate.SKIP:
        return Settled(rows, Outcome.skipped(decision.code, decision.message))
    return Settled(rows, Outcome.failed(decision.code, with_candidates(decision)))


def with_candidates(decision: Decision) -> str:
    """The decision's message, with the candidates named."""
    if not decision.candidates:
        return decision.message
    return f"{decision.message}; candidates: {', '.join(decision.candidates)}"
