"""What pydantic found, in an administrator's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import ErrorDetails

from bulkops.jobs.names import clip, listed, nearest

_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'")
_SHOULD_BE = "Input should be "

_KINDS: Mapping[str, str] = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "list": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "tuple": "a list",
    "iterable": "a list",
    "dict": "an object",
    "mapping": "an object",
    "model": "an object",
    "date": "a date such as 2026-01-31",
    "datetime": "a date and time such as 2026-01-31T09:00:00Z",
    "time": "a time such as 09:00",
    "uuid": "an id such as 09907221-ebea-4196-9bdc-b1bbfd8f95a3",
    "url": "an address such as https://acme.test/",
}

_BOUNDS: Mapping[str, tuple[str, str]] = {
    "string_too_short": ("too short", "at least {min_length} characters"),
    "string_too_long": ("too long", "at most {max_length} characters"),
    "too_short": ("too few entries", "at least {min_length}"),
    "too_long": ("too many entries", "at most {max_length}"),
    "greater_than": ("out of range", "more than {gt}"),
    "greater_than_equal": ("out of range", "{ge} or more"),
    "less_than": ("out of range", "less than {lt}"),
    "less_than_equal": ("out of range", "{le} or less"),
    "multiple_of": ("out of range", "a multiple of {multiple_of}"),
    "string_pattern_mismatch": ("wrong form", "text of the form {pattern}"),
}


@dataclass(frozen=True, slots=True)
class Explained:
    """One error: which field it is about ("" for the row as a whole), and what to print."""

    field: str
    message: str
    value: str | None = None
    expected: str | None = None
    nearest: str | None = None


def explain(error: ErrorDetails) -> Explained:
    """One entry of `ValidationError.errors()`. Messages of ValueErrors raised by validators come through verbatim."""
    loc = error["loc"]
    field = str(loc[0]) if loc else ""
    kind, context = error["type"], error.get("ctx", {})
    value = clip(error["input"]) if loc else None
    if kind == "missing":
        inside = ".".join(str(part) for part in loc[1:])
        return Explained(field, f"{inside} is missing" if inside else "is missing")
    if kind in {"value_error", "assertion_error"}:
        return Explained(field, str(context.get("error") or error["msg"]), value)
    for of_kind, explanation in _EXPLANATIONS.items():
        if kind in of_kind:
            return explanation(field, value, kind, context)
    return _other(field, value, error["msg"])


def _choice(field: str, value: str | None, _kind: str, context: Mapping[str, Any]) -> Explained:
    names = [name.replace("\\'", "'") for name in _QUOTED.findall(str(context.get("expected", "")))]
    expected = listed(names) if names else str(context.get("expected", "another value"))
    return Explained(field, "unknown value", value, expected, nearest(value or "", names))


def _bound(field: str, value: str | None, kind: str, context: Mapping[str, Any]) -> Explained:
    message, expected = _BOUNDS[kind]
    return Explained(field, message, value, expected.format_map(_Known(context)))


def _kind_of_value(field: str, value: str | None, kind: str, _context: Mapping[str, Any]) -> Explained:
    return Explained(field, "wrong kind of value", value, _KIND_OF[kind])


def _other(field: str, value: str | None, message: str) -> Explained:
    if message.startswith(_SHOULD_BE):
        return Explained(field, "not valid", value, message.removeprefix(_SHOULD_BE))
    return Explained(field, message, value)


class _Known(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return f"({key})"


_KIND_OF: Mapping[str, str] = {
    f"{kind}_{suffix}": expected
    for kind, expected in _KINDS.items()
    for suffix in (
        "type",
        "parsing",
        "parsing_size",
        "from_float",
        "from_date_parsing",
        "from_datetime_parsing",
        "from_datetime_inexact",
        "attributes_type",
        "scheme",
        "unicode",
    )
}

_EXPLANATIONS: Mapping[frozenset[str], Callable[[str, str | None, str, Mapping[str, Any]], Explained]] = {
    frozenset({"literal_error", "enum"}): _choice,
    frozenset(_BOUNDS): _bound,
    frozenset(_KIND_OF): _kind_of_value,
}
