"""Cells hold what a job file would, and nothing that acts on its own."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulkops.jobs.plans import split, trimmed
from bulkops.reports.cells import cell_text, guarded, input_columns, one_line, visible


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("=1+1", "=1+1"),
        ("two\nlines", "two\nlines"),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (12, "12"),
        (1.5, "1.5"),
        (Decimal("7.10"), "7.10"),
        ([], ""),
        (["a", "b"], "a;b"),
        ([1, True], "1;true"),
        (["a;b", "c"], '["a;b", "c"]'),
        ([" a", "b"], '[" a", "b"]'),
        (["", "b"], '["", "b"]'),
        ([["a"], "b"], '[["a"], "b"]'),
        ([None], "[null]"),
        ({"org": "é", "n": Decimal(3), "r": Decimal("0.5")}, '{"org": "é", "n": 3, "r": 0.5}'),
    ],
)
def test_a_value_becomes_what_a_job_file_would_hold(value: Any, text: str) -> None:
    """Text unchanged, lists parted by semicolons where that reads back the same, the rest as JSON."""
    assert cell_text(value) == text


@given(st.lists(st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=8), max_size=4))
@example(["a;b", "c"])
@example(['["a"]'])
@example(["[a", "b]"])
def test_a_list_of_names_is_read_back_from_its_cell(names: list[str]) -> None:
    """What a report wrote means the same names when it is run as a job."""
    names = [name for name in names if name.isprintable()]
    assert split(cell_text(names).strip(), ";") == trimmed(names)


@pytest.mark.parametrize("cell", ['["a', '["a"] b', '["a", 1]', '["a\\u0000"]', '["a"], "b"', "[a, b]", '["' * 9000])
def test_what_only_looks_like_an_array_is_a_name(cell: str) -> None:
    """A cell is a JSON array of printable texts, or it is text."""
    assert split(cell, ";") == [cell]


def test_columns_of_an_earlier_report_are_left_out() -> None:
    """A failures file that is run again does not pile them up."""
    assert input_columns(["_row", "email", "_error", "teams"]) == ("email", "teams")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "＝"])
def test_a_formula_is_made_text(start: str) -> None:
    """What a spreadsheet would compute gets an apostrophe."""
    assert guarded(f"{start}cmd") == f"'{start}cmd"


def test_other_text_is_left_alone() -> None:
    """Also when such a sign comes later, or there is none at all."""
    assert guarded("a=b") == "a=b"
    assert guarded("") == ""


def test_a_message_is_one_line() -> None:
    """Line ends of every kind become single spaces."""
    assert one_line(" a\r\nb\tc\u2028d\x85e ") == "a b c d e"


def test_what_steers_a_terminal_or_turns_the_reading_direction_is_spelt_out() -> None:
    """The reader sees that it is there; it does nothing."""
    assert one_line("\x1b[31mred\x00 \u202egnp.exe \ud800") == "\\x1b[31mred\\x00 \\u202egnp.exe \\ud800"


def test_scripts_of_the_world_and_joined_pictures_stay_as_they_are() -> None:
    """Only what acts is touched."""
    text = "Zoë Łukasz 株式会社 مرحبا 👩‍💻"
    assert visible(text) == text


def test_what_must_be_copied_exactly_keeps_its_spaces() -> None:
    """Two spaces in a path are two spaces."""
    assert visible("cd 'a  b'") == "cd 'a  b'"
