"""Whatever is typed, and whatever a job file says, the answer is words and an exit code of the contract."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulkops.cli.main import main

SHARED_FOLDER = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
CODES = {0, 1, 2, 3, 4, 5, 6, 10, 130, 143}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a few files that are nearly right, and nothing on standard input."""
    (tmp_path / "job.csv").write_text("email\na@new.test\n")
    (tmp_path / "job.json").write_text('{"operation": "invite", "items": [{"email": "a@new.test"}]}')
    (tmp_path / "bad.toml").write_text("[targets.acme]\nprovider = 'anypoint'\n")
    (tmp_path / "bytes").write_bytes(bytes(range(256)))
    (tmp_path / "runs" / "r").mkdir(parents=True)
    (tmp_path / "runs" / "r" / "job.json").write_text("[]")
    (tmp_path / "runs" / "q").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    return tmp_path


def typed(arguments: list[str]) -> tuple[int, str]:
    """The exit code of a command, and all that it said."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else 1
    return code, out.getvalue() + err.getvalue()


COMMANDS = ("run", "plan", "validate", "resume", "retry", "runs", "show", "report", "operations", "check", "nonsense")
TYPED = (
    "job.csv", "job.json", "bytes", "bad.toml", "no-such-file", "runs", "runs/r", "latest", "r", "-", "--", "", ".",
    "--operation", "invite", "delete-user", "--target", "acme", "--config", "--runs-dir", "--run-id", "../x", "--rate",
    "20/s", "9/0", "--concurrency", "0", "--batch-size", "-1", "--max-failures", "5%", "--reserve", "2", "--yes",
    "--json", "--dry-run", "--skip-invalid", "--format", "html", "--log-level", "debug", "--version",
    "\x1b[2J", "\udcff", "a\0b", "9" * 400,
)  # fmt: skip
WORDS = st.one_of(st.sampled_from(TYPED), st.text(max_size=5))


@settings(max_examples=120, deadline=None, suppress_health_check=SHARED_FOLDER)
@given(st.sampled_from(COMMANDS), st.lists(WORDS, max_size=6))
def test_random_words_are_answered(desk: Path, command: str, words: list[str]) -> None:
    """No traceback, and no code that the contract does not have."""
    code, said = typed([command, *words])
    assert code in CODES
    assert "Traceback" not in said


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6))
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)
OPTION_KEYS = (
    "rate", "concurrency", "batch_size", "max_failures", "max-changes", "reserve", "skip_invalid", "yes", "_x", "a b",
)  # fmt: skip
FIELD_KEYS = (
    "email", "role_groups", "teams", "user", "role_group", "operation", "membership", "client_id", "scopes", "_row",
)  # fmt: skip
FIELDS = st.sampled_from(FIELD_KEYS)
OPTIONS = st.dictionaries(
    st.sampled_from(OPTION_KEYS),
    st.one_of(VALUES, st.sampled_from(["20/s", "5%", "-1", "1e999", "nan", "50"])),
    max_size=4,
)
ITEMS = st.lists(st.one_of(VALUES, st.dictionaries(FIELDS, VALUES, max_size=4)), max_size=4)
JOBS = st.fixed_dictionaries(
    {"items": st.one_of(ITEMS, VALUES)},
    optional={
        "operation": st.one_of(VALUES, st.sampled_from(["invite", "delete-user", "allowlist-replace", "Invite "])),
        "target": st.one_of(VALUES, st.sampled_from(["sandbox", "acme"])),
        "defaults": st.one_of(VALUES, st.dictionaries(FIELDS, VALUES, max_size=3)),
        "options": st.one_of(VALUES, OPTIONS),
        "zzz": VALUES,
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=SHARED_FOLDER)
@given(JOBS)
def test_any_job_file_is_good_or_explained(desk: Path, job: dict[str, Any]) -> None:
    """Its target, defaults, options and items may be anything: it is found good, or what is wrong is said."""
    (desk / "any.json").write_text(json.dumps(job), encoding="utf-8")
    code, said = typed(["validate", "any.json"])
    assert code in {0, 2}
    assert said.strip()
    assert "Traceback" not in said
