"""Check a whole job file in one reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from bulkops.errors import JobFileError
from bulkops.jobs.rows import BadRow, JobSource
from bulkops.jobs.source import plural
from bulkops.jobs.validate import RowValidator
from bulkops.model import Problem, RowSet

KEPT = 1000  # problems told in full


class RowMarks:
    """A set of row numbers that takes one bit for each row of the file; asking for one row costs no search."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self._count = 0

    def add(self, row: int) -> None:
        """Mark `row`, which counts from 1."""
        at, bit = row >> 3, 1 << (row & 7)
        if at >= len(self._bits):
            self._bits.extend(bytes(at + 1 - len(self._bits) + len(self._bits) // 8))
        if not self._bits[at] & bit:
            self._bits[at] |= bit
            self._count += 1

    def __contains__(self, row: object) -> bool:
        if not isinstance(row, int) or not 0 <= row >> 3 < len(self._bits):
            return False
        return bool(self._bits[row >> 3] & 1 << (row & 7))

    def __iter__(self) -> Iterator[int]:
        for at, byte in enumerate(self._bits):
            if byte:
                yield from (at * 8 + bit for bit in range(8) if byte & 1 << bit)

    def __len__(self) -> int:
        return self._count

    def row_set(self) -> RowSet:
        """The same as a RowSet, whose size grows with the number of runs."""
        return RowSet.of(self)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a complete reading found. `problems` holds at most the first 1,000 of `problem_count`.

    `file_problems` counts those that concern the file as a whole; leaving rows out does not mend them.
    """

    file: str
    rows: int
    operations: Mapping[str, int]  # valid rows of each
    invalid: RowMarks
    problems: Sequence[Problem]
    problem_count: int
    file_problems: int
    warnings: Sequence[Problem]

    @property
    def ok(self) -> bool:
        """True if nothing is wrong."""
        return self.problem_count == 0

    @property
    def valid(self) -> int:
        """Rows that can be run."""
        return self.rows - len(self.invalid)

    @property
    def untold(self) -> int:
        """Problems beyond those kept in full."""
        return self.problem_count - len(self.problems)

    def refusal(self) -> JobFileError:
        """The error that says what was found; its `problems` are this result's."""
        message = f"{self.file}: {plural(self.problem_count, 'problem')} in {plural(self.rows, 'row')}"
        if self.invalid:
            message += f", {plural(len(self.invalid), 'row')} cannot be run"
        if self.untold:
            message += f"; the first {len(self.problems):,} are listed"
        return JobFileError(f"{message}. Nothing was sent.", self.problems)


class _Found:
    def __init__(self, keep: int) -> None:
        self._keep = keep
        self.kept: list[Problem] = []
        self.count = 0
        self.of_file: set[Problem] = set()

    def add(self, problem: Problem) -> None:
        """Count `problem` and keep it while there is room; one that concerns the whole file counts once."""
        if problem.row is None:
            if problem in self.of_file or len(self.of_file) >= self._keep:
                return
            self.of_file.add(problem)
        self.count += 1
        if len(self.kept) < self._keep:
            self.kept.append(problem)


def check_file(
    source: JobSource,
    validator: RowValidator,
    *,
    keep: int = KEPT,
    on_valid: Callable[[int, str, BaseModel], object] | None = None,
) -> CheckResult:
    """Read every row and collect what is wrong, at most `keep` problems in full.

    `on_valid` is called with row number, operation and fields of each good row.
    Raises JobFileError if the file breaks off; its `problems` then end with that fault.
    """
    found, invalid, operations, total = _Found(keep), RowMarks(), defaultdict[str, int](int), 0
    for problem in (*source.head.problems, *validator.head_problems()):
        found.add(problem)
    try:
        for row in source.rows():
            total += 1
            result = [row.problem] if isinstance(row, BadRow) else validator.validate(row)
            if isinstance(result, list):
                invalid.add(row.number)
                for problem in result:
                    found.add(problem)
                continue
            operations[result[0]] += 1
            if on_valid is not None:
                on_valid(row.number, *result)
    except JobFileError as error:
        raise JobFileError(str(error), (*found.kept, *error.problems)) from error
    return CheckResult(
        file=source.name,
        rows=total,
        operations=dict(operations),
        invalid=invalid,
        problems=tuple(found.kept),
        problem_count=found.count,
        file_problems=len(found.of_file),
        warnings=(*source.warnings, *validator.warnings),
    )
