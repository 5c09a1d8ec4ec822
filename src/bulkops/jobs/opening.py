"""Open a job file in whichever format it is."""

from __future__ import annotations

from collections.abc import Collection

from bulkops.jobs.csvfile import CsvSource
from bulkops.jobs.jsonfile import JsonLinesSource, JsonSource
from bulkops.jobs.rows import JobHead, JobSource
from bulkops.jobs.source import Format, Source


def open_source(source: Source, *, known_columns: Collection[str] = (), head: JobHead | None = None) -> JobSource:
    """The job file behind `source`. It may be read any number of times.

    `known_columns` helps to tell a CSV file's delimiter. `head`, where a run recorded it before, saves the reading of
    a whole JSON document. Raises JobFileError, with line and column, if the file is broken or has no rows.
    """
    job = _open(source, known_columns, head)
    job.require_rows()
    return job


def _open(source: Source, known_columns: Collection[str], head: JobHead | None) -> JobSource:
    if source.format is Format.CSV:
        return CsvSource(source, known=known_columns)
    if source.format is Format.JSON:
        return JsonSource(source, head=head)
    return JsonLinesSource(source)
