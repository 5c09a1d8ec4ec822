"""What `plan` shows, what the guards refuse, and what is asked on a terminal: nothing is sent before a clear yes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bulkops.testing.processes import SandboxProcess, Shell, sandbox_process

JOBS = Path(__file__).resolve().parents[2] / "jobs"
PEOPLE = 2000
SHRINKING = {
    # a file that takes something away, the changes that it makes, and of how many such things there are
    "delete-leavers.json": (2, PEOPLE),
    "disable-users.csv": (3, PEOPLE),
    "unassign-role-groups.csv": (3, PEOPLE),
    "unassign-roles.csv": (2, PEOPLE),
    "remove-team-members.csv": (2, PEOPLE),
    "allowlist-remove.csv": (2, 39),
    "allowlist-replace.csv": (40, 39),
}


@pytest.fixture(scope="module")
def organization() -> Iterator[SandboxProcess]:
    """An organisation as the target `sandbox` has it."""
    with sandbox_process(people=PEOPLE) as running:
        yield running


@pytest.fixture
def fresh(organization: SandboxProcess, shell: Shell) -> SandboxProcess:
    """The organisation as it was at the beginning, and the only target of the working directory."""
    organization.send("POST", "reset", {})
    shell.configure(organization)
    return organization


def writes(sandbox: SandboxProcess) -> list[str]:
    """The calls that came and were neither reads nor logins."""
    found = [f"{one['method']} {one['path']}" for one in sandbox.get("requests")["requests"]]
    return [call for call in found if not call.startswith("GET ") and not call.endswith("/oauth2/token")]


def untouched(sandbox: SandboxProcess, shell: Shell) -> None:
    """Nothing was sent, nothing took effect, and no run was left behind."""
    assert writes(sandbox) == []
    assert sandbox.get("effects")["totals"] == {}
    runs = shell.folder / ".bulkops" / "runs"
    assert not runs.exists() or not list(runs.iterdir())


class TestPlan:
    """`plan` and `run --dry-run` read, and say what would be."""

    @pytest.mark.parametrize("words", [("plan",), ("run", "--dry-run"), ("run", "--dry-run", "--yes")])
    def test_it_shows_effects_skips_calls_reads_and_the_way_back(
        self, shell: Shell, fresh: SandboxProcess, words: tuple[str, ...]
    ) -> None:
        """Counts by effect; why rows are skipped; how many calls; how people were looked up; what takes it back."""
        command, *options = words
        ended = shell.bulkops(command, str(JOBS / "add-team-members.csv"), *options)
        assert ended.code == 0, ended.err
        for text in (
            "Plan: add-team-member on target acme",
            "2 to be added to a team",
            "1 to be changed to maintainer in a team",
            "3 to send in 1 call",
            "1 skipped: already in team",
            "to take it back: remove-team-member",
            "Nothing was sent.",
        ):
            assert text in ended.err
        reads = [line for line in ended.err.splitlines() if line.startswith("Read: ")]
        assert reads == [
            "Read: members: 4 searches, one for each name; teams: walked once, 1 page; team entries: 1 list read"
        ]
        assert ended.out == ""
        untouched(fresh, shell)

    def test_json_has_the_same_numbers(self, shell: Shell, fresh: SandboxProcess) -> None:
        """One object on stdout; its plans stand in the order of the file's operations."""
        ended = shell.bulkops("plan", str(JOBS / "onboarding.csv"), "--json", "--detailed-exitcode")
        assert ended.code == 10, ended.err
        plans: list[dict[str, Any]] = ended.told["plans"]
        assert [plan["operation"] for plan in plans] == ["invite", "assign-role-group", "add-team-member"]
        assert [(plan["ready"], plan["changes"], plan["calls"]) for plan in plans] == [(2, 2, 1)] * 3
        assert plans[0]["effects"] == {"invited by mail": 2}
        assert ended.told["run_dir"] is None
        untouched(fresh, shell)

    def test_nothing_to_change_is_exit_0_either_way(self, shell: Shell, fresh: SandboxProcess) -> None:
        """--detailed-exitcode tells changes from none."""
        shell.write("job.csv", "operation,user\nenable-user,quentin.weiss.1\n")
        ended = shell.bulkops("plan", "job.csv", "--detailed-exitcode")
        assert (ended.code, "nothing to do" in ended.err) == (0, True), ended.err
        untouched(fresh, shell)

    def test_what_cannot_be_undone_is_said(self, shell: Shell, fresh: SandboxProcess) -> None:
        """Deleting people is for good."""
        ended = shell.bulkops("plan", str(JOBS / "delete-leavers.json"))
        assert ended.code == 0
        assert "to take it back: none: the person needs a new invitation" in ended.err
        untouched(fresh, shell)

    def test_what_goes_without_being_named_is_listed(self, shell: Shell, fresh: SandboxProcess) -> None:
        """Replacing a list removes entries that no row names: they are counted, and in --json all are named."""
        words = ("plan", str(JOBS / "allowlist-replace.csv"))
        plain, told = shell.bulkops(*words), shell.bulkops(*words, "--json").told
        assert "37 removed although no row names them: " in plain.err
        assert len(told["plans"][0]["removals"]) == 37
        assert told["plans"][0]["changes"] == 40
        untouched(fresh, shell)

    @pytest.mark.parametrize(
        ("count", "how"),
        [(2, r"members: 2 searches"), (6, r"members: walked once, 5 pages")],
        ids=["few are searched", "many are walked"],
    )
    def test_it_says_how_people_were_looked_up(self, shell: Shell, fresh: SandboxProcess, count: int, how: str) -> None:
        """Two people are searched for one by one; for more than the pages of the list it is walked once."""
        names = [
            "quentin.weiss.1",
            "amara.weiss.3",
            "wen.dubois.8",
            "giulia.silva.9",
            "chloe.dubois.12",
            "ines.weiss.14",
        ]
        shell.write("job.csv", "user\n" + "\n".join(names[:count]) + "\n")
        ended = shell.bulkops("plan", "job.csv", "--operation", "delete-user")
        assert ended.code == 0
        assert re.search(how, ended.err), ended.err
        reads = [one for one in fresh.get("requests")["requests"] if one["path"].endswith("/members")]
        assert all(("search" in one["query"]) == (count == 2) for one in reads)

    def test_a_plan_that_cannot_be_run_is_refused_row_by_row(self, shell: Shell, fresh: SandboxProcess) -> None:
        """Names that mean nothing or several things: exit 2, each with its line and its candidates."""
        shell.write("job.csv", "user\nquentin.weis.1\nteam.inbox@acme.test\namara.weiss.3\n")
        ended = shell.bulkops("plan", "job.csv", "--operation", "disable-user")
        assert ended.code == 2
        for text in ("line 2, column user", "quentin.weiss.1", "line 3, column user", "inbox.one", "inbox.two"):
            assert text in ended.err
        untouched(fresh, shell)


