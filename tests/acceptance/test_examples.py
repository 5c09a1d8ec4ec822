"""The example jobs work as they are, as a user would run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bulkops import config

JOBS = Path(__file__).resolve().parents[2] / "jobs"
EXAMPLES = {
    "invite-new-hires.csv": ([], {"succeeded": 5}),
    "invite-new-hires.json": ([], {"succeeded": 3}),
    "invite-new-hires.jsonl": ([], {"succeeded": 3}),
    "delete-leavers.csv": (["--operation", "delete-user"], {"succeeded": 4, "skipped": 1}),
    "delete-leavers.json": ([], {"succeeded": 2}),
}
SECRETS = {
    "ACME_TOKEN": "one",
    "ACME_EU_CLIENT_ID": "two",
    "ACME_USERNAME": "three",
    "ACME_PASSWORD": "four",
    "SANDBOX_TOKEN": "five",
}


def bulkops(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The real command in `cwd`, without the configuration of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANYPOINT_", "BULKOPS_"))}
    return subprocess.run(
        [sys.executable, "-c", "from bulkops.cli.main import entry; entry()", *words],
        cwd=cwd,
        env={**kept, "XDG_CONFIG_HOME": str(cwd)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def told(done: subprocess.CompletedProcess[str]) -> Any:
    """The object that `--json` printed."""
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_against_the_sandbox(name: str, tmp_path: Path) -> None:
    """Each example is run by the command that its neighbours describe, and does what its remarks say."""
    words, counts = EXAMPLES[name]
    done = bulkops("run", str(JOBS / name), *words, "--target", "sandbox", "--yes", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    nothing = dict.fromkeys(("succeeded", "skipped", "failed", "in_doubt", "pending"), 0)
    assert told(done)["counts"] == {"total": sum(counts.values()), **nothing, **counts}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_valid_without_a_network(name: str, tmp_path: Path) -> None:
    """`validate` finds nothing wrong with an example."""
    done = bulkops("validate", str(JOBS / name), *EXAMPLES[name][0], "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert told(done)["valid"] is True


def test_an_example_run_twice_changes_nothing_the_second_time(tmp_path: Path) -> None:
    """The embedded organisation remembers: what is so already is skipped."""
    words = ("run", str(JOBS / "invite-new-hires.csv"), "--target", "sandbox", "--yes", "--json")
    bulkops(*words, cwd=tmp_path)
    again = bulkops(*words, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert told(again)["counts"]["skipped"] == told(again)["counts"]["total"]


def test_every_file_beside_the_examples_is_listed() -> None:
    """jobs/README.md names each example, and each example is run here."""
    listed = (JOBS / "README.md").read_text(encoding="utf-8")
    for path in JOBS.iterdir():
        if path.name != "README.md":
            assert f"[{path.name}]({path.name})" in listed
            assert path.name in {*EXAMPLES, "bulkops.toml"}


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
    """A key of a target that the example lacks would be one that nobody finds."""
    data = tomllib.loads((JOBS / "bulkops.toml").read_text(encoding="utf-8"))
    shown = {key for target in data["targets"].values() for key in target}
    assert shown == set(config.TargetConfig.model_fields)
