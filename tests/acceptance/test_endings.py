"""How runs end: exit codes, counts, reports, the next command."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from bulkops.testing.processes import SandboxProcess, Shell, sandbox_process

KEYS = [
    *("run_id", "state", "operation", "target", "counts", "requests", "throttled", "retries", "elapsed_s", "run_dir"),
    *("failures_file", "report_file", "reason", "next_command"),
]
OUTCOME_COLUMNS = ["_row", "_outcome", "_error", "_http_status", "_message", "_attempts", "_request_id"]


def rows_of(path: str | Path, folder: Path) -> list[dict[str, str]]:
    """The rows of a report, found as `--json` names it."""
    with (folder / path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def hires(shell: Shell, count: int) -> str:
    """A job file of so many new addresses."""
    shell.write("hires.csv", "operation,email\n" + "".join(f"invite,h{n}@new.test\n" for n in range(count)))
    return "hires.csv"


def test_a_clean_run_ends_with_0_and_the_whole_object(shell: Shell, sandbox: SandboxProcess) -> None:
    """The object on stdout has the promised keys, its counts add up, and the reports are where it says."""
    shell.configure(sandbox)
    ended = shell.bulkops("run", hires(shell, 60), "--yes", "--json")
    assert ended.code == 0, ended.err
    told = ended.told
    assert list(told) == KEYS
    assert told["state"] == "completed"
    assert told["counts"] == {
        "total": 60, "succeeded": 60, "skipped": 0, "failed": 0, "in_doubt": 0, "pending": 0,
    }  # fmt: skip
    assert told["next_command"] is None
    assert told["requests"] > 0
    assert rows_of(told["failures_file"], shell.folder) == []
    assert (shell.folder / told["report_file"]).is_file()
    results = rows_of(Path(told["run_dir"]) / "results.csv", shell.folder)
    assert [*results[0]] == ["operation", "email", *OUTCOME_COLUMNS]
    assert [row["_row"] for row in results] == [str(number) for number in range(1, 61)]
    assert json.loads((shell.folder / told["run_dir"] / "summary.json").read_text())["counts"] == told["counts"]


def test_a_partly_failed_run_ends_with_1_and_its_failures_file_is_a_job_file(
    shell: Shell, sandbox: SandboxProcess
) -> None:
    """The failed rows can be run again as they are; `retry` does it by itself."""
    sandbox.send("POST", "faults", [{"kind": "reject_items", "method": "POST", "items": ["h3@*", "h7@*"]}])
    shell.configure(sandbox)
    ended = shell.bulkops("run", hires(shell, 20), "--yes", "--json")
    assert ended.code == 1
    assert (ended.told["counts"]["succeeded"], ended.told["counts"]["failed"]) == (18, 2)
    failures = rows_of(ended.told["failures_file"], shell.folder)
    assert [row["email"] for row in failures] == ["h3@new.test", "h7@new.test"]
    assert {row["_http_status"] for row in failures} == {"400"}
    assert ended.told["next_command"] == f"bulkops retry {ended.told['run_id']}"
    checked = shell.bulkops("validate", ended.told["failures_file"])
    assert checked.code == 0, checked.err
    sandbox.send("POST", "faults", [])
    again = shell.bulkops("retry", "--yes", "--json")
    assert again.code == 0, again.err
    assert again.told["counts"]["succeeded"] == 2
    assert sandbox.effects("invite_sent") == {f"h{n}@new.test": 1 for n in range(20)}


def test_a_retry_waits_for_the_end_of_its_run(shell: Shell) -> None:
    """While the run works, or has rows open, a retry is refused: its rows would be sent twice."""
    slow = [{"kind": "delay_after", "method": "POST", "path": "*/invites", "seconds": 30, "after": 3}]
    with sandbox_process(faults=slow) as sandbox:
        shell.configure(sandbox, concurrency=2)
        process = shell.start("run", hires(shell, 100), "--yes", "--batch-size", "5", "--run-id", "r")
        wait_for_mails(sandbox, 20)
        assert shell.bulkops("show", "r", "--json").told["state"] == "running"
        assert shell.bulkops("report", "r").code == 3
        while_it_works = shell.bulkops("retry", "r", "--yes", "--json")
        assert (while_it_works.code, while_it_works.told["state"]) == (3, "refused"), while_it_works.err
        process.kill()
        process.communicate()
        sandbox.send("POST", "faults", [])
        assert shell.bulkops("report", "r").code == 0
        after_the_kill = shell.bulkops("retry", "r", "--yes")
        assert after_the_kill.code == 3
        assert "bulkops resume r" in after_the_kill.err
        assert shell.bulkops("resume", "r").code == 0
        assert shell.bulkops("retry", "r", "--yes").code == 2
        assert sandbox.effects("invite_sent") == {f"h{n}@new.test": 1 for n in range(100)}


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_politely_and_the_resume_finishes(shell: Shell, signum: signal.Signals, code: int) -> None:
    """Once: in flight is finished, reports are written, the resume command is printed."""
    slow = [{"kind": "delay_after", "method": "POST", "path": "*/invites", "seconds": 0.1}]
    with sandbox_process(faults=slow) as sandbox:
        shell.configure(sandbox, concurrency=2)
        process = shell.start("run", hires(shell, 300), "--yes", "--json", "--batch-size", "5", "--run-id", "r")
        wait_for_mails(sandbox, 20)
        process.send_signal(signum)
        out, err = process.communicate(timeout=30)
        assert process.returncode == code, err
        told = json.loads(out)
        assert told["state"] == "interrupted"
        assert sum(value for key, value in told["counts"].items() if key != "total") == 300
        assert told["counts"]["pending"] > 0
        assert told["next_command"] == "bulkops resume r"
        assert "bulkops resume r" in err
        assert len(rows_of(Path(told["run_dir"]) / "results.csv", shell.folder)) == 300
        ended = shell.bulkops("resume", "--json")
        assert (ended.code, ended.told["counts"]["succeeded"]) == (0, 300)
        assert set(sandbox.effects("invite_sent").values()) == {1}


def test_a_second_signal_leaves_at_once_and_loses_nothing(shell: Shell) -> None:
    """Twice: out, whatever is in flight; the ledger still knows."""
    slow = [{"kind": "delay_after", "method": "POST", "path": "*/invites", "seconds": 30}]
    with sandbox_process(faults=slow) as sandbox:
        shell.configure(sandbox)
        process = shell.start("run", hires(shell, 20), "--yes", "--batch-size", "5", "--run-id", "r")
        wait_for_mails(sandbox, 5)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "once more" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        assert process.returncode == 130
        sandbox.send("POST", "faults", [])
        ended = shell.bulkops("resume", "r", "--json")
        assert (ended.code, ended.told["counts"]["succeeded"]) == (0, 20)
        assert set(sandbox.effects("invite_sent").values()) == {1}


def test_a_service_that_goes_on_failing_is_given_up_with_4(shell: Shell, sandbox: SandboxProcess) -> None:
    """The screen says what is waited for, the end says why; once the service has recovered, the resume finishes."""
    sandbox.send("POST", "faults", [{"kind": "status", "method": "POST", "path": "*/invites", "status": 502}])
    shell.configure(sandbox, give_up_s=1.5)
    ended = shell.bulkops("run", hires(shell, 300), "--yes", "--json", "--batch-size", "1", "--run-id", "r")
    assert (ended.code, ended.told["state"]) == (4, "stopped"), ended.err
    assert "POST invites: " in ended.told["reason"]
    assert "it did not recover within 2 s; the last fault: HTTP 502" in ended.told["reason"]
    assert "waiting for POST invites to recover" in ended.err
    assert ended.told["next_command"] == "bulkops resume r"
    sandbox.send("POST", "faults", [])
    again = shell.bulkops("resume", "r", "--json")
    assert (again.code, again.told["counts"]["succeeded"]) == (0, 300), again.err
    assert set(sandbox.effects("invite_sent").values()) == {1}


def wait_for_mails(sandbox: SandboxProcess, count: int) -> None:
    """Return once so many mails have left."""
    for _ in range(4000):
        if sum(sandbox.effects("invite_sent").values()) >= count:
            return
        time.sleep(0.005)
    raise AssertionError("the mails never left")


def test_refused_credentials_end_with_5_and_every_row_pending(shell: Shell, sandbox: SandboxProcess) -> None:
    """A wrong token: nothing fails, the run can be resumed with a right one."""
    shell.configure(sandbox)
    right, shell.environ["ACME_TOKEN"] = shell.environ["ACME_TOKEN"], "wrong-token-123"
    ended = shell.bulkops("run", hires(shell, 5), "--yes", "--json", "--run-id", "r")
    assert ended.code == 5
    assert ended.told["counts"]["pending"] == 5
    assert "ACME_TOKEN" in ended.err
    assert "wrong-token-123" not in ended.err + ended.out
    shell.environ["ACME_TOKEN"] = right
    assert shell.bulkops("resume", "r").code == 0
    assert len(sandbox.effects("invite_sent")) == 5


def test_a_connected_app_logs_in_once_for_all_workers(shell: Shell, sandbox: SandboxProcess) -> None:
    """One login however many workers; a token that ends in the middle is renewed."""
    shell.configure(sandbox)
    text = (shell.folder / "bulkops.toml").read_text()
    app = 'method = "connected-app"\nclient_id_env = "APP"\nclient_secret_env = "SECRET"'
    shell.write("bulkops.toml", text.replace('method = "bearer"\ntoken_env = "ACME_TOKEN"', app))
    shell.environ.update(APP="sandbox-client", SECRET="sandbox-secret")
    ended = shell.bulkops("run", hires(shell, 100), "--yes", "--json", "--batch-size", "5")
    assert ended.code == 0, ended.err
    logins = [one for one in sandbox.get("requests")["requests"] if one["path"].endswith("/oauth2/token")]
    assert len(logins) == 1


def test_a_destructive_job_without_a_terminal_needs_yes(shell: Shell, sandbox: SandboxProcess) -> None:
    """Exit 3, the number of items named, nothing sent, no run left behind."""
    shell.configure(sandbox)
    shell.write("leavers.csv", "operation,user\ndelete-user,dora.disabled\n")
    ended = shell.bulkops("run", "leavers.csv", "--json")
    assert ended.code == 3
    assert ended.told["state"] == "refused"
    assert "delete-user (1 item) needs a confirmation" in ended.err
    assert sandbox.effects("user_deleted") == {}
    assert not list((shell.folder / ".bulkops" / "runs").iterdir())
    assert shell.bulkops("run", "leavers.csv", "--yes").code == 0
    assert sandbox.effects("user_deleted") == {"dora.disabled": 1}


def test_max_changes_refuses_the_plan_before_the_first_write(shell: Shell, sandbox: SandboxProcess) -> None:
    """Exit 3 with the numbers and the flag that allows exactly this plan."""
    shell.configure(sandbox)
    ended = shell.bulkops("run", hires(shell, 10), "--yes", "--max-changes", "9")
    assert ended.code == 3
    assert "--max-changes 10" in ended.err
    assert sandbox.effects("invite_sent") == {}
    assert shell.bulkops("run", "hires.csv", "--yes", "--max-changes", "10").code == 0


def test_a_dry_run_reads_and_sends_nothing(shell: Shell, sandbox: SandboxProcess) -> None:
    """The plan is told, no write leaves, no folder stays."""
    shell.configure(sandbox)
    ended = shell.bulkops("run", hires(shell, 10), "--dry-run", "--json")
    assert ended.code == 0, ended.err
    assert [plan["ready"] for plan in ended.told["plans"]] == [10]
    assert {one["method"] for one in sandbox.get("requests")["requests"]} == {"GET"}
    assert not list((shell.folder / ".bulkops" / "runs").iterdir())


def test_doubt_that_cannot_be_settled_is_kept_and_named(shell: Shell, sandbox: SandboxProcess) -> None:
    """The answer is lost and the listing is out of reach: the rows stay in doubt, and the resume settles them."""
    sandbox.send(
        "POST",
        "faults",
        [
            {"kind": "lose_after", "method": "POST", "path": "*/invites"},
            {"kind": "status", "method": "GET", "path": "*/invites", "status": 500, "after": 1},
            {"kind": "status", "method": "GET", "path": "*/members", "status": 500, "after": 1},
        ],
    )
    shell.configure(sandbox)
    ended = shell.bulkops("run", hires(shell, 5), "--yes", "--json", "--run-id", "r")
    assert ended.code == 4, ended.err
    assert ended.told["counts"]["in_doubt"] == 5
    assert {row["_outcome"] for row in rows_of(ended.told["failures_file"], shell.folder)} == {"in_doubt"}
    sandbox.send("POST", "faults", [])
    again = shell.bulkops("resume", "r", "--json")
    assert (again.code, again.told["counts"]["succeeded"]) == (0, 5)
    assert set(sandbox.effects("invite_sent").values()) == {1}


def test_runs_show_and_report_read_a_run_back(shell: Shell, sandbox: SandboxProcess) -> None:
    """What a run left behind is told again, also as JSON, and its reports can be written anew."""
    shell.configure(sandbox)
    told = shell.bulkops("run", hires(shell, 5), "--yes", "--json", "--run-id", "first").told
    listed = shell.bulkops("runs", "--json").told["runs"]
    assert [(one["run_id"], one["state"]) for one in listed] == [("first", "completed")]
    assert "first" in shell.bulkops("runs").out
    shown = shell.bulkops("show", "fir", "--json").told
    assert shown["counts"] == told["counts"]
    (shell.folder / told["run_dir"] / "results.csv").unlink()
    printed = shell.bulkops("report", "--format", "csv")
    assert printed.out.splitlines()[0].startswith("operation,email,_row")
    assert len(printed.out.splitlines()) == 6
    assert "<html" in shell.bulkops("report", "first", "--format", "html").out


def test_a_run_folder_copied_elsewhere_can_be_resumed_there(shell: Shell, tmp_path: Path) -> None:
    """The folder is all that a resume needs, beside the configuration."""
    slow = [{"kind": "delay_after", "method": "POST", "path": "*/invites", "seconds": 0.1}]
    with sandbox_process(faults=slow) as sandbox:
        shell.configure(sandbox, concurrency=1)
        process = shell.start("run", hires(shell, 100), "--yes", "--batch-size", "5", "--run-id", "r")
        wait_for_mails(sandbox, 10)
        process.kill()
        process.communicate()
        moved = tmp_path / "elsewhere"
        moved.mkdir()
        subprocess.run(["cp", "-r", str(shell.folder / ".bulkops" / "runs" / "r"), str(moved / "r")], check=True)
        (shell.folder / "hires.csv").unlink()
        ended = shell.bulkops("resume", str(moved / "r"), "--json")
        assert (ended.code, ended.told["counts"]["succeeded"]) == (0, 100)
        assert set(sandbox.effects("invite_sent").values()) == {1}


def test_run_folders_are_private(shell: Shell, sandbox: SandboxProcess) -> None:
    """The folder is 0700 and its files 0600."""
    shell.configure(sandbox)
    run_dir = shell.folder / shell.bulkops("run", hires(shell, 3), "--yes", "--json").told["run_dir"]
    assert run_dir.stat().st_mode & 0o777 == 0o700
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in run_dir.iterdir() if path.is_file()} == {
        path.name: "0o600" for path in run_dir.iterdir()
    }


def test_no_secret_is_written_anywhere(shell: Shell, sandbox: SandboxProcess) -> None:
    """Token, client secret and invitation codes are in no file, no stream, at the loudest log level."""
    shell.configure(sandbox)
    sandbox.send(
        "POST",
        "faults",
        [
            {
                "kind": "status", "method": "POST", "status": 400, "body_contains": "h2@",
                "body": {"status": 400, "message": f"token {sandbox.token} and code=INV-SECRET-77 are bad"},
            },
        ],
    )  # fmt: skip
    sandbox.send("PATCH", "settings", {"quirks": {"invite_answer": "items"}})
    ended = shell.bulkops("run", hires(shell, 10), "--yes", "--json", "--log-level", "debug", "--log-format", "json")
    assert ended.code == 1, ended.err
    written = ended.out + ended.err
    for path in (shell.folder / ".bulkops").rglob("*"):
        if path.is_file():
            written += path.read_bytes().decode("utf-8", "replace")
    assert sandbox.token not in written
    assert "INV-SECRET-77" not in written
    codes = invitation_codes(sandbox)
    assert len(codes) > 9
    assert not [code for code in codes if code in written]
    assert "[secret]" in written


def invitation_codes(sandbox: SandboxProcess) -> list[str]:
    """The acceptance secrets of all invitations, as the provider's own listing gives them away."""
    url = f"{sandbox.url}/accounts/api/organizations/{sandbox.organization}/invites?limit=500"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {sandbox.token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return [row["code"] for row in json.loads(answer.read())["data"]]


def test_the_embedded_sandbox_needs_no_configuration(shell: Shell) -> None:
    """Target sandbox works in an empty folder, and remembers its people between runs."""
    first = shell.bulkops("run", hires(shell, 5), "--target", "sandbox", "--yes", "--json")
    assert (first.code, first.told["counts"]["succeeded"]) == (0, 5), first.err
    second = shell.bulkops("run", "hires.csv", "--target", "sandbox", "--yes", "--json")
    assert (second.code, second.told["counts"]["skipped"]) == (0, 5)


def test_a_job_from_standard_input_runs(shell: Shell, sandbox: SandboxProcess) -> None:
    """`-` reads the job from a pipe, kept as the run's snapshot."""
    shell.configure(sandbox)
    ended = shell.bulkops("run", "-", "--operation", "invite", "--yes", "--json", stdin="email\na@new.test\n")
    assert (ended.code, ended.told["counts"]["succeeded"]) == (0, 1), ended.err


def test_the_clean_environment_is_not_needed(shell: Shell, sandbox: SandboxProcess) -> None:
    """The official client's variables make a target without any file."""
    shell.environ.update(ANYPOINT_ORG=sandbox.organization, ANYPOINT_BEARER=sandbox.token, ANYPOINT_HOST=sandbox.url)
    ended = shell.bulkops("run", hires(shell, 3), "--yes", "--json")
    assert (ended.code, ended.told["target"]) == (0, "anypoint"), ended.err
    assert os.environ.get("ANYPOINT_BEARER") is None


@pytest.mark.parametrize(("word", "resent", "outcome"), [("done", 1, "succeeded"), ("not-done", 2, "succeeded")])
def test_a_person_has_the_last_word_on_what_nobody_can_tell(shell: Shell, word: str, resent: int, outcome: str) -> None:
    """A mail that may have left stays in doubt however often it is looked up, until somebody says what is true."""
    with sandbox_process(options=["--quirks", '{"resend_expired": "keep"}']) as sandbox:
        shell.configure(sandbox)
        address = sandbox.outstanding()[0]
        shell.write("mails.csv", f"email\n{address}\n")
        sandbox.send("POST", "faults", [{"kind": "lose_after", "method": "POST", "path": "*/invites/resend"}])
        ended = shell.bulkops("run", "mails.csv", "--operation", "resend-invite", "--yes", "--run-id", "r", "--json")
        assert (ended.code, ended.told["next_command"]) == (6, "bulkops resume r")
        assert "--in-doubt done" in ended.err
        sandbox.send("POST", "faults", [])
        assert shell.bulkops("resume", "r").code == 6
        ended = shell.bulkops("resume", "r", "--in-doubt", word, "--json")
        assert (ended.code, ended.told["counts"][outcome]) == (0, 1), ended.err
        assert sandbox.effects("invite_resent") == {address: resent}


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_rows_of_the_files_own_operation_are_not_lost_beside_others(shell: Shell, stop: signal.Signals) -> None:
    """A JSON file names an operation, and one of its items another: a resume knows what the others mean."""
    slow = [{"kind": "delay_after", "method": "POST", "path": "*/invites", "seconds": 0.5}]
    with sandbox_process(faults=slow) as sandbox:
        shell.configure(sandbox, concurrency=1)
        items: list[dict[str, str]] = [{"email": f"c{number}@new.test"} for number in range(4)]
        items.append({"operation": "resend-invite", "email": sandbox.outstanding()[0]})
        shell.write("mixed.json", json.dumps({"operation": "invite", "items": items}))
        process = shell.start("run", "mixed.json", "--yes", "--run-id", "r", "--batch-size", "1")
        wait_for_mails(sandbox, 2)
        process.send_signal(stop)
        process.communicate(timeout=30)
        sandbox.send("POST", "faults", [])
        ended = shell.bulkops("resume", "r", "--yes", "--json")
        assert (ended.code, ended.told["counts"]["succeeded"]) == (0, 5), ended.err
        assert sandbox.effects("invite_sent") == {f"c{number}@new.test": 1 for number in range(4)}


def test_the_next_command_names_the_configuration_that_was_named(shell: Shell, sandbox: SandboxProcess) -> None:
    """It is ready to be typed as it stands."""
    shell.configure(sandbox)
    (shell.folder / "bulkops.toml").rename(shell.folder / "my own.toml")
    sandbox.send("POST", "faults", [{"kind": "reject_items", "method": "POST", "items": ["h3@*"]}])
    ended = shell.bulkops("run", hires(shell, 5), "--yes", "--config", "my own.toml", "--run-id", "r", "--json")
    assert ended.told["next_command"] == "bulkops retry r --config 'my own.toml'"


def test_a_run_may_not_be_called_latest(shell: Shell, sandbox: SandboxProcess) -> None:
    """The word means another run each time."""
    shell.configure(sandbox)
    assert shell.bulkops("run", hires(shell, 1), "--yes", "--run-id", "latest").code == 2
