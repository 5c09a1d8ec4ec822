"""The export of an HR system is a job file: read by a map, through kills, edits and retries; the server judges."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bulkops.testing.processes import SandboxProcess, Shell, sandbox_process

HEADER = "Personnel No;Name;Work E-Mail;Department;Location"
SLOW = [{"kind": "delay_after", "method": "POST", "path": "*/invites", "seconds": 0.15}]
JOB = {
    "operation": "invite",
    "items_from": "export.csv",
    "map": {"work e-mail": "email", "Department": "role_groups"},
    "values": {"role_groups": {"Engineering": ["Developers", "Exchange Viewers"], "Sales": "Exchange Viewers"}},
    "defaults": {"role_groups": ["Developers"], "teams": ["Platform Core"]},
}
GIVEN = {
    "Engineering": {"Developers", "Exchange Viewers"},
    "SALES": {"Exchange Viewers"},
    "": {"Developers"},
}


def export(people: Sequence[tuple[str, str]]) -> str:
    """An HR system's export of addresses and departments."""
    rows = [f"{1000 + at};Person {at};{email};{department};Oslo" for at, (email, department) in enumerate(people)]
    return "\n".join([HEADER, *rows, ""])


def hires(count: int) -> list[tuple[str, str]]:
    """People of all departments, and of none."""
    return [(f"hire.{number}@new.test", list(GIVEN)[number % 3]) for number in range(count)]


def write_job(shell: Shell, people: Sequence[tuple[str, str]], **keys: Any) -> None:
    """A job in a folder of its own, and the export beside it."""
    (shell.folder / "hr").mkdir(exist_ok=True)
    shell.write("hr/export.csv", export(people))
    shell.write("hr/onboarding.json", json.dumps({**JOB, **keys}))


def given(sandbox: SandboxProcess) -> dict[str, set[str]]:
    """The role groups that each invitation carried, by address."""
    sent = [one for one in sandbox.get("requests")["requests"] if one["method"] == "POST" and "/invites" in one["path"]]
    return {
        item["email"]: {group["name"] for group in item.get("role_groups", ())} for one in sent for item in one["body"]
    }


def table(shell: Shell, name: str, run: str = "r") -> list[dict[str, str]]:
    """A report's rows."""
    path: Path = shell.folder / ".bulkops" / "runs" / run / name
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


@pytest.fixture
def slow() -> Iterator[SandboxProcess]:
    """A sandbox that answers late, so that a run can be killed in the middle."""
    with sandbox_process(faults=SLOW) as running:
        yield running


def test_an_export_is_a_job_file_without_editing(shell: Shell, sandbox: SandboxProcess) -> None:
    """Departments become role groups, constants fill the rest, and reports show the export's own columns."""
    shell.configure(sandbox)
    people = hires(9)
    write_job(shell, people)
    ended = shell.bulkops("run", "hr/onboarding.json", "--yes", "--run-id", "r", "--json")
    assert ended.code == 0, ended.err
    assert sandbox.effects("invite_sent") == {email: 1 for email, _ in people}
    assert given(sandbox) == {email: GIVEN[department] for email, department in people}
    rows = table(shell, "results.csv")
    assert [(row["Work E-Mail"], row["Department"], row["Personnel No"]) for row in rows] == [
        (email, department, str(1000 + at)) for at, (email, department) in enumerate(people)
    ]
    kept = {path.name for path in (shell.folder / ".bulkops/runs/r").glob("input*")}
    assert kept == {"input.csv"}
    assert (shell.folder / "hr/export.csv").read_text() == export(people)


def test_a_killed_run_goes_on_without_being_told_the_map_again(shell: Shell, slow: SandboxProcess) -> None:
    """The run's folder knows it, also when the export and the job are gone."""
    shell.configure(slow, settling_s=0.4)
    people = hires(90)
    shell.write("export.csv", export(people))
    started = shell.start(
        *("run", "export.csv", "--operation", "invite", "--map", "Work E-Mail=email", "--map", "Location="),
        *("--yes", "--run-id", "r", "--batch-size", "5", "--concurrency", "2"),
    )
    while len(slow.effects("invite_sent")) < 20:
        assert started.poll() is None, started.communicate()
    started.kill()
    started.communicate()
    (shell.folder / "export.csv").unlink()
    ended = shell.bulkops("resume", "r", "--json")
    assert ended.code == 0, ended.err
    assert ended.told["counts"]["succeeded"] == 90
    assert slow.effects("invite_sent") == {email: 1 for email, _ in people}


def test_an_edited_export_goes_on_under_the_run_s_map(shell: Shell, slow: SandboxProcess) -> None:
    """The export alone, or the job that names it: both mean the same."""
    shell.configure(slow, settling_s=0.4)
    people = hires(60)
    write_job(shell, people)
    started = shell.start(
        "run", "hr/onboarding.json", "--yes", "--run-id", "r", "--batch-size", "5", "--concurrency", "2"
    )
    while len(slow.effects("invite_sent")) < 15:
        assert started.poll() is None, started.communicate()
    started.kill()
    started.communicate()
    people = [*reversed(people), ("late.one@new.test", "Engineering")]
    shell.write("hr/export.csv", export(people))
    ended = shell.bulkops("resume", "r", "--job", "hr/export.csv", "--yes", "--json")
    assert ended.code == 0, ended.err
    people.append(("late.two@new.test", "Sales"))
    shell.write("hr/export.csv", export(people))
    ended = shell.bulkops("resume", "r", "--job", "hr/onboarding.json", "--yes", "--json")
    assert ended.code == 0, ended.err
    assert slow.effects("invite_sent") == {email: 1 for email, _ in people}
    assert given(slow)["late.one@new.test"] == GIVEN["Engineering"]
    assert given(slow)["late.two@new.test"] == {"Exchange Viewers"}


