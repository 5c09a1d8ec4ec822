"""Sets of row numbers, kept as runs so that a batch of neighbours costs one entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise


@dataclass(frozen=True, slots=True)
class RowSet:
    """Row numbers as ascending, disjoint, inclusive runs `(first, last)`; rows count from 1."""

    runs: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, rows: Iterable[int]) -> RowSet:
        """The set of `rows`, in any order; repeats count once."""
        ascending = sorted(set(rows))
        if not ascending:
            return cls()
        first, last = ascending[0], ascending[-1]
        if last - first < len(ascending):  # neighbours all, as in most batches
            return cls(((first, last),))
        runs: list[tuple[int, int]] = []
        for before, row in pairwise(ascending):
            if row > before + 1:
                runs.append((first, before))
                first = row
        return cls((*runs, (first, last)))

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(range(first, last + 1) for first, last in self.runs)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.runs)

    def __bool__(self) -> bool:
        return bool(self.runs)

    def __contains__(self, row: object) -> bool:
        return isinstance(row, int) and any(first <= row <= last for first, last in self.runs)

    def minus(self, other: RowSet) -> RowSet:
        """The rows of this set that `other` lacks."""
        gone = set(other)
        return RowSet.of(row for row in self if row not in gone)
