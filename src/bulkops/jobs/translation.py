"""Other names for columns and other words for values: what makes the export of another system a job file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bulkops.jobs.names import canonical, clip, listed, nearest
from bulkops.jobs.rows import JobHead, JobSource
from bulkops.model import Problem

OTHERWISE = "*"  # as a name in `values`: any value that is not named; as what it becomes: the value itself

UNNAMED: Any = object()


class ValueMap:
    """What the values of one field become. Names compare without case."""

    def __init__(self, written: Mapping[str, Any]) -> None:
        self._by_name = {name.strip().casefold(): become for name, become in written.items() if name != OTHERWISE}
        self._names = tuple(name for name in written if name != OTHERWISE)
        self._otherwise = written.get(OTHERWISE, UNNAMED)

    def of(self, value: Any) -> Any:
        """What `value` becomes: one value, a list, or None as if nothing stood there. UNNAMED if nothing is said."""
        name = value.strip() if isinstance(value, str) else json.dumps(value, default=str)
        become = self._by_name.get(name.casefold(), self._otherwise)
        if isinstance(become, list):
            return [name if each == OTHERWISE else each for each in become]
        return name if become == OTHERWISE else become

    @property
    def expected(self) -> str:
        """The names there are, in words."""
        return listed(self._names)

    def nearest(self, value: Any) -> str | None:
        """The name that `value` most likely meant."""
        return nearest(str(value), self._names)


class Translation:
    """The `map` and the `values` of one job. Nothing is refused here; see `translation_problems`."""

    def __init__(self, head: JobHead) -> None:
        self.columns = {canonical(column): (column, _target(field)) for column, field in head.column_map.items()}
        self._values = {
            canonical(field): ValueMap(become) for field, become in head.value_map.items() if isinstance(become, dict)
        }

    def target(self, column: str) -> str | None:
        """The canonical name of what `column` is mapped to, "" if to nothing; None where the map leaves it out."""
        entry = self.columns.get(canonical(column)) if self.columns else None
        return entry[1] if entry is not None else None

    def meaning(self, column: str) -> str:
        """The canonical name of what `column` means: by the map, else by its own name."""
        target = self.target(column)
        return canonical(column) if target is None else target

    def values(self, name: str) -> ValueMap | None:
        """What the values of the field with this canonical name become; None where they stay as they are."""
        return self._values.get(name)

    def column_of(self, field: str, columns: Iterable[str]) -> str | None:
        """Which of `columns` means `field`."""
        wanted = canonical(field)
        return next((each for each in columns if not each.startswith("_") and self.meaning(each) == wanted), None)


def merged_map(of_file: Mapping[str, Any], named: Mapping[str, str]) -> Mapping[str, Any]:
    """The file's map under that of the command line, which wins for a column and for a field."""
    columns, fields = {canonical(each) for each in named}, {_target(each) for each in named.values()} - {""}
    left = {
        column: field
        for column, field in of_file.items()
        if canonical(column) not in columns and _target(field) not in fields
    }
    return {**left, **named}


def _target(field: Any) -> str:
    return canonical(field) if isinstance(field, str) else ""


def translation_problems(
    source: JobSource, translation: Translation, fields: Mapping[str, str], lists: frozenset[str]
) -> Iterator[Problem]:
    """What is wrong with the job's map and values; each concerns the file as a whole.

    `fields` are the fields that rows may have, by canonical name; those in `lists` hold several values.
    """
    names = {**fields, "operation": "operation"}
    if source.head.column_map:
        yield from _map_problems(source, translation, names)
    for field, become in source.head.value_map.items():
        yield from _values_problems(source.name, field, become, names, lists)


def _map_problems(source: JobSource, translation: Translation, names: Mapping[str, str]) -> Iterator[Problem]:
    there = {canonical(column): column for column in source.columns if not column.startswith("_")}
    seen: set[str] = set()
    for column, field in source.head.column_map.items():
        name, target = canonical(column), _target(field)
        if not isinstance(field, str | None):
            yield _of_map(source, column, "wrong kind of value", value=field, expected="the name of a field")
        elif target and target not in names:
            yield _of_map(source, column, "unknown field", value=field, nearest=nearest(field or "", names.values()))
        if name in seen:
            yield _of_map(source, column, "is mapped twice; keep one of them")
        elif name not in there:
            close = nearest(column, there.values())
            yield _of_map(source, column, "there is no such column", expected=_columns(there.values()), nearest=close)
        seen.add(name)
    for target, several in _meanings(translation, there.values()).items():
        if target in names and len(several) > 1 and any(translation.target(each) is not None for each in several):
            message = (
                f"{listed(map(clip, several), 'and')} all mean {names[target]}; map all but one of them to nothing"
            )
            yield Problem(source.name, message.replace(" all ", " both ", 1) if len(several) == 2 else message)


def _meanings(translation: Translation, columns: Iterable[str]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for column in columns:
        found.setdefault(translation.meaning(column), []).append(column)
    return found


def _columns(columns: Iterable[str]) -> str:
    return f"one of {listed(map(clip, columns))}"


def _of_map(
    source: JobSource,
    column: str,
    message: str,
    *,
    value: Any = None,
    expected: str | None = None,
    nearest: str | None = None,
) -> Problem:
    found = None if value is None else clip(value)
    return Problem(source.name, f"map: {message}", column=clip(column), value=found, expected=expected, nearest=nearest)


def _values_problems(
    file: str, field: str, become: Any, names: Mapping[str, str], lists: frozenset[str]
) -> Iterator[Problem]:
    name = canonical(field)
    if name not in names:
        yield Problem(file, "values: unknown field", value=clip(field), nearest=nearest(field, names.values()))
    if not isinstance(become, dict):
        expected = 'an object such as {"Sales": ["Sales EU", "CRM"]}'
        yield Problem(file, "values: wrong kind of value", column=clip(field), value=clip(become), expected=expected)
        return
    several, seen = names.get(name) in lists, set[str]()
    expected = "a value, a list of them, or null" if several else "one value, or null"
    for written, value in become.items():
        key = written.strip().casefold()
        if not key or key in seen:
            what = "is named twice, case aside" if key else "has no name: what an empty cell means stands in defaults"
            yield Problem(file, f"values: a value {what}", column=clip(field), value=clip(written))
        seen.add(key)
        if isinstance(value, dict) or (isinstance(value, list) and (not several or not all(map(_is_plain, value)))):
            yield Problem(
                file,
                f"values: what {clip(written)} becomes is of the wrong kind",
                column=clip(field),
                value=clip(value),
                expected=expected,
            )


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)
