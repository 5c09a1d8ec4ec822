"""Jobs by query with the real command: asked once, fixed from then on, guarded as every job is."""

from __future__ import annotations

import csv
import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from bulkops.testing.processes import Ended, SandboxProcess, Shell, sandbox_process

ROOT = Path(__file__).resolve().parents[2]
CLEANUP = sorted(path.name for path in (ROOT / "jobs" / "cleanup").glob("*.json"))
LYING = {"kind": "status", "status": 200, "body": {"data": [], "total": 50}, "method": "GET", "path": "*/users"}
"""A listing that claims rows, and shows none."""


def cleanup(shell: Shell, name: str, *arguments: str) -> Ended:
    """One of the ready-made jobs."""
    shutil.copytree(ROOT / "jobs" / "cleanup", shell.folder / "cleanup", dirs_exist_ok=True)
    return shell.bulkops("run", f"cleanup/{name}", "--yes", "--json", *arguments)


def query(shell: Shell, operation: str, source: dict[str, Any], **more: Any) -> Ended:
    """A job of its own."""
    shell.write("q.json", json.dumps({"operation": operation, "source": source, **more}))
    return shell.bulkops("run", "q.json", "--yes", "--json", "--run-id", "q")


def results(shell: Shell, run: str = "q") -> list[dict[str, str]]:
    """The rows of results.csv."""
    with (shell.folder / ".bulkops/runs" / run / "results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def people(sandbox: SandboxProcess) -> list[dict[str, Any]]:
    """Live accounts with an own sign-in."""
    users = sandbox.get("organization")["users"].values()
    return [one for one in users if not one["deleted"] and one["kind"] == "host" and not one["federated"]]


@pytest.mark.parametrize("name", CLEANUP)
def test_a_cleanup_job_run_twice_changes_nothing_the_second_time(
    shell: Shell, sandbox: SandboxProcess, name: str
) -> None:
    """What the first run did is no longer found; a mail that is sent again makes its invitation a fresh one."""
    shell.configure(sandbox)
    first = cleanup(shell, name, "--max-changes", "1000")
    assert first.code == 0, first.err
    before = sandbox.get("effects")["totals"]
    again = cleanup(shell, name)
    assert again.code == 0, again.err
    assert again.told["counts"]["succeeded"] == 0
    assert sandbox.get("effects")["totals"] == before
    assert shell.bulkops("validate", f"cleanup/{name}").code == 0


def test_idle_people_are_disabled_and_nobody_else(shell: Shell, sandbox: SandboxProcess) -> None:
    """By the organisation's own word; those without a date are left out, and said to be."""
    shell.configure(sandbox)
    ended = cleanup(shell, "disable-idle-users.json")
    assert ended.code == 0, ended.err
    disabled = set(sandbox.effects("user_disabled"))
    assert len(disabled) >= 5
    assert ended.told["counts"]["succeeded"] == len(disabled)
    assert "more lack a value that the query asks of, and were left out" in ended.err
    rows = results(shell, ended.told["run_id"])
    assert {row["username"] for row in rows} == disabled
    assert all(row["last_login"] < time.strftime("%Y-%m-%d") for row in rows)


def test_a_guard_counts_what_a_query_finds(shell: Shell, sandbox: SandboxProcess) -> None:
    """A query that finds nearly everybody is refused before anything is sent."""
    shell.configure(sandbox)
    ended = query(shell, "delete-user", {"resource": "users"}, options={"max_changes": "10%"})
    assert ended.code == 3, ended.err
    assert sandbox.effects("user_deleted") == {}


def test_a_resume_sees_the_same_people(shell: Shell) -> None:
    """Killed in the middle: whoever becomes idle or active meanwhile, the rows are the ones that were asked for."""
    slow = [{"kind": "delay_after", "method": "PUT", "path": "*/users", "seconds": 0.3}]
    with sandbox_process(faults=slow) as sandbox:
        shell.configure(sandbox)
        where = "enabled = true and not username in ('owner', 'admin')"
        source = {"resource": "users", "where": where}
        shell.write("q.json", json.dumps({"operation": "disable-user", "source": source}))
        process = shell.start("run", "q.json", "--yes", "--run-id", "q", "--batch-size", "10", "--concurrency", "1")
        while len(sandbox.effects("user_disabled")) < 20:
            assert process.poll() is None, process.communicate()
        process.kill()
        process.communicate()
        wanted = (shell.folder / ".bulkops/runs/q/input.jsonl").read_text().count("\n")
        ended = shell.bulkops("resume", "q", "--yes", "--json")
        assert ended.code == 0, ended.err
        assert ended.told["counts"]["total"] == wanted
        assert set(sandbox.effects("user_disabled").values()) == {1}
        assert len(sandbox.effects("user_disabled")) == wanted


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"resource": "userz"}, "did you mean 'users'"),
        ({"resource": "users", "where": "last_logn < 90d"}, "did you mean 'last_login'"),
        ({"resource": "users", "where": "last_login < 'x'"}, "last_login"),
        ({"resource": "users", "where": "enabled = "}, "ends too early"),
        ({"resource": "users", "wher": "enabled = true"}, "did you mean 'where'"),
        ({"where": "enabled = true"}, "`resource` is missing"),
        ({"resource": "users", "where": 7}, "a text"),
        ({"resource": "environments"}, "do not give delete-user user"),
        ({"resource": "users", "columns": "nam"}, "no column 'nam'"),
    ],
)
def test_a_query_that_is_wrong_is_refused_before_anything_is_read(
    shell: Shell, sandbox: SandboxProcess, source: dict[str, Any], said: str
) -> None:
    """With the nearest name, and without a call; `validate` says the same."""
    shell.configure(sandbox)
    ended = query(shell, "delete-user", source)
    assert ended.code == 2, ended.err
    assert said in ended.err
    assert sandbox.get("requests")["requests"] == []
    checked = shell.bulkops("validate", "q.json")
    assert (checked.code, said in checked.err) == (2, True), checked.err


