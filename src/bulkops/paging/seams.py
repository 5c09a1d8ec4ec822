"""Putting the pages of a moving listing together, in order, so that no row that stays can slip through.

The proof. Rows that stay keep their order, whatever comes and goes between them. Each page is a stretch of the listing
without holes, as it was at one moment. If a page begins with a row that an earlier page has, then every row that stays
is before that row, and in an earlier page by the same reasoning, or behind it, and in this page or beyond its end. So a
chain of pages from the first row to the end holds every row that was there all the time, whenever each was read.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Any

from bulkops.paging.base import Page, overlap_of

LEAST_REPAIRS = 64


class Fit(Enum):
    """How a page lies to those before it."""

    JOINED = "joined"  # it begins with a known row, or at the beginning
    APART = "apart"  # it begins with an unknown row: something may lie between
    BROKEN = "broken"  # no order, or fewer rows than its own total says: nothing can be shown with this listing


@dataclass(frozen=True, slots=True)
class Place:
    """One page, put in its place: `fresh` are the indexes of the rows that no earlier page had, in order."""

    fit: Fit
    fresh: Sequence[int] = ()
    ended: bool = False


class Keys:
    """A set of whole numbers of 64 bits that takes 12 to 48 bytes for each; nothing is ever taken out."""

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * 64))
        self._used = 0
        self._zero = False

    def __len__(self) -> int:
        return self._used + self._zero

    def __contains__(self, key: int) -> bool:
        if not key:
            return self._zero
        slots, mask = self._slots, len(self._slots) - 1
        at = key & mask
        while (found := slots[at]) and found != key:
            at = (at + 1) & mask
        return found == key

    def add(self, keys: Sequence[int]) -> list[int]:
        """Take `keys` in. Returns the indexes of those that were not there yet, a repeat among them left out."""
        while 3 * (self._used + len(keys)) > 2 * len(self._slots):
            self._grow()
        slots, mask = self._slots, len(self._slots) - 1
        fresh = []
        for index, key in enumerate(keys):
            if not key:
                if not self._zero:
                    self._zero = True
                    fresh.append(index)
                continue
            at = key & mask
            while (found := slots[at]) and found != key:
                at = (at + 1) & mask
            if not found:
                slots[at] = key
                fresh.append(index)
        self._used += len(fresh) - (self._zero and any(not keys[index] for index in fresh))
        return fresh

    def _grow(self) -> None:
        old = self._slots
        self._slots = array("Q", bytes(32 * len(old)))
        slots, mask = self._slots, len(self._slots) - 1
        for key in old:
            if key:
                at = key & mask
                while slots[at]:
                    at = (at + 1) & mask
                slots[at] = key


class Seams:
    """One walk over a listing whose positions count rows, the first being number `first`.

    Pages are placed in order, each with the keys of its rows: numbers of 64 bits, equal for the same row. `total` and
    `first_total` are the provider's last and first count, `quiet` whether nothing was seen to change so far.
    """

    def __init__(self, *, first: int, limit: int) -> None:
        self.first = first
        self.step = limit
        self.overlap = 0
        self._limit = limit
        self.first_total: int | None = None
        self.total: int | None = None
        self.quiet = True
        self.pages = 0
        self.repairs = 0
        self.forward = first  # where the next page would begin now
        self._known = Keys()
        self._last: Sequence[int] = ()

    @property
    def known(self) -> Keys:
        """The keys of all rows so far."""
        return self._known

    @property
    def seen(self) -> int:
        """Different rows so far."""
        return len(self._known)

    @property
    def exhausted(self) -> bool:
        """Whether so many pages had to be asked for again that this walk is given up."""
        return self.repairs > LEAST_REPAIRS + 2 * self.pages

    def recall(self, keys: Sequence[int], *, forward: int, step: int, first_total: int | None) -> None:
        """Take up a walk that another process left: what it saw, and where it would have gone on."""
        self._known.add(keys)
        self._last = keys[-step:]
        self.forward, self.step, self.overlap = forward, step, overlap_of(step)
        self.first_total = self.total = first_total
        self.quiet = False

    def joins(self, page: Page[Any], keys: Sequence[int]) -> bool:
        """Whether nothing can lie between what is known and this page."""
        at = int(page.at)
        return at == self.first or (bool(keys) and keys[0] in self._known)

    def place(self, page: Page[Any], keys: Sequence[int]) -> Place:
        """Put a page in its place. One that lies apart is not taken in."""
        at = int(page.at)
        if not self.pages and at == self.first:
            self._begin(page, keys)
        if not self.joins(page, keys):
            self.quiet = False
            return Place(Fit.APART)
        fresh = self._known.add(keys)
        if not self._note(page, keys, len(fresh)) and not self._in_order(keys):
            return Place(Fit.BROKEN)
        short = len(keys) < (self.step if self.pages or at != self.first else self._limit)
        after = at - self.first + len(keys)
        if page.total is not None and after < page.total and len(keys) < self.step:
            return Place(Fit.BROKEN)
        # a full page may go on whatever the total says: the two need not be of one moment
        ended = short and (page.total is None or after >= page.total)
        self.pages += 1
        self.forward = at + max(1, len(keys) - self.overlap)
        self._last = keys
        return Place(Fit.JOINED, fresh, ended)

    def behind(self, at: int, distance: int) -> int:
        """Where to look for what lies before position `at`."""
        return max(self.first, at - distance)

    def proven(self) -> str:
        """Empty when the chain, now that it reached the end, proves the walk complete; else why it does not."""
        if self.quiet and self.total is not None and self.seen != self.total:
            return f"{self.seen:,} different rows came where the total said {self.total:,}"
        return ""

    def _begin(self, page: Page[Any], keys: Sequence[int]) -> None:
        self.step = min(self.step, len(keys)) or self.step
        self.overlap = overlap_of(self.step)
        self.first_total = self.total = page.total

    def _note(self, page: Page[Any], keys: Sequence[int], fresh: int) -> bool:
        """Whether the page is what a quiet listing would have here: the rows of the seam, and then new ones."""
        if page.total != self.total:
            self.quiet, self.total = False, page.total
        shared = self.overlap if self.pages else 0
        plain = fresh == len(keys) - shared and list(keys[:shared]) == list(self._last[len(self._last) - shared :])
        self.quiet = self.quiet and plain
        return plain

    def _in_order(self, keys: Sequence[int]) -> bool:
        """Whether each row is there once, and those shared with the last page stand in the same order."""
        places = {key: place for place, key in enumerate(self._last)}
        shared = [places[key] for key in keys if key in places]
        return len(keys) == len(set(keys)) and all(before < after for before, after in pairwise(shared))
