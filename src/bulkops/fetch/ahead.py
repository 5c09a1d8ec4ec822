"""Answers that are asked for before they are needed, and taken in the order in which they were asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

KeyT = TypeVar("KeyT")
AnswerT = TypeVar("AnswerT")


class _Asked(Generic[AnswerT]):
    """One question. `answer` or `error` is there once `done` is set."""

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.answer: list[AnswerT] = []
        self.error: Exception | None = None


class Ahead(Generic[KeyT, AnswerT]):
    """At most `width` questions are under way, and twice as many answers are held: memory stays flat."""

    def __init__(self, tasks: TaskGroup, ask: Callable[[KeyT], Awaitable[AnswerT]], *, width: int) -> None:
        self._tasks = tasks
        self._ask = ask
        self._width = width
        self._places = anyio.Semaphore(width)
        self._asked: deque[_Asked[AnswerT]] = deque()

    @property
    def room(self) -> bool:
        """Whether one more may be asked for."""
        return len(self._asked) < 2 * self._width

    def __len__(self) -> int:
        return len(self._asked)

    def push(self, key: KeyT) -> None:
        """Ask, and do not wait."""
        asked: _Asked[AnswerT] = _Asked()
        self._asked.append(asked)
        self._tasks.start_soon(self._fetch, key, asked)

    async def pop(self) -> AnswerT:
        """The answer to the oldest question. Raises what asking raised."""
        asked = self._asked.popleft()
        await asked.done.wait()
        if asked.error is not None:
            raise asked.error
        return asked.answer[0]

    async def _fetch(self, key: KeyT, asked: _Asked[AnswerT]) -> None:
        async with self._places:
            try:
                asked.answer.append(await self._ask(key))
            except Exception as error:  # noqa: BLE001 - raised when its turn comes
                asked.error = error
        asked.done.set()


@asynccontextmanager
async def working() -> AsyncIterator[TaskGroup]:
    """A task group that ends with its block: what is still under way is called off, an error is raised as itself."""
    try:
        async with anyio.create_task_group() as tasks:
            yield tasks
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from None