class TestMaxChanges:
    """`--max-changes` holds for everything that takes something away."""

    @pytest.mark.parametrize("command", ["plan", "run"])
    @pytest.mark.parametrize("name", SHRINKING)
    def test_a_count_refuses_the_plan(self, shell: Shell, fresh: SandboxProcess, name: str, command: str) -> None:
        """Exit 3, both numbers, what would allow it; with --yes as well."""
        changes, _ = SHRINKING[name]
        options = ["--yes"] if command == "run" else []
        ended = shell.bulkops(command, str(JOBS / name), "--max-changes", str(changes - 1), *options)
        assert ended.code == 3, ended.err
        assert f"changes {changes}, more than --max-changes {changes - 1}" in ended.err
        assert f"--max-changes {changes}" in ended.err
        assert "othing was sent" in ended.err
        untouched(fresh, shell)

    @pytest.mark.parametrize("name", SHRINKING)
    def test_a_share_is_one_of_what_there_is(self, shell: Shell, fresh: SandboxProcess, name: str) -> None:
        """People for people, entries for the allowlist, not rows of the file."""
        changes, population = SHRINKING[name]
        share = f"{100 * (changes - 1) / population:.4f}%"
        ended = shell.bulkops("run", str(JOBS / name), "--max-changes", share, "--yes")
        assert ended.code == 3, ended.err
        told = re.search(rf"changes {changes} of (\d+), more than --max-changes ", ended.err)
        assert told is not None, ended.err
        assert population <= int(told.group(1)) <= population + 10
        untouched(fresh, shell)

    @pytest.mark.parametrize("name", SHRINKING)
    def test_exactly_as_many_are_allowed(self, shell: Shell, fresh: SandboxProcess, name: str) -> None:
        """The number that a refusal names is enough."""
        ended = shell.bulkops("plan", str(JOBS / name), "--max-changes", str(SHRINKING[name][0]))
        assert ended.code == 0, ended.err

    def test_a_share_of_fewer_than_ten_is_ignored(self, shell: Shell) -> None:
        """One of three is a third: a share says nothing of so few."""
        with sandbox_process(people=4) as small:
            shell.configure(small)
            shell.write("job.csv", "operation,user\ndelete-user,inbox.one\n")
            ended = shell.bulkops("plan", "job.csv", "--max-changes", "1%")
            assert ended.code == 0, ended.err
            assert shell.bulkops("plan", "job.csv", "--max-changes", "0").code == 3

    def test_the_limit_may_stand_in_the_file(self, shell: Shell, fresh: SandboxProcess) -> None:
        """`options` of a JSON file hold it; the command line wins."""
        shell.write(
            "job.json",
            '{"operation": "disable-user", "options": {"max_changes": 1}, '
            '"items": [{"user": "quentin.weiss.1"}, {"user": "amara.weiss.3"}]}',
        )
        assert shell.bulkops("plan", "job.json").code == 3
        assert shell.bulkops("plan", "job.json", "--max-changes", "2").code == 0
        untouched(fresh, shell)


