"""Gathering items into batches that one request can carry, and sending those of one parent one after the other."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
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
    _open: dict[str | None, list[Item[Any]]] = field(default_factory=lambda: defaultdict(list))
    _weights: dict[str | None, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, item: Item[Any]) -> Iterator[Batch[Any]]:
        """The batches that are full now."""
        bundle, weight = self.bundle(item), self.weigh(item)
        if self._open[bundle] and self._weights[bundle] + weight > self.max_bytes - FRAME_BYTES:
            yield self._take(bundle)
        self._open[bundle].append(item)
        self._weights[bundle] += weight
        if len(self._open[bundle]) >= self.size:
            yield self._take(bundle)

    def rest(self) -> Iterator[Batch[Any]]:
        """What is left, as batches."""
        for bundle in [key for key, items in self._open.items() if items]:
            yield self._take(bundle)

    def _take(self, bundle: str | None) -> Batch[Any]:
        self._weights.pop(bundle, None)
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
