"""What a ledger's owner keeps in memory of its file."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from bulkops.errors import LedgerError
from bulkops.ledger.book import Book
from bulkops.ledger.faults import damaged
from bulkops.ledger.group import Stored
from bulkops.ledger.head import Head, read_head
from bulkops.ledger.rows import Details, read_book, read_notes
from bulkops.ledger.schema import check_format


@dataclass(frozen=True, slots=True)
class Contents:
    """One state of the file: its head as it was read, the rest to be changed with what is written."""

    head: Head
    book: Book
    notes: dict[str, str]
    stored: Stored
    details: Details


def empty_contents(head: Head) -> Contents:
    """Those of a new ledger."""
    return Contents(head, Book(head.total), {}, Stored((), {}), Details())


def read_contents(connection: sqlite3.Connection, path: Path) -> Contents:
    """Everything, within a transaction. Raises LedgerError if it contradicts itself."""
    check_format(connection, path)
    try:
        head = read_head(connection)
        book = read_book(connection, head)
    except LedgerError as error:
        raise damaged(path, str(error)) from error
    notes = read_notes(connection)
    (last_detail,) = connection.execute("SELECT COALESCE(MAX(id), 0) FROM detail").fetchone()
    return Contents(
        head, book, notes, Stored(connection.execute("SELECT * FROM claim"), notes), Details(last_detail + 1)
    )
