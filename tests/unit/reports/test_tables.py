"""results.csv has every row, failures.csv those to look at, both as the input was written."""

from __future__ import annotations

import csv
import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bulkops.errors import BulkopsError
from bulkops.ledger.base import LedgerView
from bulkops.model import Counts, Outcome, Row
from bulkops.reports import ReportFiles, RunFacts, Summary, write_reports
from bulkops.reports.outcomes import PENDING

OK = Outcome.succeeded(attempts=1, http_status=201, request_id="q-1")
SKIPPED = Outcome.skipped("already_invited", "an invitation is outstanding")
NO = Outcome.failed("invalid", "HTTP 422: no address", attempts=2, http_status=422, request_id="q-2")
DOUBT = Outcome.in_doubt("no_answer", "connection reset", attempts=1)
OWN = "_row,_outcome,_error,_http_status,_message,_attempts,_request_id"

Report = Callable[..., ReportFiles]


def table(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    """The rows of a table as a spreadsheet would read them."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter, strict=True))


def test_results_hold_every_row_and_failures_those_to_look_at(report: Report) -> None:
    """Failed and in doubt are to look at; skipped and pending are not."""
    people = [{"email": f"p{number}@acme.test"} for number in range(1, 6)]
    files = report(people, [OK, SKIPPED, NO, DOUBT, PENDING])
    assert files.results.read_text() == (
        f"email,{OWN}\n"
        "p1@acme.test,1,succeeded,,201,,1,q-1\n"
        "p2@acme.test,2,skipped,already_invited,,an invitation is outstanding,0,\n"
        "p3@acme.test,3,failed,invalid,422,HTTP 422: no address,2,q-2\n"
        "p4@acme.test,4,in_doubt,no_answer,,connection reset,1,\n"
        "p5@acme.test,5,pending,,,,0,\n"
    )
    assert [row["_row"] for row in table(files.failures)] == ["3", "4"]


def test_a_clean_run_leaves_a_failures_file_of_the_header_alone(report: Report) -> None:
    """The file is always there, so that what reads it need not ask."""
    assert report([{"email": "a@acme.test"}], [OK]).failures.read_text() == f"email,{OWN}\n"


def test_a_file_parted_by_semicolons_keeps_its_delimiter_and_its_lists(report: Report) -> None:
    """So its failures file reads as the file did."""
    files = report([{"email": "a@acme.test", "teams": "Core|Web, new"}], [NO], delimiter=";")
    assert files.failures.read_text().splitlines()[1] == (
        "a@acme.test;Core|Web, new;1;failed;invalid;422;HTTP 422: no address;2;q-2"
    )


def test_cells_of_the_input_come_through_unchanged(report: Report) -> None:
    """Quotes, line ends of each kind, formulas, delimiters, other scripts: a reader gets back what was there."""
    hostile = ['say "hi"', "a,b", "two\nlines", "one\rtwo", "a\r\nb", "=1+1", "'", "株式会社", "\u202eabc", " x "]
    files = report([{"email": one, "note": "n"} for one in hostile], [NO] * len(hostile))
    assert [row["email"] for row in table(files.failures)] == hostile
    assert b"\xef\xbb\xbf" not in files.failures.read_bytes()


def test_columns_of_an_earlier_report_are_not_repeated(report: Report) -> None:
    """Running a failures file again gives one set of them."""
    files = report([{"email": "a@acme.test", "_row": "7", "_error": "invalid"}], [NO])
    assert files.failures.read_text().splitlines()[0] == f"email,{OWN}"


def test_json_values_become_cells(report: Report) -> None:
    """Under the columns of the whole file; what an item lacks is empty."""
    items: list[dict[str, object]] = [{"email": "a@acme.test", "teams": ["Core", "Web"]}, {"notify": True}]
    files = report(items, [NO, NO], columns=["email", "teams", "notify"], delimiter=None)
    assert [line.split(",1,")[0].split(",2,")[0] for line in files.failures.read_text().splitlines()[1:]] == [
        "a@acme.test,Core;Web,",
        ",,true",
    ]


def test_a_row_with_fewer_cells_has_empty_ones(report: Report) -> None:
    """As the reader leaves it when a line could not be split."""
    files = report([{"email": "a@acme.test"}], [NO], columns=["email", "teams"])
    assert table(files.failures)[0]["teams"] == ""


def test_our_columns_hold_one_line_and_no_formula(report: Report) -> None:
    """A provider's text cannot act in a spreadsheet, nor break a line."""
    outcome = Outcome.failed("=code", '=HYPERLINK("http://x")\r\nsecond', attempts=1, request_id="@id")
    row = table(report([{"email": "a"}], [outcome]).failures)[0]
    assert row["_message"] == '\'=HYPERLINK("http://x") second'
    assert (row["_error"], row["_request_id"]) == ("'=code", "'@id")


def test_a_row_that_the_snapshot_lost_is_still_reported(tmp_path: Path, view_of: Callable[..., LedgerView]) -> None:
    """Joined by number, never by position."""
    files = write_reports(
        tmp_path,
        view=view_of(3, [(1, 3, NO)]),
        rows=[Row(1, 2, {"email": "a"}), Row(3, 4, {"email": "c"})],
        columns=["email"],
        delimiter=",",
        summary=Summary("r1", "completed", "invite", "acme", Counts(failed=3)),
        facts=RunFacts("", "", "0.1.0"),
    )
    assert [(row["_row"], row["email"]) for row in table(files.failures)] == [("1", "a"), ("2", ""), ("3", "c")]


def test_text_that_is_no_unicode_is_spelt_out(report: Report) -> None:
    """Half a surrogate pair from a JSON file does not end the report."""
    assert table(report([{"email": "\ud800"}], [NO], delimiter=None).failures)[0]["email"] == "\\ud800"


def test_reports_are_for_their_owner_alone_and_leave_nothing_else(report: Report, tmp_path: Path) -> None:
    """They name people."""
    report([{"email": "a"}], [NO])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "failures.csv", "report.html", "results.csv", "summary.json",
    ]  # fmt: skip
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_link_in_the_place_of_a_report_is_replaced_not_followed(report: Report, tmp_path: Path) -> None:
    """What it pointed to stays as it was."""
    outside = tmp_path.parent / f"{tmp_path.name}-outside.txt"
    outside.write_text("mine")
    for name in ("failures.csv", "results.csv", "summary.json", "report.html"):
        (tmp_path / name).symlink_to(outside)
    files = report([{"email": "a"}], [NO])
    assert outside.read_text() == "mine"
    assert not files.failures.is_symlink()


