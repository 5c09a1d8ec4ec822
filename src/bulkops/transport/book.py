"""Where allotments are kept: in memory, or in a small file that all processes of a user on this machine share.

The file holds no secret and nothing that must survive: without it each run goes on by itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import orjson
import structlog

from bulkops.policy import Allotment

log = structlog.get_logger(__name__)

BUSY_S = 1.0
BOOT_TOLERANCE_S = 30.0
FORGET_S = 86_400.0
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS allotment "
    "(key TEXT PRIMARY KEY, at REAL NOT NULL, boot REAL NOT NULL, state BLOB NOT NULL)"
)


class Book(Protocol):
    """The allotments of one account, by endpoint class. Its calls are quick and never fail."""

    shared: bool

    def edit(self, name: str) -> AbstractContextManager[Allotment]:
        """The allotment of a class, nobody else's while it is open; what is changed in it is kept."""

    def limits(self, name: str) -> bool:
        """Whether something is known that limits the class."""

    def close(self) -> None:
        """Nothing is asked any more."""


class MemoryBook:
    """For one process alone."""

    shared = False

    def __init__(self) -> None:
        self._allotments: dict[str, Allotment] = {}

    @contextlib.contextmanager
    def edit(self, name: str) -> Iterator[Allotment]:
        """The one object that there is."""
        yield self._allotments.setdefault(name, Allotment())

    def limits(self, name: str) -> bool:
        """Whether something is known that limits the class."""
        return name in self._allotments and not self._allotments[name].idle

    def close(self) -> None:
        """Nothing to do."""


class SharedBook:
    """A SQLite file that the processes of one user share; `account` tells whose quota it is.

    A file that cannot be used is said once in the log; from then on this process goes on alone, with what it knows.
    """

    def __init__(self, path: Path, *, account: str) -> None:
        self.shared = True
        self._path = path
        self._account = account
        self._keys: dict[str, str] = {}
        self._known: dict[str, Allotment] = {}
        self._file: sqlite3.Connection | None = None

    @contextlib.contextmanager
    def edit(self, name: str) -> Iterator[Allotment]:
        """A write transaction around what is done with the allotment."""
        allotment = self._begin(name)
        self._known[name] = allotment
        try:
            yield allotment
        finally:  # whatever happened: a transaction that stays open would hold everybody
            self._commit(name, allotment)

    def limits(self, name: str) -> bool:
        """Whether something is known that limits the class. Makes no file where there is none."""
        if not self.shared:
            return name in self._known and not self._known[name].idle
        if self._file is None and not self._path.exists():
            return False
        try:
            return not self._read(self._open(), name).idle
        except (sqlite3.Error, OSError) as error:
            self._go_on_alone(error)
            return self.limits(name)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with contextlib.suppress(sqlite3.Error):
                self._file.close()
        self._file = None
        self.shared = False

    def _begin(self, name: str) -> Allotment:
        if self.shared:
            try:
                file = self._open()
                file.execute("BEGIN IMMEDIATE")
                return self._read(file, name)
            except (sqlite3.Error, OSError) as error:
                self._go_on_alone(error)
        return self._known.get(name) or Allotment()

    def _commit(self, name: str, allotment: Allotment) -> None:
        if not self.shared or self._file is None:
            return
        try:
            row = (self._key(name), time.time(), _booted_at(), orjson.dumps(allotment.to_plain()))
            self._file.execute("INSERT OR REPLACE INTO allotment VALUES (?, ?, ?, ?)", row)
            self._file.execute("COMMIT")
        except sqlite3.Error as error:
            self._go_on_alone(error)

    def _read(self, file: sqlite3.Connection, name: str) -> Allotment:
        """What is stored, unless it is of an earlier boot (its clock began anew) or of another version."""
        row = file.execute("SELECT boot, state FROM allotment WHERE key = ?", (self._key(name),)).fetchone()
        if row is None or abs(row[0] - _booted_at()) > BOOT_TOLERANCE_S:
            return Allotment()
        try:
            return Allotment.of_plain(orjson.loads(row[1]))
        except (KeyError, TypeError, ValueError):
            return Allotment()

    def _key(self, name: str) -> str:
        if name not in self._keys:
            self._keys[name] = hashlib.sha256(f"{self._account}\n{name}".encode()).hexdigest()[:32]
        return self._keys[name]

    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path.touch(mode=0o600)
            file = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            self._file = file
            # a process may be killed at any time; the machine need not be survived
            file.execute("PRAGMA journal_mode = WAL")
            file.execute("PRAGMA synchronous = OFF")
            file.execute(_SCHEMA)
            file.execute("DELETE FROM allotment WHERE at < ?", (time.time() - FORGET_S,))
        return self._file

    def _go_on_alone(self, error: Exception) -> None:
        log.warning("quota.not_shared", file=str(self._path), why=str(error))
        self.close()


def _booted_at() -> float:
    """When this machine's even clock began, in epoch seconds: tells one boot from another."""
    return time.time() - time.monotonic()
