"""Group commit: many callers' records reach the disk with one flush."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from bulkops.errors import LedgerError

Result = TypeVar("Result")


class Store(Protocol):
    """What a group is written to. One group is under way at a time."""

    @property
    def unsaved(self) -> int:
        """Records noted and not yet taken into a group."""

    def write(self) -> Iterator[None]:
        """Take all that is noted and write it, in slices short enough for the event loop. Raises LedgerError."""

    def commit(self) -> None:
        """Make what was written durable. Runs in a thread. Raises LedgerError."""

    def rollback(self) -> None:
        """Forget what was written and not committed. Never raises."""


class GroupCommit:
    """Gathers records while a commit is under way, and commits them together.

    The statements run on the event loop's own thread and only the commit, which waits for the disk, in another:
    statements in a thread would take and give back the interpreter's lock at every row.

    Records that somebody awaits are committed at once, others after `linger_s` or when `full_at` have gathered.
    After a failure nothing is written any more.
    """

    def __init__(self, store: Store, *, linger_s: float, full_at: int = 1000) -> None:
        self.fault: LedgerError | None = None
        self._store = store
        self._linger_s = linger_s
        self._full_at = full_at
        self._waiting: list[asyncio.Future[LedgerError | None]] = []
        self._committer: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bulkops-ledger")
        self._told = False

    def check(self) -> None:
        """Raises LedgerError after a failure."""
        if self.fault is not None:
            raise self._again(self.fault)

    def noted(self) -> None:
        """A record was added: see to it that it is committed soon."""
        if self._committer is not None:
            return  # it looks for new records before it ends
        if self._timer is None or self._store.unsaved >= self._full_at:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                return  # no loop runs yet: the next awaited call commits it
            if self._store.unsaved >= self._full_at:
                self._start(loop)
            else:
                self._timer = loop.call_later(self._linger_s, self._start, loop)

    async def saved(self) -> None:
        """Return when all that is noted is durable. Raises LedgerError if it may not be.

        A caller that is cancelled stops waiting; the commit goes on for the others.
        """
        self.check()
        loop = asyncio.get_running_loop()
        if self._committer is None:
            if not self._store.unsaved:
                return
            self._start(loop)
        waiter: asyncio.Future[LedgerError | None] = loop.create_future()
        self._waiting.append(waiter)
        fault = await waiter
        if fault is not None:
            raise self._again(fault)

    async def quiet(self) -> None:
        """Return when all is durable and no commit is under way; until the next await the store is the caller's."""
        await self.saved()
        while self._committer is not None:
            await asyncio.wait((self._committer,))
            await self.saved()

    async def close(self, last: Callable[[], None]) -> None:
        """Commit what is noted, then run `last` in the thread, whatever happens. No task, timer or thread stays.

        Raises LedgerError for records that are lost, unless a caller was told of the failure before.
        """
        try:
            if not self._told:
                await self.quiet()
        finally:
            self._stop_timer()
            if self._committer is not None:
                await asyncio.wait((self._committer,))
            closing = asyncio.get_running_loop().run_in_executor(self._thread, last)
            self._thread.shutdown(wait=False)  # the thread ends after `last`, also if this call is cancelled now
            await asyncio.shield(closing)
            self._thread.shutdown()  # `last` is over, so this waits for the thread's last instructions only

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._stop_timer()
        if self._committer is None and self.fault is None:
            self._committer = loop.create_task(self._commit_groups(), name="bulkops-ledger-commit")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _commit_groups(self) -> None:
        try:
            await self._commit_group()
            while self.fault is None and (self._waiting or self._store.unsaved >= self._full_at):
                await self._commit_group()
        finally:
            self._committer = None
            _tell(self._waiting, self.fault)  # after a failure also those whose records no group took
            self._waiting = []
            if self._store.unsaved and self.fault is None:
                self.noted()

    async def _commit_group(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            if self._store.unsaved:
                for _ in self._store.write():
                    await asyncio.sleep(0)
                await asyncio.get_running_loop().run_in_executor(self._thread, self._store.commit)
        except LedgerError as error:
            self.fault = error
        except BaseException as error:
            # Cut off with the event loop, or by a mistake of ours: what reached the disk is unknown either way.
            self.fault = LedgerError(f"a commit was cut short ({type(error).__name__}: {error})")
            raise
        finally:
            if self.fault is not None:
                self._thread.submit(self._store.rollback)  # in the thread: a commit may still run there
            _tell(waiting, self.fault)

    def _again(self, fault: LedgerError) -> LedgerError:
        """The failure once more: each caller gets an exception of its own, and its own traceback."""
        self._told = True
        again = LedgerError(str(fault))
        again.__cause__ = fault.__cause__
        return again


def _tell(waiting: list[asyncio.Future[LedgerError | None]], fault: LedgerError | None) -> None:
    for waiter in waiting:
        if not waiter.done():  # a cancelled caller no longer listens
            waiter.set_result(fault)
