"""A job file that is mended between a crash and the resume: the sandbox counts what came of it."""

from __future__ import annotations

import csv
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from bulkops.testing.processes import Ended, SandboxProcess, Shell, sandbox_process

ROWS = 120
SLOW = [{"kind": "delay_after", "method": "POST", "path": "*/invites", "seconds": 0.15}]


def hires(numbers: Sequence[int]) -> list[str]:
    """Addresses."""
    return [f"hire.{number}@new.test" for number in numbers]


def write(shell: Shell, addresses: Sequence[str], *, header: str = "email") -> None:
    """The job file."""
    shell.write("hires.csv", header + "\n" + "\n".join(addresses) + "\n")


def results(shell: Shell) -> dict[str, dict[str, str]]:
    """The rows of results.csv by address."""
    with (shell.folder / ".bulkops/runs/r/results.csv").open(newline="") as file:
        return {row["email"]: row for row in csv.DictReader(file)}


def run_and_kill(shell: Shell, sandbox: SandboxProcess, *, after: int) -> None:
    """Start the job and kill it once `after` invitations were sent."""
    process = shell.start(
        "run", "hires.csv", "--operation", "invite", "--yes", "--run-id", "r", "--batch-size", "5", "--concurrency", "2"
    )
    while len(sandbox.effects("invite_sent")) < after:
        assert process.poll() is None, process.communicate()
    process.kill()
    process.communicate()


def resume(shell: Shell, *arguments: str) -> Ended:
    """Go on with the edited file."""
    return shell.bulkops("resume", "r", "--job", "hires.csv", "--yes", "--json", *arguments)


@pytest.fixture
def slow() -> object:
    """A sandbox that answers late, so that a run can be killed in the middle."""
    with sandbox_process(faults=SLOW) as running:
        yield running


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rows_fixed_added_removed_and_moved_do_the_right_thing(shell: Shell, slow: SandboxProcess, seed: int) -> None:
    """Every address of the edited file is invited once, whatever was sent before it was edited."""
    draw = random.Random(seed)
    shell.configure(slow, settling_s=0.4)
    first = hires(range(ROWS))
    write(shell, first)
    run_and_kill(shell, slow, after=30)
    sent = set(slow.effects("invite_sent"))
    edited = [address for address in first if draw.random() < 0.8] + hires(range(500, 520))
    draw.shuffle(edited)
    write(shell, edited)
    ended = resume(shell)
    assert ended.code == 0, ended.err
    effects = slow.effects("invite_sent")
    assert max(effects.values()) == 1
    # what was under way at the kill may have been done after the count above was taken
    done_before = set(effects) - set(edited)
    assert set(edited) <= set(effects)
    assert sent - set(edited) <= done_before
    assert ended.told["counts"]["total"] == len(edited) == ended.told["counts"]["succeeded"]
    assert set(results(shell)) == set(edited)
    assert "the job file was edited" in ended.err
    with (shell.folder / ".bulkops/runs/r/edits-2.csv").open(newline="") as file:
        listed = {row["email"]: row for row in csv.DictReader(file)}
    assert set(listed) >= set(first) - set(edited)
    gone = {address for address, row in listed.items() if row["_edit"] != "added" and row["_outcome"] == "succeeded"}
    assert gone == done_before


def test_a_done_row_is_never_sent_again_for_another_place_or_column(shell: Shell, sandbox: SandboxProcess) -> None:
    """A resent mail stays resent: the file is turned round and has a column more."""
    shell.configure(sandbox)
    write(shell, hires(range(6)))
    assert shell.bulkops("run", "hires.csv", "--operation", "invite", "--yes", "--run-id", "i").code == 0
    write(shell, hires(range(6)))
    ended = shell.bulkops("run", "hires.csv", "--operation", "resend-invite", "--yes", "--run-id", "r")
    assert ended.code in (0, 6), ended.err
    before = sandbox.effects("invite_resent")
    write(shell, [f"note {number},{address.upper()}" for number, address in enumerate(reversed(hires(range(6))))],
          header="note,email")  # fmt: skip
    ended = resume(shell)
    assert ended.code in (0, 6), ended.err
    assert sandbox.effects("invite_resent") == before


