"""The example jobs for VMware Cloud Services work as they are, as a user would run them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bulkops import config
from bulkops.testing.processes import SandboxProcess, Shell, sandbox_process
from bulkops.wiring import AVAILABLE

JOBS = Path(__file__).resolve().parents[2] / "jobs" / "vmware-csp"


@dataclass(frozen=True, slots=True)
class Example:
    """What a file does: how its rows end, what the sandbox counts by itself, and the words it needs."""

    done: int
    skipped: int = 0
    effects: dict[str, int] = field(default_factory=dict)
    words: tuple[str, ...] = ()


EXAMPLES = {
    "invite-new-hires.csv": Example(4, 1, {"invite_sent": 4, "user_created": 1, "role_assigned": 1}),
    "invite-new-hires.json": Example(3, effects={"invite_sent": 3}),
    "resend-invites.csv": Example(3, effects={"invite_revoked": 3, "invite_sent": 3}),
    "resend-invites.json": Example(2, effects={"invite_revoked": 2, "invite_sent": 2}),
    "revoke-invites.csv": Example(2, 2, {"invite_revoked": 2}),
    "revoke-invites.json": Example(2, effects={"invite_revoked": 2}),
    "delete-leavers.csv": Example(3, effects={"user_deleted": 3}, words=("--operation", "delete-user")),
    "delete-leavers.json": Example(2, effects={"user_deleted": 2}),
    "assign-roles.csv": Example(3, 1, {"role_assigned": 3}),
    "assign-roles.json": Example(2, effects={"role_assigned": 2}),
    "unassign-roles.csv": Example(2, 1, {"role_unassigned": 2}),
    "unassign-roles.json": Example(1, effects={"role_unassigned": 1}),
    "add-team-members.csv": Example(2, 1, {"team_added": 2}),
    "add-team-members.json": Example(2, effects={"team_added": 2}),
    "remove-team-members.csv": Example(2, 1, {"team_removed": 2}),
    "remove-team-members.json": Example(2, effects={"team_removed": 2}),
}


@pytest.fixture(scope="module")
def organization() -> Iterator[SandboxProcess]:
    """An organisation as the target `try` has it, as a process that can be asked what happened."""
    with sandbox_process(people=2000, options=("--vendor", "vmware-csp")) as running:
        yield running


@pytest.fixture
def fresh(organization: SandboxProcess, shell: Shell) -> SandboxProcess:
    """The organisation as it was at the beginning, and the only target of the working directory."""
    organization.send("POST", "reset", {})
    shell.configure(organization, provider="vmware-csp")
    return organization


def writes(sandbox: SandboxProcess) -> list[str]:
    """The calls that came and were no reads."""
    found = [one for one in sandbox.get("requests")["requests"] if one["method"] != "GET"]
    return [one["path"] for one in found if not one["path"].endswith("/search")]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_changes_what_its_remarks_say(name: str, shell: Shell, fresh: SandboxProcess) -> None:
    """Planned without a write; then exit 0, no warning, the rows end as told, and just these changes are counted."""
    example = EXAMPLES[name]
    planned = shell.bulkops("plan", str(JOBS / name), *example.words, "--json")
    assert planned.code == 0, planned.err
    assert [plan["ready"] for plan in planned.told["plans"]] == [example.done]
    assert writes(fresh) == []
    ended = shell.bulkops("run", str(JOBS / name), *example.words, "--yes", "--run-id", "r", "--json")
    assert ended.code == 0, ended.err
    assert "warning" not in ended.err
    counts = ended.told["counts"]
    assert (counts["succeeded"], counts["skipped"]) == (example.done, example.skipped)
    assert counts["total"] == example.done + example.skipped
    assert fresh.get("effects")["totals"] == example.effects
    with (shell.folder / ".bulkops" / "runs" / "r" / "results.csv").open(encoding="utf-8", newline="") as file:
        assert [row["_outcome"] for row in csv.DictReader(file)].count("succeeded") == example.done


@pytest.mark.parametrize("name", ["invite-new-hires.csv", "resend-invites.json", "unassign-roles.csv"])
def test_an_example_runs_at_the_embedded_organisation(name: str, shell: Shell) -> None:
    """By the configuration that stands beside it."""
    ended = shell.bulkops("run", str(JOBS / name), "--config", str(JOBS / "bulkops.toml"), "--yes", "--json")
    assert ended.code == 0, ended.err
    assert ended.told["target"] == "try"
    assert ended.told["counts"]["succeeded"] == EXAMPLES[name].done


def test_each_operation_has_an_example_in_csv_and_in_json() -> None:
    """And every file is run here."""
    assert {path.name for path in JOBS.iterdir()} == {*EXAMPLES, "bulkops.toml"}
    for ending in (".csv", ".json"):
        texts = [
            (JOBS / name).read_text() + " ".join(EXAMPLES[name].words) for name in EXAMPLES if name.endswith(ending)
        ]
        for kind in AVAILABLE["vmware-csp"]:
            assert any(kind in text for text in texts), f"no {ending} example of {kind}"


def test_the_configuration_beside_them_can_be_used_as_it_is() -> None:
    """A target for each way to sign in, and one that needs none."""
    loaded = config.load(JOBS / "bulkops.toml")
    methods = {target.auth.method for target in loaded.targets.values() if target.auth is not None}
    assert methods == set(config.METHODS_OF["vmware-csp"])
    auth = loaded.targets["acme"].auth
    assert auth is not None
    assert auth.secrets({"ACME_CSP_API_TOKEN": "t"})["api_token"].get_secret_value() == "t"
