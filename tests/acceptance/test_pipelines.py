"""Pipelines with the real command: stages in order, one report, one resume, whatever happens between them."""

from __future__ import annotations

import csv
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from bulkops.testing.processes import Ended, SandboxProcess, Shell, sandbox_process

RUN = Path(".bulkops/runs/p")


def addresses(stem: str, count: int) -> list[str]:
    """Addresses that nobody has."""
    return [f"{stem}.{number}@new.test" for number in range(count)]


def column(name: str, values: list[str]) -> str:
    """A CSV file of one column."""
    return "\n".join([name, *values]) + "\n"


def onboarding(shell: Shell, count: int = 6) -> None:
    """A folder of three job files: invite, take some back, invite others."""
    (shell.folder / "onboarding").mkdir()
    items = [{"email": address} for address in addresses("first", count)]
    shell.write("onboarding/01-invite.json", json.dumps({"operation": "invite", "items": items}))
    shell.write(
        "onboarding/02-revoke.csv",
        "operation,email\n" + "".join(f"revoke-invite,{address}\n" for address in addresses("first", 2)),
    )
    shell.write(
        "onboarding/03-more.jsonl",
        "".join(json.dumps({"operation": "invite", "email": address}) + "\n" for address in addresses("third", count)),
    )


def run(shell: Shell, job: str, *arguments: str) -> Ended:
    """Run the pipeline as run `p`."""
    return shell.bulkops("run", job, "--yes", "--json", "--run-id", "p", *arguments)


