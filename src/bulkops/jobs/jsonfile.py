"""JSON and JSONL job files."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from bulkops.jobs.jsontext import Cursor, Fault, decode, in_words
from bulkops.jobs.names import canonical, clip, listed, nearest
from bulkops.jobs.rows import MAX_COLUMNS, BadRow, JobHead, JobSource
from bulkops.jobs.source import MAX_VALUE, Source, fault, open_text
from bulkops.model import Problem, Row

HEAD_KEYS: Mapping[str, type] = {
    "name": str,
    "operation": str,
    "target": str,
    "defaults": dict,
    "options": dict,
    "map": dict,
    "values": dict,
    "items_from": str,
    "source": dict,
}
_ATTRIBUTES: Mapping[str, str] = {"map": "column_map", "values": "value_map"}
_KINDS: Mapping[type, str] = {str: "text", dict: "an object", list: "a list"}
_SHAPE = 'expected {"operation": ..., "items": [...]} or a list of items'


class FoundColumns:
    """Field names in order of first sight, gathered while rows go by."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._names: dict[str, None] = {}
        self._last: object = None

    def see(self, cells: Mapping[str, Any]) -> None:
        """Note the fields of one row. Raises JobFileError beyond 1,000 different names."""
        keys = cells.keys()
        if keys == self._last:
            return
        self._last = keys
        self._names.update(dict.fromkeys(keys))
        if len(self._names) > MAX_COLUMNS:
            raise fault(self._name, f"has more than {MAX_COLUMNS:,} different field names: these are not job items")

    def names(self) -> tuple[str, ...]:
        """All names seen."""
        return tuple(self._names)


class ItemsSource(JobSource):
    """A job file without a header: its columns are known after one complete reading, whoever does it."""

    _columns: tuple[str, ...] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Every field name that any item has."""
        if self._columns is None:
            for _ in self.rows():
                pass
        return self._columns or ()

    def rows(self, first: int = 1) -> Iterator[Row | BadRow]:
        """As JobSource says. A reading that reaches the end also finds the columns."""
        found = FoundColumns(self.name)
        for number, (line, value) in enumerate(self._values(), 1):
            if isinstance(value, dict):
                found.see(value)
                if number >= first:
                    yield Row(number, line, value)
            elif number >= first:
                yield self._bad(number, line, value)
        self._columns = found.names()

    @abstractmethod
    def _values(self) -> Iterator[tuple[int, Any]]:
        """Line and value of each item."""

    def _bad(self, number: int, line: int, value: Any) -> BadRow:
        if isinstance(value, Fault):
            return BadRow(number, line, Problem(self.name, value.message, line=line, row=number))
        problem = Problem(
            self.name,
            "an item is not an object",
            line=line,
            row=number,
            value=clip(value),
            expected='an object such as {"email": "ann@acme.test"}',
        )
        return BadRow(number, line, problem)


class JsonSource(ItemsSource):
    """A JSON document: an object with `items`, or a bare list of them.

    Without `head` an object is read once to its end, because its keys may come in any order.
    Raises JobFileError with line and column if it is broken or has no list of items.
    """

    def __init__(self, source: Source, *, head: JobHead | None = None) -> None:
        super().__init__(source, head or JobHead())
        if head is None:
            self.head = self._survey()

    def _values(self) -> Iterator[tuple[int, Any]]:
        with open_text(self.source, newline=None) as file:
            cursor = Cursor(file, self.name)
            if cursor.peek() == "[":
                yield from cursor.elements()
                self._end(cursor)
                return
            for key in cursor.members():
                if key == "items":
                    yield from cursor.elements()
                    return  # what follows was read for the head
                cursor.value()

    def _end(self, cursor: Cursor) -> None:
        if cursor.peek():
            raise fault(
                self.name,
                "more follows after the end of the JSON; for one object a line, name the file .jsonl",
                line=cursor.line,
            )

    def _survey(self) -> JobHead:
        with open_text(self.source, newline=None) as file:
            cursor = Cursor(file, self.name)
            start = cursor.peek()
            if start == "[":
                return JobHead()
            if start != "{":
                raise fault(self.name, f"is not a job; {_SHAPE}", line=cursor.line)
            head = self._members(cursor)
            self._end(cursor)
        ways = [key for key in ("items", "items_from", "source") if key in head and (key == "items" or head[key])]
        if len(ways) > 1:
            raise fault(self.name, f'has both "{ways[0]}" and "{ways[1]}"; keep one of them')
        if not ways or not (ways == ["items"] or isinstance(head[ways[0]], HEAD_KEYS[ways[0]])):
            raise fault(self.name, f'has no "items"; {_SHAPE}; for one object a line, name the file .jsonl')
        return self._head(_with_options_map(head))

    def _members(self, cursor: Cursor) -> dict[str, Any]:
        """What the document's object holds; None in place of the items, which are only gone through."""
        values: dict[str, Any] = {}
        for key in cursor.members():
            if key in values:
                raise fault(self.name, f"has {clip(key)!r} twice; keep one of them", line=cursor.line)
            if key == "items":
                values[key] = None
                self._pass_items(cursor)
            else:
                value = cursor.value()
                if isinstance(value, Fault) and not key.startswith("_"):
                    raise fault(self.name, f"{clip(key)}: {value.message}", line=cursor.line)
                values[key] = value
        return values

    def _pass_items(self, cursor: Cursor) -> None:
        if cursor.peek() != "[":
            raise fault(self.name, '"items" is not a list of objects', line=cursor.line)
        found = FoundColumns(self.name)
        for _, value in cursor.elements():
            if isinstance(value, dict):
                found.see(value)
        self._columns = found.names()

    def _head(self, values: dict[str, Any]) -> JobHead:
        problems: list[Problem] = []
        known: dict[str, Any] = {}
        for key, value in values.items():
            if key == "items" or key.startswith("_"):
                continue
            wanted = HEAD_KEYS.get(key)
            if wanted is None:
                problems.append(self._unknown(key))
            elif isinstance(value, wanted):
                known[_ATTRIBUTES.get(key, key)] = value
            elif value is not None:
                message = "wrong kind of value"
                problems.append(
                    Problem(self.name, message, column=key, value=clip(value), expected=_KINDS[wanted]),
                )
        return JobHead(**known, problems=tuple(problems))

    def _unknown(self, key: str) -> Problem:
        names = [*HEAD_KEYS, "items"]
        return Problem(
            self.name,
            "unknown key at the top of the file",
            value=clip(key),
            expected=f"{listed(names)}; a key that starts with _ is ignored",
            nearest=nearest(key, names),
        )


