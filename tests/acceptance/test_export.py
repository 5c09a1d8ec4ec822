"""`bulkops export`: what an organisation holds, in a table, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import signal
import stat
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from bulkops.testing.between import Forward, between, configured, typed
from bulkops.testing.processes import Ended, SandboxProcess, Shell, sandbox_process
from bulkops.testing.wire import Heard, Speaker, answer

SURE = "certain to be complete"


def table(text: str) -> list[dict[str, str]]:
    """The rows of a CSV text."""
    return list(csv.DictReader(io.StringIO(text)))


def held(sandbox: SandboxProcess) -> dict[str, set[tuple[str, ...]]]:
    """What the organisation really holds, by resource, each row by what tells it apart."""
    truth = sandbox.get("organization")
    root = sandbox.organization
    live = {key: one for key, one in truth["users"].items() if not one["deleted"] and one["kind"] == "host"}
    groups = {key: one for key, one in truth["role_groups"].items() if one["organization"] == root}
    teams = truth["teams"]
    return {
        "users": {(key,) for key in live},
        "members": {(key,) for key in live},
        "invites": {(str(one["id"]),) for one in truth["invites"] if one["organization"] == root},
        "role-groups": {(key,) for key in groups},
        "role-group-members": {(user, key) for key, one in groups.items() for user in one["holders"]},
        "teams": {(key,) for key in teams},
        "team-members": {(user, key) for key, one in teams.items() for user in one["members"]},
        "user-roles": {
            (user, one["role"]) for user, grants in truth["permissions"].items() for one in grants if user in live
        },
        "allowlist": {(key,) for key in truth["allowlist"]},
        "environments": {(one["id"],) for one in truth["environments"]},
        "business-groups": {(key,) for key in truth["units"]},
    }


KEYS = {
    "invites": ("invite_id",),
    "role-group-members": ("user", "role_group"),
    "team-members": ("user", "team"),
    "user-roles": ("user", "role"),
    "allowlist": ("client_id",),
}


def test_every_resource_is_exported_as_the_organisation_holds_it(shell: Shell, sandbox: SandboxProcess) -> None:
    """Each row once, none missing, none too many; and the command says that it is certain."""
    shell.configure(sandbox)
    for resource, wanted in held(sandbox).items():
        ended = shell.bulkops("export", resource)
        assert ended.code == 0, ended.err
        rows = [tuple(row[key] for key in KEYS.get(resource, ("id",))) for row in table(ended.out)]
        assert sorted(rows) == sorted(wanted), resource
        assert SURE in ended.err
    apps = table(shell.bulkops("export", "connected-apps").out)
    assert len({row["client_id"] for row in apps}) == 48


def test_no_secret_of_a_row_is_exported_or_left_behind(shell: Shell, sandbox: SandboxProcess) -> None:
    """Neither an application's secret nor an invitation's code, in any format, file, log or message."""
    base = f"/accounts/api/organizations/{sandbox.organization}"
    apps = [
        row for at in (0, 20, 40) for row in sandbox.call("GET", f"{base}/connectedApplications?offset={at}")["data"]
    ]
    secrets = {row["client_secret"] for row in apps}
    secrets |= {row["code"] for row in sandbox.call("GET", f"{base}/invites?limit=500")["data"]}
    assert len(secrets) > 50
    shell.configure(sandbox)
    said = b""
    for resource, name in (("connected-apps", "csv"), ("connected-apps", "json"), ("invites", "jsonl")):
        ended = shell.bulkops("export", resource, "--out", f"{resource}.{name}", "--log-level", "debug")
        assert ended.code == 0, ended.err
        said += (ended.out + ended.err).encode()
    written = said + b"".join(path.read_bytes() for path in shell.folder.rglob("*") if path.is_file())
    assert [secret for secret in secrets if secret[:16].encode() in written] == []
    assert "client_secret" not in table((shell.folder / "connected-apps.csv").read_text())[0]


def test_the_formats_say_the_same(shell: Shell, sandbox: SandboxProcess) -> None:
    """Lists are parted by semicolons in CSV and arrays in JSON; a login that never was is empty, or null."""
    shell.configure(sandbox)
    for name in ("csv", "json", "jsonl"):
        ended = shell.bulkops("export", "connected-apps", "--out", f"apps.{name}", "--json")
        assert (ended.code, ended.told["rows"], ended.told["complete"]) == (0, 48, True)
        assert stat.S_IMODE((shell.folder / f"apps.{name}").stat().st_mode) == 0o600
    rows = json.loads((shell.folder / "apps.json").read_text())
    lines = [json.loads(line) for line in (shell.folder / "apps.jsonl").read_text().splitlines()]
    cells = table((shell.folder / "apps.csv").read_text())
    assert rows == lines
    assert [row["scopes"].split(";") for row in cells] == [row["scopes"] for row in rows]
    assert sorted(path.name for path in shell.folder.iterdir() if "apps" in path.name) == [
        "apps.csv",
        "apps.json",
        "apps.jsonl",
    ]
    empty = shell.bulkops("export", "users", "--where", "email = 'nobody'", "--format", "json")
    assert (empty.code, json.loads(empty.out)) == (0, [])


def test_rows_and_columns_are_picked_and_the_file_is_a_job_file(shell: Shell, sandbox: SandboxProcess) -> None:
    """Members of no role group and no team: what is joined is read first, and the id's column is called user."""
    shell.configure(sandbox)
    where = "role_groups is empty and teams is empty and username != 'owner'"
    ended = shell.bulkops("export", "members", "--where", where, "--columns", "user=id,email", "--out", "idle.csv")
    assert ended.code == 0, ended.err
    truth = sandbox.get("organization")
    busy = {
        user
        for one in truth["role_groups"].values()
        if one["organization"] == sandbox.organization
        for user in one["holders"]
    }
    busy |= {user for one in truth["teams"].values() for user in one["members"]}
    live = {key for key, one in truth["users"].items() if not one["deleted"] and one["kind"] == "host"}
    rows = table((shell.folder / "idle.csv").read_text())
    assert {row["user"] for row in rows} == live - busy
    assert list(rows[0]) == ["user", "email"]
    plan = shell.bulkops("plan", "idle.csv", "--operation", "delete-user", "--json")
    assert plan.code == 0, plan.err
    assert plan.told["counts"]["total"] == len(rows)