class TestTheUntouchable:
    """Accounts that nothing may be taken from: exit 3, and nothing is sent."""

    @pytest.mark.parametrize("operation", ["delete-user", "disable-user"])
    @pytest.mark.parametrize(
        ("user", "why"),
        [
            ("admin", "the account that bulkops works with"),
            ("owner@acme.test", "owns the organisation"),
            ("Amara.Weiss.3@ACME.test", "protected by '*.weiss.3@acme.test'"),
        ],
    )
    def test_a_file_that_names_one_is_refused(
        self, shell: Shell, fresh: SandboxProcess, operation: str, user: str, why: str
    ) -> None:
        """Whoever it is and however they are written; the other rows are not run either."""
        shell.configure(fresh, protected=["*.weiss.3@acme.test"])
        shell.write("job.csv", f"user\nquentin.weiss.1\n{user}\n")
        for command, *options in (("plan",), ("run", "--yes")):
            ended = shell.bulkops(command, "job.csv", "--operation", operation, *options)
            assert ended.code == 3, ended.err
            assert why in ended.err
            assert "Nothing was sent" in ended.err
        untouched(fresh, shell)

    @pytest.mark.parametrize(
        ("giving", "taking", "columns", "row"),
        [
            ("assign-role-group", "unassign-role-group", "user,role_group", "admin,Organization Administrators"),
            ("assign-role", "unassign-role", "user,role", "admin,Exchange Administrator"),
            ("add-team-member", "remove-team-member", "user,team", "admin,Platform On-Call"),
        ],
    )
    def test_nothing_is_stripped_from_the_account_that_works(
        self, shell: Shell, fresh: SandboxProcess, giving: str, taking: str, columns: str, row: str
    ) -> None:
        """Without its rights bulkops could neither go on nor take anything back; it may get more."""
        shell.write("job.csv", f"{columns}\n{row}\n")
        assert shell.bulkops("run", "job.csv", "--operation", giving, "--yes").code == 0
        before = writes(fresh)
        for command, *options in (("plan",), ("run", "--yes")):
            ended = shell.bulkops(command, "job.csv", "--operation", taking, *options)
            assert (ended.code, "is the account that bulkops works with" in ended.err) == (3, True), ended.err
        assert writes(fresh) == before

    @pytest.mark.parametrize(
        ("operation", "row"),
        [
            ("unassign-role-group", "wen.nguyen.2,Exchange Administrators,,"),
            ("unassign-role", "olga.brown.316,,Exchange Administrator,"),
            ("remove-team-member", "zoe.ivanova.1348,,,Platform On-Call"),
        ],
    )
    def test_nothing_is_stripped_from_the_protected(
        self, shell: Shell, fresh: SandboxProcess, operation: str, row: str
    ) -> None:
        """Role groups, permissions and teams are as safe as the account."""
        shell.configure(fresh, protected=[row.split(",", maxsplit=1)[0]])
        shell.write("job.csv", f"user,role_group,role,team\n{row}\n")
        ended = shell.bulkops("run", "job.csv", "--operation", operation, "--yes")
        assert (ended.code, "is protected by" in ended.err) == (3, True), ended.err
        untouched(fresh, shell)

    def test_with_skip_invalid_the_others_are_run(self, shell: Shell, fresh: SandboxProcess) -> None:
        """The plan names who is protected; their rows end as failed, and are left alone."""
        shell.configure(fresh, protected=["amara.weiss.3"])
        shell.write("job.csv", "user\nquentin.weiss.1\namara.weiss.3\n")
        words = ("job.csv", "--operation", "disable-user", "--skip-invalid")
        planned = shell.bulkops("plan", *words)
        assert planned.code == 0
        assert re.search(r"1 protected: amara\.weiss\.3 .* is protected by 'amara\.weiss\.3'", planned.err)
        ended = shell.bulkops("run", *words, "--yes", "--json")
        assert (ended.code, ended.told["counts"]["succeeded"], ended.told["counts"]["failed"]) == (1, 1, 1)
        assert fresh.effects("user_disabled") == {"quentin.weiss.1": 1}

    @pytest.mark.parametrize("command", [("plan",), ("run", "--yes"), ("run", "--yes", "--skip-invalid")])
    def test_somebody_must_stay_to_administer(
        self, shell: Shell, fresh: SandboxProcess, command: tuple[str, ...]
    ) -> None:
        """A file that would take the administrators' role group from all who hold it is refused, with their names.

        An app works here, and the owner was stripped by somebody else: neither the one who works nor the owner could
        be stripped in any case.
        """
        shell.configure(fresh)
        strip_of_administration(fresh, "owner")
        app = 'method = "connected-app"\nclient_id_env = "APP"\nclient_secret_env = "SECRET"'
        text = (shell.folder / "bulkops.toml").read_text()
        shell.write("bulkops.toml", text.replace('method = "bearer"\ntoken_env = "ACME_TOKEN"', app))
        shell.environ.update(APP="sandbox-client", SECRET="sandbox-secret")
        shell.write("job.csv", "user,role_group\nadmin,Organization Administrators\n")
        ended = shell.bulkops(command[0], "job.csv", "--operation", "unassign-role-group", *command[1:])
        assert ended.code == 3, ended.err
        assert "without an administrator" in ended.err
        assert "admin@acme.test" in ended.err
        assert fresh.effects("role_group_unassigned") == {"owner": 1}


