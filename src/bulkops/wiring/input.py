"""A run's input: the snapshot, what it says of the job, and its rows as items."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from bulkops.errors import ConfigError, JobFileError, LedgerError
from bulkops.jobs import (
    BadRow,
    DuplicateFinder,
    Fingerprint,
    Format,
    JobHead,
    JobSource,
    RowMarks,
    RowValidator,
    Source,
    Translation,
    canonical_operation,
    check_file,
    digest,
    inspect,
    merged_map,
    open_items,
    open_source,
    snapshot,
)
from bulkops.jobs.names import canonical
from bulkops.model import Item, Job, Problem, Row
from bulkops.operations import OPERATIONS
from bulkops.providers.base import OperationSupport
from bulkops.wiring.file_options import with_file_options
from bulkops.wiring.options import WorkOptions
from bulkops.wiring.targets import AVAILABLE


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check of a whole file found, ready to be noted in a ledger."""

    total: int
    valid: int
    invalid: RowMarks
    problems: Sequence[Problem]
    problem_count: int
    file_problems: int
    warnings: Sequence[str]
    duplicates: Sequence[tuple[int, int]]

    @property
    def bad_rows(self) -> int:
        """Rows that cannot be run."""
        return len(self.invalid)

    def failed_rows(self) -> Iterator[tuple[int, str]]:
        """Each invalid row with what is wrong with it, by ascending row."""
        messages: dict[int, list[str]] = {}
        for problem in self.problems:
            if problem.row is not None:
                messages.setdefault(problem.row, []).append(_brief(problem))
        for row in self.invalid:
            yield row, "; ".join(messages.get(row, ["the row is invalid; `bulkops validate` says why"]))


