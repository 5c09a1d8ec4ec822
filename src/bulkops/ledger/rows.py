"""Between values and the rows of a SQLite ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from bulkops.errors import LedgerError
from bulkops.ledger.base import Claim
from bulkops.ledger.book import Book, Ended
from bulkops.ledger.head import Head
from bulkops.model import Outcome, RowSet, Settled, State

SettledRow = tuple[int, int | None, int, int, int | None, int | None, str | None, int]
DetailRow = tuple[int, str, str]
ClaimRow = tuple[int, int, int, int, int, int | None, int | None, int | None, str | None]

_REMEMBERED = 10_000  # texts; beyond that one may be stored a second time, which costs its bytes and nothing else


class Details:
    """Codes and messages stored once, named by a number; `fresh` holds what no transaction has taken yet."""

    def __init__(self, next_id: int = 1) -> None:
        self.fresh: list[DetailRow] = []
        self._ids: dict[tuple[str, str], int] = {}
        self._next_id = next_id

    def id_of(self, code: str, message: str) -> int | None:
        """The number of a text; None for no text at all."""
        if not code and not message:
            return None
        found = self._ids.get((code, message))
        return self._add(code, message) if found is None else found

    def _add(self, code: str, message: str) -> int:
        if len(self._ids) >= _REMEMBERED:
            self._ids.clear()
        number = self._ids[code, message] = self._next_id
        self._next_id += 1
        self.fresh.append((number, storable(code), storable(message)))
        return number


def storable(text: str) -> str:
    """`text` without lone surrogates, which SQLite cannot hold: they must not cost a run its record."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _request(outcome: Outcome) -> str | None:
    """A provider's id of a request, in one line: `sums` reads many at once, a line each."""
    request = outcome.request_id
    return request and storable(request).replace("\n", " ")


def settled_row(ended: Ended, details: Details, at: int) -> SettledRow:
    """A run of rows that ended, as stored."""
    first, last, outcome = ended
    detail = details.id_of(outcome.code, outcome.message)
    until = None if last == first else last
    return first, until, int(outcome.state), outcome.attempts, outcome.http_status, detail, _request(outcome), at


def claim_rows(claim: Claim, details: Details, at: int) -> list[ClaimRow]:
    """An open claim, as stored."""
    doubt = claim.doubt
    if doubt is None:
        return [(claim.id, first, last, claim.attempt, at, None, None, None, None) for first, last in claim.rows.runs]
    detail = details.id_of(doubt.code, doubt.message)
    how = (doubt.attempts, doubt.http_status, detail, _request(doubt))
    return [(claim.id, first, last, claim.attempt, at, *how) for first, last in claim.rows.runs]


def read_claims(connection: sqlite3.Connection, created_ms: int) -> list[Claim]:
    """Open claims, oldest first."""
    query = """
        SELECT claim.id, first, last, attempt, at, doubt_attempts, doubt_status, code, message, doubt_request
        FROM claim LEFT JOIN detail ON detail.id = doubt_detail ORDER BY claim.id, first
    """
    runs: dict[tuple[int, int, int, Outcome | None], list[tuple[int, int]]] = {}
    for number, first, last, attempt, at, tried, status, code, message, request in connection.execute(query):
        doubt = tried is not None and Outcome.in_doubt(
            code or "", message or "", attempts=tried, http_status=status, request_id=request
        )
        runs.setdefault((number, attempt, at, doubt or None), []).append((first, last))
    return [
        Claim(number, RowSet(tuple(found)), attempt, (created_ms + at) / 1000, doubt)
        for (number, attempt, at, doubt), found in runs.items()
    ]


def read_settled(connection: sqlite3.Connection, *, after: int, limit: int) -> Iterator[Settled]:
    """Up to `limit` stored outcomes that begin above row `after`, ascending."""
    query = """
        SELECT first, last, state, attempts, http_status, code, message, request_id
        FROM settled LEFT JOIN detail ON detail.id = settled.detail WHERE first > ? ORDER BY first LIMIT ?
    """
    same: tuple[object, ...] = ()
    outcome = Outcome(State.SUCCEEDED)
    for first, last, *how in connection.execute(query, (after, limit)):
        if (key := tuple(how)) != same:  # neighbours mostly end alike: one value serves them all
            state, attempts, status, code, message, request = how
            same, outcome = key, Outcome(State(state), code or "", message or "", attempts, status, request)
        yield Settled(RowSet(((first, last or first),)), outcome)


def read_book(connection: sqlite3.Connection, head: Head) -> Book:
    """All that the ledger says about rows. Raises LedgerError where it contradicts itself."""
    done = (head.succeeded, head.skipped, head.failed)
    book = Book(head.total)
    try:
        # no row beyond the one that is too many: a damaged number must not fill the memory before it is found out
        query = "SELECT first, MIN(last, ?), state FROM settled ORDER BY first"
        book.restore_ended(connection.execute(query, (head.total + 1,)))
        if book.done() != done:
            raise LedgerError(f"it should hold outcomes of {sum(done):,} rows and holds {sum(book.done()):,}")
        for claim in read_claims(connection, head.created_ms):
            book.restore_claim(claim)
    except (IndexError, TypeError, ValueError) as error:
        raise LedgerError(f"its rows make no sense ({error})") from error
    book.last_claim = max(book.last_claim, head.last_claim)
    return book


def read_notes(connection: sqlite3.Connection) -> dict[str, str]:
    """All notes."""
    return dict(connection.execute("SELECT key, value FROM note").fetchall())
