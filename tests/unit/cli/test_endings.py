"""Exit codes, the command line, and what a run that did not come to be prints."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bulkops.cli import arguments
from bulkops.cli.failures import PROBLEMS_SHOWN, exit_code, explain
from bulkops.cli.main import main
from bulkops.errors import (
    AccessError,
    BulkopsError,
    ConfigError,
    InterruptedRunError,
    JobAbortedError,
    JobFileError,
    LedgerError,
    RefusedError,
    RejectedError,
    StoppedError,
    UsageError,
)
from bulkops.jobs.source import fault
from bulkops.model import Counts, Problem


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (ConfigError("x"), 2),
        (JobFileError("x"), 2),
        (RefusedError("x"), 3),
        (StoppedError("x"), 4),
        (LedgerError("x"), 4),
        (JobAbortedError("x"), 4),
        (RejectedError("x"), 4),
        (AccessError("x"), 5),
        (InterruptedRunError("x", signum=2), 130),
        (InterruptedRunError("x", signum=15), 143),
    ],
)
def test_each_error_has_the_exit_code_of_the_contract(error: BulkopsError, code: int) -> None:
    """Whatever the counts say: the run did not finish."""
    assert exit_code(error) == exit_code(error, Counts(failed=3, in_doubt=2)) == code


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        (Counts(), 0),
        (Counts(succeeded=3, skipped=2), 0),
        (Counts(succeeded=3, failed=1), 1),
        (Counts(in_doubt=1), 6),
        (Counts(failed=1, in_doubt=1), 6),
    ],
)
def test_a_finished_run_is_judged_by_its_rows(counts: Counts, code: int) -> None:
    """Doubt weighs more than failure."""
    assert exit_code(None, counts) == code


def test_the_object_for_scripts_has_every_key_of_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    """Also when nothing was run, and it is all that stdout holds."""
    explain(ConfigError("no target is chosen"), as_json=True)
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert set(told) >= {
        "run_id", "state", "operation", "target", "counts", "requests", "throttled", "retries", "elapsed_s",
        "run_dir", "failures_file", "report_file", "reason", "next_command",
    }  # fmt: skip
    assert set(told["counts"]) == {"total", "succeeded", "skipped", "failed", "in_doubt", "pending"}
    assert (told["state"], told["reason"]) == ("refused", "no target is chosen")
    assert "no target is chosen" in err


def test_a_long_list_of_problems_is_cut_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """The screen shows the first of them, and how many more there are."""
    explain(JobFileError("bad", [Problem("a.csv", f"fault {n}") for n in range(PROBLEMS_SHOWN + 7)]), as_json=False)
    out, err = capsys.readouterr()
    assert out == ""
    assert f"fault {PROBLEMS_SHOWN - 1}" in err
    assert f"fault {PROBLEMS_SHOWN}\n" not in err
    assert "7 more" in err


def test_what_concerns_the_whole_file_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Its one problem is the message; scripts find it among the problems all the same."""
    explain(fault("a.csv", "is empty"), as_json=True)
    out, err = capsys.readouterr()
    assert err == "bulkops: a.csv: is empty\n"
    assert json.loads(out)["problems"] == ["a.csv: is empty"]


@pytest.mark.parametrize(
    "argv",
    [
        ["frobnicate"],
        ["run"],
        ["run", "a.csv", "--batch-size", "0"],
        ["run", "a.csv", "--concurrency", "many"],
        ["run", "a.csv", "--reserve", "1.5"],
        ["run", "a.csv", "--reserve", "-5%"],
        ["run", "a.csv", "--log-level", "loud"],
        ["report", "--format", "pdf"],
    ],
)
def test_a_wrong_command_line_is_a_matter_of_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, with a line about where help is."""
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert "--help" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv",
    [
        ["frobnicate", "--json"],
        ["run", "--json"],
        ["run", "a.csv", "--json", "--batch-size", "0"],
        ["runs", "--json", "--no-such-option"],
        ["report", "--json"],
    ],
)
def test_scripts_get_their_object_for_a_wrong_command_line(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Whichever parser refuses it, and also where the command has no --json."""
    with pytest.raises(SystemExit) as caught:
        main(argv)
    out, err = capsys.readouterr()
    assert caught.value.code == 2
    told = json.loads(out)
    assert (told["state"], told["run_id"]) == ("refused", None)
    assert f"bulkops: {told['reason']}\n" in err


@pytest.mark.parametrize(("text", "share"), [("0", 0.0), ("0.2", 0.2), ("20%", 0.2), ("95%", 0.95)])
def test_a_share_is_a_fraction_or_a_percentage(text: str, share: float) -> None:
    """Both are written in the documentation."""
    assert arguments.build().parse_args(["run", "a.csv", "--reserve", text]).reserve == pytest.approx(share)


def test_help_loads_nothing_slow() -> None:
    """No network and no validation library: it answers at once."""
    script = (
        "import sys\nfrom bulkops.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'aiohttp', 'pydantic', 'anyio', 'structlog', 'asyncio'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "exit codes" in done.stdout
    assert "10  plan --detailed-exitcode: there are changes" in done.stdout