class JobInput:
    """One job file, read as often as needed; every reading numbers its rows alike."""

    def __init__(self, job: JobSource, *, operation: str | None, named_map: Mapping[str, str] | None = None) -> None:
        self._source = job.source
        self._asked = operation
        self.named_map: Mapping[str, str] = named_map or {}
        self._job = job
        self._translation = Translation(job.head)
        self._models: Mapping[str, OperationSupport] = {}
        self._allowed_by: Mapping[str, str] = {}
        named = operation or self._job.operation
        self._operations: dict[str, int] = {named: 0} if named is not None else {}

    @classmethod
    def of_run(cls, path: Path, job: Job) -> JobInput:
        """The input of a run that exists, from its copy at `path`. Raises LedgerError when that is not what it was."""
        try:
            found = inspect(path)
        except JobFileError as error:
            raise LedgerError(f"the run's snapshot of its input cannot be read: {error}") from error
        if found.sha256 != job.source_sha256:
            raise LedgerError(
                f"{path} was changed since the run began: its rows can no longer be matched with the ledger. "
                f"Put the original back, or start a new run."
            )
        source = replace(found, format=Format(job.source_format), name=job.source)
        opened = cls(_open(source, head_of(job)), operation=job.named_operation, named_map=job.named_map)
        opened._operations = dict(job.operations)
        return opened

    @property
    def name(self) -> str:
        """What the user calls the file."""
        return self._source.name

    @property
    def format(self) -> str:
        """csv, json or jsonl."""
        return self._source.format.value

    @property
    def sha256(self) -> str:
        """Of the bytes as read."""
        return self._source.sha256

    @property
    def target(self) -> str | None:
        """The target that the file names."""
        return self._job.target

    @property
    def job_name(self) -> str | None:
        """The name that the file gives its job."""
        return self._job.job_name

    @property
    def columns(self) -> Sequence[str]:
        """The file's own columns, and those that its defaults fill."""
        return tuple(dict.fromkeys([*self._job.columns, *(name for name in self._filled() if name != "operation")]))

    @property
    def delimiter(self) -> str | None:
        """Of a CSV file."""
        return self._job.delimiter

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Values for fields that an item leaves out."""
        return self._job.defaults

    @property
    def column_map(self) -> Mapping[str, Any]:
        """What columns mean that have other names: the file's map, under that of the command line."""
        return self._job.head.column_map

    @property
    def value_map(self) -> Mapping[str, Any]:
        """What the values of fields become."""
        return self._job.head.value_map

    @property
    def asked(self) -> str | None:
        """The operation that the command line named, for all rows."""
        return self._asked

    @property
    def file_operation(self) -> str | None:
        """The operation that the file itself gives to rows that name none."""
        return self._job.operation

    @property
    def operations(self) -> Mapping[str, int]:
        """The operations of the rows, in the order in which each first appears, with their rows; known after `check`.

        Raises JobFileError when nothing names one.
        """
        if not self._operations:
            raise JobFileError(
                f"{self.name}: no operation is named: add a column `operation`, or use --operation with one of "
                f"{', '.join(self._models)}"
            )
        return self._operations

    def use_provider(self, provider: str, support: Mapping[str, OperationSupport]) -> None:
        """Read rows for `provider`. Raises ConfigError when it lacks the operation, naming those it has."""
        self._models = support
        self._allowed_by = {
            kind: f"{possible.needs} = true under [targets.NAME.options]"
            for kind, possible in AVAILABLE.get(provider, {}).items()
            if possible.needs and kind not in support
        }
        for wanted in self._operations:
            if canonical_operation(wanted) not in support:
                if allowed_by := self._allowed_by.get(canonical_operation(wanted)):
                    raise ConfigError(
                        f"provider {provider!r} has {wanted!r} only with {allowed_by}; docs/targets.md says what that "
                        f"means. Without it there are: {', '.join(support)}."
                    )
                near = difflib.get_close_matches(wanted, list(support), n=1)
                hint = f"; did you mean {near[0]!r}?" if near else "."
                raise ConfigError(
                    f"provider {provider!r} has no operation {wanted!r}{hint} It has: {', '.join(support)}."
                )

    def merged(self, options: WorkOptions) -> WorkOptions:
        """The command line's options over the file's own `options`. Raises JobFileError for one that is unknown."""
        return with_file_options(options, self._job.options, self.name)

    def check(self) -> Checked:
        """Read the whole file once, and find what is wrong and what repeats. No network."""
        validator = self._validator()
        with DuplicateFinder() as repeats:
            result = check_file(
                self._job,
                validator,
                on_valid=lambda row, kind, fields: repeats.add(row, kind, OPERATIONS[kind].key(fields)),
            )
            duplicates = list(repeats.repeats())
        if result.operations:
            self._operations = dict(result.operations)
        return Checked(
            total=result.rows,
            valid=result.valid,
            invalid=result.invalid,
            problems=result.problems,
            problem_count=result.problem_count,
            file_problems=result.file_problems,
            warnings=[str(warning) for warning in result.warnings],
            duplicates=duplicates,
        )

    def items(self, operation: str) -> Callable[[Callable[[int], bool]], Iterator[Item[Any]]]:
        """A function that gives the items of one operation, in order, of the rows that it is asked for.

        Invalid rows are passed over.
        """

        def of_rows(wanted: Callable[[int], bool]) -> Iterator[Item[Any]]:
            validator = self._validator()
            key = OPERATIONS[operation].key
            for row in self._job.rows():
                if not wanted(row.number) or isinstance(row, BadRow):
                    continue
                result = validator.validate(row)
                if not isinstance(result, list) and result[0] == operation:
                    yield Item(row.number, key(result[1]), result[1])

        return of_rows

    def fingerprints(self) -> Iterator[Fingerprint]:
        """What makes each row the same as a row of another file: what it means, without case, order of fields aside.

        Columns that the operation does not know have no part in it.
        """
        validator = self._validator()
        for row in self._job.rows():
            result = [row.problem] if isinstance(row, BadRow) else validator.validate(row)
            if isinstance(result, list):
                cells = sorted((str(name), str(value)) for name, value in row.cells.items() if value not in (None, ""))
                yield Fingerprint(row.number, digest("", repr(cells)), None)
                continue
            kind, fields = result
            effect = digest(kind, OPERATIONS[kind].key(fields))
            yield Fingerprint(row.number, digest(kind, fields.model_dump_json()), effect)

    def rows(self) -> Iterator[Row]:
        """Every row as it was written, also those that cannot be run, its gaps filled by the defaults; for reports.

        A row of a report must mean by itself what it meant in its file.
        """
        defaults = self._filled()
        for row in self._job.rows():
            cells = row.cells
            if defaults:
                cells = {**cells, **{name: value for name, value in defaults.items() if cells.get(name) in (None, "")}}
            yield Row(row.number, row.line, cells)

    def _filled(self) -> Mapping[str, Any]:
        """What the file says for rows that leave it out, under the column that means it.

        Not where a column's values become others: there the default would be taken for one of them.
        """
        defaults = self._gaps()
        if not defaults or not self._translates:
            return defaults
        filled = {}
        for name, value in defaults.items():
            column = self._translation.column_of(name, self._job.columns)
            if column is None or self._translation.values(canonical(name)) is None:
                filled[column or name] = value
        return filled

    @property
    def _translates(self) -> bool:
        return bool(self.column_map or self.value_map)

    def _gaps(self) -> Mapping[str, Any]:
        """What the file says for rows that leave it out; their operation too, where there are several."""
        if self._asked is None and self._job.operation is not None and len(self._operations) > 1:
            return {"operation": self._job.operation, **self.defaults}
        return self.defaults

    def column_of(self, field: str | None) -> str | None:
        """The file's own name for a field."""
        if field is None or not self.column_map:
            return field
        return self._translation.column_of(field, self._job.columns) or field

    def lines(self, rows: Collection[int]) -> Mapping[int, int]:
        """The line where each of `rows` starts, where the format has lines."""
        return {row.number: row.line for row in self._job.rows() if row.number in rows and row.line is not None}

    def _validator(self) -> RowValidator:
        return RowValidator(
            {kind: support.fields for kind, support in self._models.items()},
            source=self._job,
            operation=self._asked,
            operations=list(OPERATIONS),
            allowed_by=self._allowed_by,
        )