def test_a_failed_row_that_was_mended_has_its_turn(shell: Shell, sandbox: SandboxProcess) -> None:
    """A row that could not be run, mended in its place; the rest is left alone."""
    shell.configure(sandbox)
    write(shell, ["a@new.test", "no address", "c@new.test"])
    command = ["run", "hires.csv", "--operation", "invite", "--yes", "--run-id", "r", "--skip-invalid"]
    assert shell.bulkops(*command).code == 1
    write(shell, ["a@new.test", "b@new.test", "c@new.test"])
    ended = resume(shell)
    assert ended.code == 0, ended.err
    assert sandbox.effects("invite_sent") == {"a@new.test": 1, "b@new.test": 1, "c@new.test": 1}
    assert "2 rows as before, 1 changed" in ended.err


def test_a_repeat_has_its_turn_when_the_row_it_repeats_was_taken_out(shell: Shell, sandbox: SandboxProcess) -> None:
    """Failed first row: the repeat is sent. Done first row: the repeat stays skipped."""
    shell.configure(sandbox)
    sandbox.send("POST", "faults", [{"kind": "reject_items", "path": "*/invites", "items": ["bad@new.test"]}])
    header = "email,role_groups"
    write(
        shell, ["done@new.test,", "bad@new.test,", "done@new.test,Developers", "bad@new.test,Developers"], header=header
    )
    assert shell.bulkops("run", "hires.csv", "--operation", "invite", "--yes", "--run-id", "r").code == 1
    sandbox.send("POST", "faults", [])
    write(shell, ["done@new.test,Developers", "bad@new.test,Developers"], header=header)
    ended = resume(shell)
    assert ended.code == 0, ended.err
    assert sandbox.effects("invite_sent") == {"done@new.test": 1, "bad@new.test": 1}
    found = {address: row["_outcome"] for address, row in results(shell).items()}
    assert found == {"done@new.test": "skipped", "bad@new.test": "succeeded"}


def test_a_row_in_doubt_may_not_be_edited_away(shell: Shell) -> None:
    """Nobody can say whether its mail was sent: the run asks for it back, and sends nothing."""
    with sandbox_process(options=["--quirks", '{"resend_expired": "keep"}']) as sandbox:
        shell.configure(sandbox)
        mails = sandbox.outstanding()[:3]
        write(shell, mails)
        sandbox.send("POST", "faults", [{"kind": "lose_after", "method": "POST", "path": "*/invites/resend"}])
        doubtful = shell.bulkops("run", "hires.csv", "--operation", "resend-invite", "--yes", "--run-id", "r")
        assert doubtful.code == 6, doubtful.err
        sandbox.send("POST", "faults", [])
        write(shell, [mails[0], mails[2], "somebody@new.test"])
        ended = resume(shell)
        assert ended.code == 3, ended.err
        assert "Put them back" in ended.err
        write(shell, mails[::-1])
        ended = resume(shell)
        assert (ended.code, ended.told["counts"]["in_doubt"]) == (6, 3), ended.err
        assert sandbox.effects("invite_resent") == dict.fromkeys(mails, 1)


