"""Who waits at a gate gets a pass in turn, or is gone for good."""

from __future__ import annotations

import asyncio

import pytest

from bulkops.transport import Gates
from bulkops.transport.lane import Pass


async def waiting(gates: Gates, number: int) -> list[asyncio.Task[Pass]]:
    """So many tasks that wait behind those that have a pass."""
    tasks = [asyncio.create_task(gates.enter("POST things")) for _ in range(number)]
    for _ in range(3):
        await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)
    return tasks


async def test_a_waiter_that_is_cancelled_as_its_turn_comes_takes_nothing_with_it() -> None:
    """In the same turn of the event loop, in either order: the next one gets the pass."""
    for cancel_first in (True, False):
        gates = Gates(ceiling=1)
        held = await gates.enter("POST things")
        first, second, third = await waiting(gates, 3)
        if cancel_first:
            first.cancel()
            held.close()
        else:
            held.close()
            first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        passed = await asyncio.wait_for(second, 5)
        assert not third.done()
        passed.close()
        (await asyncio.wait_for(third, 5)).close()
        gates.close()


@pytest.mark.parametrize("turns", range(6))
async def test_a_pass_that_came_to_one_who_is_gone_is_given_back(turns: int) -> None:
    """However far the pass has come when its task is cancelled: the next one gets it, or the one after."""
    gates = Gates(ceiling=1)
    held = await gates.enter("POST things")
    first, second = await waiting(gates, 2)
    held.close()
    for _ in range(turns):
        await asyncio.sleep(0)
    first.cancel()
    (got,) = await asyncio.gather(first, return_exceptions=True)
    if isinstance(got, Pass):
        got.close()
    (await asyncio.wait_for(second, 5)).close()
    assert isinstance(await asyncio.wait_for(gates.enter("POST things"), 5), Pass)
    gates.close()


async def test_many_waiters_are_served_in_their_order() -> None:
    """First come, first served, as passes come free."""
    gates = Gates(ceiling=2)
    held = [await gates.enter("POST things") for _ in range(2)]
    order: list[int] = []

    async def work(number: int) -> None:
        passed = await gates.enter("POST things")
        order.append(number)
        await asyncio.sleep(0)
        passed.close()

    tasks = [asyncio.create_task(work(number)) for number in range(20)]
    await asyncio.sleep(0)
    for each in held:
        each.close()
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert order == sorted(order)
    gates.close()


async def test_who_waits_when_the_gates_close_is_told() -> None:
    """Nobody hangs."""
    gates = Gates(ceiling=1)
    held = await gates.enter("POST things")
    tasks = await waiting(gates, 2)
    gates.close()
    ended = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert all(isinstance(one, RuntimeError) for one in ended)
    held.close()