def test_an_operation_that_is_mistyped_beside_a_query_is_named_as_it_is_meant(
    shell: Shell, sandbox: SandboxProcess
) -> None:
    """As in a file of rows; nothing is read."""
    shell.configure(sandbox)
    ended = query(shell, "delete-usr", {"resource": "users"})
    assert ended.code == 2
    assert "no operation 'delete-usr'; did you mean 'delete-user'?" in ended.err
    assert sandbox.get("requests")["requests"] == []


NOTE = ["sh", "-c", 'echo "$BULKOPS_STATE $BULKOPS_EXIT $BULKOPS_TARGET" >> told.txt']
"""Writes down that it was told."""


def test_whoever_is_to_be_told_is_told_also_if_nothing_is_found_or_nothing_can_be_read(
    shell: Shell, sandbox: SandboxProcess
) -> None:
    """An unattended query would otherwise fail without a word."""
    shell.configure(sandbox)
    nobody = {"resource": "users", "where": "email = 'nobody@x.test'"}
    ended = query(shell, "delete-user", nobody, options={"on_finish": NOTE})
    assert (ended.code, ended.told["target"]) == (0, "acme"), ended.err
    sandbox.send("POST", "faults", [LYING])
    assert query(shell, "delete-user", {"resource": "users"}, options={"on_finish": NOTE}).code == 4
    told = (shell.folder / "told.txt").read_text().splitlines()
    assert [line.split()[:2] for line in told] == [["completed", "0"], ["stopped", "4"]]


def test_options_of_a_query_are_checked_before_anything_is_read(shell: Shell, sandbox: SandboxProcess) -> None:
    """Also by `validate`, without a network."""
    shell.configure(sandbox)
    ended = query(shell, "delete-user", {"resource": "users"}, options={"max_change": 5})
    assert (ended.code, "did you mean 'max_changes'" in ended.err) == (2, True), ended.err
    assert shell.bulkops("validate", "q.json").code == 2
    assert sandbox.get("requests")["requests"] == []