def test_a_row_that_is_half_done_is_finished_wherever_it_stands_and_may_not_be_edited_away(shell: Shell) -> None:
    """Its invitation is taken back already; what it granted is known to the run alone."""
    mails = [f"half.{number}@new.test" for number in range(3)]
    with sandbox_process(options=["--vendor", "vmware-csp"]) as sandbox:
        shell.configure(sandbox, provider="vmware-csp", concurrency=1)
        write(shell, [f"{mail},developer,30" for mail in mails], header="email,roles,expires_in_days")
        assert shell.bulkops("run", "hires.csv", "--operation", "invite", "--yes", "--run-id", "i").code == 0
        write(shell, mails)
        sandbox.send("POST", "faults", [{"kind": "status", "method": "POST", "path": "*/invitations", "status": 401}])
        stopped = shell.bulkops("run", "hires.csv", "--operation", "resend-invite", "--yes", "--run-id", "r")
        assert stopped.code == 5, stopped.err
        (half,) = sandbox.effects("invite_revoked")
        sandbox.send("POST", "faults", [])
        others = [mail for mail in mails if mail != half]
        write(shell, others)
        ended = resume(shell)
        assert ended.code == 3, ended.err
        assert f"may be half done, and only as they were can they be brought to their end: {half}" in ended.err
        write(shell, [*reversed(others), half])
        ended = resume(shell)
        assert (ended.code, ended.told["counts"]["succeeded"]) == (0, 3), ended.err
        assert sandbox.effects("invite_sent") == dict.fromkeys(mails, 2)
        open_ones = [one for one in sandbox.get("organization")["invitations"].values() if one["status"] == "AVAILABLE"]
        mine = [one for one in open_ones if one["username"] in mails]
        assert sorted(one["username"] for one in mine) == mails
        assert all("developer" in str(one["roles"]) for one in mine)


def test_a_bad_edited_file_changes_nothing(shell: Shell, sandbox: SandboxProcess) -> None:
    """It is told as a bad job file is, and the run can be resumed with its own or another one."""
    shell.configure(sandbox)
    write(shell, hires(range(3)))
    assert shell.bulkops("run", "hires.csv", "--operation", "invite", "--yes", "--run-id", "r").code == 0
    write(shell, ["nonsense"])
    ended = resume(shell)
    assert ended.code == 2, ended.err
    assert "nonsense" in ended.err
    folder = shell.folder / ".bulkops/runs/r"
    assert not list(folder.glob("*-2.*"))
    assert shell.bulkops("resume", "r").code == 0


def test_a_process_that_died_while_it_took_the_file_over_leaves_the_run_as_it_was(
    shell: Shell, sandbox: SandboxProcess
) -> None:
    """What it wrote aside is thrown away by the next one."""
    shell.configure(sandbox)
    write(shell, hires(range(3)))
    assert shell.bulkops("run", "hires.csv", "--operation", "invite", "--yes", "--run-id", "r").code == 0
    folder = shell.folder / ".bulkops/runs/r"
    for name in ("input-2.csv", "ledger-2.sqlite", "ledger-2.sqlite-wal", "job.json.part"):
        shutil.copy(folder / "job.json", folder / name)
    write(shell, hires(range(5)))
    ended = resume(shell)
    assert ended.code == 0, ended.err
    assert sandbox.effects("invite_sent") == dict.fromkeys(hires(range(5)), 1)
    again = shell.bulkops("show", "r", "--json")
    assert again.told["counts"]["total"] == 5


def test_a_changed_job_json_is_noticed(shell: Shell, sandbox: SandboxProcess) -> None:
    """One flipped letter in what the run was made for stops it before a call."""
    shell.configure(sandbox)
    write(shell, hires(range(3)))
    assert shell.bulkops("run", "hires.csv", "--operation", "invite", "--yes", "--run-id", "r").code == 0
    job: Path = shell.folder / ".bulkops/runs/r/job.json"
    job.write_text(job.read_text().replace('"skip_invalid": false', '"skip_invalid": true'))
    ended = shell.bulkops("resume", "r")
    assert ended.code == 4, ended.err
    assert "job.json" in ended.err
    assert "cannot be trusted" in ended.err


def invite_ids(sandbox: SandboxProcess) -> dict[str, int]:
    """The ids of outstanding invitations by address."""
    listed = sandbox.call("GET", f"/accounts/api/organizations/{sandbox.organization}/invites?limit=100")["data"]
    return {one["invited_email"]: one["id"] for one in listed if one["status"] == "INVITED"}


