"""Gathering items into batches that one request can carry, and sending those of one parent one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bulkops.model import Batch, Item

FRAME_BYTES = 64
"""Room for what a body holds beside its items."""


@dataclass(slots=True)
class Batcher:
    """Gathers ready items into batches of at most `size` items and `max_bytes` of body.

    `weigh` gives an item's bytes in a body, `bundle` what all items of a batch have in common, `parent` what the batch
    is about. An item that alone is too heavy travels alone: the provider then says so.
    """

    size: int
    max_bytes: int
    weigh: Callable[[Item[Any]], int]
    bundle: Callable[[Item[Any]], str | None]
    parent: Callable[[Item[Any]], str | None]
    _open: dict[str | None, list[Item[Any]]] = field(default_factory=dict)
    _weights: dict[str | None, int] = field(default_factory=dict)

    def add(self, item: Item[Any]) -> Sequence[Batch[Any]]:
        """The batches that are full now."""
        bundle = self.bundle(item)
        if self.size == 1:  # whatever it weighs, it travels alone
            return (Batch((item,), parent=self.parent(item)),)
        weight, full = self.weigh(item), []
        weighs = self._weights.get(bundle, 0) + weight
        if weighs > self.max_bytes - FRAME_BYTES and bundle in self._open:
            full.append(self._take(bundle))
            weighs = weight
        gathered = self._open.get(bundle)
        if gathered is None:
            gathered = self._open[bundle] = []
        gathered.append(item)
        self._weights[bundle] = weighs
        if len(gathered) >= self.size:
            full.append(self._take(bundle))
        return full

    def rest(self) -> Iterator[Batch[Any]]:
        """What is left, as batches."""
        for bundle in list(self._open):
            yield self._take(bundle)

    def _take(self, bundle: str | None) -> Batch[Any]:
        del self._weights[bundle]
        items = tuple(self._open.pop(bundle))
        return Batch(items, parent=self.parent(items[0]))


class ParentQueues:
    """Keeps batches of one parent apart in time. Decides only; the caller sends."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Batch[Any]]] = {}

    def enter(self, batch: Batch[Any]) -> bool:
        """Whether `batch` may be sent now; if not, `leave` hands it out when its turn comes."""
        if batch.parent is None:
            return True
        if batch.parent in self._waiting:
            self._waiting[batch.parent].append(batch)
            return False
        self._waiting[batch.parent] = deque()
        return True

    def leave(self, batch: Batch[Any]) -> Batch[Any] | None:
        """`batch` is done with: the next one of its parent, if any waits."""
        if batch.parent is None:
            return None
        waiting = self._waiting[batch.parent]
        if waiting:
            return waiting.popleft()
        del self._waiting[batch.parent]
        return None
