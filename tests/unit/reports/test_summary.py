"""summary.json holds the object of --json and a little more; reading it says what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkops.errors import UsageError
from bulkops.model import Counts, Outcome, State
from bulkops.reports import ErrorCount, ReportFiles, Summary, errors_of, read_summary, summary_of

Report = Callable[..., ReportFiles]

NO = Outcome.failed("invalid", "bad\naddress", attempts=1)
SKIPPED = Outcome.skipped("already_invited", "an invitation is outstanding")
DOUBT = Outcome.in_doubt("no_answer", "connection reset", attempts=1)


def test_the_object_has_the_documented_keys_in_their_order() -> None:
    """Scripts rely on them."""
    found = Summary("r1", "completed", "invite", "acme", Counts(succeeded=2), elapsed_s=1.23456).as_dict()
    assert list(found) == [
        "run_id", "state", "operation", "target", "counts", "requests", "throttled", "retries", "elapsed_s",
        "run_dir", "failures_file", "report_file", "reason", "next_command",
    ]  # fmt: skip
    assert found["counts"] == {"total": 2, "succeeded": 2, "skipped": 0, "failed": 0, "in_doubt": 0, "pending": 0}
    assert found["elapsed_s"] == 1.235


def test_the_file_holds_the_object_and_what_went_wrong_how_often(report: Report, tmp_path: Path) -> None:
    """Failed first, then in doubt, then skipped; with one message each."""
    summary = Summary("r1", "completed", "invite", "acme", Counts(skipped=1, failed=2, in_doubt=1))
    report([{"email": "a"}] * 4, [SKIPPED, NO, DOUBT, NO], summary=summary)
    found = read_summary(tmp_path)
    assert {key: found[key] for key in summary.as_dict()} == summary.as_dict()
    assert found["started_at"] == "2026-03-01T10:00:00Z"
    assert found["finished_at"] == "2026-03-01T10:01:14Z"
    assert found["version"] == "0.1.0"
    assert found["by_error"] == [
        {"error": "invalid", "outcome": "failed", "count": 2, "message": "bad address"},
        {"error": "no_answer", "outcome": "in_doubt", "count": 1, "message": "connection reset"},
        {"error": "already_invited", "outcome": "skipped", "count": 1, "message": "an invitation is outstanding"},
    ]


def test_what_was_written_is_read_back_as_it_was(report: Report, tmp_path: Path) -> None:
    """The summary and the counts of errors."""
    summary = Summary("r1", "stopped", "invite", "acme", Counts(failed=1), reason="é", next_command="bulkops resume r1")
    files = report([{"email": "a"}], [NO], summary=summary)
    found = read_summary(tmp_path)
    assert summary_of(found) == summary
    assert errors_of(found) == files.by_error == (ErrorCount("invalid", State.FAILED, 1, "bad address"),)


def test_codes_without_end_are_counted_together(report: Report) -> None:
    """The first fifty by name, the rest as other; no row is missing from the counts."""
    outcomes = [Outcome.failed(f"code_{number:03}", "no", attempts=1) for number in range(80)]
    files = report([{"email": "a"}] * 80, outcomes)
    assert len(files.by_error) == 51
    assert sum(error.count for error in files.by_error) == 80
    assert files.by_error[0] == ErrorCount("other", State.FAILED, 30, "no")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "has not ended, or its process was killed"),
        ("{", "does not hold JSON"),
        ("[" * 100_000, "does not hold JSON"),
        ("[]", "holds list, not an object"),
        ('{"run_id": "r1"}', "lacks state, operation"),
    ],
)
def test_a_summary_that_is_missing_or_damaged_is_named(tmp_path: Path, text: str | None, complaint: str) -> None:
    """With its path and what is wrong."""
    if text is not None:
        (tmp_path / "summary.json").write_text(text)
    with pytest.raises(UsageError, match=complaint) as caught:
        read_summary(tmp_path)
    assert str(tmp_path / "summary.json") in str(caught.value)


def test_a_folder_that_does_not_exist_is_no_run(tmp_path: Path) -> None:
    """The message names it."""
    with pytest.raises(UsageError, match="gone is not the folder of a run"):
        read_summary(tmp_path / "gone")


@pytest.mark.parametrize("counts", [None, {}, {"succeeded": -1}, {"succeeded": "1"}])
def test_damaged_counts_are_refused(counts: object) -> None:
    """Nothing is guessed."""
    found = {**Summary("r1", "completed", "invite", "acme", Counts()).as_dict(), "counts": counts}
    with pytest.raises(UsageError, match="counts"):
        summary_of(json.loads(json.dumps(found)))


def test_damaged_counts_of_errors_are_left_out() -> None:
    """They only help people."""
    assert errors_of({}) == ()
    assert errors_of({"by_error": [{"error": "x", "outcome": "no such state", "count": 1, "message": ""}]}) == ()
