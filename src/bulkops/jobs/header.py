"""The header of a CSV file: which delimiter it uses and what its columns are called."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TextIO

from bulkops.jobs.content import looks_like_json
from bulkops.jobs.names import canonical, clip, listed
from bulkops.jobs.rows import MAX_COLUMNS
from bulkops.jobs.source import MAX_VALUE, fault, plural

DELIMITERS = (",", ";", "\t", "|")
MAX_CELL = 1024 * 1024  # characters

_EXCEL_HINT = re.compile(r'"?sep=(.)"?\s*')


@dataclass(frozen=True, slots=True)
class Header:
    """`names` holds one name for each cell of the header, "" for a column without one.

    `line` is where it starts, `end` its last line; both count from 1.
    """

    names: tuple[str, ...]
    delimiter: str
    line: int
    end: int

    @property
    def columns(self) -> tuple[str, ...]:
        """The names there are."""
        return tuple(name for name in self.names if name)


def records(file: TextIO, delimiter: str) -> Iterator[list[str]]:
    """A strict reader of the lines that follow; its `line_num` counts them. A cell may have 1 MiB characters."""
    csv.field_size_limit(MAX_CELL)
    return csv.reader(file, delimiter=delimiter, strict=True)


def read_header(file: TextIO, name: str, known: Collection[str]) -> Header:
    """Read `file` up to the end of its header; `known` are column names that help to tell the delimiter.

    Raises JobFileError if it is broken, names a column twice, or is JSON.
    """
    skipped, text = _first_line(file)
    if looks_like_json(text):
        raise fault(name, "is JSON although its name says CSV: call it .json, or .jsonl for one object a line", line=1)
    hint = _EXCEL_HINT.fullmatch(text)
    if hint:
        skipped, text = _first_line(file, skipped + 1)
    delimiter = hint.group(1) if hint else _delimiter(text, known)
    return _parse(file, name, text, delimiter=delimiter, skipped=skipped)


def _first_line(file: TextIO, skipped: int = 0) -> tuple[int, str]:
    """How many lines came before the first that holds anything but white space and delimiters, and that line."""
    while text := file.readline(MAX_VALUE):
        if text.strip(' \t\r\n,;|"'):
            return skipped, text
        skipped += 1
    return skipped, ""


def _delimiter(text: str, known: Collection[str]) -> str:
    """The one that yields most known names, then most columns, then in the order comma, semicolon, tab, bar."""
    wanted = {canonical(each) for each in known}

    def score(delimiter: str) -> tuple[int, int]:
        cells = _cells(text, delimiter)
        return sum(canonical(cell) in wanted for cell in cells), len(cells)

    return max(DELIMITERS, key=score)


def _cells(text: str, delimiter: str) -> list[str]:
    csv.field_size_limit(MAX_CELL)
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return []


def _parse(file: TextIO, name: str, text: str, *, delimiter: str, skipped: int) -> Header:
    csv.field_size_limit(MAX_CELL)
    rest: Callable[[], str] = partial(file.readline, MAX_VALUE)
    reader = csv.reader(_chain(text, rest), delimiter=delimiter, strict=True)
    line = skipped + 1
    try:
        names = [cell.strip() for cell in next(reader, [])]
    except csv.Error as error:
        raise fault(name, f"the header is broken: {_broken(error)}", line=line) from error
    if not any(names):
        raise fault(name, "has no header: expected a first line that names the columns")
    _refuse_duplicates(name, names, line)
    return Header(tuple(names), delimiter, line, skipped + reader.line_num)


def _chain(text: str, more: Callable[[], str]) -> Iterator[str]:
    yield text
    yield from iter(more, "")


def _broken(error: csv.Error) -> str:
    return "a quote is not closed" if "unexpected end" in str(error) else str(error)


def _refuse_duplicates(name: str, names: list[str], line: int) -> None:
    if len(names) > MAX_COLUMNS:
        raise fault(name, f"has {plural(len(names), 'column')}, more than {MAX_COLUMNS:,}", line=line)
    seen = Counter(canonical(each) for each in names if each)
    twice = [clip(each) for each in names if each and seen[canonical(each)] > 1]
    if twice:
        raise fault(name, f"names a column more than once: {listed(twice, 'and')}; keep one of them", line=line)
