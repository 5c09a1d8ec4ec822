"""Rows of a job as a campaign knows them, and the desk at which they are made."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tests.chaos.world import EffectKey, Fact, World

PARENTS = 5
"""So many role groups or teams take part."""

BATCH_OF_SETUP = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """One row, and what must have become of the organisation once it is done.

    `kind` is `change`, `already` (it is so) or `nobody` (it names nothing). `adds` and `removes` are the facts that it
    makes and ends. `effect` is how the sandbox counts it; rows with one effect mean the same. `marks` choose the calls
    that carry the row, for a fault of its own. `refused`: every call that carries it is refused.
    """

    cells: Mapping[str, str]
    kind: str = "change"
    adds: frozenset[Fact] = frozenset()
    removes: frozenset[Fact] = frozenset()
    effect: EffectKey | None = None
    marks: Mapping[str, str] = field(default_factory=dict)
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Verb:
    """How one operation is put to the test.

    `prepare(desk, count)` brings the organisation into its first state and returns rows that each change something.
    `method` and `path` (a glob) name its write; a job has about so many `rows`. `settles` is False where the
    organisation does not always tell whether a lost call was carried out. `whole`: one call carries all rows.
    `itemised`: the answer names the rows that it was done for.
    """

    prepare: Callable[[Desk, int], list[Wanted]]
    method: str
    path: str
    rows: int = 150
    settles: bool = True
    whole: bool = False
    itemised: bool = False


@dataclass(slots=True)
class Desk:
    """Where a job is made: the organisation before it, and the dice."""

    world: World
    dice: random.Random
    holds: dict[str, Any] = field(default_factory=dict)

    def look(self) -> None:
        """Read the organisation anew."""
        self.holds = self.world.holds()

    def people(self, count: int) -> list[str]:
        """Ids of so many ordinary people: enabled, with an address of their own, nobody's administrator."""
        return list(islice(self._ordinary(), count))

    def _ordinary(self) -> Iterator[str]:
        users: Mapping[str, Mapping[str, Any]] = self.holds["users"]
        addresses = [user["email"].casefold() for user in users.values() if not user["deleted"]]
        for number, (user_id, user) in enumerate(users.items()):
            plain = user["kind"] == "host" and user["enabled"] and not user["deleted"] and not user["federated"]
            if number >= 6 and plain and addresses.count(user["email"].casefold()) == 1:
                yield user_id

    def called(self, user_id: str) -> str:
        """What a row calls somebody: the address, the username or the id."""
        user = self.holds["users"][user_id]
        return str(self.dice.choice((user["email"].upper(), user["username"], user_id)))

    def username(self, user_id: str) -> str:
        """As the sandbox counts effects."""
        return str(self.holds["users"][user_id]["username"]).casefold()

    def address_of(self, invite_id: str) -> str:
        """Whom an invitation is for."""
        return str(next(one["email"] for one in self.holds["invites"] if str(one["id"]) == invite_id))

    def groups(self) -> list[str]:
        """Role groups of the root organisation that take part."""
        root = next(iter(self.holds["units"]))
        return [
            group for group, one in self.holds["role_groups"].items() if one["organization"] == root and one["editable"]
        ][:PARENTS]

    def teams(self) -> list[str]:
        """Teams that take part; not the one of everybody."""
        return list(self.holds["teams"])[1 : 1 + PARENTS]

    def arrange(self, method: str, path: str, items: Sequence[Any]) -> None:
        """Calls that bring the organisation into its first state, as many items at a time as one takes."""
        for start in range(0, len(items), BATCH_OF_SETUP):
            self.world.arrange(method, path, items[start : start + BATCH_OF_SETUP])
