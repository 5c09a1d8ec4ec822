"""Reads side by side, where the first error is the caller's own and not a group of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import anyio

T = TypeVar("T")


async def side_by_side(things: Iterable[T], work: Callable[[T], Awaitable[object]], *, width: int) -> None:
    """Do `work` for each of `things`, at most `width` at a time; `things` is drawn from as places become free.

    The first error cancels the others and is raised as itself.
    """
    left = iter(things)
    errors: list[Exception] = []

    async def worker() -> None:
        try:
            for thing in left:
                await work(thing)
        except Exception as error:  # noqa: BLE001 - raised again below, outside the group
            errors.append(error)
            tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        for _ in range(width):
            tasks.start_soon(worker)
    if errors:
        raise errors[0]
