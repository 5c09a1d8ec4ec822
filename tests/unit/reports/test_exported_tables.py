"""Tables as bytes, piece by piece."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkops.reports import FORMATS, table_format

COLUMNS = {"user": "id", "name": "name", "groups": "groups", "on": "on", "count": "count"}
CELLS = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.text("abc-", min_size=1, max_size=5),
            "name": CELLS,
            "groups": st.lists(st.text("ab ;", min_size=1, max_size=4), max_size=3).map(tuple),
            "on": st.booleans(),
            "count": st.one_of(st.none(), st.integers(-9, 9)),
        }
    ),
    max_size=7,
)


def written(name: str, records: Sequence[Mapping[str, Any]], *, pieces: int, raw: bool = False) -> str:
    """All of a table, its rows given in pieces of some rows."""
    table = table_format(name, COLUMNS, raw=raw)
    out = table.head()
    for start in range(0, len(records), pieces):
        out += table.body(records[start : start + pieces], rows=start)
    return (out + table.foot(rows=len(records))).decode()


@given(records=RECORDS, pieces=st.integers(1, 4), raw=st.booleans())
def test_what_is_written_is_read_back_as_it_was(records: list[Mapping[str, Any]], pieces: int, raw: bool) -> None:
    """By whatever pieces it was written, and whatever stands in the cells."""
    wanted = [{name: record[source] for name, source in COLUMNS.items()} for record in records]
    lists = [{**row, "groups": list(row["groups"])} for row in wanted]
    assert json.loads(written("json", records, pieces=pieces)) == lists
    assert [json.loads(line) for line in written("jsonl", records, pieces=pieces).split("\n") if line] == lists
    cells = list(csv.DictReader(io.StringIO(written("csv", records, pieces=pieces, raw=raw), newline="")))
    assert len(cells) == len(records)
    for row, cell in zip(wanted, cells, strict=True):
        name = row["name"] or ""
        assert cell["name"] in ({name} if raw else {name, f"'{name}"})
        assert cell["on"] == ("true" if row["on"] else "false")


@pytest.mark.parametrize("cell", ["=1+1", "+49 30 1", "-x", "@SUM(A1)", "\t=1+1", " =1+1", "＝1", "\r\n=1"])
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(cell: str) -> None:
    """Also behind white space, which a spreadsheet passes over."""
    record = {"id": "u", "name": cell, "groups": (cell, "b"), "on": True, "count": None}
    (row,) = csv.DictReader(io.StringIO(written("csv", [record], pieces=1), newline=""))
    assert row["name"] == f"'{cell}"
    assert row["groups"].startswith(("'", "["))


@pytest.mark.parametrize("name", FORMATS)
def test_a_table_without_rows_is_one_all_the_same(name: str) -> None:
    """A header, an empty array, nothing."""
    assert written(name, [], pieces=1) == {"csv": "user,name,groups,on,count\n", "json": "[]\n", "jsonl": ""}[name]
