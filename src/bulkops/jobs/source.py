"""Where a job's rows come from: a file, its format, and how it is opened as text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from bulkops.errors import JobFileError
from bulkops.model import Problem

BOM = b"\xef\xbb\xbf"
MAX_VALUE = 16 * 1024 * 1024  # characters of one JSON item, bytes of one line of CSV or JSONL


class Format(StrEnum):
    """How rows are written. The values are stored in `job.json` and are the snapshot's file extension."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class Source:
    """An input whose bytes were checked. `name` is what its user calls it; messages use it, not `path`."""

    path: Path
    format: Format
    sha256: str
    name: str
    size: int = 0  # bytes


def fault(file: str, message: str, *, line: int | None = None, value: str | None = None) -> JobFileError:
    """The error for a file that cannot be read on, with its one Problem."""
    problem = Problem(file, message, line=line, value=value)
    return JobFileError(str(problem), [problem])


def plural(count: int, noun: str) -> str:
    """`count` and `noun`, with an s unless there is just one."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


@contextmanager
def open_text(source: Source, *, newline: str | None) -> Iterator[TextIO]:
    """The source as text without its byte order mark; `newline` as for `open`.

    Raises JobFileError if it cannot be read, or changed since its bytes were checked.
    """
    try:
        with source.path.open("rb") as raw:
            if raw.read(len(BOM)) != BOM:
                raw.seek(0)
            with io.TextIOWrapper(raw, "utf-8", newline=newline) as text:
                yield text
    except UnicodeDecodeError as error:
        raise fault(source.name, "is not UTF-8 any more: it changed while it was read; run again") from error
    except OSError as error:
        raise fault(source.name, f"cannot be read: {error.strerror or error}") from error
