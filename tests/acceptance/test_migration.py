"""Moving an organisation into another, with the real command and two real sandboxes."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bulkops.testing.processes import Ended, SandboxProcess, Shell, sandbox_process

PEOPLE = 120


class Two:
    """Two organisations, `a` with people and `b` with its owner and administrator alone, and a folder to work in."""

    def __init__(self, shell: Shell, a: SandboxProcess, b: SandboxProcess) -> None:
        self.shell, self.a, self.b = shell, a, b
        lines = []
        for name, sandbox in (("a", a), ("b", b)):
            lines += [
                f"[targets.{name}]",
                'provider = "anypoint"',
                f'organization = "{sandbox.organization}"',
                f'base_url = "{sandbox.url}"',
                "settling_s = 0.1",
                f"[targets.{name}.auth]",
                'method = "bearer"',
                'token_env = "TOKEN"',
            ]
        shell.write("bulkops.toml", "\n".join(lines) + "\n")
        shell.environ["TOKEN"] = a.token

    def migrate(self, *arguments: str) -> Ended:
        """The command, from a to b."""
        return self.shell.bulkops("migrate", "--from", "a", "--to", "b", *arguments)

    def findings(self, folder: str = "move") -> dict[str, set[str]]:
        """The subjects of each finding."""
        found: dict[str, set[str]] = {}
        with (self.shell.folder / folder / "findings.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                found.setdefault(row["finding"], set()).add(row["subject"])
        return found

    def rows(self, name: str) -> list[dict[str, str]]:
        """The rows of the one file of the pipeline that `name`, a glob, means."""
        (path,) = self.shell.folder.glob(name)
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def accept_all(self) -> None:
        """Everybody who was invited to b accepts."""
        for address in self.b.effects("invite_sent"):
            self.b.send("POST", "accept-invite", {"email": address})


@pytest.fixture
def two(shell: Shell) -> Iterator[Two]:
    """Two organisations of different seeds, so that nothing has the same id."""
    with ExitStack() as stack:
        a = stack.enter_context(sandbox_process(people=PEOPLE))
        other = ("--seed", "7", "--organization", "11111111-2222-4333-8444-555555555555", "--empty")
        b = stack.enter_context(sandbox_process(people=2, options=other))
        yield Two(shell, a, b)


def people_of(sandbox: SandboxProcess) -> dict[str, dict[str, Any]]:
    """Live accounts by address."""
    users = sandbox.get("organization")["users"].values()
    return {one["email"].casefold(): one for one in users if not one["deleted"] and one["kind"] == "host"}


def held(sandbox: SandboxProcess) -> dict[str, set[str]]:
    """Role groups and teams of the root by address, but for memberships from an identity provider."""
    org = sandbox.get("organization")
    addresses = {user_id: one["email"].casefold() for user_id, one in org["users"].items() if not one["deleted"]}
    found: dict[str, set[str]] = {}
    for group in org["role_groups"].values():
        for user_id in group["holders"] if group["organization"] == sandbox.organization else ():
            if user_id in addresses:
                found.setdefault(addresses[user_id], set()).add(group["name"])
    for team in org["teams"].values():
        for user_id, kind in team["members"].items():
            if user_id in addresses and user_id not in team["external"]:
                found.setdefault(addresses[user_id], set()).add(f"{team['name']} ({kind})")
    return found


def test_an_organisation_moves_into_an_empty_one_and_is_verified_equal(two: Two) -> None:
    """Invited once each, accepted, maintainers made afterwards: then nothing differs."""
    written = two.migrate("--out", "move", "--create", "--json")
    assert written.code == 0, written.err
    assert not [one for one in two.b.get("requests")["requests"] if one["method"] != "GET"]
    before = two.migrate("--verify")
    assert before.code == 1
    assert "not_invited" in before.err
    ran = two.shell.bulkops("run", "move", "--yes", "--json")
    assert ran.code == 0, ran.err
    invited = two.b.effects("invite_sent")
    assert set(invited.values()) == {1}
    assert two.migrate("--verify").code == 1  # nobody has accepted
    names = {
        kind: {one["name"] for one in two.a.get("organization")[kind].values()} for kind in ("teams", "role_groups")
    }
    made = two.b.get("organization")
    assert {one["name"] for one in made["teams"].values()} - {"Everyone at Acme"} == names["teams"] - {
        "Everyone at Acme"
    }
    two.accept_all()
    after = two.shell.bulkops("run", "move/after-acceptance", "--yes", "--json")
    assert after.code == 0, after.err
    verified = two.migrate("--verify", "--json")
    assert verified.told["differences"] == []
    assert (verified.code, verified.told["equal"]) == (0, True)
    # the servers' own word for it
    here, there = held(two.a), held(two.b)
    moved = {address for address in invited if address in people_of(two.a)}
    assert len(moved) > 0.8 * PEOPLE
    assert {address: here.get(address, set()) for address in moved} == {
        address: there.get(address, set()) for address in moved
    }
    again = two.migrate("--out", "again", "--json")
    assert again.told["stages"] == []
    deleted = two.rows("again/offboarding/01-delete-user.csv")
    assert {row["_email"].casefold() for row in deleted} <= set(people_of(two.b))
    assert len(deleted) > 0.8 * PEOPLE
    assert not {row["user"] for row in deleted} & {"owner", "admin"}


def test_apps_are_allowed_that_the_other_organisation_has(two: Two) -> None:
    """The others are listed; where it does not tell its apps, all are written and that is told."""
    assert two.migrate("--out", "move").code == 0
    found = two.findings()
    assert found["unknown_app"]
    assert not list((two.shell.folder / "move").glob("*allowlist*"))
    path = "*/connectedApplications"
    two.b.send("POST", "faults", [{"kind": "status", "status": 403, "body": {}, "method": "GET", "path": path}])
    assert two.migrate("--out", "blind").code == 0
    rows = two.rows("blind/*-allowlist-add.csv")
    assert {row["client_id"] for row in rows} >= found["unknown_app"]
    assert two.findings("blind")["unchecked_apps"] == {"allowlist"}


def test_a_name_that_a_spreadsheet_would_run_is_written_as_json(two: Two) -> None:
    """People name their role groups themselves; the job means them all the same."""
    name = "=cmd|'/c calc'!A1; \"x\""
    for sandbox in (two.a, two.b):
        shell_write = {"operation": "create-role-group", "items": [{"name": name}]}
        two.shell.write("make.json", json.dumps(shell_write))
        target = "a" if sandbox is two.a else "b"
        made = two.shell.bulkops("run", "make.json", "--target", target, "--yes")
        assert made.code == 0, made.err
    items = [{"user": "admin", "role_group": name}]
    two.shell.write("give.json", json.dumps({"operation": "assign-role-group", "items": items}))
    assert two.shell.bulkops("run", "give.json", "--target", "a", "--yes").code == 0
    assert two.migrate("--out", "move").code == 0
    text = "".join(path.read_text(encoding="utf-8") for path in (two.shell.folder / "move").glob("*.csv"))
    assert not [line for line in text.splitlines() if line.startswith("=") or ",=" in line]
    (path,) = (two.shell.folder / "move").glob("*-assign-role-group.json")
    assert [item["role_group"] for item in json.loads(path.read_text(encoding="utf-8"))["items"]] == [name]
    assert two.shell.bulkops("run", str(path), "--target", "b", "--yes").code == 0


def test_what_is_missing_there_is_told_and_left_out_unless_it_is_made(two: Two) -> None:
    """Role groups and teams are matched by name; memberships of what has no match are not in the files."""
    assert two.migrate("--out", "move").code == 0
    missing = two.findings()["missing_there"]
    teams = {one["name"] for one in two.a.get("organization")["teams"].values()}
    assert teams - {"Everyone at Acme"} <= missing
    assert all(not row.get("teams") for row in two.rows("move/*-invite.csv"))
    assert two.shell.bulkops("plan", "move").code == 0


def test_whoever_is_special_is_handled_and_listed(two: Two) -> None:
    """Several accounts, disabled, federated, invited people, maintainers, administrators."""
    assert two.migrate("--out", "move").code == 0
    found, accounts = two.findings(), people_of(two.a)
    invited = {row["email"].casefold() for row in two.rows("move/*-invite.csv")}
    disabled = {address for address, one in accounts.items() if not one["enabled"]}
    federated = {address for address, one in accounts.items() if one["federated"] and one["enabled"]}
    assert found["disabled"] == disabled
    assert {one.casefold() for one in found["external_identity"]} == federated
    assert not invited & (disabled | federated)
    assert found["several_accounts"] == {"team.inbox@acme.test"}
    assert "team.inbox@acme.test" in invited
    pending = {one.casefold() for one in found["pending_invite"]}
    assert pending
    assert pending <= invited
    assert found["expired_invite"]
    assert found["missing_there"]
    waiting = two.rows("move/offboarding/_not-yet-delete-user.csv")
    assert {row["_email"].casefold() for row in waiting} <= invited
    assert not {row["user"] for row in waiting} & {"owner", "admin"}
    assert [path.name for path in (two.shell.folder / "move/offboarding").iterdir()] == ["_not-yet-delete-user.csv"]
    refused = two.shell.bulkops("run", "move/offboarding", "--yes")
    assert (refused.code, "holds no job file" in refused.err) == (2, True)
    readme = (two.shell.folder / "move/README.md").read_text(encoding="utf-8")
    assert "have not arrived yet" in readme


def test_names_and_addresses_are_mapped(two: Two) -> None:
    """A renamed role group, one left behind, a changed domain, one person's own address, one left behind."""
    groups = [one["name"] for one in two.a.get("organization")["role_groups"].values()
              if one["organization"] == two.a.organization]  # fmt: skip
    kept, gone = [name for name in groups if name != "Organization Administrators"][:2]
    address = next(one for one, user in people_of(two.a).items() if user["enabled"] and not user["federated"])
    mapping = {
        "role_groups": {kept: "Organization Administrators", gone: None, "Nonsense": "x"},
        "domains": {"acme.test": "new.example"},
        "people": {address: "special@other.example", "admin@acme.test": None},
    }
    two.shell.write("mapping.json", json.dumps(mapping))
    ended = two.migrate("--out", "move", "--mapping", "mapping.json", "--create")
    assert ended.code == 0, ended.err
    rows = two.rows("move/*-invite.csv")
    assert "special@other.example" in {row["email"] for row in rows}
    assert {row["email"].rpartition("@")[2] for row in rows} == {"new.example", "other.example"}
    given = {name for row in rows for name in row["role_groups"].split(";")}
    assert kept not in given
    assert gone not in given
    assert two.findings()["group_left_behind"] == {gone}
    assert two.findings()["left_behind"] == {"admin@acme.test"}
    assert two.findings()["unknown_mapping"] == {"Nonsense"}


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ('{"role_group": {}}', "did you mean 'role_groups'"),
        ("[1]", "a mapping is a JSON object"),
        ("{", "not valid JSON"),
        ('{"domains": {"a@b": "c"}}', "a domain such as new.example"),
    ],
)
def test_a_mapping_that_is_wrong_is_refused_in_words(two: Two, mapping: str, said: str) -> None:
    """Exit 2, before anything is read."""
    two.shell.write("mapping.json", mapping)
    ended = two.migrate("--out", "move", "--mapping", "mapping.json")
    assert ended.code == 2
    assert said in ended.err
    assert not (two.shell.folder / "move").exists()


def test_a_folder_that_holds_anything_is_left_alone(two: Two) -> None:
    """A second migration does not mix with the first."""
    assert two.migrate("--out", "move").code == 0
    before = (two.shell.folder / "move/01-invite.csv").read_bytes()
    ended = two.migrate("--out", "move")
    assert ended.code == 3
    assert "not empty" in ended.err
    assert (two.shell.folder / "move/01-invite.csv").read_bytes() == before


def test_an_organisation_does_not_move_into_itself(two: Two) -> None:
    """Neither under one name nor under two."""
    assert two.shell.bulkops("migrate", "--from", "a", "--to", "a", "--out", "x").code == 2
    text = (two.shell.folder / "bulkops.toml").read_text(encoding="utf-8")
    (two.shell.folder / "bulkops.toml").write_text(
        text + text.replace("targets.a", "targets.c").split("[targets.b]")[0]
    )
    ended = two.shell.bulkops("migrate", "--from", "a", "--to", "c", "--out", "x")
    assert ended.code == 2
    assert "the same organisation" in ended.err


def test_the_files_are_their_owners_alone(two: Two) -> None:
    """They name people."""
    assert two.migrate("--out", "move").code == 0
    for path in Path(two.shell.folder / "move").rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o077 == 0, path
