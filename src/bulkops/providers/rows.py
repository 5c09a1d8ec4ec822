"""What reading a provider's rows has in common: ids, moments, and words for what is no row."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from bulkops.errors import StoppedError
from bulkops.transport import Answer

RowT = TypeVar("RowT")

_NO_IDS = (bool, dict, list)  # a tuple: a union in the call would be built anew for each row


def parsed(parse: Callable[[Mapping[str, Any]], RowT], row: Mapping[str, Any], what: str) -> RowT:
    """`row` as `parse` reads it. Raises StoppedError where it cannot: rows are what guards and plans rest on."""
    try:
        return parse(row)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise StoppedError(f"{what} has an unexpected shape ({error!r}): nothing was decided on it") from error


def id_in(row: Mapping[str, Any], key: str) -> str:
    """An id as text. Raises ValueError for none: rows without one could not be told apart."""
    value = row[key]
    if value is None or value == "" or isinstance(value, _NO_IDS):
        raise ValueError(f"{key} is {type(value).__name__ if value else 'empty'}")
    return str(value)


def now_of(answer: Answer) -> float:
    """The moment by which a row of `answer` has expired: by its own date or by our clock, whichever is earlier.

    A clock that goes wrong, ours or theirs, must not make what is outstanding look expired: it would be sent again.
    """
    ours = time.time()
    return ours if answer.date is None else min(ours, answer.date)


def moment(value: Any) -> float | None:
    """Epoch seconds of a number in seconds or milliseconds, told apart by its size, or of an ISO date; else None."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) / (1000.0 if value > 1e11 else 1.0)
    if isinstance(value, str) and value:
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            return None
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    return None


def iso(value: Any) -> str | None:
    """The same moments as ISO 8601 in UTC with milliseconds, None where there is none."""
    try:
        at = moment(value)
        found = None if at is None else datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return found.isoformat(timespec="milliseconds").replace("+00:00", "Z") if found is not None else None
