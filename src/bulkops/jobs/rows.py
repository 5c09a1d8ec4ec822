"""What every kind of job file offers: its columns, what it says about the job, and its rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bulkops.jobs.source import Format, Source, fault
from bulkops.model import Problem, Row

MAX_COLUMNS = 1000


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read as one. It keeps its number; `cells` is what could still be made out.

    `problem.row` is None where the fault is the file's and the same for every row it touches.
    """

    number: int
    line: int | None
    problem: Problem
    cells: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobHead:
    """What a job file says besides its rows. `problems` are faults of the file as a whole.

    `column_map` tells what columns mean that have other names, `value_map` what the values of a field become;
    `items_from` names the file that has the rows, seen from the job file's folder; `source` asks the organisation for
    them.
    """

    operation: str | None = None
    target: str | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    column_map: Mapping[str, Any] = field(default_factory=dict)
    value_map: Mapping[str, Any] = field(default_factory=dict)
    items_from: str | None = None
    source: Mapping[str, Any] | None = None
    problems: tuple[Problem, ...] = ()


class JobSource(ABC):
    """A job file, ready to be read any number of times; each reading numbers its rows alike.

    `delimiter` is None unless the format is CSV; `header_line` is where its header starts, from 1.
    `warnings` does not keep the job from running; `head.problems` does.
    """

    delimiter: str | None = None
    header_line: int | None = None

    def __init__(self, source: Source, head: JobHead, *, warnings: Sequence[Problem] = ()) -> None:
        self.source = source
        self.head = head
        self.warnings = tuple(warnings)

    @property
    def name(self) -> str:
        """What the user calls the file."""
        return self.source.name

    @property
    def format(self) -> Format:
        """How rows are written."""
        return self.source.format

    @property
    def operation(self) -> str | None:
        """The file's own `operation`, as written."""
        return self.head.operation

    @property
    def target(self) -> str | None:
        """The file's own `target`."""
        return self.head.target

    @property
    def job_name(self) -> str | None:
        """The name that the file gives its job."""
        return self.head.name

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Values for fields that a row leaves out."""
        return self.head.defaults

    @property
    def options(self) -> Mapping[str, Any]:
        """What the command line's options would say; the command line wins."""
        return self.head.options

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The input's own columns in order of first sight. JSON and JSONL may be read once to know them.

        Raises JobFileError then, as `rows` does.
        """

    @abstractmethod
    def rows(self, first: int = 1) -> Iterator[Row | BadRow]:
        """Every row in order, from number `first` on; the ones before it are read but not built.

        Raises JobFileError at a fault after which nothing of the file can be trusted.
        """

    def require_rows(self) -> None:
        """Raise JobFileError if there is not one row."""
        rows = self.rows()
        try:
            if next(rows, None) is None:
                raise fault(self.name, self._no_rows())
        finally:
            rows.close()  # type: ignore[attr-defined]  # a generator: closes the file now, not when collected

    def _no_rows(self) -> str:
        return "holds no items: there is nothing to do"
