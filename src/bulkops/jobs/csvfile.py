"""CSV job files."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator

from bulkops.errors import JobFileError
from bulkops.jobs.header import MAX_CELL, read_header, records
from bulkops.jobs.names import clip
from bulkops.jobs.rows import BadRow, JobHead, JobSource
from bulkops.jobs.source import Source, fault, open_text, plural
from bulkops.model import Problem, Row


class CsvSource(JobSource):
    """Rows under a header. Cells are trimmed; a row without any filled cell is a blank line.

    `known` are column names that help to tell the delimiter. Raises JobFileError as `read_header` does.
    """

    def __init__(self, source: Source, *, known: Collection[str] = ()) -> None:
        super().__init__(source, JobHead())
        with open_text(source, newline="") as file:
            self._header = read_header(file, source.name, known)
        self.delimiter = self._header.delimiter
        self.header_line = self._header.line
        self._unnamed = tuple(at for at, name in enumerate(self._header.names) if not name)

    @property
    def columns(self) -> tuple[str, ...]:
        """The header's names, trimmed; columns without a name are not among them."""
        return self._header.columns

    def _no_rows(self) -> str:
        return "has a header but no rows: there is nothing to do"

    def rows(self, first: int = 1) -> Iterator[Row | BadRow]:
        """As JobSource says. A quote that swallows the lines after it is a fault of the whole file."""
        names, width, skipped = self._header.names, len(self._header.names), self._header.end
        with open_text(self.source, newline="") as file:
            for _ in range(skipped):
                file.readline()
            reader = records(file, self._header.delimiter)
            number, end = 0, skipped
            while True:
                try:
                    for cells in reader:
                        line, end = end + 1, skipped + reader.line_num  # type: ignore[attr-defined]
                        values = list(map(str.strip, cells))
                        if not any(values):
                            continue
                        number += 1
                        if number < first:
                            continue
                        if len(values) == width and not self._unnamed:
                            yield Row(number, line, dict(zip(names, values, strict=True)))
                        else:
                            yield self._odd(number, line, values)
                    return
                except csv.Error as error:
                    line, end = end + 1, skipped + reader.line_num  # type: ignore[attr-defined]
                    number += 1
                    bad = self._broken(error, number, line, end)
                    if number >= first:
                        yield bad

    def _odd(self, number: int, line: int, values: list[str]) -> Row | BadRow:
        """A row with too many or too few cells, or under a header with unnamed columns."""
        names = self._header.names
        cells = {name: value for name, value in zip(names, values, strict=False) if name}
        if len(values) != len(names):
            problem = Problem(
                self.name,
                f"has {plural(len(values), 'cell')} where the header has {plural(len(names), 'column')}",
                line=line,
                row=number,
                expected=f"{len(names):,} cells; a cell that holds a {self.delimiter!r} needs quotes around it",
            )
            return BadRow(number, line, problem, cells)
        filled = next((at for at in self._unnamed if values[at]), None)
        if filled is None:
            return Row(number, line, cells)
        message = f"column {filled + 1} has values, but no name in the header"
        return BadRow(number, line, Problem(self.name, message, line=self.header_line), cells)

    def _broken(self, error: csv.Error, number: int, line: int, end: int) -> BadRow:
        """What the reader's error means. Raises JobFileError where it took more than one line with it."""
        if end > line or "unexpected end" in str(error):
            raise self._swallowed(error, line, end)
        if "field larger" in str(error):
            message = f"a cell is longer than {MAX_CELL:,} characters"
        else:
            message = "text follows a closing quote; a quote inside a quoted cell is written twice"
        return BadRow(number, line, Problem(self.name, message, line=line, row=number))

    def _swallowed(self, error: csv.Error, line: int, end: int) -> JobFileError:
        if "unexpected end" in str(error):
            how = "is never closed, so it takes the rest of the file with it"
        elif "field larger" in str(error):
            how = f"is not closed within {MAX_CELL:,} characters, so it takes all lines up to {end:,} and more with it"
        else:
            how = f"seems not to be closed: on line {end:,} text follows a closing quote"
        return fault(self.name, f"a quoted cell that starts on this line {how}{self._quoted(line)}", line=line)

    def _quoted(self, line: int) -> str:
        """The beginning of the line at fault, from its first quote."""
        with open_text(self.source, newline="") as file:
            for _ in range(line - 1):
                file.readline()
            text = file.readline(MAX_CELL).strip()
        start = text.find('"')
        return f" ({clip(text[start:])})" if start >= 0 else ""
