"""What a job is: its rows, its items, the batches they travel in, and the job itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from operator import add
from typing import Any, Generic, NamedTuple, TypeVar

from bulkops.model.rows import RowSet

Payload = TypeVar("Payload")


class Row(NamedTuple):
    """One row of the job file as it was read.

    `number` counts data rows from 1 (header and blank lines not counted) and names the row for good; `line` is
    where it starts in the file (from 1), None where the format has no lines. `cells` maps column names to what was
    written: strings from CSV, any JSON value otherwise.
    """

    number: int
    line: int | None
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a job file, a configuration or a name in it."""

    file: str
    message: str
    line: int | None = None
    row: int | None = None
    column: str | None = None
    value: str | None = None
    expected: str | None = None
    nearest: str | None = None

    def __str__(self) -> str:
        where = self.file
        if self.line is not None:
            where += f", line {self.line}"
        elif self.row is not None:
            where += f", item {self.row}"
        if self.column is not None:
            where += f", column {self.column}"
        text = f"{where}: {self.message}"
        if self.value is not None:
            text += f" (found {shorten(self.value)!r})"
        if self.expected is not None:
            text += f"; expected {self.expected}"
        if self.nearest is not None:
            text += f"; did you mean {self.nearest!r}?"
        return text


def shorten(text: str, limit: int = 60) -> str:
    """`text` cut to `limit` characters, with its full length named when something was cut."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text):,} characters)"


class Item(NamedTuple, Generic[Payload]):
    """One target of a job: the unit of retry and report. A tuple, because several are made for each row.

    `key` names the intended effect within the operation, compared without case: an address, a user.
    `payload` is the row's validated fields, or after planning what the operation will send. `memo` is what an earlier
    try kept of it, where a part of the work may be done already.
    """

    row: int
    key: str
    payload: Payload
    memo: str = ""


@dataclass(frozen=True, slots=True)
class Batch(Generic[Payload]):
    """Items sent in one request. `attempt` counts from 1.

    `parent` names the thing whose list they change, where the vendor wants one change of it at a time. `whole` are all
    items of the job where the request must carry them all, whichever of them it is sent for.
    """

    items: tuple[Item[Payload], ...]
    attempt: int = 1
    parent: str | None = None
    whole: tuple[Item[Payload], ...] = ()

    @property
    def rows(self) -> RowSet:
        """The numbers of its rows."""
        return RowSet.of(item.row for item in self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as resolved: what `job.json` in the run's folder holds. No secret is among it.

    `operations` are the verbs of its rows in the order in which they are carried out, with the number of good rows of
    each; `named_operation` is the one that the command line gave for all rows, `file_operation` the one that the file
    itself gives to rows that name none. `revision` counts the job files of the
    run from 1: it grows when a resume goes on with an edited one. `name` is what all runs of the job are called by: two
    of one name do not overlap. `column_map` tells what columns mean that have other names, `named_map` which of them
    the command line gave; `value_map` what the values of fields become.
    """

    run_id: str
    operations: Mapping[str, int]
    target: str
    provider: str
    organization: str
    source: str
    source_format: str
    source_sha256: str
    total: int
    created_at: str
    version: str
    options: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    columns: Sequence[str] = ()
    delimiter: str | None = None
    named_operation: str | None = None
    file_operation: str | None = None
    revision: int = 1
    name: str | None = None
    column_map: Mapping[str, Any] = field(default_factory=dict)
    value_map: Mapping[str, Any] = field(default_factory=dict)
    named_map: Mapping[str, str] = field(default_factory=dict)

    @property
    def operation(self) -> str:
        """What people call the job: its verb, or its verbs in order."""
        return " + ".join(self.operations)


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows by where they stand; their sum is the rows of the file."""

    succeeded: int = 0
    skipped: int = 0
    failed: int = 0
    in_doubt: int = 0
    pending: int = 0

    @property
    def total(self) -> int:
        """All rows of the file."""
        return self.succeeded + self.skipped + self.failed + self.in_doubt + self.pending

    @property
    def done(self) -> int:
        """Rows with a final outcome."""
        return self.succeeded + self.skipped + self.failed

    def plus(self, other: Counts) -> Counts:
        """The rows of both together."""
        return Counts(*map(add, astuple(self), astuple(other)))

    def as_dict(self) -> dict[str, int]:
        """As `--json` prints them."""
        return {
            "total": self.total,
            "succeeded": self.succeeded,
            "skipped": self.skipped,
            "failed": self.failed,
            "in_doubt": self.in_doubt,
            "pending": self.pending,
        }


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a run sent, added up over all its sessions. `elapsed_s` is wall time in seconds."""

    requests: int = 0
    throttled: int = 0
    retries: int = 0
    elapsed_s: float = 0.0

    def plus(self, other: Traffic) -> Traffic:
        """Both together."""
        return Traffic(
            self.requests + other.requests,
            self.throttled + other.throttled,
            self.retries + other.retries,
            self.elapsed_s + other.elapsed_s,
        )
