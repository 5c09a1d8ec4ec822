"""The example jobs for WireMock Cloud work as they are, as a user would run them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bulkops import config
from bulkops.testing.processes import SandboxProcess, Shell, sandbox_process
from bulkops.wiring import AVAILABLE

JOBS = Path(__file__).resolve().parents[2] / "jobs" / "wiremock-cloud"
OPTIONS = ("undocumented_invitation_calls", "undocumented_role_calls")


@dataclass(frozen=True, slots=True)
class Example:
    """What a file does: how its rows end, what the sandbox counts by itself, and the words it needs."""

    done: int
    skipped: int = 0
    effects: dict[str, int] = field(default_factory=dict)
    words: tuple[str, ...] = ()


EXAMPLES = {
    "invite-new-hires.csv": Example(4, 1, {"invite_sent": 4}),
    "invite-new-hires.json": Example(3, effects={"invite_sent": 3}),
    "resend-invites.csv": Example(3, effects={"invite_revoked": 3, "invite_sent": 3}),
    "resend-invites.json": Example(2, effects={"invite_revoked": 2, "invite_sent": 2}),
    "revoke-invites.csv": Example(2, 1, {"invite_revoked": 2}),
    "revoke-invites.json": Example(2, effects={"invite_revoked": 2}),
    "delete-leavers.csv": Example(4, effects={"user_deleted": 4}, words=("--operation", "delete-user")),
    "delete-leavers.json": Example(2, effects={"user_deleted": 2}),
    "assign-roles.csv": Example(2, 1, {"role_assigned": 2}),
    "assign-roles.json": Example(2, effects={"role_assigned": 2}),
    "unassign-roles.csv": Example(1, 1, {"role_assigned": 1}),
    "unassign-roles.json": Example(1, effects={"role_assigned": 1}),
    "add-team-members.csv": Example(3, 1, {"team_added": 2, "team_changed": 1}),
    "add-team-members.json": Example(2, effects={"team_added": 2}),
    "remove-team-members.csv": Example(2, 1, {"team_removed": 2}),
    "remove-team-members.json": Example(2, effects={"team_removed": 2}),
}


@pytest.fixture(scope="module")
def organization() -> Iterator[SandboxProcess]:
    """An organisation as the target `try` has it, as a process that can be asked what happened."""
    with sandbox_process(people=2000, options=("--vendor", "wiremock-cloud")) as running:
        yield running


@pytest.fixture
def fresh(organization: SandboxProcess, shell: Shell) -> SandboxProcess:
    """The organisation as it was at the beginning, and the only target of the working directory."""
    organization.send("POST", "reset", {})
    shell.environ["KEY"] = organization.token
    options = "\n".join(f"{name} = true" for name in OPTIONS)
    shell.write(
        "bulkops.toml",
        f'[targets.acme]\nprovider = "wiremock-cloud"\norganization = "{organization.organization}"\n'
        f'base_url = "{organization.url}"\nsettling_s = 0.1\n'
        f'[targets.acme.auth]\nmethod = "api-key"\napi_key_env = "KEY"\n[targets.acme.options]\n{options}\n',
    )
    return organization


def writes(sandbox: SandboxProcess) -> list[str]:
    """The calls that came and were no reads."""
    return [one["path"] for one in sandbox.get("requests")["requests"] if one["method"] != "GET"]


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
        texts = [(JOBS / name).read_text() + " ".join(EXAMPLES[name].words) for name in EXAMPLES if ending in name[-5:]]
        for kind in AVAILABLE["wiremock-cloud"]:
            assert any(kind in text for text in texts), f"no {ending} example of {kind}"


def test_the_configuration_beside_them_can_be_used_as_it_is() -> None:
    """It shows every option."""
    loaded = config.load(JOBS / "bulkops.toml")
    assert set(loaded.targets) == {"acme", "try"}
    assert all(set(target.options) == set(OPTIONS) for target in loaded.targets.values())
    auth = loaded.targets["acme"].auth
    assert auth is not None
    assert auth.secrets({"ACME_WIREMOCK_KEY": "k"})["api_key"].get_secret_value() == "k"


MOCK = """
[targets.mock]
provider = "wiremock-cloud"
organization = "{organization}"
base_url = "{url}"
settling_s = 0.1
[targets.mock.auth]
method = "api-key"
api_key_env = "KEY"
"""


def test_a_mock_that_answers_as_its_pages_show_is_found_out(shell: Shell, fresh: SandboxProcess) -> None:
    """Every call succeeds and nothing changes: the rows have failed, and exit 1 says so."""
    shell.write("bulkops.toml", MOCK.format(organization=fresh.organization, url=fresh.url))
    fresh.send("PATCH", "settings", {"quirks": {"canned": True}})
    try:
        ended = shell.bulkops("run", str(JOBS / "invite-new-hires.json"), "--yes", "--json")
    finally:
        fresh.send("PATCH", "settings", {"quirks": {"canned": False}})
    assert ended.code == 1, ended.err
    assert ended.told["counts"]["failed"] == 3
    failures = (shell.folder / ended.told["failures_file"]).read_text()
    assert failures.count("not_applied") == 3


def test_what_needs_an_option_is_refused_with_its_name(shell: Shell, fresh: SandboxProcess) -> None:
    """Exit 2, nothing is sent; whether the rows name the operation or the file does."""
    shell.write("bulkops.toml", MOCK.format(organization=fresh.organization, url=fresh.url))
    before = len(fresh.get("requests")["requests"])
    by_column = shell.bulkops("run", str(JOBS / "revoke-invites.csv"), "--yes")
    by_file = shell.bulkops("run", str(JOBS / "revoke-invites.json"), "--yes", "--json")
    for ended in (by_column, by_file):
        assert ended.code == 2
        assert "undocumented_invitation_calls = true under [targets.NAME.options]" in ended.err
    assert len(fresh.get("requests")["requests"]) == before