class JsonLinesSource(ItemsSource):
    """One JSON object a line; blank lines are skipped, and a broken line is one bad row.

    Raises JobFileError if the file is one JSON list instead.
    """

    def __init__(self, source: Source) -> None:
        super().__init__(source, JobHead())
        with open_text(source, newline=None) as file:
            start = Cursor(file, source.name).peek()
        if start == "[":
            raise fault(source.name, "is a JSON list although its name says one object a line: name it .json", line=1)

    def _values(self) -> Iterator[tuple[int, Any]]:
        with open_text(self.source, newline=None) as file:
            line = 0
            while text := file.readline(MAX_VALUE + 2):
                line += 1
                if len(text) > MAX_VALUE + 1:
                    raise fault(self.name, f"is longer than {MAX_VALUE:,} characters", line=line)
                text = text.strip(" \t\r\n")
                if text:
                    yield line, _line_value(text)


def _with_options_map(values: dict[str, Any]) -> dict[str, Any]:
    """`options` may hold the map, as the command line does."""
    options = values.get("options")
    if not isinstance(options, dict) or "map" not in options or values.get("map") is not None:
        return values
    left = {key: value for key, value in options.items() if key != "map"}
    return {**values, "options": left, "map": options["map"]}


def _line_value(text: str) -> Any:
    try:
        value, end = decode(text, 0)
    except json.JSONDecodeError as error:
        return Fault(f"is not valid JSON in column {error.pos + 1}: {in_words(error)}")
    except RecursionError:
        return Fault("is nested too deep")
    if end < len(text):
        return Fault(f"is not one JSON value: more follows in column {end + 1}")
    if isinstance(value, dict) and "items" in value and isinstance(value["items"], list):
        names = {canonical(key) for key in value}
        if names & set(HEAD_KEYS):
            return Fault("is a whole job, not one item: name the file .json, or write one item a line")
    return value
