"""CSV job files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bulkops.errors import JobFileError
from bulkops.jobs import BadRow, JobSource, inspect, open_source
from bulkops.model import Row

Open = Callable[..., JobSource]
Write = Callable[..., Path]


def cells(source: JobSource) -> list[dict[str, str]]:
    return [dict(row.cells) for row in source.rows()]


def places(source: JobSource) -> list[tuple[int, int | None]]:
    return [(row.number, row.line) for row in source.rows()]


def bad(source: JobSource) -> BadRow:
    return next(row for row in source.rows() if isinstance(row, BadRow))


def refused(read: Open, content: str | bytes) -> str:
    with pytest.raises(JobFileError) as caught:
        for _ in read(content).rows():
            pass
    return str(caught.value)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_each_delimiter_is_recognised_from_the_header(read: Open, delimiter: str) -> None:
    """The cells below may hold the others."""
    source = read(f"email{delimiter}teams\na@b.c{delimiter}x\n")
    assert source.delimiter == delimiter
    assert cells(source) == [{"email": "a@b.c", "teams": "x"}]


def test_the_delimiter_that_yields_known_columns_wins(read: Open) -> None:
    """A header may hold more of another one."""
    assert read("email;teams, and, so, on\na;b\n").delimiter == ";"


def test_delimiters_inside_quotes_do_not_count(read: Open) -> None:
    """A quoted name is one name."""
    source = read('"a;b;c;d",teams\n1,2\n')
    assert (source.delimiter, source.columns) == (",", ("a;b;c;d", "teams"))


def test_a_single_column_needs_no_delimiter(read: Open) -> None:
    """A list of addresses is a job file."""
    assert cells(read("email\na@b.c\n")) == [{"email": "a@b.c"}]


def test_excels_separator_line_is_obeyed(read: Open) -> None:
    """It is neither header nor row."""
    source = read("sep=;\r\nemail;teams\r\na;b\r\n")
    assert (source.delimiter, places(source)) == (";", [(1, 3)])


@pytest.mark.parametrize("header", ["email,teams", '"email","teams"'])
def test_the_byte_order_mark_is_dropped(read: Open, header: str) -> None:
    """Also in front of a quoted header."""
    assert read(f"\ufeff{header}\na,b\n").columns == ("email", "teams")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_understood(read: Open, end: str) -> None:
    """Blank lines are skipped and still counted as lines."""
    source = read(end.join(["email,teams", "a,b", "", " , ", "c,d", ""]))
    assert places(source) == [(1, 2), (2, 5)]
    assert cells(source)[1] == {"email": "c", "teams": "d"}


def test_cells_and_names_are_trimmed(read: Open) -> None:
    """White space around them means nothing."""
    assert cells(read(" email ,\tteams\n  a ,\u00a0b \n")) == [{"email": "a", "teams": "b"}]


def test_a_quoted_newline_keeps_line_numbers_right(read: Open) -> None:
    """A row is named by the line it starts on."""
    source = read('email,note\na,"x\ny\r\nz"\nb,w\n')
    assert places(source) == [(1, 2), (2, 5)]
    assert cells(source)[0]["note"] == "x\ny\r\nz"


def test_a_ragged_row_is_bad_and_names_both_counts(read: Open) -> None:
    """It keeps its number, and the rows after it are read."""
    source = read("email,teams\na\nb,c,d\ne,f\n")
    first, second, third = source.rows()
    assert isinstance(first, BadRow)
    assert isinstance(second, BadRow)
    assert "line 2: has 1 cell where the header has 2 columns" in str(first.problem)
    assert "line 3: has 3 cells where the header has 2 columns" in str(second.problem)
    assert third == Row(3, 4, {"email": "e", "teams": "f"})


def test_a_column_named_twice_is_refused(read: Open) -> None:
    """Also if the names differ only in case or gaps."""
    assert "names a column more than once: Role-Groups and role_groups" in refused(
        read, "Role-Groups,role_groups\na,b\n"
    )


def test_columns_without_a_name_may_only_be_empty(read: Open) -> None:
    """Empty columns at the end are what spreadsheets leave; a filled one is told once, as the file's fault."""
    assert cells(read("email,,\na,,\n")) == [{"email": "a"}]
    problems = {row.problem for row in read("email,,\na,,x\nb,,y\n").rows() if isinstance(row, BadRow)}
    assert [str(problem).partition(": ")[2] for problem in problems] == [
        "column 3 has values, but no name in the header"
    ]


