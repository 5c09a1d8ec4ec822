"""Whatever a file holds, reading it ends in rows or in a JobFileError."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from bulkops.errors import JobFileError
from bulkops.jobs import RowValidator, check_file, inspect, open_source

ANY_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

NAMES = st.sampled_from(["jobs.csv", "jobs.tsv", "jobs.json", "jobs.jsonl", "jobs"])
WORDS = st.sampled_from(["email", "Email", "teams", "operation", "invite", "items", "defaults", "_row", "a@b.c", ""])
TEXT = st.one_of(WORDS, st.text(st.characters(codec="utf-8"), max_size=20))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)
PIECES = st.lists(
    st.sampled_from(
        [b'"', b",", b";", b"\n", b"\r", b"{", b"}", b"[", b"]", b":", b"\\", b"\\u00", b"-1.", b"email", b" "]
    ),
    max_size=40,
).map(b"".join)


def run(folder: Path, models: dict[str, type[BaseModel]], content: bytes, name: str) -> int | None:
    """The rows of the file; None if it is refused."""
    path = folder / name
    path.write_bytes(content)
    try:
        source = open_source(inspect(path), known_columns=["email", "teams"])
        once = list(source.rows())
        assert list(source.rows()) == once
        result = check_file(source, RowValidator(models, source=source))
    except JobFileError:
        return None
    assert [row.number for row in once] == list(range(1, result.rows + 1))
    assert result.valid + len(result.invalid) == result.rows
    assert all("pydantic" not in str(problem) for problem in (*result.problems, *result.warnings))
    return result.rows


@ANY_FOLDER
@given(st.one_of(st.binary(max_size=200), PIECES), NAMES)
def test_arbitrary_bytes(tmp_path: Path, models: dict[str, type[BaseModel]], content: bytes, name: str) -> None:
    """Bytes of any kind."""
    run(tmp_path, models, content, name)


@ANY_FOLDER
@given(
    st.lists(st.lists(TEXT, max_size=5), max_size=8),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_arbitrary_tables(
    tmp_path: Path, models: dict[str, type[BaseModel]], rows: list[list[str]], delimiter: str, end: str
) -> None:
    """What a well-behaved program writes as CSV."""
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator=end).writerows(rows)
    run(tmp_path, models, buffer.getvalue().encode(), "jobs.csv")


@ANY_FOLDER
@given(VALUES, st.sampled_from(["jobs.json", "jobs.jsonl"]), st.sampled_from([None, 1]))
def test_arbitrary_json(
    tmp_path: Path, models: dict[str, type[BaseModel]], value: object, name: str, indent: int | None
) -> None:
    """Any document, compact or spread out."""
    run(tmp_path, models, json.dumps(value, indent=indent).encode(), name)


@ANY_FOLDER
@given(
    st.lists(st.dictionaries(TEXT, VALUES, max_size=4), min_size=1, max_size=5),
    st.dictionaries(TEXT, VALUES, max_size=3),
)
def test_arbitrary_items(
    tmp_path: Path, models: dict[str, type[BaseModel]], items: list[dict[str, object]], top: dict[str, object]
) -> None:
    """Each item of a well-formed job is a row, whatever it holds."""
    document = json.dumps({**top, "items": items}, allow_nan=True)
    rows = run(tmp_path, models, document.encode(), "jobs.json")
    assert rows in {len(items), None}


@ANY_FOLDER
@given(st.lists(st.dictionaries(TEXT, VALUES, max_size=3), min_size=1, max_size=3), st.data())
def test_truncated_documents(
    tmp_path: Path, models: dict[str, type[BaseModel]], items: list[dict[str, object]], data: st.DataObject
) -> None:
    """A file that was cut off is refused, wherever the cut is."""
    document = json.dumps({"items": items}).encode()
    end = data.draw(st.integers(0, len(document) - 1))
    assert run(tmp_path, models, document[:end], "jobs.json") is None


@pytest.mark.parametrize(
    "content", [b"email\n\x1c\n", b'"\n"', b"\xef\xbb\xbf\n", b"sep=,", b"sep=;\n\n", b",\n,\n", b"{", b"["]
)
@pytest.mark.parametrize("name", ["jobs.csv", "jobs.json", "jobs.jsonl", "jobs"])
def test_curious_small_files(tmp_path: Path, models: dict[str, type[BaseModel]], content: bytes, name: str) -> None:
    """Nothing but marks, quotes and delimiters."""
    run(tmp_path, models, content, name)