def test_a_query_that_waits_for_another_run_is_asked_when_its_turn_has_come(shell: Shell) -> None:
    """What the first one has done is no longer found."""
    slow = [{"kind": "delay_after", "method": "PUT", "path": "*/users", "seconds": 1.5}]
    with sandbox_process(faults=slow) as sandbox:
        shell.configure(sandbox)
        source = {"resource": "users", "where": "enabled = true and federated = false and last_login < 30d"}
        shell.write("q.json", json.dumps({"operation": "disable-user", "source": source}))
        first = shell.start("run", "q.json", "--yes", "--batch-size", "5", "--concurrency", "1")
        while not sandbox.effects("user_disabled"):
            assert first.poll() is None, first.communicate()
        second = shell.bulkops("run", "q.json", "--yes", "--json", "--queue")
        assert "waiting for its end" in second.err
        assert (second.code, second.told["counts"]["total"]) == (0, 0), second.err
        first.communicate()
        assert first.returncode == 0
        refused = shell.bulkops("run", "q.json", "--yes", "--json")
        assert refused.code == 0, refused.err


def test_items_and_a_query_exclude_each_other(shell: Shell, sandbox: SandboxProcess) -> None:
    """One of them must go."""
    shell.configure(sandbox)
    ended = query(shell, "delete-user", {"resource": "users"}, items=[{"user": "x"}])
    assert ended.code == 2
    assert "keep one of them" in ended.err


def test_a_default_gives_what_the_resource_does_not(shell: Shell, sandbox: SandboxProcess) -> None:
    """The role group stands in the file, the people are found."""
    shell.configure(sandbox)
    source = {"resource": "users", "where": "last_login = never and federated = false and enabled = true"}
    ended = query(shell, "assign-role-group", source, defaults={"role_group": "Developers"})
    assert ended.code == 0, ended.err
    assert ended.told["counts"]["total"] > 0
    assert {row["role_group"] for row in results(shell)} == {"Developers"}


def test_rows_of_which_nobody_can_vouch_that_they_are_all_are_refused_unless_allowed_by_name(
    shell: Shell, sandbox: SandboxProcess
) -> None:
    """A listing that claims more than comes; the job says `allow_incomplete`, or is not begun."""
    shell.configure(sandbox)
    sandbox.send("POST", "faults", [LYING])
    source = {"resource": "users", "where": "last_login < 90d and federated = false and enabled = true"}
    ended = query(shell, "disable-user", source)
    assert ended.code == 4, ended.err
    assert "vouch" in ended.err
    assert sandbox.effects("user_disabled") == {}


def test_a_query_may_be_a_stage_of_a_pipeline(shell: Shell, sandbox: SandboxProcess) -> None:
    """A stage that finds nothing is left out; the others run."""
    shell.configure(sandbox)
    (shell.folder / "p").mkdir()
    find = {"resource": "users", "where": "last_login < 90d and federated = false and enabled = true"}
    shell.write("p/01-disable.json", json.dumps({"operation": "disable-user", "source": find}))
    nobody = {"resource": "users", "where": "username = 'nobody at all'"}
    shell.write("p/02-delete.json", json.dumps({"operation": "delete-user", "source": nobody}))
    shell.write("p/03-invite.csv", "operation,email\ninvite,a@new.test\n")
    ended = shell.bulkops("run", "p", "--yes", "--json")
    assert ended.code == 0, ended.err
    assert [one["name"] for one in ended.told["stages"]] == ["01-disable", "03-invite"]
    assert "stage 02-delete is left out" in ended.err


def test_a_plan_of_a_query_reads_only(shell: Shell, sandbox: SandboxProcess) -> None:
    """And leaves nothing behind."""
    shell.configure(sandbox)
    shutil.copytree(ROOT / "jobs" / "cleanup", shell.folder / "cleanup")
    ended = shell.bulkops("plan", "cleanup/disable-idle-users.json", "--json", "--detailed-exitcode")
    assert ended.code == 10, ended.err
    assert not [one for one in sandbox.get("requests")["requests"] if one["method"] != "GET"]