def table(shell: Shell, name: str = "results.csv") -> list[dict[str, str]]:
    """The rows of a report of the pipeline."""
    with (shell.folder / RUN / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def stages(ended: Ended) -> list[tuple[str, str]]:
    """Name and state of each stage."""
    return [(one["name"], one["state"]) for one in ended.told["stages"]]


def test_a_folder_runs_its_files_in_order_with_one_report(shell: Shell, sandbox: SandboxProcess) -> None:
    """What an earlier stage did is there for the later ones; the counts add up over all rows."""
    shell.configure(sandbox)
    onboarding(shell)
    ended = run(shell, "onboarding")
    assert ended.code == 0, ended.err
    assert stages(ended) == [("01-invite", "completed"), ("02-revoke", "completed"), ("03-more", "completed")]
    assert ended.told["operation"] == "pipeline"
    assert ended.told["counts"] == {
        "total": 14, "succeeded": 14, "skipped": 0, "failed": 0, "in_doubt": 0, "pending": 0
    }  # fmt: skip
    assert sorted(sandbox.effects("invite_revoked")) == addresses("first", 2)
    rows = table(shell)
    assert [row["_stage"] for row in rows] == ["01-invite"] * 6 + ["02-revoke"] * 2 + ["03-more"] * 6
    assert {row["operation"] for row in rows[:6]} == {"invite"}
    assert {row["_outcome"] for row in rows} == {"succeeded"}
    page = (shell.folder / RUN / "report.html").read_text(encoding="utf-8")
    assert 'href="stages/02-revoke/report.html"' in page
    assert (shell.folder / RUN / "stages/02-revoke/report.html").is_file()
    listed = shell.bulkops("runs")
    assert [line.split()[:3] for line in listed.out.splitlines()[1:]] == [["p", "completed", "pipeline"]]
    shown = shell.bulkops("show", "p", "--json")
    assert {key: shown.told[key] for key in ("state", "counts", "stages")} == {
        key: ended.told[key] for key in ("state", "counts", "stages")
    }


def test_a_fault_in_any_stage_is_told_before_anything_is_sent(shell: Shell, sandbox: SandboxProcess) -> None:
    """Every stage is checked first; all that is wrong is listed with its stage."""
    shell.configure(sandbox)
    onboarding(shell)
    shell.write("onboarding/02-revoke.csv", "operation,email\nrevoke-invite,nonsense\n")
    shell.write("onboarding/03-more.jsonl", '{"operation": "invit", "email": "a@new.test"}\n')
    for command in (("run", "onboarding", "--yes"), ("validate", "onboarding"), ("plan", "onboarding")):
        ended = shell.bulkops(*command)
        assert ended.code == 2, ended.err
        assert "02-revoke" in ended.err
        assert "nonsense" in ended.err
        assert "did you mean 'invite'" in ended.err
    assert sandbox.get("requests")["requests"] == []
    assert not (shell.folder / ".bulkops/runs").exists() or not list((shell.folder / ".bulkops/runs").iterdir())


def test_a_stage_that_fails_beyond_its_allowance_holds_the_next_one_back(shell: Shell, sandbox: SandboxProcess) -> None:
    """None may fail by default; the resume that allows it goes on, and sends nothing twice."""
    shell.configure(sandbox)
    onboarding(shell)
    refuse = {"kind": "status", "status": 400, "body": {"message": "no"}, "body_contains": "first.4@"}
    sandbox.send("POST", "faults", [{**refuse, "method": "POST", "path": "*/invites"}])
    ended = run(shell, "onboarding")
    assert ended.code == 4, ended.err
    assert stages(ended) == [("01-invite", "completed"), ("02-revoke", "pending"), ("03-more", "pending")]
    assert "01-invite) ended with 1 of 6 rows failed" in ended.told["reason"]
    assert ended.told["counts"]["pending"] == 8
    again = shell.bulkops("resume", "p", "--yes", "--json")
    assert (again.code, stages(again)) == (4, stages(ended))
    on = shell.bulkops("resume", "p", "--yes", "--json", "--max-failures", "1")
    assert on.code == 1, on.err
    assert on.told["counts"]["succeeded"] == 13
    assert set(sandbox.effects("invite_sent").values()) == {1}
    assert [row["email"] for row in table(shell, "failures.csv")] == ["first.4@new.test"]


def test_a_stage_may_fail_within_its_allowance(shell: Shell, sandbox: SandboxProcess) -> None:
    """A share, a name, a target and an operation of its own, in the pipeline's file."""
    shell.configure(sandbox)
    onboarding(shell)
    refuse = {"kind": "status", "status": 400, "body": {"message": "no"}, "body_contains": "first.4@"}
    sandbox.send("POST", "faults", [{**refuse, "method": "POST", "path": "*/invites"}])
    shell.write("plain.csv", column("email", addresses("plain", 3)))
    steps = [
        {"job": "onboarding/01-invite.json", "name": "start", "max_failures": "20%"},
        {"job": "plain.csv", "operation": "invite"},
    ]
    shell.write("all.json", json.dumps({"pipeline": steps, "target": "acme", "max_failures": 0}))
    ended = run(shell, "all.json")
    assert ended.code == 1, ended.err
    assert stages(ended) == [("01-start", "completed"), ("02-plain", "completed")]
    assert ended.told["counts"]["succeeded"] == 8
    retried = shell.bulkops("retry", "p", "--yes", "--json")
    assert retried.told["counts"]["total"] == 1
    assert stages(retried) == [("01-start", "completed")]


@pytest.mark.parametrize("stage", [1, 3])
def test_a_killed_pipeline_goes_on_where_it_was(shell: Shell, stage: int) -> None:
    """Whichever stage it was in: every address is invited once, and the later stages come in their turn."""
    slow = [{"kind": "delay_after", "method": "POST", "path": "*/invites", "seconds": 0.1}]
    with sandbox_process(faults=slow) as sandbox:
        shell.configure(sandbox)
        onboarding(shell, 30)
        process = shell.start("run", "onboarding", "--yes", "--run-id", "p", "--batch-size", "3", "--concurrency", "2")
        wanted = 10 if stage == 1 else 40
        while len(sandbox.effects("invite_sent")) < wanted:
            assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert shell.bulkops("show", "p", "--json").told["state"] == "interrupted"
        ended = shell.bulkops("resume", "p", "--yes", "--json")
        assert ended.code == 0, ended.err
        assert ended.told["counts"]["succeeded"] == 62
        assert set(sandbox.effects("invite_sent").values()) == {1}
        assert len(sandbox.effects("invite_sent")) == 60


def test_a_resume_that_is_killed_is_not_told_by_the_summary_of_the_session_before(shell: Shell) -> None:
    """What had stopped the pipeline then is no news."""
    slow = {"kind": "delay_after", "method": "POST", "path": "*/invites", "seconds": 0.1}
    refuse = {"kind": "status", "status": 400, "body": {"message": "no"}, "body_contains": "first.4@"}
    with sandbox_process(faults=[{**refuse, "method": "POST", "path": "*/invites"}, slow]) as sandbox:
        shell.configure(sandbox)
        onboarding(shell, 30)
        assert run(shell, "onboarding").code == 4
        process = shell.start("resume", "p", "--yes", "--max-failures", "1", "--batch-size", "1", "--concurrency", "1")
        while "third.5@new.test" not in sandbox.effects("invite_sent"):
            assert process.poll() is None, process.communicate()
        process.kill()
        process.communicate()
        shown = shell.bulkops("show", "p", "--json").told
        assert (shown["state"], "ended with 1 of 30" in shown["reason"]) == ("interrupted", False)
        assert shell.bulkops("resume", "p", "--yes", "--max-failures", "1").code == 1
        assert set(sandbox.effects("invite_sent").values()) == {1}


def test_an_edited_file_changes_nothing_of_a_pipeline_that_began(shell: Shell, sandbox: SandboxProcess) -> None:
    """All files are kept before the first stage begins; a stage that was not begun runs as it was kept."""
    shell.configure(sandbox)
    onboarding(shell)
    refuse = {"kind": "status", "status": 400, "body": {"message": "no"}, "body_contains": "first.4@"}
    sandbox.send("POST", "faults", [{**refuse, "method": "POST", "path": "*/invites", "times": 50}])
    assert run(shell, "onboarding").code == 4
    shell.write("onboarding/03-more.jsonl", '{"operation": "invite", "email": "someone.else@new.test"}\n')
    assert shell.bulkops("resume", "p", "--yes", "--max-failures", "1").code == 1
    assert "someone.else@new.test" not in sandbox.effects("invite_sent")
    assert "third.5@new.test" in sandbox.effects("invite_sent")


def test_a_stage_that_was_not_begun_is_not_sent_to_another_organisation(shell: Shell, sandbox: SandboxProcess) -> None:
    """The target was another when the pipeline was checked: it stops, and says so."""
    shell.configure(sandbox)
    onboarding(shell)
    refuse = {"kind": "status", "status": 400, "body": {"message": "no"}, "body_contains": "first.4@"}
    sandbox.send("POST", "faults", [{**refuse, "method": "POST", "path": "*/invites"}])
    assert run(shell, "onboarding").code == 4
    configuration = shell.folder / "bulkops.toml"
    other = "11111111-2222-4333-8444-555555555555"
    configuration.write_text(configuration.read_text().replace(sandbox.organization, other))
    ended = shell.bulkops("resume", "p", "--yes", "--json", "--max-failures", "1")
    assert ended.code == 4, ended.err
    assert f"is now anypoint {other}" in ended.told["reason"]
    assert "invite_revoked" not in sandbox.get("effects")["totals"]


def test_a_guard_that_refuses_a_stage_stops_the_pipeline_each_time(shell: Shell, sandbox: SandboxProcess) -> None:
    """Something was sent, so it is a stop and no refusal; a greater allowance lets it pass."""
    shell.configure(sandbox)
    onboarding(shell, 6)
    shell.write("onboarding/03-more.csv", "operation,email\n" + "".join(f"invite,{a}\n" for a in addresses("x", 20)))
    ended = run(shell, "onboarding", "--max-changes", "10")
    assert (ended.code, stages(ended)[2][1]) == (4, "stopped"), ended.err
    again = shell.bulkops("resume", "p", "--yes", "--json")
    assert again.code == 4, again.err
    assert again.told["state"] == "stopped"
    on = shell.bulkops("resume", "p", "--yes", "--json", "--max-changes", "20")
    assert on.code == 0, on.err
    assert set(sandbox.effects("invite_sent").values()) == {1}


def test_a_retry_of_a_pipeline_keeps_its_options(shell: Shell, sandbox: SandboxProcess) -> None:
    """Rows that could not be run fail again, and do not keep the others from being run."""
    shell.configure(sandbox)
    shell.write("a.csv", "operation,email\ninvite,nonsense\ninvite,good@new.test\n")
    shell.write("all.json", json.dumps({"pipeline": ["a.csv"]}))
    assert run(shell, "all.json", "--skip-invalid", "--max-changes", "5").code == 1
    again = shell.bulkops("retry", "p", "--yes", "--json")
    assert again.code == 1, again.err
    assert again.told["counts"]["failed"] == 1
    kept = json.loads((shell.folder / str(again.told["stages"][0]["run_dir"]) / "job.json").read_text(encoding="utf-8"))
    assert kept["options"]["max_changes"] == "5"


def test_the_failures_of_stages_with_semicolons_are_a_job_file(shell: Shell, sandbox: SandboxProcess) -> None:
    """Lists in cells are parted by what the delimiter asks for, also in the file over all stages."""
    shell.configure(sandbox)
    (shell.folder / "two").mkdir()
    refuse = {"kind": "status", "status": 400, "body": {"message": "no"}, "times": 3}
    sandbox.send("POST", "faults", [{**refuse, "method": "POST", "path": "*/invites"}])
    for name in ("one", "other"):
        text = f"operation;email;role_groups\ninvite;{name}@new.test;Developers|Exchange Viewers\n"
        shell.write(f"two/{name}.csv", text)
    assert run(shell, "two", "--max-failures", "5").code == 1
    ended = shell.bulkops("run", str(RUN / "failures.csv"), "--yes", "--json")
    assert ended.code == 0, ended.err
    assert ended.told["counts"]["succeeded"] == 2


def test_a_later_stage_that_names_nobody_is_told_with_its_row(shell: Shell, sandbox: SandboxProcess) -> None:
    """Names are looked up in its turn: by then something was sent."""
    shell.configure(sandbox)
    shell.write("a.csv", "operation,email\ninvite,good@new.test\n")
    shell.write("b.csv", "operation,user\ndisable-user,nobody.at.all@acme.test\n")
    shell.write("all.json", json.dumps({"pipeline": ["a.csv", "b.csv"]}))
    ended = run(shell, "all.json")
    assert ended.code == 4, ended.err
    assert "nobody.at.all@acme.test" in ended.told["reason"]
    assert "Nothing was sent" not in ended.told["reason"]


def test_a_run_is_found_although_a_folder_with_a_pipeline_has_its_name(shell: Shell, sandbox: SandboxProcess) -> None:
    """What people write is no run."""
    shell.configure(sandbox)
    onboarding(shell)
    shell.write("onboarding/pipeline.json", json.dumps({"pipeline": ["02-revoke.csv"]}))
    assert shell.bulkops("run", "onboarding", "--yes", "--run-id", "onboarding").code == 0
    shown = shell.bulkops("show", "onboarding", "--json")
    assert (shown.code, shown.told["state"]) == (0, "completed"), shown.err


def test_a_pipeline_that_is_interrupted_stops_between_stages(shell: Shell) -> None:
    """One signal: the stage's calls in flight are finished, no later stage begins, the resume command is told."""
    slow = [{"kind": "delay_after", "method": "POST", "path": "*/invites", "seconds": 0.2}]
    with sandbox_process(faults=slow) as sandbox:
        shell.configure(sandbox)
        onboarding(shell, 30)
        process = shell.start(
            "run", "onboarding", "--yes", "--json", "--run-id", "p", "--batch-size", "3", "--concurrency", "2"
        )
        while not sandbox.effects("invite_sent"):
            assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        ended = Ended(process.returncode, out, err)
        assert ended.code == 130, err
        assert ended.told["state"] == "interrupted"
        assert ended.told["next_command"] == "bulkops resume p"
        assert stages(ended)[1:] == [("02-revoke", "pending"), ("03-more", "pending")]
        assert len(table(shell)) == 62


def test_a_plan_of_a_pipeline_reads_only_and_leaves_nothing(shell: Shell, sandbox: SandboxProcess) -> None:
    """Each stage as things are now."""
    shell.configure(sandbox)
    onboarding(shell)
    ended = shell.bulkops("plan", "onboarding", "--json", "--detailed-exitcode")
    assert ended.code == 10, ended.err
    assert [plan["operation"] for plan in ended.told["plans"]] == ["invite", "revoke-invite", "invite"]
    assert not [one for one in sandbox.get("requests")["requests"] if one["method"] != "GET"]
    assert list((shell.folder / ".bulkops/runs").iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"pipeline": []}', "lists the job files"),
        ('{"pipeline": ["gone.csv"]}', "there is no file"),
        ('{"pipeline": [{"jobb": "a.csv"}]}', "did you mean 'job'"),
        ('{"pipeline": [7]}', "an object with `job`"),
        ('{"pipeline": ["a.csv"], "targt": "acme"}', "did you mean 'target'"),
        ('{"pipeline": [{"job": "a.csv", "max_failures": true}]}', "a count, or a share"),
    ],
)
def test_a_pipeline_that_is_wrong_is_refused_in_words(shell: Shell, text: str, said: str) -> None:
    """Exit 2, and nothing was sent."""
    shell.write("a.csv", "email\na@new.test\n")
    shell.write("bad.json", text)
    ended = shell.bulkops("run", "bad.json", "--target", "sandbox", "--yes")
    assert ended.code == 2
    assert said in ended.err