def strip_of_administration(sandbox: SandboxProcess, username: str) -> None:
    """Take the administrators' role group from somebody, as the vendor's own page would."""
    base = f"/accounts/api/organizations/{sandbox.organization}"
    groups = sandbox.call("GET", f"{base}/rolegroups?limit=500")["data"]
    group = next(one["role_group_id"] for one in groups if one["name"] == "Organization Administrators")
    people = sandbox.call("GET", f"{base}/members?limit=500&username={username}")["data"]
    sandbox.call("DELETE", f"{base}/rolegroups/{group}/users/{people[0]['id']}")


class Terminal:
    """The command on a terminal of its own, as a person sits at it."""

    def __init__(self, shell: Shell, *arguments: str) -> None:
        self._mine, theirs = pty.openpty()
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("ANYPOINT_", "BULKOPS_"))}

        def at_a_terminal() -> None:
            fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [sys.executable, "-m", "bulkops", *arguments],
            cwd=shell.folder,
            env={**environ, "XDG_CONFIG_HOME": str(shell.folder), "TERM": "xterm", "COLUMNS": "200", **shell.environ},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=at_a_terminal,  # noqa: PLW1509 - a terminal belongs to the session that the child has just begun
        )
        os.close(theirs)
        self.text = ""

    def read_until(self, wanted: str) -> None:
        """Read what is printed until `wanted` stands there."""
        deadline = time.monotonic() + 30
        while wanted not in self.text:
            assert time.monotonic() < deadline, self.text
            assert self._read(), self.text

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self._mine, text.encode())

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        os.close(self._mine)
        return self.process.wait(timeout=30)

    def _read(self) -> bool:
        """Whether there was more; a terminal whose other side is closed answers with an error."""
        ready, _, _ = select.select([self._mine], [], [], 30)
        assert ready, self.text
        try:
            piece = os.read(self._mine, 65_536)
        except OSError:
            return False
        self.text += piece.decode(errors="replace")
        return bool(piece)


