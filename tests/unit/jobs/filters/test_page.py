"""docs/filters.md is true: what it shows can be written, and what it says is refused is refused in these words."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bulkops.errors import FilterError
from bulkops.jobs.filters import ColumnType, parse_filter

PAGE = (Path(__file__).parents[4] / "docs" / "filters.md").read_text(encoding="utf-8")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
SCHEMA = {
    "email": ColumnType.TEXT,
    "last_login": ColumnType.DATE,
    "role_groups": ColumnType.TEXTS,
    "enabled": ColumnType.FLAG,
    "logins": ColumnType.NUMBER,
}


def blocks(kind: str) -> list[str]:
    """The texts of the page's blocks of one kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def shown() -> list[str]:
    """Every filter that the page shows, and the first of each row of its table with the signs that follow it."""
    found = [line for block in blocks("filter") for line in block.splitlines()]
    for cell in re.findall(r"^\| (`.*?) \| ", PAGE, re.MULTILINE):
        first, *others = re.findall(r"`([^`]+)`", cell)
        found.append(first)
        column, _, rest = first.partition(" ")
        constant = re.sub(r"^(is empty|not in|in|contains|matches|[<=>!]+) ?", "", rest)
        for other in others:
            whole = re.search(r"true|false|never|empty", other)
            value = f"({constant.strip('()')})" if other.endswith("in") else constant
            found.append(f"{column} {other}" if whole else f"{column} {other} {value}")
    return found


def test_the_page_shows_filters() -> None:
    """Otherwise the next test would be of nothing."""
    assert len(shown()) > 25


@pytest.mark.parametrize("text", shown())
def test_every_filter_on_the_page_can_be_written(text: str) -> None:
    """It is read, and has an answer for a row with nothing in it."""
    parse_filter(text, SCHEMA).decide({}, NOW)


def test_what_the_page_refuses_is_refused_in_its_words() -> None:
    """Filter and message stand one after the other."""
    for text, told in zip(blocks("refused"), blocks("text"), strict=True):
        with pytest.raises(FilterError) as caught:
            parse_filter(text.strip(), SCHEMA)
        assert str(caught.value) == told.rstrip("\n")


def test_never_settles_what_a_missing_login_leaves_open() -> None:
    """The two ways that the page tells."""
    taken, left_out = blocks("filter")[1].splitlines()
    assert parse_filter(taken, SCHEMA).decide({}, NOW).value == "yes"
    assert parse_filter(left_out, SCHEMA).decide({}, NOW).value == "no"