def test_when_reading_the_rows_fails_older_reports_stay(
    tmp_path: Path, report: Report, view_of: Callable[..., LedgerView]
) -> None:
    """All of the new ones appear, or none."""
    before = report([{"email": "a"}], [NO]).failures.read_text()

    def broken() -> Iterator[Row]:
        yield Row(1, 2, {"email": "b"})
        raise OSError(5, "Input/output error")

    with pytest.raises(BulkopsError, match=r"could not be written to .*Input/output error; the ledger is complete"):
        write_reports(
            tmp_path,
            view=view_of(2, [(1, 2, NO)]),
            rows=broken(),
            columns=["email"],
            delimiter=",",
            summary=Summary("r1", "completed", "invite", "acme", Counts(failed=2)),
            facts=RunFacts("", "", "0.1.0"),
        )
    assert (tmp_path / "failures.csv").read_text() == before
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".tmp"]


def test_a_folder_that_is_gone_is_named(report: Report, tmp_path: Path) -> None:
    """With what the system says."""
    tmp_path.rmdir()
    with pytest.raises(BulkopsError, match="No such file or directory"):
        report([{"email": "a"}], [NO])
    tmp_path.mkdir()


def test_the_files_are_synced_before_they_are_moved(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power loss leaves old reports or new ones, never empty ones."""
    events: list[str] = []
    sync, move = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        events.append("sync")
        sync(descriptor)

    def moved(path: Path, target: Path) -> Path:
        events.append("move")
        return move(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", moved)
    report([{"email": "a"}], [NO])
    assert events == ["sync"] * 4 + ["move"] * 4 + ["sync"]


def test_memory_stays_flat_over_many_rows(tmp_path: Path, view_of: Callable[..., LedgerView]) -> None:
    """80,000 rows, each with an outcome of its own, need about as much as a few."""
    total = 80_000
    view = view_of(
        total, ((row, row, Outcome.failed(f"code_{row % 70}", f"no {row}", attempts=1)) for row in range(1, total + 1))
    )
    rows = (Row(row, row + 1, {"email": f"p{row}@acme.test", "teams": "Core;Web"}) for row in range(1, total + 1))
    tracemalloc.start()
    try:
        files = write_reports(
            tmp_path,
            view=view,
            rows=rows,
            columns=["email", "teams"],
            delimiter=",",
            summary=Summary("r1", "completed", "invite", "acme", Counts(failed=total)),
            facts=RunFacts("", "", "0.1.0"),
        )
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 3_000_000
    with files.failures.open() as lines:
        assert sum(1 for _ in lines) == total + 1
    assert files.page.stat().st_size < 300_000
