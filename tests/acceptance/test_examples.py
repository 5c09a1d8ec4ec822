"""The example jobs work as they are, as a user would run them."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bulkops import config
from bulkops.cli.main import main
from bulkops.operations import OPERATIONS
from bulkops.testing.processes import SandboxProcess, Shell, sandbox_process

JOBS = Path(__file__).resolve().parents[2] / "jobs"
SECRETS = {
    "ACME_TOKEN": "one",
    "ACME_EU_CLIENT_ID": "two",
    "ACME_USERNAME": "three",
    "ACME_PASSWORD": "four",
    "SANDBOX_TOKEN": "five",
}


@dataclass(frozen=True, slots=True)
class Example:
    """What a file does: how its rows end, what the sandbox counts by itself, and how often it has to be called."""

    done: int
    skipped: int = 0
    effects: dict[str, int] = field(default_factory=dict)
    words: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """The counts of a run that finished."""
        nothing = dict.fromkeys(("succeeded", "skipped", "failed", "in_doubt", "pending"), 0)
        return {
            "total": self.done + self.skipped,
            **nothing,
            "succeeded": self.done,
            "skipped": self.skipped,
        }


EXAMPLES = {
    "invite-new-hires.csv": Example(5, effects={"invite_sent": 5}),
    "invite-new-hires.json": Example(3, effects={"invite_sent": 3}),
    "invite-new-hires.jsonl": Example(3, effects={"invite_sent": 3}),
    "resend-invites.csv": Example(3, effects={"invite_resent": 3}),
    "resend-invites.json": Example(3, effects={"invite_resent": 3}),
    "revoke-invites.csv": Example(3, 1, {"invite_revoked": 3}),
    "revoke-invites.json": Example(3, effects={"invite_revoked": 3}),
    "delete-leavers.csv": Example(4, 1, {"user_deleted": 4}, ("--operation", "delete-user")),
    "delete-leavers.json": Example(2, effects={"user_deleted": 2}),
    "disable-users.csv": Example(3, 1, {"user_disabled": 3}),
    "disable-users.json": Example(2, effects={"user_disabled": 2}),
    "enable-users.csv": Example(2, 1, {"user_enabled": 2}),
    "enable-users.json": Example(2, effects={"user_enabled": 2}),
    "assign-role-groups.csv": Example(4, 1, {"role_group_assigned": 4}),
    "assign-role-groups.json": Example(3, effects={"role_group_assigned": 3}),
    "unassign-role-groups.csv": Example(3, 1, {"role_group_unassigned": 3}),
    "unassign-role-groups.json": Example(2, effects={"role_group_unassigned": 2}),
    "assign-roles.csv": Example(4, 1, {"role_assigned": 4}),
    "assign-roles.json": Example(3, effects={"role_assigned": 3}),
    "unassign-roles.csv": Example(2, 1, {"role_unassigned": 2}),
    "unassign-roles.json": Example(2, effects={"role_unassigned": 2}),
    "add-team-members.csv": Example(3, 1, {"team_added": 2, "team_changed": 1}),
    "add-team-members.json": Example(3, effects={"team_added": 3}),
    "remove-team-members.csv": Example(2, 2, {"team_removed": 2}),
    "remove-team-members.json": Example(2, effects={"team_removed": 2}),
    "allowlist-add.csv": Example(3, 1, {"allowlist_added": 2, "allowlist_changed": 1}),
    "allowlist-add.json": Example(2, effects={"allowlist_added": 2}),
    "allowlist-remove.csv": Example(2, 1, {"allowlist_removed": 2}),
    "allowlist-remove.json": Example(2, effects={"allowlist_removed": 2}),
    "allowlist-replace.csv": Example(3, effects={"allowlist_added": 1, "allowlist_removed": 37}),
    "allowlist-replace.json": Example(3, effects={"allowlist_added": 1, "allowlist_removed": 37}),
    "create-role-groups.csv": Example(2, 1, {"role_group_created": 2}),
    "create-role-groups.json": Example(2, effects={"role_group_created": 2}),
    "create-teams.csv": Example(3, 1, {"team_created": 3}),
    "create-teams.json": Example(3, effects={"team_created": 3}),
    "onboarding.csv": Example(6, effects={"invite_sent": 2, "role_group_assigned": 2, "team_added": 2}),
}


@pytest.fixture(scope="module")
def organization() -> Iterator[SandboxProcess]:
    """An organisation as the target `sandbox` has it, as a process that can be asked what happened."""
    with sandbox_process(people=2000) as running:
        yield running


@pytest.fixture
def fresh(organization: SandboxProcess, shell: Shell) -> SandboxProcess:
    """The organisation as it was at the beginning, and the only target of the working directory."""
    organization.send("POST", "reset", {})
    shell.configure(organization)
    return organization


def writes(sandbox: SandboxProcess) -> list[str]:
    """The calls that came and were no reads."""
    found = [f"{one['method']} {one['path']}" for one in sandbox.get("requests")["requests"]]
    return [call for call in found if not call.startswith("GET ")]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_plan_of_an_example_reads_only(name: str, shell: Shell, fresh: SandboxProcess) -> None:
    """Exit 0, or 10 where it was asked for; what would change is told, and nothing does."""
    example = EXAMPLES[name]
    words = ("plan", str(JOBS / name), *example.words)
    plain, detailed = shell.start(*words), shell.start(*words, "--detailed-exitcode", "--json")
    _, said = plain.communicate(timeout=60)
    out, err = detailed.communicate(timeout=60)
    assert (plain.returncode, detailed.returncode) == (0, 10), said + err
    assert "Nothing was sent." in said
    plans = json.loads(out)["plans"]
    assert sum(plan["ready"] for plan in plans) == example.done
    assert sum(sum(plan["skipped"].values()) for plan in plans) == example.skipped
    assert f"{example.done} to send" in said or len(plans) > 1
    assert writes(fresh) == []
    assert not (shell.folder / ".bulkops" / "runs").exists() or not [*(shell.folder / ".bulkops" / "runs").iterdir()]


@pytest.mark.parametrize("as_json", [True], ids=["json"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_changes_what_its_remarks_say(name: str, as_json: bool, shell: Shell, fresh: SandboxProcess) -> None:
    """Exit 0, no warning, the rows end as told, and the organisation counts just these changes."""
    example = EXAMPLES[name]
    options = ["--json"] if as_json else []
    ended = shell.bulkops("run", str(JOBS / name), *example.words, "--yes", "--run-id", "r", *options)
    assert ended.code == 0, ended.err
    assert "warning" not in ended.err
    if as_json:
        assert ended.told["counts"] == example.counts
    else:
        assert ended.out == ""
        assert f"{example.skipped} skipped, 0 failed, 0 in doubt (of {example.counts['total']} rows)" in ended.err
    assert fresh.get("effects")["totals"] == example.effects
    with (shell.folder / ".bulkops" / "runs" / "r" / "results.csv").open(encoding="utf-8", newline="") as file:
        outcomes = [row["_outcome"] for row in csv.DictReader(file)]
    assert outcomes.count("succeeded") == example.done


def test_the_mixed_example_is_done_in_the_order_of_its_operations(shell: Shell, fresh: SandboxProcess) -> None:
    """Each operation is finished before the next one begins."""
    assert shell.bulkops("run", str(JOBS / "onboarding.csv"), "--yes").code == 0
    sent = [call.split("/")[5].split("/")[0] for call in writes(fresh)]
    assert sent == ["invites", "rolegroups", "teams"]


@pytest.mark.parametrize("name", ["invite-new-hires.csv", "allowlist-replace.json", "onboarding.csv"])
def test_an_example_run_twice_changes_nothing_the_second_time(name: str, shell: Shell) -> None:
    """The target `sandbox` needs no configuration and remembers: what is so already is skipped."""
    words = ("run", str(JOBS / name), "--target", "sandbox", "--yes", "--json")
    first, again = shell.bulkops(*words), shell.bulkops(*words)
    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert first.told["counts"] == EXAMPLES[name].counts
    assert again.told["counts"]["skipped"] == again.told["counts"]["total"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_valid_without_a_network(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`validate` finds nothing wrong with an example."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert main(["validate", str(JOBS / name), *EXAMPLES[name].words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["valid"], told["warnings"]) == (True, [])


def test_each_operation_has_an_example_in_csv_and_in_json() -> None:
    """Whoever looks for an operation finds a file of it to start from."""
    for ending in (".csv", ".json"):
        texts = [(JOBS / name).read_text(encoding="utf-8") + " ".join(EXAMPLES[name].words) for name in EXAMPLES]
        named = [text for name, text in zip(EXAMPLES, texts, strict=True) if name.endswith(ending)]
        for kind in OPERATIONS:
            assert any(kind in text for text in named), f"no {ending} example of {kind}"


def test_every_file_beside_the_examples_is_listed() -> None:
    """jobs/README.md names each example, and each example is run here."""
    listed = (JOBS / "README.md").read_text(encoding="utf-8")
    for path in JOBS.iterdir():
        if path.name != "README.md":
            assert f"[{path.name}]({path.name})" in listed
            assert path.is_dir() or path.name in {*EXAMPLES, "bulkops.toml"}  # folders have tests of their own


def test_the_example_configuration_can_be_used_as_it_is() -> None:
    """jobs/bulkops.toml loads, and each target's secrets are found where it says."""
    loaded = config.load(JOBS / "bulkops.toml")
    assert loaded.choose(None)[0] == "acme"
    methods = {target.auth.method for target in loaded.targets.values() if target.auth is not None}
    assert methods == set(config.METHODS_OF["anypoint"])
    bearer = loaded.targets["acme"].auth
    assert bearer is not None
    assert bearer.secrets(SECRETS)["token"].get_secret_value() == "one"


def test_the_example_configuration_shows_every_key() -> None:
    """A key of a target that the examples lack would be one that nobody finds; those of a vendor are in its folder."""
    files = [tomllib.loads(path.read_text(encoding="utf-8")) for path in JOBS.rglob("bulkops.toml")]
    shown = {key for data in files for target in data["targets"].values() for key in target}
    assert shown == set(config.TargetConfig.model_fields)