class TestOnATerminal:
    """Whoever sits there is asked, and the question is answered with care."""

    QUESTION = "Type the number of items, "

    @pytest.fixture
    def leavers(self, shell: Shell, fresh: SandboxProcess) -> SandboxProcess:
        """The organisation, with four leavers in a file."""
        shell.write("job.csv", "user\nquentin.weiss.1\namara.weiss.3\nwen.dubois.8\ngiulia.silva.9\n")
        return fresh

    def run(self, shell: Shell, operation: str = "delete-user") -> Terminal:
        """The command, waiting at its question."""
        terminal = Terminal(shell, "run", "job.csv", "--operation", operation)
        terminal.read_until(self.QUESTION)
        assert f"{self.QUESTION}4" in terminal.text
        assert "4 to send in 1 call" in terminal.text
        return terminal

    @pytest.mark.parametrize("answer", ["4\n", "  4 \n"])
    def test_the_right_number_is_a_yes(self, shell: Shell, leavers: SandboxProcess, answer: str) -> None:
        """Then everything is done."""
        terminal = self.run(shell)
        assert writes(leavers) == []
        terminal.type(answer)
        assert terminal.end() == 0, terminal.text
        assert len(leavers.effects("user_deleted")) == 4

    @pytest.mark.parametrize("answer", ["5\n", "y\n", "yes\n", "\n", "44\n", "4 people\n", "\x04"])
    def test_anything_else_is_a_no(self, shell: Shell, leavers: SandboxProcess, answer: str) -> None:
        """Another number, a yes without thought, nothing at all, the end of the input: exit 3."""
        terminal = self.run(shell)
        terminal.type(answer)
        assert terminal.end() == 3, terminal.text
        assert "not confirmed: nothing was sent" in terminal.text
        untouched(leavers, shell)

    def test_ctrl_c_is_a_no(self, shell: Shell, leavers: SandboxProcess) -> None:
        """At the question nothing has been sent, and nothing will be."""
        terminal = self.run(shell)
        terminal.type("\x03")
        assert terminal.end() in {3, 130}, terminal.text
        assert "Traceback" not in terminal.text
        untouched(leavers, shell)

    @pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("yes\n", 0), ("n\n", 3), ("\n", 3)])
    def test_what_can_be_taken_back_is_asked_yes_or_no(
        self, shell: Shell, fresh: SandboxProcess, answer: str, code: int
    ) -> None:
        """Inviting asks, and without a clear yes it does not."""
        shell.write("job.csv", "operation,email\ninvite,one@hire.test\n")
        terminal = Terminal(shell, "run", "job.csv")
        terminal.read_until("Go on? [y/N] ")
        terminal.type(answer)
        assert terminal.end() == code, terminal.text
        assert len(fresh.effects("invite_sent")) == (code == 0)

    def test_what_goes_without_being_named_counts(self, shell: Shell, fresh: SandboxProcess) -> None:
        """Of a list that is replaced, the number to be typed holds the entries that go."""
        terminal = Terminal(shell, "run", str(JOBS / "allowlist-replace.csv"))
        terminal.read_until(f"{self.QUESTION}40")
        terminal.type("3\n")
        assert terminal.end() == 3
        untouched(fresh, shell)
