"""JSON and JSONL job files."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulkops.errors import JobFileError
from bulkops.jobs import BadRow, JobHead, JobSource, inspect, jsontext, open_source
from bulkops.model import Row

Open = Callable[..., JobSource]
Write = Callable[..., Path]


def cells(source: JobSource) -> list[dict[str, Any]]:
    return [dict(row.cells) for row in source.rows()]


def bad(source: JobSource) -> list[str]:
    return [str(row.problem).partition(".json")[2] for row in source.rows() if isinstance(row, BadRow)]


def refused(read: Open, content: str, name: str = "jobs.json") -> str:
    with pytest.raises(JobFileError) as caught:
        for _ in read(content, name).rows():
            pass
    return str(caught.value)


def test_an_objects_keys_may_come_in_any_order(read: Open) -> None:
    """Items first and options last is as good as any."""
    source = read(
        '{"items": [{"email": "a", "teams": ["x"]}, {"user": "b"}], "_note": [NaN, 1e999], "target": "acme",'
        ' "defaults": {"teams": "t"}, "operation": "invite", "options": {"rate": "5/s"}}',
        "jobs.json",
    )
    assert cells(source) == [{"email": "a", "teams": ["x"]}, {"user": "b"}]
    assert source.columns == ("email", "teams", "user")
    assert (source.operation, source.target) == ("invite", "acme")
    assert (source.defaults, source.options) == ({"teams": "t"}, {"rate": "5/s"})
    assert source.head.problems == ()


def test_a_bare_list_is_a_job_file(read: Open) -> None:
    """The operation then comes from elsewhere; columns are found by reading."""
    source = read('\n[{"b": 1},\n\n {"a": 2, "b": null}]\n', "jobs.json")
    assert list(source.rows()) == [Row(1, 2, {"b": 1}), Row(2, 4, {"a": 2, "b": None})]
    assert source.columns == ("b", "a")
    assert (source.operation, source.delimiter) == (None, None)


def test_a_byte_order_mark_is_dropped_from_json(read: Open) -> None:
    """Some editors write it there too."""
    assert cells(read('\ufeff[{"a": 1}]', "jobs.json")) == [{"a": 1}]


def test_columns_are_known_without_a_complete_reading_before(read: Open) -> None:
    """Asking for them reads the file once."""
    assert read('[{"a": 1}, {"b": 2}]', "jobs.json").columns == ("a", "b")


def test_a_recorded_head_saves_reading_the_document(read: Open, write: Write) -> None:
    """A resumed run knows what the file said."""
    taken = inspect(write('{"items": [{"a": 1}], "operation": "invite"}', "jobs.json"))
    source = open_source(taken, head=JobHead(operation="delete-user"))
    assert source.operation == "delete-user"
    assert cells(source) == [{"a": 1}]


def test_an_unknown_key_at_the_top_is_told_with_the_nearest(read: Open) -> None:
    """A misspelt key would be obeyed by nobody."""
    (problem,) = read('{"operatoin": "invite", "items": [{}]}', "jobs.json").head.problems
    assert "unknown key at the top of the file (found 'operatoin')" in str(problem)
    assert problem.nearest == "operation"


def test_a_key_of_the_wrong_kind_is_told(read: Open) -> None:
    """Each with what it should hold."""
    source = read('{"operation": 1, "defaults": [], "target": null, "items": [{}]}', "jobs.json")
    assert [(each.column, each.expected) for each in source.head.problems] == [
        ("operation", "text"),
        ("defaults", "an object"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"operation": "invite"}', 'has no "items"'),
        ('{"items": {"email": "a"}}', '"items" is not a list'),
        ('{"items": [{}], "items": [{}]}', "has 'items' twice"),
        ('{"items": [{}], "defaults": {"days": NaN}}', "defaults: NaN is not a JSON value"),
        ("[]", "holds no items"),
        ('{"items": []}', "holds no items"),
        ('"invite"', "is not a job; expected"),
        ('[{"a": 1}]\n[{"a": 2}]', "line 2: more follows after the end of the JSON"),
        ('{"a": 1}\n{"a": 2}', "line 2: more follows"),
    ],
)
def test_a_document_of_another_shape_is_refused(read: Open, content: str, message: str) -> None:
    """The message says what is there instead."""
    assert message in refused(read, content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"a": 1},\n {"a": 2,}]', "line 2: is not valid JSON in column"),
        ('[\n{"a": 1}\n{"a": 2}]', "line 3: is not valid JSON in column 1: found '{' instead of a comma"),
        ('[{"a": 1},\n]', "line 2: is not valid JSON in column 1: found ']' instead of a value"),
        ('[{"a": 1},\n{"a": tru}]', "line 2: is not valid JSON in column 7"),
        ('[{"a": 1},\n{"a": "x', "line 2: is not valid JSON in column 7: is not complete"),
        ('[{"a": 1},\n{"a": ', "line 2: is not valid JSON in column 7: is not complete"),
        ('[{"a": 1}', "line 1: is not complete: the file ends where a comma or the closing bracket should follow"),
        ('{"items": [{"a": 1}]', "is not complete: the file ends where a comma or the closing brace"),
        ('{"items": [{"a": 1}],', "a field name in double quotes should follow"),
        ('{"items" 1}', "column 10: found '1' instead of a colon"),
        ("{'items': []}", 'column 2: found "\'" instead of a field name in double quotes'),
        ('[{"a": "b\tc"}]', "column 10: invalid control character"),
    ],
)
def test_broken_json_is_told_by_line_and_column(read: Open, content: str, message: str) -> None:
    """Also where the file just ends."""
    assert message in refused(read, content)


def test_an_item_that_is_no_object_is_bad(read: Open) -> None:
    """It keeps its number and its line."""
    source = read('[{"a": 1},\n"x",\n{"a": 2}]', "jobs.json")
    assert [(row.number, row.line) for row in source.rows()] == [(1, 1), (2, 2), (3, 3)]
    assert bad(source)[0].startswith(", line 2: an item is not an object (found 'x'); expected an object such as")


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ('{"a": 1, "a": 2}', "the field 'a' is there twice"),
        ('{"a": NaN}', "NaN is not a JSON value"),
        ('{"a": -Infinity}', "-Infinity is not a JSON value"),
        ('{"a": 1e999}', "the number 1e999 is too large"),
        ('{"a": ' + "9" * 5000 + "}", "a number has too many digits"),
        ('{"a": ' + "[" * 70 + "]" * 70 + "}", "is nested deeper than 64 levels"),
        ('{"a": "\\ud800"}', "holds half of a character"),
    ],
)
@pytest.mark.parametrize("name", ["jobs.json", "jobs.jsonl"])
def test_an_item_that_cannot_be_taken_is_one_bad_row(read: Open, item: str, message: str, name: str) -> None:
    """The items around it are read."""
    text = f'[{{"a": 1}},\n{item},\n{{"a": 2}}]' if name == "jobs.json" else f'{{"a": 1}}\n{item}\n{{"a": 2}}\n'
    first, second, third = read(text, name).rows()
    assert isinstance(second, BadRow)
    assert message in str(second.problem)
    assert (first.number, second.line, third.cells) == (1, 2, {"a": 2})


@pytest.mark.parametrize("name", ["jobs.json", "jobs.jsonl"])
def test_nesting_without_end_never_breaks_the_reader(read: Open, name: str) -> None:
    """A hundred thousand brackets are refused, whether closed or not."""
    item = '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"
    contents = ["[" * 100_000, f"[{item}]" if name == "jobs.json" else item]
    for content in contents:
        try:
            (row,) = read(content, name).rows()
        except JobFileError:
            continue
        assert isinstance(row, BadRow)


def test_jsonl_is_one_object_a_line(read: Open) -> None:
    """Blank lines are skipped; line ends of every kind are understood."""
    source = read('{"a": 1}\r\n\r\n  {"b": "x"}\r{"a": 3}', "jobs.jsonl")
    assert list(source.rows()) == [Row(1, 1, {"a": 1}), Row(2, 3, {"b": "x"}), Row(3, 4, {"a": 3})]
    assert source.columns == ("a", "b")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"a": 1', "is not valid JSON in column 8"),
        ('{"a": 1} {"a": 2}', "is not one JSON value: more follows in column 9"),
        ("[1]", "an item is not an object"),
        ('{"operation": "invite", "items": []}', "is a whole job, not one item"),
    ],
)
def test_a_broken_line_of_jsonl_is_one_bad_row(read: Open, line: str, message: str) -> None:
    """The lines around it are read."""
    rows = list(read(f'{{"a": 1}}\n{line}\n{{"a": 3}}\n', "jobs.jsonl").rows())
    assert isinstance(rows[1], BadRow)
    assert message in str(rows[1].problem)
    assert (rows[1].line, rows[2]) == (2, Row(3, 3, {"a": 3}))


def test_a_json_list_with_a_jsonl_name_is_told(read: Open) -> None:
    """Its name is what is wrong."""
    assert "is a JSON list although its name says one object a line" in refused(read, '[\n{"a": 1}]', "jobs.jsonl")


def test_too_many_field_names_are_refused(read: Open) -> None:
    """Items with data for names are no job, and would fill memory."""
    items = [{f"name{n}": 1} for n in range(1001)]
    assert "more than 1,000 different field names" in refused(read, json.dumps(items))


@pytest.mark.parametrize("piece", range(1, 40))
def test_the_windows_edge_may_fall_anywhere(read: Open, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    """A value parted between two readings is whole, and lines stay right."""
    monkeypatch.setattr(jsontext, "_PIECE", piece)
    text = (
        '{"target": "\\u00e9x", "_n": -12.5e3,\n "items": [ {"a": 123},\n\n{"b": [true, null]}\n, {"c": "\\\\"} ]\n}\n'
    )
    assert list(read(text, "jobs.json").rows()) == [
        Row(1, 2, {"a": 123}),
        Row(2, 4, {"b": [True, None]}),
        Row(3, 5, {"c": "\\"}),
    ]


def test_a_fault_far_from_the_windows_end_is_told_at_once(read: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line and column count from the file's start, not the window's."""
    monkeypatch.setattr(jsontext, "_PIECE", 64)
    items = "".join(f'{{"a": {n}}},\n' for n in range(100))
    assert "line 101: is not valid JSON in column 2" in refused(read, f"[{items}{{oops{' ' * 500}}}]")
    flat = items.replace("\n", "")
    assert f"line 1: is not valid JSON in column {len(flat) + 3}" in refused(read, f"[{flat}{{oops{' ' * 500}}}]")


def test_a_large_list_is_read_in_little_memory(tmp_path: Path) -> None:
    """Two hundred thousand items take a window's worth, not the list's."""
    path = tmp_path / "large.json"
    with path.open("w") as file:
        file.write('[{"email": "u0@acme.test"}')
        for number in range(1, 200_000):
            file.write(f',{{"email": "u{number}@acme.test", "teams": ["a", "b"]}}')
        file.write("]")
    tracemalloc.start()
    try:
        source = open_source(inspect(path))
        total = sum(1 for _ in source.rows())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 200_000
    assert peak < 8 * 1024 * 1024
