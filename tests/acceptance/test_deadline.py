"""`--deadline`: a run ends before a moment, says so, and can be gone on with."""

from __future__ import annotations

import csv
import time
from datetime import UTC, datetime, timedelta

from bulkops.testing.processes import Shell, sandbox_process


def hires(shell: Shell, count: int, **options: str) -> str:
    """A job file of so many new addresses."""
    listed = ",".join(f'{{"email": "h{number}@new.test"}}' for number in range(count))
    given = ",".join(f'"{name}": "{value}"' for name, value in options.items())
    shell.write("hires.json", f'{{"operation": "invite", "options": {{{given}}}, "items": [{listed}]}}')
    return "hires.json"


def test_a_run_stops_before_its_deadline_and_the_resume_goes_on(shell: Shell) -> None:
    """Exit 4, reports and the next command are there, nothing is in flight; afterwards everybody has one mail."""
    slow = [{"kind": "delay_before", "method": "POST", "path": "*/invites", "seconds": 0.05}]
    with sandbox_process(faults=slow) as sandbox:
        shell.configure(sandbox, concurrency=1)
        until = time.time() + 6
        when = datetime.fromtimestamp(until, tz=UTC).isoformat()
        ended = shell.bulkops(
            "run", hires(shell, 400), "--yes", "--json", "--batch-size", "1", "--deadline", when, "--run-id", "r"
        )
        last = max(entry["at"] for entry in sandbox.get("requests")["requests"])
        told = ended.told
        assert (ended.code, told["state"]) == (4, "stopped"), ended.err
        assert last < until
        assert "the deadline is near" in told["reason"]
        assert told["next_command"] == "bulkops resume r"
        assert 0 < told["counts"]["succeeded"] < 400
        assert told["counts"]["pending"] > 0
        assert sum(value for name, value in told["counts"].items() if name != "total") == 400
        assert (shell.folder / told["report_file"]).is_file()
        sandbox.send("POST", "faults", [])
        again = shell.bulkops("resume", "r", "--json", "--deadline", "2h")
        assert (again.code, again.told["counts"]["succeeded"]) == (0, 400), again.err
        assert sandbox.effects("invite_sent") == {f"h{number}@new.test": 1 for number in range(400)}


def test_a_deadline_of_the_job_file_counts_unless_the_command_line_names_one(shell: Shell) -> None:
    """One that has passed is refused before anything is sent; the command line's is taken in its place."""
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    with sandbox_process() as sandbox:
        shell.configure(sandbox)
        refused = shell.bulkops("run", hires(shell, 3, deadline=past), "--yes")
        assert refused.code == 2
        assert "lies in the past" in refused.err
        assert sandbox.effects("invite_sent") == {}
        ended = shell.bulkops("run", hires(shell, 3, deadline=past), "--yes", "--deadline", "2h")
        assert ended.code == 0, ended.err


def test_a_deadline_that_is_none_is_refused(shell: Shell) -> None:
    """With the forms that there are, and before anything is sent."""
    ended = shell.bulkops("run", hires(shell, 1), "--target", "sandbox", "--yes", "--deadline", "soon")
    assert ended.code == 2
    assert "--deadline 'soon': expected a span such as 2h" in ended.err


def test_rows_that_waited_for_a_quota_at_the_end_say_so(shell: Shell) -> None:
    """Their code is `throttled_out`; the resume goes on with them, and then nothing waits any more."""
    with sandbox_process(options=("--quota", "6", "--window", "20")) as sandbox:
        shell.configure(sandbox, concurrency=1)
        when = datetime.fromtimestamp(time.time() + 9, tz=UTC).isoformat()
        job = hires(shell, 40)
        ended = shell.bulkops("run", job, "--yes", "--json", "--batch-size", "1", "--deadline", when, "--run-id", "r")
        assert ended.code == 4, ended.err
        with (shell.folder / ".bulkops/runs/r/results.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        waiting = [row for row in rows if row["_outcome"] == "pending"]
        assert waiting
        assert {row["_error"] for row in waiting} == {"throttled_out"}
        sandbox.send("PATCH", "settings", {"quota": None})
        again = shell.bulkops("resume", "r", "--json", "--deadline", "2h")
        assert (again.code, again.told["counts"]["succeeded"]) == (0, 40), again.err
        assert set(sandbox.effects("invite_sent").values()) == {1}