@pytest.mark.parametrize("content", ["email,teams", "email,teams\n\n , \n"])
def test_a_header_alone_is_no_job(read: Open, content: str) -> None:
    """There is nothing to do."""
    assert "has a header but no rows" in refused(read, content)


def test_json_with_a_csv_name_is_told(read: Open) -> None:
    """Its name is what is wrong."""
    assert "is JSON although its name says CSV" in refused(read, '{"items": []}')


def test_an_unclosed_quote_is_told_where_it_starts(read: Open) -> None:
    """The rows that it swallows would be lost otherwise."""
    message = refused(read, 'email,note\na,b\nb,"oops\nc,d\ne,f\n')
    assert "line 3: a quoted cell that starts on this line is never closed" in message
    assert '"oops' in message


def test_an_unclosed_quote_in_a_large_file_stops_at_the_cells_bound(read: Open) -> None:
    """A megabyte later there is no point in reading on."""
    message = refused(read, 'email,note\na,"oops\n' + "b@c.d,e\n" * 200_000)
    assert "line 2: a quoted cell that starts on this line is not closed within 1,048,576 characters" in message


def test_an_unclosed_quote_that_meets_another_is_told(read: Open) -> None:
    """Rows in between have been swallowed."""
    message = refused(read, 'email,note\na,"oops\nb,c\nd,"e"\n')
    assert "seems not to be closed: on line 4 text follows a closing quote" in message


def test_an_unclosed_quote_in_the_header_is_told(read: Open) -> None:
    """The whole file would be one header."""
    assert "the header is broken: a quote is not closed" in refused(read, 'email,"note\na,b\n')


def test_text_after_a_closing_quote_spoils_one_row(read: Open) -> None:
    """The next line is a row again."""
    source = read('email,note\n"a"b,c\nd,e\n')
    assert "line 2: text follows a closing quote" in str(bad(source).problem)
    assert places(source) == [(1, 2), (2, 3)]


def test_a_cell_beyond_its_bound_spoils_one_row(read: Open) -> None:
    """It is told without its text."""
    source = read("email,note\na," + "x" * 1_100_000 + "\nb,c\n")
    assert str(bad(source).problem).endswith("line 2: a cell is longer than 1,048,576 characters")
    assert places(source) == [(1, 2), (2, 3)]


def test_reading_again_gives_the_same_numbers(read: Open) -> None:
    """Also with bad rows in between, and from any row on."""
    source = read('email,teams\na,b\nc\n\n"d"e,f\ng,h\n')
    once = list(source.rows())
    assert list(source.rows()) == once
    assert [row.number for row in once] == [1, 2, 3, 4]
    assert list(source.rows(first=3)) == once[2:]


def test_a_file_that_vanishes_is_told(write: Write) -> None:
    """Reading again may come much later."""
    path = write("email\na\n")
    source = open_source(inspect(path))
    path.unlink()
    with pytest.raises(JobFileError, match="cannot be read: No such file"):
        list(source.rows())


def test_a_file_that_changes_its_encoding_is_told(write: Write) -> None:
    """Its bytes were checked before."""
    path = write("email\na\n")
    source = open_source(inspect(path))
    path.write_bytes(b"email\n\xff\n")
    with pytest.raises(JobFileError, match="changed while it was read"):
        list(source.rows())


def test_too_many_columns_are_refused(read: Open) -> None:
    """That is no job file."""
    assert "has 1,001 columns, more than 1,000" in refused(read, ",".join(f"c{n}" for n in range(1001)) + "\n")
