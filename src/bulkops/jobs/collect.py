"""From a row's cells to the fields of its operation: names matched, texts trimmed, lists split."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bulkops.jobs.names import canonical, clip, listed, nearest
from bulkops.jobs.plans import Plan, split, trimmed
from bulkops.jobs.rows import JobSource
from bulkops.jobs.translation import UNNAMED, Translation, ValueMap
from bulkops.model import Problem, Row

MAX_TEXT = 10_000  # characters of one field
_MAX_SLOTS = 2000  # column names remembered for one operation
_MAX_WARNINGS = 50
_INVISIBLE = {"Cc", "Cs", "Zl", "Zp"}
_MISNAMED = "operation?"  # stands in a slot for an item's field that is `operation` but for its spelling
_ZERO_WIDTH = {"\u200b", "\u2060", "\ufeff"}


class Collector:
    """Collects fields for the plans of one file. `warnings` grows as names go by, up to 50.

    `shared` tells that rows of several operations stand under the same columns, so that a column is unknown only if
    none of them has it.
    """

    def __init__(self, source: JobSource, plans: Mapping[str, Plan], *, shared: bool) -> None:
        self.warnings: list[Problem] = []
        self._source = source
        self._plans = plans
        self._shared = shared
        self._csv = source.delimiter is not None
        self._separator = "|" if source.delimiter == ";" else ";"
        self._warned: set[str] = set()
        self.translation = Translation(source.head)
        self._translates = bool(source.head.value_map)
        self._values: dict[str, list[tuple[str, ValueMap]]] = {}

    def collect(self, plan: Plan, row: Row, problems: list[Problem]) -> dict[str, Any]:
        """The row's values by field name; empty ones are absent, defaults are filled in.

        Faults of a text itself are appended to `problems`.
        """
        fields = (self._plain(plan, row.cells) if self._csv else None) or self._any(plan, row, problems)
        if self._translates:
            self._translate(plan, row, fields, problems)
        return {**self._filled(plan), **fields} if plan.defaults else fields

    def meaning(self, plan: Plan, column: str) -> str:
        """The field that `column` means for this operation; "" if none."""
        return "" if column.startswith("_") else plan.fields.get(self.translation.meaning(column), "")

    def written(self, plan: Plan, row: Row, field: str) -> str:
        """The name of the row's own column for `field`; `field` itself if it has none."""
        return next((column for column in row.cells if field and plan.slots.get(column) == field), field)

    def look_ahead(self, plan: Plan | None) -> None:
        """Warn, before any row, about the defaults' names and, where all rows follow `plan`, a CSV header's."""
        if plan is not None and self._csv:
            self._warn_unmapped(plan)
            for column in self._source.columns:
                self._slot(plan, column)
        names = {name: field for each in self._plans.values() for name, field in each.fields.items()}
        for name in self._source.defaults:
            if not name.startswith("_") and canonical(name) not in names and name != "operation":
                close = nearest(name, names.values())
                self._warn(name, "unknown field in defaults: it is ignored", nearest=close)

    def _plain(self, plan: Plan, cells: Mapping[str, str]) -> dict[str, Any] | None:
        """What `_any` returns for a CSV row in which no text needs a closer look; None for any other."""
        text = "".join(cells.values())
        if not text.isprintable() or len(text) > MAX_TEXT:
            return None
        if plan.picks is None:
            columns = [(column, self._slot(plan, column)) for column in self._source.columns]
            plan.picks = [(column, field) for column, field in columns if field and field not in plan.lists]
            plan.splits = [(column, field) for column, field in columns if field in plan.lists]
        fields: dict[str, Any] = {field: value for column, field in plan.picks if (value := cells[column])}
        for column, field in plan.splits:
            if (value := cells[column]) and (parts := split(value, self._separator)):
                fields[field] = parts
        return fields

    def _any(self, plan: Plan, row: Row, problems: list[Problem]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        slot, lists = plan.slots.get, plan.lists
        for column, value in row.cells.items():
            field = slot(column)
            if field is None:
                field = self._slot(plan, column)
            if not field or value is None:
                continue
            if type(value) is str:
                text = value.strip()
                if not text:
                    continue
                if not text.isprintable() or len(text) > MAX_TEXT:
                    self._look_at(row, column, text, problems)
                taken: Any = split(text, self._separator) if field in lists else text
            elif type(value) is list:
                taken = trimmed(value)
                self._look_into(row, column, taken, problems)
            else:
                taken = value
            if field in fields:
                problems.append(
                    _problem(self._source, row, column, f"{field} is given twice", clip(value), "one value")
                )
            fields[field] = taken
        if _MISNAMED in fields:
            problems.append(self._misnamed(row, plan))
        return fields

    def _translate(self, plan: Plan, row: Row, fields: dict[str, Any], problems: list[Problem]) -> None:
        """Put what the job's `values` say in the place of what the row says."""
        for field, values in self._values_of(plan):
            if field not in fields:
                continue
            found = fields[field]
            new = [values.of(each) for each in (found if isinstance(found, list) else [found])]
            if UNNAMED in new:
                column = self.written(plan, row, field)
                each = found[new.index(UNNAMED)] if isinstance(found, list) else found
                problems.append(self.unnamed(row, column, field, each, values))
            elif all(each is None for each in new) and found != []:
                del fields[field]
            else:
                fields[field] = _joined(new) if field in plan.lists else new[0]

    def _values_of(self, plan: Plan) -> list[tuple[str, ValueMap]]:
        if plan.operation not in self._values:
            pairs = [(field, self.translation.values(name)) for name, field in plan.fields.items()]
            self._values[plan.operation] = [(field, values) for field, values in pairs if values is not None]
        return self._values[plan.operation]

    def unnamed(self, row: Row, column: str, field: str, value: Any, values: ValueMap) -> Problem:
        """The problem of a value of which the job's `values` say nothing."""
        message = f"is not among the values of {field}"
        expected = f'{values.expected}; "*" in values stands for all others'
        problem = _problem(self._source, row, column, message, clip(value), expected)
        return replace(problem, nearest=values.nearest(value))

    def _misnamed(self, row: Row, plan: Plan) -> Problem:
        column = self.written(plan, row, _MISNAMED)
        return _problem(self._source, row, column, "this field's name is misspelt", clip(column), "operation")

    def _filled(self, plan: Plan) -> dict[str, Any]:
        """The defaults as fields."""
        return {
            field: split(value, self._separator) if field in plan.lists and isinstance(value, str) else value
            for field, value in plan.defaults.items()
        }

    def _look_into(self, row: Row, column: str, values: list[Any], problems: list[Problem]) -> None:
        for each in values:
            if type(each) is str and (not each.isprintable() or len(each) > MAX_TEXT):
                self._look_at(row, column, each, problems)

    def _look_at(self, row: Row, column: str, text: str, problems: list[Problem]) -> None:
        if len(text) > MAX_TEXT:
            expected = f"at most {MAX_TEXT:,} characters"
            problems.append(_problem(self._source, row, column, "too long", clip(text), expected))
            return
        odd = next((c for c in text if unicodedata.category(c) in _INVISIBLE or c in _ZERO_WIDTH), None)
        if odd is not None:
            message = f"holds an invisible or control character (U+{ord(odd):04X})"
            problems.append(_problem(self._source, row, column, message, clip(text), "one line of visible text"))

    def _slot(self, plan: Plan, column: str) -> str:
        """The field that `column` means for this operation; "" if none."""
        mapped = self.translation.target(column) is not None
        name = self.translation.meaning(column)
        field = self.meaning(plan, column)
        if column.startswith("_") or mapped:
            pass
        elif name == "operation" and not field:
            field = "" if self._csv or column == name else _MISNAMED
        elif not field:
            self._warn_unknown(plan, column)
        elif name != column.casefold():
            self._warn(column, f"is read as {field}")
        if len(plan.slots) < _MAX_SLOTS:
            plan.slots[column] = field
        return field

    def _known(self, plan: Plan) -> Mapping[str, str]:
        """The fields of all plans that a column may be for, by canonical name."""
        plans = self._plans.values() if self._shared else [plan]
        return {name: field for each in plans for name, field in each.fields.items()}

    def _warn_unmapped(self, plan: Plan) -> None:
        """Where a job maps columns, the others are told of together, but for those that look mistyped."""
        if not self.translation.columns:
            return
        names = self._known(plan)
        others = [
            column
            for column in self._source.columns
            if not column.startswith("_")
            and self.translation.target(column) is None
            and canonical(column) not in (*names, "operation")
            and nearest(column, names.values()) is None
        ]
        if others:
            self._warned.update(others)
            many = f"{len(others):,} columns are not mapped and are ignored, but carried into reports"
            message = "a column is not mapped and is ignored, but carried into reports" if len(others) == 1 else many
            named = listed(map(clip, others), "and")
            self.warnings.append(Problem(self._source.name, f"{message}: {named}", line=self._source.header_line))

    def _warn_unknown(self, plan: Plan, column: str) -> None:
        names = self._known(plan)
        if canonical(column) not in names:
            message = "unknown column: it is ignored, and carried into reports"
            self._warn(column, message, nearest=nearest(column, names.values()))

    def _warn(self, column: str, message: str, *, nearest: str | None = None) -> None:
        if column in self._warned or len(self.warnings) >= _MAX_WARNINGS:
            return
        self._warned.add(column)
        line = self._source.header_line
        self.warnings.append(Problem(self._source.name, message, line=line, column=clip(column), nearest=nearest))


def _joined(new: list[Any]) -> list[Any]:
    """Values and lists of them as one list, each value once, without None."""
    flat = [value for each in new for value in (each if isinstance(each, list) else [each])]
    return [value for at, value in enumerate(flat) if value is not None and value not in flat[:at]]


def _problem(source: JobSource, row: Row, column: str, message: str, value: str, expected: str) -> Problem:
    return Problem(source.name, message, line=row.line, row=row.number, column=column, value=value, expected=expected)
