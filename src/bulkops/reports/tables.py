"""Tables of what an organisation holds, as bytes that are written piece by piece: CSV, JSON, JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from bulkops.reports.cells import cell_text, guarded
from bulkops.reports.write import Lines

FORMATS = ("csv", "json", "jsonl")

Columns = Mapping[str, str]
"""The columns of a table in their order: the name at its head, and the one that records have."""


class TableFormat(Protocol):
    """How a table is written. What it returns is put together in order; `rows` counts those that went before."""

    def head(self) -> bytes:
        """What stands before the first row."""

    def body(self, records: Iterable[Mapping[str, object]], *, rows: int) -> bytes:
        """Some rows."""

    def foot(self, *, rows: int) -> bytes:
        """What stands behind the last row."""


class CsvTable:
    """A header row and a row for each record; lists are parted by `;`, as job files have them.

    Unless `raw`, an apostrophe stands before what a spreadsheet would run: people choose their own names.
    """

    def __init__(self, columns: Columns, *, raw: bool = False) -> None:
        self._columns = columns
        self._raw = raw

    def head(self) -> bytes:
        """The header row."""
        return self._written([list(self._columns)])

    def body(self, records: Iterable[Mapping[str, object]], *, rows: int) -> bytes:
        """Rows."""
        sources, cell = tuple(self._columns.values()), cell_text if self._raw else _safe
        return self._written([cell(record.get(name)) for name in sources] for record in records)

    def foot(self, *, rows: int) -> bytes:
        """Nothing."""
        return b""

    @staticmethod
    def _written(lines: Iterable[Sequence[str]]) -> bytes:
        text = io.StringIO()
        csv.writer(Lines(text)).writerows(lines)
        return text.getvalue().encode("utf-8", "backslashreplace")


def _safe(value: object) -> str:
    text = cell_text(value)
    start = text.lstrip()
    return text if guarded(start[:1]) == start[:1] else f"'{text}"


class JsonTable:
    """One array, an object a line: lists are arrays, what is not there is null."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def head(self) -> bytes:
        """The bracket."""
        return b"["

    def body(self, records: Iterable[Mapping[str, object]], *, rows: int) -> bytes:
        """Objects, with a comma before each but the first."""
        pieces = []
        for record in records:
            pieces.append((b"," if rows else b"") + b"\n" + _object(self._columns, record))
            rows += 1
        return b"".join(pieces)

    def foot(self, *, rows: int) -> bytes:
        """The other bracket."""
        return b"\n]\n" if rows else b"]\n"


class JsonLines:
    """An object a line."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def head(self) -> bytes:
        """Nothing."""
        return b""

    def body(self, records: Iterable[Mapping[str, object]], *, rows: int) -> bytes:
        """Lines."""
        return b"".join(_object(self._columns, record) + b"\n" for record in records)

    def foot(self, *, rows: int) -> bytes:
        """Nothing."""
        return b""


def _object(columns: Columns, record: Mapping[str, object]) -> bytes:
    told = {name: record.get(source) for name, source in columns.items()}
    return json.dumps(told, ensure_ascii=False).encode("utf-8", "backslashreplace")


def table_format(name: str, columns: Columns, *, raw: bool = False) -> TableFormat:
    """The format of that name, one of `FORMATS`."""
    if name == "csv":
        return CsvTable(columns, raw=raw)
    return JsonTable(columns) if name == "json" else JsonLines(columns)