def test_a_cell_that_a_spreadsheet_would_run_is_guarded_unless_raw(shell: Shell, sandbox: SandboxProcess) -> None:
    """People choose their own names; JSON has them as they are."""
    name = '=HYPERLINK("http://elsewhere.test")'
    shell.configure(sandbox)
    truth = sandbox.get("organization")["users"]
    user = next(key for key, one in truth.items() if one["username"] == "inbox.one")
    edit = {"id": user, "firstName": name, "lastName": "x", "email": truth[user]["email"], "phoneNumber": ""}
    _call(sandbox, "PUT", f"/accounts/api/organizations/{sandbox.organization}/users", [edit])
    where = ("export", "users", "--where", "username = 'inbox.one'", "--columns", "first_name")
    assert table(shell.bulkops(*where).out) == [{"first_name": "'" + name}]
    assert table(shell.bulkops(*where, "--raw").out) == [{"first_name": name}]
    assert json.loads(shell.bulkops(*where, "--format", "jsonl").out) == {"first_name": name}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("user",), "no resource 'user'; did you mean 'users'?"),
        (("users", "--columns", "emial"), "no column 'emial'; did you mean 'email'?"),
        (("users", "--columns", "email,email"), "'email' is there twice"),
        (("users", "--where", "last_logn < 90d"), "did you mean 'last_login'?"),
        (("users", "--json"), "name a file with --out"),
        (("users", "--target", "acme2"), "no target 'acme2'"),
        (("users", "--out", "nowhere/users.csv"), "No such file or directory"),
    ],
)
def test_what_is_mistyped_is_refused_before_anything_is_read(
    shell: Shell, sandbox: SandboxProcess, arguments: tuple[str, ...], words: str
) -> None:
    """Exit 2, with the nearest name; no call was made."""
    shell.configure(sandbox)
    ended = shell.bulkops("export", *arguments)
    assert ended.code == 2
    assert words in ended.err
    assert sandbox.get("requests")["requests"] == []


def test_a_business_group_has_its_own_rows_and_no_teams(shell: Shell, sandbox: SandboxProcess) -> None:
    """Teams and the allowlist belong to the root organisation, and the command says so."""
    group = next(key for key, name in sandbox.get("state")["business_groups"].items() if name == "Retail")
    shell.configure(sandbox, organization=group)
    shell.write("bulkops.toml", _in_group(shell.folder / "bulkops.toml", sandbox.organization, group))
    wanted = {key for key, one in sandbox.get("organization")["role_groups"].items() if one["organization"] == group}
    assert {row["id"] for row in table(shell.bulkops("export", "role-groups").out)} == wanted
    assert len(table(shell.bulkops("export", "environments").out)) == 3
    refused = shell.bulkops("export", "members", "--columns", "id,teams")
    assert refused.code == 2
    assert "team-members belong to the root organisation" in refused.err


def _in_group(path: Path, root: str, group: str) -> str:
    lines = [line for line in path.read_text().splitlines() if line != f'organization = "{root}"']
    return "\n".join(lines) + "\n"


SLOW = ("user-roles", "--out", "roles.jsonl", "--rate", "60/s", "--concurrency", "2")