def test_a_mail_is_not_sent_once_more_for_a_row_that_is_written_in_another_way(
    shell: Shell, sandbox: SandboxProcess
) -> None:
    """By its id in place of its address, taken out and put back, or a repeat whose first row is gone twice over."""
    shell.configure(sandbox)
    address, other, third = sandbox.outstanding()[:3]
    ids, header = invite_ids(sandbox), "email,invite_id"
    write(shell, [f"{address},", f",{ids[address]}", f"{other},"], header=header)
    assert shell.bulkops("run", "hires.csv", "--operation", "resend-invite", "--yes", "--run-id", "r").code == 0
    sent = {address: 1, other: 1}
    assert sandbox.effects("invite_resent") == sent
    for rows in (
        [f",{ids[address]}", f",{ids[other]}"],
        [f",{ids[address]}"],
        [f",{ids[address]}", f"{other},", f"{third},"],
        [f"{third},{ids[third]}", f"{address},{ids[address]}", f"{other},"],
    ):
        write(shell, rows, header=header)
        ended = resume(shell)
        assert ended.code == 0, ended.err
        if third in "".join(rows):
            sent[third] = 1
        assert sandbox.effects("invite_resent") == sent


def test_an_edited_list_replaces_what_is_there_as_a_whole(shell: Shell, sandbox: SandboxProcess) -> None:
    """A row more, a row less, a mended row after a refusal: the list is always what the file says."""
    shell.configure(sandbox)
    apps = sandbox.allowed()[:4]

    def replaced(*rows: str) -> None:
        write(shell, rows, header="client_id")
        started = (shell.folder / ".bulkops/runs/r/job.json").exists()
        command = ["resume", "r", "--job", "hires.csv"] if started else ["run", "hires.csv", "--run-id", "r"]
        operation = [] if started else ["--operation", "allowlist-replace"]
        ended = shell.bulkops(*command, *operation, "--yes", "--json")
        assert ended.code == 0, ended.err
        assert sandbox.allowed() == sorted(rows)

    replaced(*apps[:2])
    replaced(*apps[:2])
    replaced(*apps[:3])
    replaced(apps[2], apps[0])


def test_a_refused_list_is_tried_again_as_a_whole(shell: Shell, sandbox: SandboxProcess) -> None:
    """Neither a retry nor an edited file sends the failed rows alone: that would take the others off the list."""
    shell.configure(sandbox)
    apps = sandbox.allowed()[:3]
    write(shell, apps, header="client_id")
    sandbox.send("POST", "faults", [{"kind": "reject_items", "path": "*/allowlist", "items": [apps[0]]}])
    ended = shell.bulkops("run", "hires.csv", "--operation", "allowlist-replace", "--yes", "--run-id", "r")
    assert ended.code == 1, ended.err
    sandbox.send("POST", "faults", [])
    ended = shell.bulkops("retry", "r", "--yes")
    assert ended.code == 0, ended.err
    assert sandbox.allowed() == sorted(apps)
    write(shell, [apps[1], apps[2]], header="client_id")
    assert resume(shell).code == 0
    assert sandbox.allowed() == sorted(apps[1:])


def test_an_edited_file_has_no_allowance_of_its_own(shell: Shell, sandbox: SandboxProcess) -> None:
    """What was changed before the edit counts against --max-changes."""
    shell.configure(sandbox)
    write(shell, hires(range(3)))
    command = ["run", "hires.csv", "--operation", "invite", "--yes", "--run-id", "r", "--max-changes", "3"]
    assert shell.bulkops(*command).code == 0
    write(shell, hires(range(5)))
    ended = resume(shell)
    assert ended.code == 3, ended.err
    assert "more than --max-changes 3" in ended.err
    assert len(sandbox.effects("invite_sent")) == 3


def test_a_file_of_the_run_itself_is_not_taken_for_an_edited_one(shell: Shell, sandbox: SandboxProcess) -> None:
    """It would be overwritten by what is made of it."""
    shell.configure(sandbox)
    write(shell, hires(range(3)))
    assert shell.bulkops("run", "hires.csv", "--operation", "invite", "--yes", "--run-id", "r").code == 0
    left = shell.write(".bulkops/runs/r/input-2.csv", "email\nx@new.test\n")
    ended = shell.bulkops("resume", "r", "--job", str(left))
    assert ended.code == 2, ended.err
    assert left.exists()
