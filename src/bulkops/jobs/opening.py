"""Open a job file in whichever format it is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from bulkops.jobs.csvfile import CsvSource
from bulkops.jobs.jsonfile import JsonLinesSource, JsonSource
from bulkops.jobs.rows import JobHead, JobSource
from bulkops.jobs.source import Format, Source, fault


def open_source(source: Source, *, known_columns: Collection[str] = (), head: JobHead | None = None) -> JobSource:
    """The job file behind `source`. It may be read any number of times.

    `known_columns` helps to tell a CSV file's delimiter. `head` is what the job says besides its rows, where that is
    known from elsewhere; it saves the reading of a whole JSON document. One that names another file for its rows has
    none of its own. Raises JobFileError, with line and column, if the file is broken or has no rows.
    """
    job = _open(source, known_columns, head)
    if head is not None:
        job.head = head
    if job.head.source is not None:
        raise fault(source.name, "asks for its items by `source`, which is done where a job is run or planned")
    if job.head.items_from is None:
        job.require_rows()
    return job


def open_items(source: Source, *, head: JobHead, known_columns: Collection[str] = ()) -> JobSource:
    """The file that a job named for its rows; `head` is the job's. Raises JobFileError if it says things of its own."""
    job = open_source(source, known_columns=known_columns)
    if job.head != JobHead():
        raise fault(source.name, "is a job of its own: items_from names a file of rows; run this one by itself")
    job.head = replace(head, items_from=None)
    return job


def _open(source: Source, known_columns: Collection[str], head: JobHead | None) -> JobSource:
    if source.format is Format.CSV:
        return CsvSource(source, known=known_columns)
    if source.format is Format.JSON:
        return JsonSource(source, head=head)
    return JsonLinesSource(source)