def take_snapshot(
    source: str,
    folder: Path,
    *,
    operation: str | None,
    stem: str = "input",
    named_map: Mapping[str, str] | None = None,
    head: JobHead | None = None,
    called: str | None = None,
) -> JobInput:
    """Copy a job file, or standard input for `-`, into a run's folder under the name `stem`, and open the copy.

    Where the job names another file for its rows, that one is copied instead, and what the job says is kept apart from
    it. `head` is what the job says where the file has only rows; `named_map` is the command line's map; `called` is
    what the file is called where its own name means nothing.
    """

    def take(origin: Path | Literal["-"]) -> Source:
        found = snapshot(origin, folder, stem=stem)
        return found if called is None else replace(found, name=called)

    kept = take("-" if source == "-" else Path(source))
    return _input(kept, source, take, operation=operation, named_map=named_map, head=head, copied=True)


def look_at(
    source: str, folder: Path, *, operation: str | None, named_map: Mapping[str, str] | None = None
) -> JobInput:
    """Open a job file where it stands; standard input is kept in `folder` meanwhile."""
    if source == "-":
        return take_snapshot(source, folder, operation=operation, named_map=named_map)
    return _input(inspect(Path(source)), source, inspect, operation=operation, named_map=named_map, copied=False)


def _input(
    kept: Source,
    source: str,
    take: Callable[[Path], Source],
    *,
    operation: str | None,
    named_map: Mapping[str, str] | None,
    head: JobHead | None = None,
    copied: bool,
) -> JobInput:
    """The input behind `kept`, which is a copy that may go where `copied`; `take` takes the file that has its rows."""
    head = replace(head or JobHead(), column_map=merged_map((head or JobHead()).column_map, named_map or {}))
    job = _open(kept, head if kept.format is not Format.JSON else None, known=named_map or {})
    if job.head.items_from is not None:
        job = _items(job, source, take, named_map or {}, copied=copied)
    elif kept.format is Format.JSON:
        own = job.head if job.head != JobHead() else head
        job.head = replace(own, column_map=merged_map(own.column_map, named_map or {}))
    return JobInput(job, operation=operation, named_map=named_map)


def _items(
    job: JobSource, source: str, take: Callable[[Path], Source], named_map: Mapping[str, str], *, copied: bool
) -> JobSource:
    """The rows that a job names, found from its own folder."""
    base = Path() if source == "-" else Path(source).parent
    if copied:
        job.source.path.unlink()  # it only says where the rows are; what it says besides is kept in job.json
    found = take(base / str(job.head.items_from))
    head = replace(job.head, column_map=merged_map(job.head.column_map, named_map))
    return open_items(found, head=head, known_columns=[*_known_columns(), *head.column_map])


def _open(source: Source, head: JobHead | None, known: Collection[str] = ()) -> JobSource:
    of_head = head.column_map if head is not None else ()
    return open_source(source, known_columns=[*_known_columns(), *known, *of_head], head=head)


def head_of(job: Job) -> JobHead:
    """What the job of a run says besides its rows."""
    only = next(iter(job.operations)) if len(job.operations) == 1 and job.source_format == Format.JSON else None
    return JobHead(
        operation=job.file_operation or only,
        target=job.target,
        defaults=job.defaults,
        column_map=job.column_map,
        value_map=job.value_map,
    )


def _known_columns() -> Sequence[str]:
    fields = {name for support in AVAILABLE.values() for one in support.values() for name in one.fields.model_fields}
    return ["operation", *sorted(fields)]


def _brief(problem: Problem) -> str:
    """A problem without its place, which the report's row tells."""
    text = str(replace(problem, file="", line=None, row=None, column=None)).removeprefix(": ")
    return f"{problem.column}: {text}" if problem.column else text
