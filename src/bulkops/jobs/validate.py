"""Turn rows into the fields of their operation, or say what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel, ValidationError

from bulkops.jobs.collect import Collector
from bulkops.jobs.explain import Explained, explain
from bulkops.jobs.names import canonical_operation, clip, listed, nearest
from bulkops.jobs.plans import Plan, make_plan
from bulkops.jobs.rows import JobSource
from bulkops.jobs.translation import UNNAMED, Translation, translation_problems
from bulkops.model import Problem, Row

_MAX_SPELLINGS = 1000  # ways to write an operation that are remembered


class RowValidator:
    """Checks the rows of one job file against the models of their operations.

    `models` maps each operation that the target offers to the model of its item fields; `operations` names those
    known elsewhere, to tell "not offered" from "unknown", and `allowed_by` says what would have some of them offered.
    A row's operation is the command line's, given here as
    `operation`, else its own, else the file's.
    """

    def __init__(
        self,
        models: Mapping[str, type[BaseModel]],
        *,
        source: JobSource,
        operation: str | None = None,
        operations: Sequence[str] = (),
        allowed_by: Mapping[str, str] | None = None,
    ) -> None:
        self._source = source
        self._file = source.name
        self._allowed_by = allowed_by or {}
        self._known = (*models, *(each for each in operations if each not in models))
        self._plans = {name: make_plan(name, model, source.defaults) for name, model in models.items()}
        self._by_spelling: dict[str, Plan] = dict(self._plans)
        self._absent: dict[tuple[str, str], Problem | None] = {}
        self._forced = operation is not None
        self._translation = Translation(source.head)
        self._column = self._operation_column()
        self._fallback = self._fallback_plan(operation)
        self._shared = self._column is not None and not self._forced
        self._collector = Collector(source, self._plans, shared=self._shared)
        self._collector.look_ahead(self._fallback if isinstance(self._fallback, Plan) else None)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Names that are unknown or were read as others; complete after the last row."""
        return tuple(self._collector.warnings)

    def head_problems(self) -> Iterator[Problem]:
        """What is wrong with the job's map and values. They are judged against the columns, so all may be read."""
        head = self._source.head
        if not head.column_map and not head.value_map:
            return iter(())
        plans = [self._fallback] if isinstance(self._fallback, Plan) and not self._shared else self._plans.values()
        fields = {name: field for plan in plans for name, field in plan.fields.items()}
        lists = frozenset(field for plan in plans for field in plan.lists)
        return translation_problems(self._source, self._translation, fields, lists)

    def validate(self, row: Row) -> tuple[str, BaseModel] | list[Problem]:
        """The row's operation and its fields, or all that is wrong with it.

        A Problem whose `row` is None concerns the whole file (a missing column, an unknown operation on the command
        line): it comes back, equal, for every row it touches, and is to be told once.
        """
        plan = self._fallback if self._column is None else self._plan(row, self._column)
        if isinstance(plan, Problem):
            return [plan]
        problems: list[Problem] = []
        fields = self._collector.collect(plan, row, problems)
        try:
            checked = plan.check(fields)
        except ValidationError as error:
            self._explain(plan, row, error, problems)
            return problems
        return problems or (plan.operation, checked)

    # Which operation

    def _operation_column(self) -> str | None:
        mapped = any(name == "operation" for _, name in self._translation.columns.values())
        if self._source.delimiter is None and not mapped:
            return "operation"
        return self._translation.column_of("operation", self._source.columns)

    def _fallback_plan(self, given: str | None) -> Plan | Problem:
        if given is not None:
            return self._named(given, "on the command line")
        default = self._source.defaults.get("operation")
        in_file = self._source.operation or (default if isinstance(default, str) else None)
        if in_file is not None:
            return self._named(in_file, "at the top of the file")
        message = "no operation is named: add a column operation, or give --operation"
        return Problem(self._file, message, expected=listed(self._plans))

    def _named(self, written: str, where: str, row: Row | None = None) -> Plan | Problem:
        name = canonical_operation(written)
        plan = self._plans.get(name)
        if plan is not None:
            return plan
        offered = name in self._known
        what = "operation that this target does not offer" if offered else "unknown operation"
        if name in self._allowed_by:
            what = f"{what} without {self._allowed_by[name]}"
        return Problem(
            self._file,
            f"{what} {where}".rstrip(),
            line=row.line if row else None,
            row=row.number if row else None,
            column=self._column if row else None,
            value=clip(written),
            expected=listed(self._plans),
            nearest=None if offered else nearest(written, self._known),
        )

    def _plan(self, row: Row, column: str) -> Plan | Problem:
        written = row.cells.get(column)
        if written is None or written == "" or (self._forced and isinstance(self._fallback, Problem)):
            return self._fallback
        if (values := self._translation.values("operation")) is not None:
            new = values.of(written)
            if new is UNNAMED:
                return self._collector.unnamed(row, column, "operation", written, values)
            if new is None:
                return self._fallback
            written = new
        if not isinstance(written, str):
            return self._at(row, column, "wrong kind of value", value=clip(written), expected="text")
        plan = self._by_spelling.get(written) or self._named(written, "", row)
        if isinstance(plan, Plan) and len(self._by_spelling) < _MAX_SPELLINGS:
            self._by_spelling[written] = plan
        if self._forced and isinstance(self._fallback, Plan) and plan is not self._fallback:
            wanted = f"{self._fallback.operation}, as the command line says, or an empty cell"
            return self._at(row, column, "another operation than the job's", value=clip(written), expected=wanted)
        return plan

    # What to say

    def _explain(self, plan: Plan, row: Row, error: ValidationError, problems: list[Problem]) -> None:
        told: set[tuple[str, str | None]] = {(problem.column or "", problem.value) for problem in problems}
        refused = {problem.column for problem in problems}
        for entry in error.errors(include_url=False):
            found = explain(entry)
            column = self._collector.written(plan, row, found.field)
            if (column, found.value) in told or column in refused:
                continue
            told.add((column, found.value))
            problems.append(self._problem(plan, row, found, column))

    def _problem(self, plan: Plan, row: Row, found: Explained, column: str) -> Problem:
        if found.field in plan.defaults and row.cells.get(column) in (None, ""):
            return Problem(
                self._file,
                f"the file's default: {found.message}",
                column=column,
                value=found.value,
                expected=found.expected,
                nearest=found.nearest,
            )
        if found.message != "is missing":
            expected, close = found.expected, found.nearest
            return self._at(row, column, found.message, value=found.value, expected=expected, nearest=close)
        absent = self._column_problem(plan, found.field)
        return absent or self._at(row, column, "is empty" if column in row.cells else "is missing")

    def _column_problem(self, plan: Plan, field: str) -> Problem | None:
        """The one problem for the file, if it has no column for `field` at all."""
        key = plan.operation, field
        if key not in self._absent:
            columns = self._source.columns
            there = any(self._collector.meaning(plan, column) == field for column in columns)
            self._absent[key] = None if there else self._missing_column(plan, field, columns)
        return self._absent[key]

    def _missing_column(self, plan: Plan, field: str, columns: Sequence[str]) -> Problem:
        unread = [column for column in columns if not self._collector.meaning(plan, column) and column[:1] != "_"]
        return Problem(
            self._file,
            f"{plan.operation} needs a column {field}; the file only has {listed(map(clip, columns), 'and')}",
            line=self._source.header_line,
            column=field,
            nearest=nearest(field, unread),
        )

    def _at(
        self,
        row: Row,
        column: str,
        message: str,
        *,
        value: str | None = None,
        expected: str | None = None,
        nearest: str | None = None,
    ) -> Problem:
        return Problem(
            self._file,
            message,
            line=row.line,
            row=row.number,
            column=column or None,
            value=value,
            expected=expected,
            nearest=nearest,
        )
