"""Whatever order things happen in, and whenever the process dies: each row has its effect once, and tells the truth."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bulkops.errors import LedgerError
from bulkops.ledger.sqlite import SqliteLedger, SqliteLedgerView
from bulkops.model import Outcome, State
from tests.integration.history.organization import LATE_S, Choice, World
from tests.integration.history.process import TOTAL, Process, claimed, recorded

CHOICES = st.lists(st.builds(Choice, st.integers(0, 3), st.integers(0, 8), st.integers(0, 7)), min_size=1, max_size=40)
ROWS = st.integers(1, TOTAL)
MEMORY = Path("/dev/shm")
"""A crash is a copy of the files here, so they may lie where a flush takes no time."""


class History(RuleBasedStateMachine):
    """A run of eight rows that is begun, cut off, stopped and resumed; the world and the disk keep what is true."""

    kind: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self.path = self.folder / "0" / "ledger.db"
        self.world = World(self.kind, lambda: claimed(self.disk))
        self.durable: dict[int, Outcome] = {}
        self.process: Process | None = None
        self.deaths = 0
        self.sound = False

    @initialize(bad=st.sets(ROWS, max_size=2), forbidden=st.sets(ROWS, max_size=1))
    def start(self, bad: set[int], forbidden: set[int]) -> None:
        """A new run, about some rows that the organisation will not have."""
        self.world.bad, self.world.forbidden = bad, forbidden
        self.path.parent.mkdir()
        asyncio.run(SqliteLedger.create(self.path, total=TOTAL).close())
        self.disk = SqliteLedgerView(self.path)
        self.process = Process(self.world, self.path, self.durable)

    @precondition(lambda self: self.process is None)
    @rule()
    def resume(self) -> None:
        """Another process takes the run up."""
        self.sound = False
        self.process = Process(self.world, self.path, self.durable)

    @precondition(lambda self: self.process is not None)
    @rule(choices=CHOICES, flushed=st.booleans())
    def go_on(self, choices: Sequence[Choice], *, flushed: bool) -> None:
        """Some steps, in some order, with some faults."""
        if (process := self._after(choices)) and flushed:
            process.flush()

    @precondition(lambda self: self.process is not None)
    @rule(choices=CHOICES, more=CHOICES)
    def stop(self, choices: Sequence[Choice], more: Sequence[Choice]) -> None:
        """A polite stop: what was begun is brought to an end, or stays in doubt."""
        if process := self._after(choices):
            process.ask_to_stop()
            process.go_on(more)
            self._end()

    @precondition(lambda self: self.process is not None)
    @rule(choices=CHOICES)
    def die(self, choices: Sequence[Choice]) -> None:
        """The power goes: the disk has every promise, and whatever else had reached it."""
        process = self._after(choices)
        if process is None:
            return
        before, kept, self.deaths = process.states(), process.kept(), self.deaths + 1
        self.path = process.die(self.folder / str(self.deaths))
        self.process, self.disk = None, SqliteLedgerView(self.path)
        found, left = recorded(self.disk), claimed(self.disk)
        assert kept <= left, f"claims are gone: {kept - left}"
        assert self.durable.items() <= found.items(), "an outcome was lost or changed"
        assert all(before[row] is outcome.state for row, outcome in found.items()), "an outcome was made up"
        self.durable.update(found)

    @invariant()
    def the_ledger_tells_the_truth(self) -> None:
        """Of every row, as far as it says anything of it."""
        self.sound = False
        if self.process is not None:
            assert self.process.ledger.counts().total == TOTAL
            self._judge(self.process.states())
        self.sound = True

    def teardown(self) -> None:
        """Without further faults the run comes to its end, in two sessions at most, and all that is late has come."""
        try:
            if self.sound:
                self.world.forbidden = set()
                self._end()
                self.process = Process(self.world, self.path, self.durable)
                self._end()
                assert self.disk.counts().done == TOTAL
                self.world.clock.now += LATE_S
                assert not self.world.late, "given up before it could have come"
                self._judge({row: outcome.state for row, outcome in recorded(self.disk).items()})
        finally:
            if self.process is not None:
                self.process.sweep_up()
            shutil.rmtree(self.folder)

    def _after(self, choices: Sequence[Choice]) -> Process | None:
        """The process after these steps; None if its session has come to an end."""
        self.sound = False
        assert self.process is not None
        self.process.go_on(choices)
        if self.process.over:
            self._end()
        return self.process

    def _end(self) -> None:
        """The session comes to its end, and with it every row unless it says why not."""
        process = self.process
        if process is None:
            return
        process.run_out()
        self.process = None
        assert not isinstance(process.error, LedgerError)
        found, counts = recorded(self.disk), self.disk.counts()
        assert self.durable.items() <= found.items()
        assert (counts.total, counts.done) == (TOTAL, len(found))
        assert counts.in_doubt == len(claimed(self.disk))
        if process.error is None:
            assert counts.done == TOTAL, f"rows are left: {counts}"
        self.durable.update(found)

    def _judge(self, states: dict[int, State]) -> None:
        on_the_way = {row for _at, row in self.world.late}
        for row, state in states.items():
            done = self.world.effects[row]
            if state in {State.SUCCEEDED, State.SKIPPED}:
                assert done, f"row {row} is {state.label}, and was not done"
            elif state is State.FAILED:
                assert not done, f"row {row} has failed, and was done"
                assert row not in on_the_way, f"row {row} has failed, and will be done"
            elif state is State.PENDING and not self.world.repeatable:
                assert not done, f"row {row} will be sent again, and was done"
                assert row not in on_the_way, f"row {row} will be sent again, and will be done"


class Invitations(History):
    """Not to be repeated, and answered by a status alone."""

    kind = "invite"


class Enabling(History):
    """Harmless to repeat, and answered row by row."""

    kind = "enable-user"


SETTINGS = settings(max_examples=60, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck))
TestInvitations = Invitations.TestCase
TestEnabling = Enabling.TestCase
TestInvitations.settings = TestEnabling.settings = SETTINGS
