"""Checksums over the values of a ledger's tables, which SQLite itself does not have.

Each is a sum over a table's rows, in no order: a commit adds what it inserts and subtracts what it deletes. A row
counts as its key times a weighted sum of its other values, modulo a prime, so that a changed bit, a lost row and values
that changed places all change the sum. `settled` may have a million rows and is added up by SQLite, hence its smaller
prime; the request ids in it, which SQLite cannot hash, have a sum of their own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from zlib import crc32

from bulkops.errors import LedgerError
from bulkops.ledger.head import Head
from bulkops.ledger.rows import ClaimRow, DetailRow, SettledRow

Sums = tuple[int, int, int, int, int]
"""Of settled rows, their request ids, claims, details and notes."""

_SMALL = 2**31 - 1  # products of two residues fit SQLite's 64 bits
_LARGE = 2**61 - 1
_IDS = 50_000  # rows whose request ids are read at a time
_NO = -1  # what NULL counts as: unlike 0, which is one bit away from it in the file

_SETTLED = f"""
SELECT SUM((first + 1) * ((
        IFNULL(last, {_NO}) * 1000003 + state * 7919 + attempts * 104729 + IFNULL(http_status, {_NO}) * 1299709
        + IFNULL(detail, {_NO}) * 611953 + at * 31337 + 97
    ) % {_SMALL}) % {_SMALL}),
    SUM(NOT (state < '' AND attempts < '' AND at < '' AND IFNULL(last, 0) < '' AND IFNULL(http_status, 0) < ''
        AND IFNULL(detail, 0) < '' AND IFNULL(request_id, '') < x'')),
    COUNT(request_id), MAX(first)
FROM settled
"""  # noqa: S608 - numbers of our own. Numbers sort before '', texts before x'': what is neither was changed
_REQUESTS = "SELECT CAST(GROUP_CONCAT(request_id, char(10)) AS BLOB) FROM settled WHERE first > ? AND first <= ?"


def settled_sums(rows: Iterable[SettledRow]) -> tuple[int, int]:
    """What outcomes add to their two sums."""
    values = requests = 0
    for first, last, state, attempts, status, detail, request, at in rows:
        values += (first + 1) * (
            (_NO if last is None else last) * 1000003
            + state * 7919
            + attempts * 104729
            + (_NO if status is None else status) * 1299709
            + (_NO if detail is None else detail) * 611953
            + at * 31337
            + 97
        )
        if request is not None:
            requests += crc32(request.encode()) + 1
    return values % _SMALL, requests % _LARGE


def claim_sum(rows: Iterable[ClaimRow]) -> int:
    """What the rows of a claim add to their sum."""
    total = 0
    for number, first, last, attempt, at, tried, status, detail, request in rows:
        values = number * 1000003 + last * 7919 + attempt * 104729 + at * 31337 + 97
        if not (tried is None and status is None and detail is None and request is None):
            values += (crc32(repr((tried, status, detail, request)).encode()) + 1) * 1299709
        total += (first + 1) * values
    return total % _LARGE


def detail_sum(rows: Iterable[DetailRow]) -> int:
    """What codes and messages add to their sum."""
    return sum((number + 1) * (crc32(f"{code}\0{message}".encode()) + 1) for number, code, message in rows) % _LARGE


def note_sum(key: str, value: str) -> int:
    """What a note adds to the sum of notes."""
    return (crc32(key.encode()) + 1) * (crc32(value.encode()) + 1) % _LARGE


def plus(head: Head, new: Sums) -> Head:
    """`head` with `new` added to its sums; a part of it may be negative."""
    settled, requests, claims, details, notes = new
    return head._replace(
        settled_sum=(head.settled_sum + settled) % _SMALL,
        request_sum=(head.request_sum + requests) % _LARGE,
        claim_sum=(head.claim_sum + claims) % _LARGE,
        detail_sum=(head.detail_sum + details) % _LARGE,
        note_sum=(head.note_sum + notes) % _LARGE,
    )


def check_sums(connection: sqlite3.Connection, head: Head) -> None:
    """Raises LedgerError naming each table whose values are not those that were written."""
    wrong = [what for what, sound in _findings(connection, head) if not sound]
    if wrong:
        raise LedgerError(f"{' and '.join(wrong)} in it are not what was written")


def _findings(connection: sqlite3.Connection, head: Head) -> Iterable[tuple[str, bool]]:
    yield "the outcomes of rows", _settled_is_sound(connection, head)
    claims = connection.execute("SELECT * FROM claim").fetchall()
    numbers = all(_are_numbers(row[:5], row[5:8]) and _are_texts(row[8:], or_none=True) for row in claims)
    yield "the notes of rows that were about to be sent", numbers and claim_sum(claims) == head.claim_sum
    details = connection.execute("SELECT * FROM detail").fetchall()
    yield (
        "the reasons of outcomes",
        all(_are_texts(row[1:]) for row in details) and detail_sum(details) == head.detail_sum,
    )
    notes = connection.execute("SELECT * FROM note").fetchall()
    sound = all(map(_are_texts, notes)) and sum(note_sum(*row) for row in notes) % _LARGE == head.note_sum
    yield "the notes on the run (what was confirmed, among them)", sound


def _settled_is_sound(connection: sqlite3.Connection, head: Head) -> bool:
    values, strange, with_request, last = connection.execute(_SETTLED).fetchone()
    if strange or not isinstance(values or 0, int) or (values or 0) % _SMALL != head.settled_sum:
        return False
    requests = 0
    for start in range(0, last or 0, _IDS) if with_request else ():
        (joined,) = connection.execute(_REQUESTS, (start, start + _IDS)).fetchone()
        if joined is not None:
            found = joined.split(b"\n")
            requests += sum(map(crc32, found)) + len(found)
    return requests % _LARGE == head.request_sum


def _are_numbers(values: Sequence[object], optional: Sequence[object]) -> bool:
    return all(type(value) is int for value in values) and all(
        value is None or type(value) is int for value in optional
    )


def _are_texts(values: Sequence[object], *, or_none: bool = False) -> bool:
    return all(type(value) is str or (or_none and value is None) for value in values)
