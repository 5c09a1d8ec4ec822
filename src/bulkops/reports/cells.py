"""Turning values into the cells of a table, and texts from outside into something safe to show."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from bulkops.model import Row, shorten
from bulkops.reports.outcomes import RowOutcome

OUTCOME_COLUMNS = ("_row", "_outcome", "_error", "_http_status", "_message", "_attempts", "_request_id")
"""What reports add to the input's own columns."""

_MESSAGE_LIMIT = 2000
_FORMULA_STARTS = frozenset("=+-@＝＋－＠")
_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def input_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """`columns` without those that start with `_`: a failures file that is run again does not pile them up."""
    return tuple(column for column in columns if not column.startswith("_"))


def input_cells(row: Row | None, columns: Sequence[str]) -> list[str]:
    """The cells of `row` under `columns`; what it lacks is empty."""
    if row is None:
        return [""] * len(columns)
    return [cell_text(row.cells.get(column)) for column in columns]


def outcome_cells(outcome: RowOutcome) -> tuple[str, ...]:
    """The cells under `OUTCOME_COLUMNS`, but for the first: they are the same for all rows that ended alike."""
    return (
        outcome.state.label,
        guarded(one_line(outcome.code)),
        "" if outcome.http_status is None else str(outcome.http_status),
        guarded(shorten(one_line(outcome.message), _MESSAGE_LIMIT)),
        str(outcome.attempts),
        guarded(one_line(outcome.request_id or "")),
    )


def cell_text(value: Any) -> str:
    """What a job file would hold in a cell for `value`: text unchanged, lists parted by `;`, the rest as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return _list_text(value)
    return str(value) if isinstance(value, Decimal) else _json_text(value)


def _list_text(values: Sequence[Any]) -> str:
    """Parts that would not be read back as they are turn the whole list into JSON."""
    if any(value is None or isinstance(value, (list, tuple, Mapping)) for value in values):
        return _json_text(values)
    parts = [cell_text(value) for value in values]
    if all(part and part == part.strip() and ";" not in part and part[0] != "[" for part in parts):
        return ";".join(parts)
    return _json_text(values)


def _json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)


def guarded(text: str) -> str:
    """`text`, with an apostrophe in front where a spreadsheet would take it for a formula."""
    return f"'{text}" if text and text[0] in _FORMULA_STARTS else text


def one_line(text: str) -> str:
    """`text` on one line: white space run together, and then as `visible` makes it."""
    return visible(" ".join(text.split()))


def visible(text: str) -> str:
    """`text` with what would steer a terminal or turn the reading direction spelt out; nothing else changes."""
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character in _DIRECTION_MARKS or unicodedata.category(character) in {"Cc", "Cs"}:
        return ascii(character)[1:-1]
    return character
