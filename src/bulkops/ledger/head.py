"""The one row of a ledger's table `run`: who works, how far it is, and what everything else must add up to."""

from __future__ import annotations

import hashlib
import sqlite3
from typing import NamedTuple

from bulkops.errors import LedgerError
from bulkops.ledger.base import Owner
from bulkops.ledger.lock import Hold
from bulkops.model import Traffic


class Head(NamedTuple):
    """The row as stored, but for its own checksum. `schema` says what each field means."""

    identity: int
    total: int
    created_ms: int
    commits: int = 0
    epoch: int = 0
    owner: str | None = None
    host: str | None = None
    pid: int | None = None
    started_at: float | None = None
    taken_ms: int | None = None
    lease_ms: int | None = None
    lease_length_ms: int | None = None
    last_claim: int = 0
    inherited: int = 0
    succeeded: int = 0
    skipped: int = 0
    failed: int = 0
    requests: int = 0
    throttled: int = 0
    retries: int = 0
    elapsed_s: float = 0.0
    settled_sum: int = 0
    request_sum: int = 0
    claim_sum: int = 0
    detail_sum: int = 0
    note_sum: int = 0

    @property
    def hold(self) -> Hold | None:
        """The lock; None when nobody has it."""
        if self.owner is None or self.host is None or self.pid is None or self.started_at is None:
            return None
        owner = Owner(self.owner, self.host, self.pid, self.started_at)
        taken, until, length = self.taken_ms or 0, self.lease_ms or 0, self.lease_length_ms or 0
        return Hold(owner, taken / 1000, until / 1000, length / 1000)

    @property
    def traffic(self) -> Traffic:
        """What all sessions sent."""
        return Traffic(self.requests, self.throttled, self.retries, self.elapsed_s)

    def given_back(self) -> Head:
        """The next head, without an owner."""
        return self._replace(
            commits=self.commits + 1,
            owner=None,
            host=None,
            pid=None,
            started_at=None,
            taken_ms=None,
            lease_ms=None,
            lease_length_ms=None,
        )

    def checksum(self) -> int:
        """63 bits over every field."""
        return _checksum(tuple(self))


_NAMES = Head._fields
_SELECT = f"SELECT {', '.join(_NAMES)}, checksum FROM run"  # noqa: S608 - names of our own
_INSERT = f"INSERT INTO run VALUES (1, {', '.join('?' * len(_NAMES))}, ?)"  # noqa: S608 - as above
_UPDATE = f"UPDATE run SET {', '.join(f'{name} = ?' for name in _NAMES)}, checksum = ? WHERE epoch = ? AND commits = ?"  # noqa: S608


def insert_head(connection: sqlite3.Connection, head: Head) -> None:
    """Store the row of a new ledger."""
    connection.execute(_INSERT, (*head, head.checksum()))


def update_head(connection: sqlite3.Connection, old: Head, new: Head, checksum: int) -> bool:
    """Replace the row; False, and nothing changed, where it is not `old` any more."""
    return connection.execute(_UPDATE, (*new, checksum, old.epoch, old.commits)).rowcount == 1


def read_head(connection: sqlite3.Connection) -> Head:
    """The row. Raises LedgerError if there is none, or its values are not those that were written."""
    found = connection.execute(_SELECT).fetchone()
    if found is None:
        raise LedgerError("it names no run")
    if _checksum(found[:-1]) != found[-1]:
        raise LedgerError("its head (the lock, the totals, the checksums) is not what was written")
    return Head(*found[:-1])


def _checksum(values: tuple[object, ...]) -> int:
    # repr tells None from 0, 0 from 0.0 and text from bytes
    digest = hashlib.blake2b(repr(values).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