def test_an_empty_folder_is_no_pipeline(shell: Shell) -> None:
    """It says what it looked for."""
    (shell.folder / "empty").mkdir()
    ended = shell.bulkops("run", "empty", "--target", "sandbox")
    assert ended.code == 2
    assert "holds no job file" in ended.err


def test_a_folder_whose_name_is_no_utf_8_is_run_and_resumed(shell: Shell, sandbox: SandboxProcess) -> None:
    """The record keeps the name as the system gave it."""
    shell.configure(sandbox)
    onboarding(shell)
    strange = os.fsdecode(b"on\xffboarding")
    (shell.folder / "onboarding").rename(shell.folder / strange)
    assert run(shell, strange).code == 0
    assert json.loads((shell.folder / RUN / "pipeline.json").read_bytes())["source"] == strange
    ended = shell.bulkops("resume", "p", "--yes", "--json")
    assert ended.code == 0, ended.err
    assert ended.told["counts"]["succeeded"] == 14
    assert sorted(sandbox.effects("invite_sent")) == sorted(addresses("first", 6) + addresses("third", 6))


@pytest.mark.parametrize("name", ["../outside", "/etc", "a\u0000b", ".."])
def test_a_damaged_record_leads_nowhere_else(shell: Shell, sandbox: SandboxProcess, name: str) -> None:
    """A stage's name is a folder's below `stages/`, whoever wrote the record."""
    shell.configure(sandbox)
    onboarding(shell)
    assert run(shell, "onboarding").code == 0
    path = shell.folder / RUN / "pipeline.json"
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    record["stages"][0]["name"] = name
    path.write_text(json.dumps(record), encoding="utf-8")
    ended = shell.bulkops("resume", "p", "--yes")
    assert ended.code == 2
    assert "damaged" in ended.err


