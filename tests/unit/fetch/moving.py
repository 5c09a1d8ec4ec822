"""A listing that changes while its pages are in flight, played in one process: the order of everything is drawn."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from bulkops.paging import LinkWalk, NumberWalk, OffsetWalk, Page, PageWalk, Position, StartWalk


@dataclass
class Moving:
    """A listing of numbers in ascending order, served in one of the ways of paging.

    Each page waits a drawn number of turns before the server looks at its rows, and again on its way back; meanwhile
    rows come and go. `stayed` are those that were there all the time.
    """

    way: str
    dice: random.Random
    rows: list[int]
    max_limit: int
    counted: bool = True
    resource: str = "numbers"
    calls: int = 0
    most_turns: int = 6
    stayed: set[int] = field(init=False)

    def __post_init__(self) -> None:
        self.stayed = set(self.rows)

    def paging(self) -> PageWalk:
        """The machine that goes with it."""
        if self.way == "link":
            return LinkWalk()
        machines: dict[str, Callable[[int], PageWalk]] = {
            "offset": OffsetWalk,
            "start": StartWalk,
            "number": NumberWalk,
        }
        return machines[self.way](self.max_limit)

    async def page(self, at: Position, limit: int) -> Page[int]:
        """What the server has there at one moment."""
        self.calls += 1
        await self._pass_time()
        page = self._look(at, min(limit, self.max_limit) if self.way != "link" else self.max_limit)
        await self._pass_time()
        return page

    def _look(self, at: Position, limit: int) -> Page[int]:
        total = len(self.rows) if self.counted else None
        begin = {
            "offset": lambda: int(at),
            "start": lambda: int(at) - 1,
            "number": lambda: (int(at) - 1) * limit,
            "link": lambda: int(at or 0),
        }[self.way]()
        rows, more = self.rows[begin : begin + limit], begin + limit < len(self.rows)
        link: Position | None = None
        if more and self.way == "start":
            link = begin + limit + 1
        elif more and self.way == "link":
            link = str(begin + limit)
        return Page(at, rows, total, None, link)

    async def _pass_time(self) -> None:
        for _ in range(self.dice.randrange(self.most_turns)):
            await asyncio.sleep(0)

    def identity(self, row: int) -> Hashable:
        """The number."""
        return row

    async def change(self, changes: int) -> None:
        """Let so many rows come or go, at places that are drawn: anywhere, at one end, or each beside its opposite."""
        place = self.dice.choice(("anywhere", "front", "end"))
        both = self.dice.choice((True, False))
        for number in range(changes):
            if self.dice.random() < 0.5:
                await asyncio.sleep(0)
            self._change(place, comes=number % 2 == 0 if both else self.dice.random() < 0.5)

    def _change(self, place: str, *, comes: bool) -> None:
        reach = {"anywhere": (0.0, 1.0), "front": (0.0, 0.1), "end": (0.9, 1.0)}[place]
        index = int(self.dice.uniform(*reach) * len(self.rows))
        if comes:
            before = self.rows[index - 1] if index else self.rows[0] - 2_000_000 if self.rows else 0
            after = self.rows[index] if index < len(self.rows) else before + 2_000_000
            between = self.dice.randint(before, after)
            if between not in {before, after}:
                self.rows.insert(index, between)
        elif index < len(self.rows):
            self.stayed.discard(self.rows.pop(index))


def moving(seed: int, way: str = "offset", *, counted: bool = True) -> tuple[Moving, int]:
    """A listing drawn by `seed`, and how many of its rows are to change: 0 to 20 % of them."""
    dice = random.Random(f"{way} {seed}")
    count = dice.choice((0, 7, 40, 100, 150, 250))
    rows = [number * 1_000_000 for number in range(count)]
    listing = Moving(way, dice, rows, dice.choice((2, 7, 20, 50)), counted, most_turns=dice.choice((2, 6, 30)))
    return listing, round(count * dice.choice((0.0, 0.02, 0.05, 0.1, 0.2)))
