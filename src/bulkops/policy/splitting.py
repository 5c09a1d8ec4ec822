"""How a refused batch is taken apart until each row has its own outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Splitter:
    """Halves a refused batch, and goes to single calls once more than `single_above` of the rows are bad.

    One bad row of 100 costs 14 further calls by halving; from about 15 % bad rows, single calls are cheaper.
    The share is learnt over the run, from at least `sample` rows.
    """

    single_above: float = 0.15
    sample: int = 20
    good: int = 0
    bad: int = 0

    def count(self, *, good: int = 0, bad: int = 0) -> None:
        """Rows that were told apart: accepted, or refused on their own."""
        self.good += good
        self.bad += bad

    def split(self, items: Sequence[T]) -> list[Sequence[T]]:
        """The parts to send instead of `items`, at least two, in order."""
        seen = self.good + self.bad
        if len(items) <= 2 or (seen >= self.sample and self.bad > self.single_above * seen):
            return [items[i : i + 1] for i in range(len(items))]
        middle = len(items) // 2
        return [items[:middle], items[middle:]]
