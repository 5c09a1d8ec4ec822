"""`bulkops`, made to die by SIGKILL at the n-th passage of one point of its inside.

The product has no hooks for this: its methods are wrapped here, before its command runs. Called as a script with the
command's own arguments; CHAOS_POINT, CHAOS_NTH and CHAOS_MARK say where, when, and which file to leave right before.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bulkops.cli.main import main
from bulkops.engine import Runner
from bulkops.engine.permit import LedgerPermit
from bulkops.ledger import sqlite
from bulkops.transport import session
from bulkops.transport.connection import Connection

TRANSIT_S = 0.004
"""So long after it was handed over a request has left, and a sandbox that takes some milliseconds has not answered."""

Call = Callable[..., Any]
Async = Callable[..., Awaitable[Any]]


class Point:
    """Counts passages; the n-th is the last thing that this process does."""

    def __init__(self, name: str, nth: int, mark: Path) -> None:
        self._name, self._left, self._mark = name, nth, mark

    def passed(self) -> None:
        """One more passage."""
        self._left -= 1
        if self._left == 0:
            self._mark.write_text(self._name, encoding="ascii")
            os.kill(os.getpid(), signal.SIGKILL)


def before_begin(point: Point) -> None:
    """A batch is about to be noted."""
    original: Async = LedgerPermit.begin

    async def begin(self: LedgerPermit) -> None:
        if not self.begun:
            point.passed()
        await original(self)

    LedgerPermit.begin = begin  # type: ignore[method-assign]


def after_begin(point: Point) -> None:
    """The note is durable, and no byte has left."""
    original: Async = LedgerPermit.begin

    async def begin(self: LedgerPermit) -> None:
        first = not self.begun
        await original(self)
        if first:
            point.passed()

    LedgerPermit.begin = begin  # type: ignore[method-assign]


def claimed_ahead(point: Point) -> None:
    """A window of claims is durable, and few of its calls have left, or none."""
    original: Async = sqlite.SqliteLedger.begin_ahead

    async def begin_ahead(self: sqlite.SqliteLedger, *args: Any, **named: Any) -> Any:
        claims = await original(self, *args, **named)
        point.passed()
        return claims

    sqlite.SqliteLedger.begin_ahead = begin_ahead  # type: ignore[method-assign]


def sent(point: Point) -> None:
    """The bytes of a write have left, and no answer has come."""
    original: Async = Connection.exchange

    async def exchange(self: Connection, request: bytes, **named: Any) -> Any:
        answered: list[bool] = []

        def left() -> None:
            if not answered:
                point.passed()

        if _is_write(request):
            asyncio.get_running_loop().call_later(TRANSIT_S, left)
        try:
            return await original(self, request, **named)
        finally:
            answered.append(True)

    Connection.exchange = exchange  # type: ignore[method-assign]


def answered(point: Point) -> None:
    """The answer to a write is here, and nobody has looked at it."""
    original: Async = Connection.exchange

    async def exchange(self: Connection, request: bytes, **named: Any) -> Any:
        reply = await original(self, request, **named)
        if _is_write(request):
            point.passed()
        return reply

    Connection.exchange = exchange  # type: ignore[method-assign]


def _is_write(request: bytes) -> bool:
    method, _, rest = request.partition(b"\r\n")[0].partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    asks = method == b"GET" or path.endswith(b"/search")
    places = (b"/organizations/", b"/orgs/", b"/v1/organisations/", b"/v1/teams/")
    return not asks and any(part in path for part in places)


def before_settle(point: Point) -> None:
    """It is known what became of a batch, and nothing of it is noted."""
    original: Call = sqlite.SqliteLedger.settle

    def settle(self: sqlite.SqliteLedger, *args: Any, **named: Any) -> None:
        point.passed()
        original(self, *args, **named)

    sqlite.SqliteLedger.settle = settle  # type: ignore[method-assign]


def before_commit(point: Point) -> None:
    """All statements of a group are carried out, and it is not committed."""
    original: Call = sqlite.SqliteLedger.commit

    def commit(self: sqlite.SqliteLedger) -> None:
        point.passed()
        original(self)

    sqlite.SqliteLedger.commit = commit  # type: ignore[method-assign]


def reports(point: Point) -> None:
    """The reports are written, and some have taken their places."""
    original: Call = Path.replace

    def replace(self: Path, target: Any) -> Path:
        if self.suffix == ".tmp":
            point.passed()
        moved: Path = original(self, target)
        return moved

    Path.replace = replace  # type: ignore[method-assign, assignment]


def reconcile_read(point: Point) -> None:
    """What an earlier session left in doubt is being asked of the organisation."""
    inside = _reconciling()
    original: Async = session.Session.read

    async def read(self: session.Session, *args: Any, **named: Any) -> Any:
        answer = await original(self, *args, **named)
        if inside:
            point.passed()
        return answer

    session.Session.read = read  # type: ignore[method-assign]


def reconcile_settle(point: Point) -> None:
    """The organisation has told what became of it, and not all of it is noted."""
    inside = _reconciling()
    original: Call = sqlite.SqliteLedger.settle

    def settle(self: sqlite.SqliteLedger, *args: Any, **named: Any) -> None:
        original(self, *args, **named)
        if inside:
            point.passed()

    sqlite.SqliteLedger.settle = settle  # type: ignore[method-assign]


def _reconciling() -> list[bool]:
    """Empty but while a runner reconciles."""
    inside: list[bool] = []
    original: Async = Runner.reconcile

    async def reconcile(self: Runner, *args: Any, **named: Any) -> None:
        inside.append(True)
        await original(self, *args, **named)
        inside.clear()

    Runner.reconcile = reconcile  # type: ignore[method-assign]
    return inside


def small_log(_point: Point) -> None:
    """The log is carried over to the ledger's main file at nearly every commit, whatever the product asks for."""
    original: Call = sqlite3.connect

    def connect(*args: Any, **named: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = original(*args, **{**named, "factory": _OftenCarriedOver})
        return connection

    sqlite3.connect = connect  # type: ignore[assignment]


class _OftenCarriedOver(sqlite3.Connection):
    """A connection that makes a checkpoint each two pages."""

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        """As it was asked for, but for the length of the log."""
        return super().execute("PRAGMA wal_autocheckpoint = 2" if "wal_autocheckpoint" in sql else sql, *args)


WRAPPERS: dict[str, Callable[[Point], None]] = {
    "before-begin": before_begin,
    "after-begin": after_begin,
    "claimed-ahead": claimed_ahead,
    "sent": sent,
    "answered": answered,
    "before-settle": before_settle,
    "before-commit": before_commit,
    "checkpoint": small_log,
    "reports": reports,
    "reconcile-read": reconcile_read,
    "reconcile-settle": reconcile_settle,
}
"""`checkpoint` and `log-write` die in the system call itself: `fatal_write.c` counts for them."""


if __name__ == "__main__":
    chosen = os.environ["CHAOS_POINT"]
    if chosen in WRAPPERS:
        WRAPPERS[chosen](Point(chosen, int(os.environ["CHAOS_NTH"]), Path(os.environ["CHAOS_MARK"])))
    sys.exit(main(sys.argv[1:]))