def test_failed_rows_run_again_with_the_same_map(shell: Shell, sandbox: SandboxProcess) -> None:
    """`retry` knows map, values and defaults; so does a job that takes its rows from failures.csv."""
    shell.configure(sandbox)
    people = [*hires(6), ("mo@new.test", "Mystery"), ("di@new.test", "")]
    write_job(shell, people)
    sandbox.send("POST", "faults", [{"kind": "status", "method": "POST", "path": "*/invites", "status": 400}])
    ended = shell.bulkops("run", "hr/onboarding.json", "--yes", "--run-id", "r", "--skip-invalid", "--json")
    assert (ended.code, ended.told["counts"]["failed"]) == (1, 8), ended.err
    sandbox.send("DELETE", "faults", None)
    before = shell.write("hr/again.json", json.dumps({**JOB, "items_from": "../.bulkops/runs/r/failures.csv"}))
    checked = shell.bulkops("validate", str(before), "--json")
    assert [(one["row"], one["column"]) for one in checked.told["problems"]] == [(7, "Department")]
    ended = shell.bulkops("retry", "r", "--yes", "--json")
    assert (ended.code, ended.told["counts"]["succeeded"], ended.told["counts"]["failed"]) == (1, 7, 1), ended.err
    assert {email: groups for email, groups in given(sandbox).items() if email != "mo@new.test"} == {
        email: GIVEN[department] for email, department in people if department in GIVEN
    }
    assert sandbox.effects("invite_sent") == {email: 1 for email, department in people if department in GIVEN}
    (failed,) = table(shell, "failures.csv", ended.told["run_id"])
    assert failed["Department"] == "Mystery"
    assert "is not among the values of role_groups" in failed["_message"]


def test_a_default_stands_in_the_failures_file_under_the_column_that_means_it(
    shell: Shell, sandbox: SandboxProcess
) -> None:
    """So that the file by itself, under the same map, means what it meant, and has no two columns for one field."""
    shell.configure(sandbox)
    keys: dict[str, Any] = {"values": {}, "map": {"Work E-Mail": "email", "Location": "role_groups", "Department": ""}}
    write_job(shell, [("a@new.test", "x")], **keys)
    shell.write("hr/export.csv", f"{HEADER}\n1;A;not an address;x;\n")
    ended = shell.bulkops("run", "hr/onboarding.json", "--yes", "--run-id", "r", "--skip-invalid")
    assert ended.code == 1, ended.err
    (row,) = table(shell, "failures.csv")
    assert (row["Location"], row["teams"]) == ("Developers", "Platform Core")
    assert "role_groups" not in row


def test_everything_wrong_with_map_and_rows_is_listed_at_once(shell: Shell, sandbox: SandboxProcess) -> None:
    """Exit 2, nothing sent."""
    shell.configure(sandbox)
    shell.write("export.csv", export([("no address", "Sales")]))
    ended = shell.bulkops(
        *("run", "export.csv", "--operation", "invite", "--yes", "--map", "Work E-Mail=email"),
        *("--map", "Departement=role_groups", "--map", "Location=teem", "--map", "Name=email"),
    )
    assert ended.code == 2
    for told in (
        "column Departement: map: there is no such column; expected one of Personnel No, Name, Work E-Mail, Department",
        "did you mean 'Department'?",
        "column Location: map: unknown field (found 'teem'); did you mean 'teams'?",
        "Name and Work E-Mail both mean email; map all but one of them to nothing",
        "Nothing was sent",
    ):
        assert told in ended.err
    assert sandbox.effects("invite_sent") == {}
    assert not (shell.folder / ".bulkops/runs").exists() or not list((shell.folder / ".bulkops/runs").iterdir())


@pytest.mark.parametrize(
    ("items_from", "told"),
    [
        ("exprt.csv", "hr/exprt.csv: does not exist; in the same folder there is export.csv"),
        ("onboarding.json", "hr/onboarding.json: is a job of its own: items_from names a file of rows"),
        (".", "hr: is a folder: name a job file in it"),
    ],
)
def test_a_file_of_rows_that_cannot_be_is_refused(shell: Shell, items_from: str, told: str) -> None:
    """Named from where the command was typed; run and validate say the same."""
    write_job(shell, hires(1), items_from=items_from)
    for command in (["validate"], ["run", "--target", "sandbox"]):
        ended = shell.bulkops(*command, "hr/onboarding.json")
        assert ended.code == 2
        assert told in ended.err
    assert (shell.folder / "hr/onboarding.json").exists()


@pytest.mark.parametrize("pair", ["email", "=email"])
def test_half_a_pair_is_refused(shell: Shell, pair: str) -> None:
    """In words that show what to write."""
    ended = shell.bulkops("validate", "x.csv", "--map", pair)
    assert ended.code == 2
    assert f"--map {pair!r}: expected COLUMN=FIELD" in ended.err


def test_a_name_that_the_organisation_lacks_is_told_under_the_export_s_column(
    shell: Shell, sandbox: SandboxProcess
) -> None:
    """Whoever reads the message knows the export, not our fields."""
    shell.configure(sandbox)
    write_job(shell, [("a@new.test", "Engineering")], values={"role_groups": {"Engineering": "Develpers"}})
    ended = shell.bulkops("plan", "hr/onboarding.json")
    assert ended.code == 2
    assert "line 2, column Department: no role group is called 'Develpers'" in ended.err
