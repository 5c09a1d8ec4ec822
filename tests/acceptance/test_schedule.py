"""`bulkops schedule`: what it writes is shown, is what runs, and is all that it ever takes away."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from bulkops.testing.processes import SandboxProcess, Shell

CRONTAB = """\
#!/bin/sh
file="$HOME/crontab.txt"
case "$1" in
  -l) [ -f "$file" ] && exec cat "$file"; echo "no crontab for tester" >&2; exit 1;;
  -) exec cat > "$file";;
esac
exit 2
"""
SYSTEMCTL = '#!/bin/sh\necho "$@" >> "$HOME/systemctl.txt"\nexit "${SYSTEMCTL_CODE:-0}"\n'
OTHERS = "MAILTO=ann@acme.test\n# my own\n0 1 * * * backup # nightly\n"


@pytest.fixture
def desk(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A user's folder with a crontab and a systemctl of its own, and two job files."""
    tools = shell.folder / "tools"
    tools.mkdir()
    for name, text in (("crontab", CRONTAB), ("systemctl", SYSTEMCTL)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(shell.folder))
    shell.environ["XDG_CONFIG_HOME"] = str(shell.folder / "config")
    shell.write("hires.csv", "operation,email\ninvite,ann@new.test\n")
    shell.write("leavers.csv", "operation,user\ndelete-user,nobody.at.all@acme.test\n")
    return shell


def units(shell: Shell) -> Path:
    """Where the user's units are."""
    return shell.folder / "config/systemd/user"


def test_a_timer_is_shown_written_begun_listed_and_taken_away(desk: Shell) -> None:
    """Both unit files; units of others stay as they were."""
    units(desk).mkdir(parents=True)
    (units(desk) / "bulkops-mine.service").write_text("[Service]\nExecStart=/bin/true\n")
    asked = desk.bulkops("schedule", "install", "hires.csv", "--every", "0 6 * * 1")
    assert (asked.code, "no terminal to ask on" in asked.err) == (3, True)
    assert "OnCalendar=Mon *-*-* 06:00:00" in asked.err
    assert not (units(desk) / "bulkops-hires.timer").exists()
    done = desk.bulkops(
        "schedule", "install", "hires.csv", "--every", "0 6 * * 1", "--yes", "--", "--target", "sandbox", "--queue"
    )
    assert done.code == 0, done.err
    service = (units(desk) / "bulkops-hires.service").read_text()
    assert f'"run" "{desk.folder}/hires.csv" "--target" "sandbox" "--queue" "--name" "hires"' in service
    assert f'"--runs-dir" "{desk.folder}/.bulkops/runs"' in service
    assert '"--yes"' not in service
    assert (desk.folder / "systemctl.txt").read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable bulkops-hires.timer",
        "--user restart bulkops-hires.timer",
    ]
    listed = json.loads(desk.bulkops("schedule", "list", "--json").out)["jobs"]
    assert [(one["kind"], one["name"], one["every"]) for one in listed] == [("systemd", "hires", "0 6 * * 1")]
    assert desk.bulkops("schedule", "remove", "mine", "--yes").code == 2
    assert desk.bulkops("schedule", "remove", "hires").code == 3
    assert desk.bulkops("schedule", "remove", "hires", "--yes").code == 0
    assert [path.name for path in units(desk).iterdir()] == ["bulkops-mine.service"]
    assert "--user disable --now bulkops-hires.timer" in (desk.folder / "systemctl.txt").read_text()


def test_a_pipeline_and_a_query_are_judged_as_job_files_are(desk: Shell) -> None:
    """By their own names; each stage needs a guard where nobody is asked."""
    query = {"operation": "delete-user", "target": "sandbox", "source": {"resource": "users"}}
    desk.write("query.json", json.dumps({"name": "old people", **query}))
    desk.write(
        "all.json", json.dumps({"name": "nightly", "target": "sandbox", "pipeline": ["hires.csv", "query.json"]})
    )
    for job, name in (("query.json", "old people"), ("all.json", "nightly")):
        refused = desk.bulkops("schedule", "install", job, "--every", "daily", "--yes", "--", "--yes")
        assert (refused.code, "--max-changes" in refused.err) == (3, True), refused.err
        warned = desk.bulkops("schedule", "install", job, "--every", "daily", "--yes", "--json")
        assert warned.code == 0, warned.err
        assert "delete-user asks for a confirmation" in warned.err
        assert "must be there" not in warned.err
        assert warned.told["name"] == name
    desk.write("query.json", json.dumps({**query, "options": {"max_changes": 5}}))
    assert desk.bulkops("schedule", "install", "query.json", "--every", "daily", "--yes", "--", "--yes").code == 0
    desk.write("query.json", json.dumps({**query, "source": {"resource": "userz"}}))
    wrong = desk.bulkops("schedule", "install", "query.json", "--every", "daily", "--yes")
    assert "did you mean 'users'" in wrong.err


