"""The closing block says what happened, why, where to look and what to type."""

from __future__ import annotations

from bulkops.model import Counts, State
from bulkops.reports import ErrorCount, Summary, console_summary


def test_the_block_of_a_run_with_failures() -> None:
    """Word for word."""
    summary = Summary(
        "r1",
        "completed",
        "invite",
        "acme",
        Counts(4812, 150, 38, 1, 0),
        requests=51,
        retries=1,
        elapsed_s=74.2,
        failures_file="runs/r1/failures.csv",
        report_file="runs/r1/report.html",
        next_command="bulkops resume r1",
    )
    errors = [
        ErrorCount("unknown_team", State.FAILED, 38, "no team is called 'Cor'"),
        ErrorCount("no_answer", State.IN_DOUBT, 1, ""),
        ErrorCount("already_invited", State.SKIPPED, 150, "an invitation is outstanding"),
    ]
    assert console_summary(summary, errors) == (
        "invite on acme: finished with failures and doubts\n"
        "  4,812 invited, 150 skipped, 38 failed, 1 in doubt (of 5,001 rows)\n"
        "  51 calls in 1 min 14 s, 0 throttled, 1 retry\n"
        "\n"
        "  38  unknown_team: No team has this name or id.\n"
        "      e.g. no team is called 'Cor'\n"
        "   1  no_answer (in doubt): Sent, but no answer arrived: it may or may not have happened.\n"
        "\n"
        "  failures  runs/r1/failures.csv\n"
        "  report    runs/r1/report.html\n"
        "  next      bulkops resume r1\n"
        "            what stays in doubt is for you to look up: add --in-doubt done, or not-done to send it again\n"
    )


def test_a_clean_run_names_no_failures_file() -> None:
    """There is nothing in it."""
    summary = Summary("r1", "completed", "invite", "acme", Counts(succeeded=1), failures_file="f.csv")
    assert console_summary(summary) == (
        "invite on acme: finished\n"
        "  1 invited, 0 skipped, 0 failed, 0 in doubt (of 1 row)\n"
        "  0 calls in 0.0 s, 0 throttled, 0 retries\n"
    )


def test_a_run_that_stopped_says_why() -> None:
    """And how many rows had no turn."""
    summary = Summary("r1", "stopped", "delete-user", "acme", Counts(pending=2), reason="the host is\nunreachable")
    text = console_summary(summary)
    assert "delete-user on acme: stopped early\n" in text
    assert "2 not attempted" in text
    assert "  reason: the host is unreachable\n" in text


def test_rare_errors_are_left_to_the_report() -> None:
    """The block stays on one screen."""
    errors = [ErrorCount(f"code_{number}", State.FAILED, 1, "no") for number in range(7)]
    text = console_summary(Summary("r1", "completed", "invite", "acme", Counts(failed=7)), errors)
    assert "code_4" in text
    assert "code_5" not in text
    assert "and 2 further kinds, see the report" in text


def test_a_providers_text_cannot_steer_the_terminal() -> None:
    """Nor can the name of a folder."""
    summary = Summary("r1", "completed", "invite", "a\x1b[2J", Counts(failed=1), next_command="x\x1b]0;y\x07")
    text = console_summary(summary, [ErrorCount("x\x1b[1m", State.FAILED, 1, "\x1b[31m" + "long " * 100)])
    assert "\x1b" not in text
    assert "\x07" not in text
    assert max(map(len, text.splitlines())) < 220
