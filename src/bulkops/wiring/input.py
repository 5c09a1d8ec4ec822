"""A run's input: the snapshot, what it says of the job, and its rows as items."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from bulkops.config import parse_rate
from bulkops.engine import Allowance
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
    canonical_operation,
    check_file,
    digest,
    inspect,
    open_source,
    snapshot,
)
from bulkops.model import Item, Job, Problem, Row
from bulkops.operations import OPERATIONS
from bulkops.providers.base import OperationSupport
from bulkops.wiring.options import WorkOptions, parse_allowance, parse_deadline
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

    def __init__(self, source: Source, *, operation: str | None, head: JobHead | None = None) -> None:
        self._source = source
        self._asked = operation
        self._job: JobSource = open_source(source, known_columns=_known_columns(), head=head)
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
        only = next(iter(job.operations)) if len(job.operations) == 1 else None
        head = JobHead(operation=job.file_operation or only, target=job.target, defaults=job.defaults)
        opened = cls(source, operation=job.named_operation, head=head)
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
    def columns(self) -> Sequence[str]:
        """The file's own columns, and those that its defaults fill."""
        return tuple(dict.fromkeys([*self._job.columns, *(name for name in self.defaults if name != "operation")]))

    @property
    def delimiter(self) -> str | None:
        """Of a CSV file."""
        return self._job.delimiter

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Values for fields that an item leaves out."""
        return self._job.defaults

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
        mine = {str(key).replace("-", "_"): value for key, value in self._job.options.items()}
        known = {
            "rate",
            "concurrency",
            "batch_size",
            "max_failures",
            "max_changes",
            "reserve",
            "skip_invalid",
            "deadline",
        }
        for key in mine:
            if key not in known and not key.startswith("_"):
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(sorted(known))}"
                raise JobFileError(f"{self.name}: options: unknown key {key!r}{hint}")
        try:
            return _merge(options, mine)
        except (ValueError, TypeError, ConfigError) as error:
            raise JobFileError(f"{self.name}: options: {error}") from None

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
        defaults = self._gaps()
        for row in self._job.rows():
            cells = row.cells
            if defaults:
                cells = {**cells, **{name: value for name, value in defaults.items() if cells.get(name) in (None, "")}}
            yield Row(row.number, row.line, cells)

    def _gaps(self) -> Mapping[str, Any]:
        """What the file says for rows that leave it out; their operation too, where there are several."""
        if self._asked is None and self._job.operation is not None and len(self._operations) > 1:
            return {"operation": self._job.operation, **self.defaults}
        return self.defaults

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


def take_snapshot(source: str, folder: Path, *, operation: str | None, stem: str = "input") -> JobInput:
    """Copy a job file, or standard input for `-`, into a run's folder under the name `stem`, and open the copy."""
    origin: Path | Literal["-"] = "-" if source == "-" else Path(source)
    return JobInput(snapshot(origin, folder, stem=stem), operation=operation)


def look_at(source: str, folder: Path, *, operation: str | None) -> JobInput:
    """Open a job file where it stands; standard input is kept in `folder` meanwhile."""
    if source == "-":
        return take_snapshot(source, folder, operation=operation)
    return JobInput(inspect(Path(source)), operation=operation)


def _known_columns() -> Sequence[str]:
    fields = {name for support in AVAILABLE.values() for one in support.values() for name in one.fields.model_fields}
    return ["operation", *sorted(fields)]


def _brief(problem: Problem) -> str:
    """A problem without its place, which the report's row tells."""
    text = str(replace(problem, file="", line=None, row=None, column=None)).removeprefix(": ")
    return f"{problem.column}: {text}" if problem.column else text


def _merge(options: WorkOptions, mine: Mapping[str, Any]) -> WorkOptions:
    overrides = options.overrides

    def allowance(key: str, given: Allowance | None) -> Allowance | None:
        return given if given is not None or mine.get(key) is None else parse_allowance(str(mine[key]))

    rate = overrides.rate
    if rate is None and mine.get("rate") is not None:
        rate = parse_rate(mine["rate"])
    return replace(
        options,
        overrides=replace(
            overrides,
            rate=rate,
            concurrency=overrides.concurrency or _whole(mine, "concurrency"),
            reserve=overrides.reserve if overrides.reserve is not None else _share(mine),
        ),
        batch_size=options.batch_size or _whole(mine, "batch_size"),
        max_failures=allowance("max_failures", options.max_failures),
        max_changes=allowance("max_changes", options.max_changes),
        deadline=_deadline(mine) if options.deadline is None else options.deadline,
        skip_invalid=_flag(mine, "skip_invalid") if options.skip_invalid is None else options.skip_invalid,
    )


def _whole(mine: Mapping[str, Any], key: str) -> int | None:
    value = mine.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 10_000:
        raise ValueError(f"{key}: expected a whole number from 1, not {value!r}")
    return value


def _share(mine: Mapping[str, Any]) -> float | None:
    value = mine.get("reserve")
    if value is None:
        return None
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= 0.95:
        raise ValueError(f"reserve: expected a share from 0 to 0.95, not {value!r}")
    return float(value)


def _deadline(mine: Mapping[str, Any]) -> float | None:
    value = mine.get("deadline")
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f'deadline: expected a text such as "2h" or "22:30", not {value!r}')
    return parse_deadline(value, now=datetime.now().astimezone())


def _flag(mine: Mapping[str, Any], key: str) -> bool | None:
    value = mine.get(key)
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"{key}: expected true or false, not {value!r}")
    return value
