"""The page tells the whole story in one harmless file."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from bulkops.model import Counts, Outcome
from bulkops.reports import ReportFiles, Summary

Report = Callable[..., ReportFiles]

OK = Outcome.succeeded(attempts=1)
NO = Outcome.failed("unknown_team", "no team is called 'Cor'", attempts=0)
DOUBT = Outcome.in_doubt("no_answer", "connection reset", attempts=1, request_id="q-9")
VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that every tag is closed in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag opens."""
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """The last one that opened closes."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text, but for the style sheet."""
        if "style" not in self.open:
            self.text += data


def read(files: ReportFiles) -> Reader:
    """The page, parsed."""
    reader = Reader()
    reader.feed(files.page.read_text(encoding="utf-8"))
    reader.close()
    assert reader.open == []
    return reader


def test_the_page_says_what_happened_and_what_to_do(report: Report) -> None:
    """Operation, target, result, reason, command, errors in words, the facts of the run."""
    summary = Summary(
        "20260301-7f3a",
        "stopped",
        "invite",
        "acme",
        Counts(1, 0, 1, 1, 1),
        requests=51,
        elapsed_s=74,
        run_dir="runs/20260301-7f3a",
        reason="too many failures",
        next_command="bulkops resume 20260301-7f3a",
    )
    people = [{"email": f"p{number}@acme.test"} for number in range(1, 5)]
    text = read(report(people, [OK, NO, DOUBT, Outcome.skipped("already_invited", "is so")], summary=summary)).text
    for part in (
        "Invite users on acme",
        "Stopped early",
        "1 invited, 0 skipped, 1 failed, 1 in doubt, 1 not attempted",
        "too many failures",
        "bulkops resume 20260301-7f3a",
        "No team has this name or id.",
        "no team is called 'Cor'",
        "p2@acme.test",
        "p3@acme.test",
        "q-9",
        "Why rows were skipped",
        "runs/20260301-7f3a",
        "people.csv",
        "2026-03-01 10:00:00 UTC",
        "1 min 14 s",
        "0.1.0",
    ):
        assert part in text, part
    assert "p1@acme.test" not in text


def test_a_clean_run_has_a_short_page(report: Report) -> None:
    """Nothing to do, no tables of errors."""
    reader = read(report([{"email": "a@acme.test"}], [OK]))
    assert "Nothing is left to do." in reader.text
    assert "table" not in reader.tags


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "'; --></style><script>x</script>",
        "javascript:alert(1)",
        "&lt;b&gt;",
        "\u202egnp.exe",
        "\x00\x1b[31m",
        "\ud800",
    ],
)
def test_hostile_text_is_shown_and_does_nothing(report: Report, hostile: str) -> None:
    """Wherever it stands: in a column's name, a cell, a message, a code, the target, the command."""
    outcome = Outcome.failed(hostile, hostile, attempts=1, request_id=hostile)
    summary = Summary(
        hostile, hostile, hostile, hostile, Counts(failed=1), run_dir=hostile, reason=hostile, next_command=hostile
    )
    reader = read(report([{hostile: hostile}], [outcome], delimiter=None, summary=summary))
    assert not reader.tags & {"script", "img", "iframe", "link"}
    assert not [name for name, _ in reader.attributes if name.startswith("on") or name == "src"]
    assert {value for name, value in reader.attributes if name == "href"} <= {"failures.csv", "results.csv"}
    assert not set("\u202e\x00\x1b") & set(reader.text)


def test_nothing_is_loaded_from_outside(report: Report) -> None:
    """The page forbids it to itself, too."""
    text = report([{"email": "a"}], [NO]).page.read_text()
    assert "default-src 'none'" in text
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text


def test_text_that_runs_from_right_to_left_keeps_to_its_place(report: Report) -> None:
    """Each text has a direction of its own."""
    assert "<bdi>מיכל@acme.test</bdi>" in report([{"email": "מיכל@acme.test"}], [NO]).page.read_text()


def test_a_cell_of_a_megabyte_is_cut(report: Report) -> None:
    """With its length; the tables hold all of it."""
    files = report([{"email": "x" * 1_000_000}], [NO])
    assert files.page.stat().st_size < 30_000
    assert "… (1,000,000 characters)" in read(files).text
    assert files.failures.stat().st_size > 1_000_000


def test_two_hundred_rows_are_listed_and_the_rest_is_pointed_to(report: Report) -> None:
    """The page stays short whatever happened."""
    people = [{"email": f"p{number}@acme.test"} for number in range(1, 251)]
    text = read(report(people, [NO] * 250)).text
    assert "The first 200 of 250; failures.csv holds them all." in text
    assert "p200@acme.test" in text
    assert "p201@acme.test" not in text


def test_rows_are_named_by_the_columns_that_say_whom_they_are_about(report: Report) -> None:
    """The usual ones if there are any, otherwise the first two of the input's own."""
    text = read(report([{"cost": "77", "user": "mia", "team": "Core"}], [NO])).text
    assert "mia" in text
    assert "77" not in text
    text = read(report([{"_row": "1", "alpha": "a1", "beta": "b1", "gamma": "g1"}], [NO])).text
    assert "a1" in text
    assert "b1" in text
    assert "g1" not in text


def test_shares_say_none_and_all_only_where_that_is_so(report: Report) -> None:
    """One failure in a million is not 0.0 %."""
    summary = Summary("r1", "completed", "invite", "acme", Counts(succeeded=999_999, failed=1))
    text = read(report([{"email": "a"}], [NO], summary=summary)).text
    assert "< 0.1 %" in text
    assert "> 99.9 %" in text


def test_columns_that_no_answer_filled_are_left_out(report: Report) -> None:
    """Rows that never left have no HTTP status and no request id."""
    assert "Request id" not in read(report([{"email": "a"}], [NO])).text
    assert "Request id" in read(report([{"email": "a"}], [DOUBT])).text