def test_the_folder_of_a_pipeline_is_its_owners_alone(shell: Shell, sandbox: SandboxProcess) -> None:
    """0700 and 0600, as for every run."""
    shell.configure(sandbox)
    onboarding(shell)
    assert run(shell, "onboarding").code == 0
    for place, folders, files in os.walk(shell.folder / RUN):
        for name in (*folders, *files):
            assert (Path(place) / name).lstat().st_mode & 0o077 == 0, name


def test_a_pipeline_is_pruned_as_a_run_is(shell: Shell, sandbox: SandboxProcess) -> None:
    """A finished one goes whole; one that stopped between stages stays."""
    shell.configure(sandbox)
    onboarding(shell)
    assert run(shell, "onboarding").code == 0
    shell.write("onboarding/01-invite.json", json.dumps({"operation": "invite", "items": [{"email": "x@new.test"}]}))
    sandbox.send(
        "POST", "faults", [{"kind": "status", "status": 400, "body": {}, "method": "POST", "path": "*/invites"}]
    )
    assert shell.bulkops("run", "onboarding", "--yes", "--run-id", "q").code == 4
    ended = shell.bulkops("runs", "prune", "--keep", "0", "--yes")
    assert ended.code == 0, ended.err
    assert "q" in ended.err
    assert [path.name for path in (shell.folder / ".bulkops/runs").iterdir()] == ["q"]
