"""Batches: nothing is lost, nothing is mixed, nothing is too heavy, and one parent's never overlap."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bulkops.engine.batching import FRAME_BYTES, Batcher, ParentQueues
from bulkops.engine.telling import settled, told
from bulkops.model import Batch, Item, Outcome, State
from bulkops.providers.base import BatchAnswer, Change

PARENTS = st.sampled_from(["a", "b", "c", None])


def item(row: int, parent: str | None, weight: int) -> Item[Any]:
    return Item(row, f"key {row}", (parent, weight))


def batcher(size: int, max_bytes: int) -> Batcher:
    return Batcher(
        size,
        max_bytes,
        weigh=lambda one: int(one.payload[1]),
        bundle=lambda one: one.payload[0],
        parent=lambda one: one.payload[0],
    )


@given(
    st.lists(st.tuples(PARENTS, st.integers(1, 300)), max_size=120),
    st.integers(1, 20),
    st.integers(FRAME_BYTES + 10, 1000),
)
def test_every_item_travels_once_within_all_bounds(
    rows: list[tuple[str | None, int]], size: int, max_bytes: int
) -> None:
    """Whatever comes in whatever order: each item in one batch of its own parent, in order, within size and bytes."""
    gathering = batcher(size, max_bytes)
    items = [item(row, *what) for row, what in enumerate(rows, 1)]
    batches = [batch for one in items for batch in gathering.add(one)] + list(gathering.rest())
    assert sorted(one.row for batch in batches for one in batch.items) == [one.row for one in items]
    for batch in batches:
        assert 1 <= len(batch) <= size
        assert {one.payload[0] for one in batch.items} == {batch.parent}
        assert len(batch) == 1 or sum(one.payload[1] for one in batch.items) <= max_bytes - FRAME_BYTES
        assert [one.row for one in batch.items] == sorted(one.row for one in batch.items)


@given(st.lists(PARENTS, max_size=60), st.randoms())
def test_batches_of_one_parent_never_overlap_and_all_get_their_turn(parents: list[str | None], random: Any) -> None:
    """Batches finish in any order; those of one parent go one after the other, in the order they came."""
    queues = ParentQueues()
    waiting = [Batch((item(row, parent, 1),), parent=parent) for row, parent in enumerate(parents, 1)]
    busy: list[Batch[Any]] = []
    done: list[Batch[Any]] = []
    while waiting or busy:
        if waiting and (not busy or random.random() < 0.6):
            if queues.enter(batch := waiting.pop(0)):
                busy.append(batch)
        else:
            done.append(finished := busy.pop(random.randrange(len(busy))))
            if (following := queues.leave(finished)) is not None:
                busy.append(following)
        named = [batch.parent for batch in busy if batch.parent is not None]
        assert len(named) == len(set(named))
    assert len(done) == len(parents)
    for parent in set(parents) - {None}:
        rows = [batch.items[0].row for batch in done if batch.parent == parent]
        assert rows == sorted(rows)


def change(row: int, key: str) -> Item[Any]:
    return Item(row, key, Change(None, key))


def test_an_answer_is_joined_by_key_and_foreign_keys_tell_nothing() -> None:
    """Named, refused, not named, named in another case, and one that was never asked for."""
    batch = Batch((change(1, "A@x"), change(2, "b@x"), change(3, "c@x")), attempt=2)
    answer = BatchAnswer(200, "trx-1", named=frozenset({"a@x", "foreign@x"}), refused={"b@x": "no seat"})
    found = told(batch, answer)
    assert {row: outcome.state for row, outcome in found.items()} == {1: State.SUCCEEDED, 2: State.FAILED}
    assert (found[2].message, found[2].attempts, found[2].request_id) == ("no seat", 2, "trx-1")


def test_a_complete_answer_speaks_for_everybody_it_does_not_refuse() -> None:
    """One status for all, and a refusal by name beats it."""
    batch = Batch((change(1, "a"), change(2, "b")))
    found = told(batch, BatchAnswer(204, complete=True, refused={"b": "gone"}))
    assert [found[row].state for row in (1, 2)] == [State.SUCCEEDED, State.FAILED]


@given(st.dictionaries(st.integers(1, 500), st.sampled_from(["x", "y", "z"]), max_size=100))
def test_rows_that_ended_alike_share_one_entry(codes: dict[int, str]) -> None:
    """Gathering outcomes loses none and tells each row's own."""
    outcomes = {row: Outcome.failed(code, "m") for row, code in codes.items()}
    gathered = settled(outcomes)
    assert {row: one.outcome for one in gathered for row in one.rows} == outcomes
    assert len(gathered) == len(set(codes.values()))