def test_a_unit_that_somebody_else_wrote_is_not_replaced(desk: Shell) -> None:
    """Nor a link in its place followed."""
    units(desk).mkdir(parents=True)
    mine = units(desk) / "bulkops-hires.service"
    mine.write_text("[Service]\n")
    refused = desk.bulkops("schedule", "install", "hires.csv", "--every", "daily", "--yes")
    assert (refused.code, mine.read_text()) == (3, "[Service]\n")
    mine.unlink()
    mine.symlink_to(desk.folder / "elsewhere")
    assert desk.bulkops("schedule", "install", "hires.csv", "--every", "daily", "--yes").code == 3
    assert not (desk.folder / "elsewhere").exists()


def test_a_timer_that_systemd_does_not_begin_is_written_and_said(desk: Shell) -> None:
    """Exit 1, with the command that begins it."""
    desk.environ["SYSTEMCTL_CODE"] = "1"
    done = desk.bulkops("schedule", "install", "hires.csv", "--every", "daily", "--yes")
    assert (done.code, (units(desk) / "bulkops-hires.timer").exists()) == (1, True)
    assert "systemctl --user enable --now bulkops-hires.timer" in done.err


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="asks systemd itself")
def test_systemd_takes_the_units_whatever_names_hold(desk: Shell) -> None:
    """Blanks, quotes, percent and dollar signs, backslashes: each word reaches the run as it was."""
    odd = "hi %h $HOME \"q\" 'a' \\ é.csv"
    desk.write(odd, "operation,email\ninvite,ann@new.test\n")
    done = desk.bulkops("schedule", "install", odd, "--every", "0 0 13 * 5", "--catch-up", "--yes", "--name", "50% $X")
    assert done.code == 0, done.err
    found = [str(path) for path in units(desk).iterdir()]
    checked = subprocess.run(
        ["systemd-analyze", "--user", "verify", "--man=no", *found],
        capture_output=True, text=True, check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(desk.folder), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert "bulkops" not in checked.stderr, checked.stderr
    timer = next(path.read_text() for path in units(desk).glob("*.timer"))
    assert "OnCalendar=Fri *-*-* 00:00:00\nOnCalendar=*-*-13 00:00:00\nPersistent=true" in timer
    listed = json.loads(desk.bulkops("schedule", "list", "--json").out)["jobs"]
    assert listed[0]["name"] == "50% $X"
    assert str(desk.folder / odd) in listed[0]["command"]


def test_a_line_of_the_crontab_does_what_it_says_and_other_lines_stay(desk: Shell, sandbox: SandboxProcess) -> None:
    """Run by a shell as cron does; installed again it is replaced, removed it is gone, and nothing else is."""
    desk.configure(sandbox)
    (desk.folder / "crontab.txt").write_text(OTHERS)
    odd = "hi 100% $HOME 'q'.csv"
    desk.write(odd, "operation,email\ninvite,cron@new.test\n")
    arguments = ("schedule", "install", odd, "--cron", "--name", "hires", "--yes")
    assert desk.bulkops(*arguments, "--every", "weekly").code == 0
    done = desk.bulkops(*arguments, "--every", "30 5 * * mon")
    assert (done.code, "ACME_TOKEN" in done.err) == (0, True)  # a schedule lacks the variable, so it warns
    text = (desk.folder / "crontab.txt").read_text()
    assert text.startswith(OTHERS)
    line = text.removeprefix(OTHERS).rstrip("\n")
    assert line.startswith("30 5 * * mon cd ")
    assert line.count("%") == line.count("\\%") == 1
    command = line.split(None, 5)[5].replace("\\%", "%")
    environ = {**os.environ, **desk.environ}
    subprocess.run(["/bin/sh", "-c", command], cwd="/", env=environ, check=True, timeout=60)
    assert sandbox.effects("invite_sent") == {"cron@new.test": 1}
    assert "1 invited" in (desk.folder / ".bulkops/schedule/hires.log").read_text()
    listed = json.loads(desk.bulkops("schedule", "list", "--json").out)["jobs"]
    assert [(one["kind"], one["name"], one["every"]) for one in listed] == [("cron", "hires", "30 5 * * mon")]
    assert desk.bulkops("schedule", "remove", "backup", "--yes").code == 2
    assert desk.bulkops("schedule", "remove", "hires", "--yes").code == 0
    assert (desk.folder / "crontab.txt").read_text() == OTHERS


def test_a_job_that_asks_nobody_needs_a_guard(desk: Shell) -> None:
    """--yes of the run without --max-changes is refused; a destructive job without --yes is warned of."""
    install = ("schedule", "install", "leavers.csv", "--every", "daily", "--yes")
    target = ("--target", "sandbox")
    refused = desk.bulkops(*install, "--", *target, "--yes")
    assert (refused.code, "--max-changes" in refused.err) == (3, True)
    assert not units(desk).exists()
    warned = desk.bulkops(*install, "--", *target)
    assert (warned.code, "delete-user asks for a confirmation" in warned.err) == (0, True)
    assert desk.bulkops(*install, "--", *target, "--yes", "--max-changes", "5%").code == 0
    assert '"--yes" "--max-changes" "5%%"' in (units(desk) / "bulkops-leavers.service").read_text()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["hires.csv", "--every", "61 * * * *"], 2),
        (["-", "--every", "daily"], 2),
        (["hires.csv", "--every", "daily", "--name", "a\nExecStart=/bin/sh"], 2),
        (["hires.csv", "--every", "daily", "--", "--run-id", "r"], 2),
        (["hires.csv", "--every", "daily", "--", "--no-such-option"], 2),
        (["hires.csv", "--every", "daily", "--cron", "--catch-up"], 2),
        (["hires.csv", "--every", "daily", "--cron", "--", "--on-finish", "notify\n* * * * * evil"], 2),
        (["hires.csv", "--every", "daily", "--", "--on-finish", "notify\nExecStart=/bin/sh"], 2),
        (["hires.csv", "--every", "daily", "--cron", "--", "--on-finish", "notify " + "x" * 900], 2),
    ],
)
def test_what_cannot_be_scheduled_is_refused(desk: Shell, arguments: list[str], code: int) -> None:
    """Before anything is written: nothing can break out of its line."""
    own, rest = (
        (arguments[: arguments.index("--")], arguments[arguments.index("--") :])
        if "--" in arguments
        else (arguments, [])
    )
    refused = desk.bulkops("schedule", "install", *own, "--yes", *rest)
    assert refused.code == code, refused.err
    assert not units(desk).exists()
    assert not (desk.folder / "crontab.txt").exists()


def test_a_crontab_that_cannot_be_read_is_not_replaced(desk: Shell) -> None:
    """A fault is not an empty crontab."""
    tool = desk.folder / "tools/crontab"
    tool.write_text("#!/bin/sh\ntouch $HOME/called-$1\necho 'you are not allowed' >&2\nexit 1\n")
    refused = desk.bulkops("schedule", "install", "hires.csv", "--every", "daily", "--cron", "--yes")
    assert (refused.code, "you are not allowed" in refused.err) == (2, True)
    assert not (desk.folder / "called--").exists()


def test_the_words_of_a_cron_line_are_those_of_the_timer(desk: Shell) -> None:
    """One job, either way: the same command."""
    assert desk.bulkops("schedule", "install", "hires.csv", "--every", "daily", "--yes").code == 0
    assert desk.bulkops("schedule", "install", "hires.csv", "--every", "daily", "--yes", "--cron").code == 0
    timer, line = json.loads(desk.bulkops("schedule", "list", "--json").out)["jobs"]
    assert shlex.join(timer["command"]) in line["command"]
