"""A job for each operation: rows that change something, rows that repeat others, and rows that should do nothing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from tests.chaos import preparing
from tests.chaos.habitat import Habitat
from tests.chaos.rows import Desk, Wanted
from tests.chaos.world import World, facts_of


def make_job(habitat: Habitat, kind: str, world: World, dice: random.Random) -> list[Wanted]:
    """The rows of a job, in the order of its file. Afterwards the organisation is in its first state."""
    desk = habitat.desk(world, dice)
    desk.look()
    verb = habitat.verbs[kind]
    count = round(verb.rows * dice.uniform(0.8, 1.2))
    rows = verb.prepare(desk, count)
    desk.look()
    if verb.whole:
        refused = dice.random() < 0.1  # the list is refused as a whole
        if dice.random() < 0.5:
            preparing.put_on_the_allowlist(desk, rows)  # the job only removes: each row is on the list before it runs
            desk.look()
        return [replace(row, refused=refused) for row in _replacing(rows, desk)]
    cut = max(1, count // 20)
    rows, settled = rows[:-cut], rows[-cut:]
    done = _carried_out(habitat, kind, settled, desk)
    rows = [_refused(row, dice, 0.04) for row in rows]
    repeats = [habitat.again(kind, row, desk) for row in dice.sample(rows, max(2, count // 15))]
    nobody = [
        Wanted(habitat.nobody[kind](number), "nobody") for number in range(count // 40 if kind in habitat.nobody else 0)
    ]
    together = [*rows, *done, *repeats, *nobody]
    dice.shuffle(together)
    return together


def _refused(row: Wanted, dice: random.Random, share: float) -> Wanted:
    return replace(row, refused=dice.random() < share)


def _replacing(rows: Sequence[Wanted], desk: Desk) -> list[Wanted]:
    """The file is the list: all that it does not name goes, and a row is true when the whole list is."""
    before = frozenset(fact for fact in facts_of(desk.holds) if fact[0] == "allowed")
    named = {row.cells["client_id"] for row in rows}
    gone = frozenset(fact for fact in before if fact[1] not in named)
    adds = frozenset(fact for row in rows for fact in row.adds)
    return [replace(row, adds=adds, removes=gone) for row in rows]


def make_mixed_job(habitat: Habitat, kind: str, beside: str, world: World, dice: random.Random) -> list[Wanted]:
    """The rows of a job of one operation, and among them some that name another."""
    rows = make_job(habitat, kind, world, dice)
    others = make_job(habitat, beside, world, dice)[:ROWS_BESIDE]
    named = [replace(row, cells={**row.cells, "operation": beside}, refused=False) for row in others]
    for row in named:
        rows.insert(dice.randint(0, len(rows)), row)
    return rows


def _carried_out(habitat: Habitat, kind: str, rows: Sequence[Wanted], desk: Desk) -> list[Wanted]:
    """Rows of which it is so before the job runs; none for a mail, which is never so already."""
    if kind == "resend-invite":
        return []
    for row in rows:
        method, path, body = habitat.done[kind](row)
        desk.world.arrange(method, path, body)
    desk.look()
    now = "nobody" if kind in habitat.forgets else "already"
    return [replace(row, kind=now, adds=frozenset(), removes=frozenset(), effect=None) for row in rows]


ROWS_BESIDE = 40
"""So many rows of a mixed job, at most, are of its second operation."""