def _begun(shell: Shell, *arguments: str) -> subprocess.Popen[str]:
    """An export that has come some way."""
    process = shell.start("export", *arguments)
    state = shell.folder / "roles.jsonl.state"
    until = time.monotonic() + 60
    while not state.exists() or len(state.read_bytes().splitlines()) < 3:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)
    return process


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_export_goes_on_with_the_same_command(
    shell: Shell, sandbox: SandboxProcess, signum: signal.Signals, code: int
) -> None:
    """No row twice, none missing, and what was there already is not asked for again."""
    shell.configure(sandbox)
    process = _begun(shell, *SLOW)
    process.send_signal(signum)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert not (shell.folder / "roles.jsonl").exists()
    if signum != signal.SIGKILL:
        assert "the same command goes on from there" in err
    before = len(sandbox.get("requests")["requests"])
    another = shell.bulkops("export", "user-roles", "--out", "roles.jsonl", "--columns", "user")
    assert (another.code, "was left by another export" in another.err) == (3, True)
    ended = shell.bulkops("export", *SLOW[:3], "--json")
    assert (ended.code, ended.told["complete"]) == (0, True), ended.err
    assert sandbox.get("requests")["last"] - before < 200
    rows = [json.loads(line) for line in (shell.folder / "roles.jsonl").read_text().splitlines()]
    assert sorted((row["user"], row["role"]) for row in rows) == sorted(held(sandbox)["user-roles"])
    assert not list(shell.folder.glob("roles.jsonl.*"))


def test_a_long_listing_goes_on_at_the_page_though_rows_moved_meanwhile(shell: Shell) -> None:
    """Killed between pages of 500; people are deleted before it goes on; those who stay are all there."""
    with sandbox_process(people=6000, options=["--latency-ms", "60"]) as sandbox:
        shell.configure(sandbox)
        slow = ("members", "--out", "roles.jsonl", "--concurrency", "1", "--rate", "3/s")
        process = _begun(shell, *slow)
        process.kill()
        process.communicate()
        given = [json.loads(line)["id"] for line in (shell.folder / "roles.jsonl.part").read_bytes().splitlines()[:-1]]
        gone = given[100:140]
        _call(sandbox, "DELETE", f"/accounts/api/organizations/{sandbox.organization}/users", gone)
        ended = shell.bulkops("export", *slow[:3], "--json")
        assert (ended.code, ended.told["complete"]) == (0, True), ended.err
        rows = [json.loads(line)["id"] for line in (shell.folder / "roles.jsonl").read_text().splitlines()]
        assert len(rows) == len(set(rows)) == 6000
        assert ended.told["read"] < 6000
        assert ended.told["pages_read_again"] > 0


def _call(sandbox: SandboxProcess, method: str, path: str, body: Any) -> None:
    headers = {"Authorization": f"Bearer {sandbox.token}", "Content-Type": "application/json"}
    request = urllib.request.Request(sandbox.url + path, json.dumps(body).encode(), headers, method=method)
    urllib.request.urlopen(request, timeout=30).close()


def test_a_deadline_stops_an_export_that_can_be_gone_on_with(shell: Shell, sandbox: SandboxProcess) -> None:
    """Exit 4; the part stays."""
    shell.configure(sandbox)
    ended = shell.bulkops("export", *SLOW[:3], "--rate", "20/s", "--deadline", "2s", "--json")
    assert (ended.code, ended.told["state"]) == (4, "stopped"), ended.err
    assert (shell.folder / str(ended.told["part_file"])).exists()
    assert shell.bulkops("export", *SLOW[:3]).code == 0


async def _short(heard: Heard, speaker: Speaker, forward: Forward) -> None:
    """A listing that says that there is one row more than it has."""
    status, body = await forward(heard)
    told = json.loads(body)
    if heard.path.endswith("/invites"):
        told["total"] += 1
    await speaker.say(answer(status, told))


async def test_rows_that_nobody_vouches_for_are_refused_unless_allowed(shell: Shell) -> None:
    """Exit 4 and no file; with --allow-incomplete the file, and the words."""
    async with between(_short) as site:
        configured(shell, site.wire.url, site.sandbox.organization, {"acme": 'method = "bearer", token_env = "T"'})
        shell.environ["T"] = site.sandbox.token
        command = ("export", "invites", "--out", "invites.csv", "--json")
        ended: Ended = await typed(shell, *command)
        assert (ended.code, ended.told["complete"], ended.told["walks"]) == (4, False, 3), ended.err
        assert "nobody can vouch" in ended.err
        assert not (shell.folder / "invites.csv").exists()
        allowed = await typed(shell, *command, "--allow-incomplete")
        assert (allowed.code, allowed.told["complete"]) == (0, False), allowed.err
        assert "NOT certain" in allowed.err
        rows = table((shell.folder / "invites.csv").read_text())
        assert len({row["invite_id"] for row in rows}) == len(rows) == 14
        plain = await typed(shell, "export", "invites")
        assert plain.code == 4


def test_whoever_reads_the_rows_may_leave(shell: Shell, sandbox: SandboxProcess) -> None:
    """As when they are piped into head."""
    shell.configure(sandbox)
    process = shell.start("export", "user-roles", "--rate", "100/s")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    assert process.wait(timeout=60) == 130
    assert "Traceback" not in said
    process.stderr.close()
