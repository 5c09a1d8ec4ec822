"""One process that works on a run: the engine and the ledger as they are, stepped by hand, and killed by hand."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bulkops.engine import RunLimits, Runner, StopSignal, TrafficNotes
from bulkops.errors import BulkopsError, InterruptedRunError
from bulkops.ledger.lock import this_process
from bulkops.ledger.sqlite import SqliteLedger, SqliteLedgerView
from bulkops.model import Item, Outcome, State, Traffic
from bulkops.operations import OPERATIONS
from bulkops.planning import Planner, ProtectedNames, Rosters
from tests.integration.history.organization import Choice, Client, World, address
from tests.integration.history.stepped import SteppedLoop

TOTAL = 8
STEPS = 5000
"""So many steps and no end mean that there is none."""

ME = this_process("history")
LIMITS = RunLimits(width=2, batch_size=3, max_attempts=3, window_rows=6, plan_chunk=4)


@dataclass(frozen=True)
class Fields:
    """What a row says."""

    email: str
    user: str


def items(wanted: Callable[[int], bool]) -> Iterator[Item[Any]]:
    """The rows of the job."""
    for row in range(1, TOTAL + 1):
        if wanted(row):
            yield Item(row, address(row), Fields(address(row), address(row)))


def recorded(disk: SqliteLedgerView) -> dict[int, Outcome]:
    """The outcomes that are on the disk."""
    return {row: settled.outcome for settled in disk.outcomes() for row in settled.rows}


def claimed(disk: SqliteLedgerView) -> set[int]:
    """The rows of the claims that are on the disk."""
    return {row for claim in disk.open_claims() for row in claim.rows}


class Process:
    """One session of work on the ledger at `path`. `error` says why it ended early.

    `durable` are the outcomes that the ledger has promised to keep, in this session and those before it; `disk` is what
    somebody else would read.
    """

    def __init__(self, world: World, path: Path, durable: dict[int, Outcome]) -> None:
        self.path = path
        self.disk = SqliteLedgerView(path)
        self.durable = durable
        self.error: BulkopsError | None = None
        self._begun: set[int] = set()
        self.loop = SteppedLoop(world.clock)
        self.client = Client(world, TOTAL, self._noted)
        self.ledger = SqliteLedger.open(path)
        self._begun.update(claim.id for claim in self.ledger.open_claims())
        self.stop: StopSignal | None = None
        self._work = self.loop.create_task(self._session(world))
        self.loop.run_until_idle()

    @property
    def over(self) -> bool:
        """Whether the session has ended. Raises what it raised and should not have."""
        return self._work.done() and self._work.result() is None

    def states(self) -> dict[int, State]:
        """Where each row stands in its memory."""
        return {row: self.ledger.state_of(row) for row in range(1, TOTAL + 1)}

    def kept(self) -> set[int]:
        """The rows whose claims no crash may take away: those that it was given, or found."""
        return {row for claim in self.ledger.open_claims() if claim.id in self._begun for row in claim.rows}

    def step(self, choice: Choice) -> None:
        """One of the things that can happen next happens."""
        happens: list[Callable[[], None]] = [lambda one=point: one.go(choice) for point in self.client.points]  # type: ignore[misc]
        if self.loop.jobs:
            happens.append(self.loop.do_job)
        if self.loop.due_in_s is not None:
            happens.append(self.loop.pass_time)
        assert happens, "nothing can happen any more, and the session has not ended"
        happens[choice.which % len(happens)]()
        self.loop.run_until_idle()

    def go_on(self, choices: Iterable[Choice]) -> None:
        """Take these steps, or as many as there are to the end."""
        for choice in choices:
            if self.over:
                return
            self.step(choice)

    def run_out(self) -> None:
        """Take calm steps to the end, and close the ledger."""
        self.go_on([Choice()] * STEPS)
        assert self.over, "the session does not end"
        self._await(self.ledger.release())
        self._await(self.ledger.close())
        self.loop.close()

    def flush(self) -> None:
        """Make what is noted durable, beside the work."""
        ended = self._ended()
        self._await(self.ledger.flush())
        self._promised(ended)

    def ask_to_stop(self) -> None:
        """As a signal does."""
        if self.stop is not None:
            self.loop.call_soon(self.stop.request, InterruptedRunError("SIGINT", signum=2))
            self.loop.run_until_idle()

    def die(self, folder: Path) -> Path:
        """End at this instant. Returns the ledger as the disk has it now, in a new folder."""
        folder.mkdir()
        for file in self.path.parent.iterdir():
            if not file.name.endswith("-shm"):
                shutil.copyfile(file, folder / file.name)
        self.sweep_up()
        return folder / self.path.name

    def sweep_up(self) -> None:
        """Put away what is left of the process: nothing of it reaches the organisation any more."""
        self.client.alive = False
        self._work.cancel()
        self._wait_for(self._work)
        self._await(self.ledger.close())
        self.loop.close()

    async def _session(self, world: World) -> None:
        """What `bulkops run` and `resume` do once they have their ledger."""
        self.stop = stop = StopSignal()
        operation = OPERATIONS[world.kind]
        runner = Runner(
            operation=operation,
            org=self.client,
            planner=Planner(operation, Rosters(self.client), guards=ProtectedNames(), expected=TOTAL),
            ledger=self.ledger,
            source=items,
            limits=LIMITS,
            stop=stop,
            traffic=TrafficNotes(self.ledger, lambda: Traffic(requests=self.client.meter.requests)),
        )
        try:
            await self.ledger.acquire(ME, lease_s=1e9)
            await runner.reconcile()
            await stop.unless_requested(lambda: runner.survey(note_skipped=True, note_invalid=True))
            await runner.apply()
        except BulkopsError as error:
            self.error = error

    def _noted(self, rows: set[int]) -> None:
        """A claim was given: it is on the disk, and so is what had ended before."""
        assert rows <= claimed(self.disk), f"begin returned before the claim was durable: {rows}"
        self._begun.update(claim.id for claim in self.ledger.open_claims() if rows & set(claim.rows))
        self._promised(set())

    def _ended(self) -> set[int]:
        return {row for row, state in self.states().items() if state.final}

    def _promised(self, ended: set[int]) -> None:
        found = recorded(self.disk)
        assert ended <= found.keys(), f"flush returned before it was durable: {ended - found.keys()}"
        assert self.durable.items() <= found.items(), "an outcome was lost or changed"
        self.durable.update(found)

    def _await(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` in calm steps that move nothing else but the disk and the clock."""
        task = self.loop.create_task(work)
        self._wait_for(task)
        task.result()

    def _wait_for(self, task: asyncio.Task[None]) -> None:
        self.loop.run_until_idle()
        for _ in range(STEPS):
            if task.done():
                return
            if self.loop.jobs:
                self.loop.do_job()
            else:
                self.loop.pass_time()
            self.loop.run_until_idle()
        raise AssertionError(f"{task} does not end")
