"""The list of runs shows every folder, whatever is left in it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from bulkops.errors import UsageError
from bulkops.model import Counts, Job
from bulkops.reports import RunEntry, Summary, list_runs
from bulkops.wiring.folder import RunFolder


def ended(folder: Path, started_at: str) -> None:
    """A run that wrote its summary."""
    folder.mkdir()
    summary = Summary(folder.name, "completed", "invite", "acme", Counts(succeeded=3)).as_dict()
    (folder / "summary.json").write_text(json.dumps({**summary, "started_at": started_at}))


def killed(folder: Path, created_at: str, operations: Mapping[str, int] | None = None) -> None:
    """A run whose process never came to its end, its job as a run writes it."""
    folder.mkdir()
    job = Job(
        run_id=folder.name,
        operations=operations or {"delete-user": 3},
        target="acme",
        provider="anypoint",
        organization="o",
        source="leavers.csv",
        source_format="csv",
        source_sha256="0",
        total=3,
        created_at=created_at,
        version="1",
    )
    RunFolder(folder).write_job(job)


def test_runs_are_listed_newest_first(tmp_path: Path) -> None:
    """By when they started, in whatever zone that was written."""
    ended(tmp_path / "old", "2026-03-01T10:00:00Z")
    killed(tmp_path / "new", "2026-03-01T10:30:00Z")
    ended(tmp_path / "middle", "2026-03-01T12:15:00+02:00")
    assert [run.id for run in list_runs(tmp_path)] == ["new", "middle", "old"]


def test_a_run_that_ended_is_listed_as_its_summary_says(tmp_path: Path) -> None:
    """With its counts."""
    ended(tmp_path / "r1", "2026-03-01T10:00:00Z")
    assert list_runs(tmp_path) == [
        RunEntry("r1", "completed", "invite", "acme", Counts(succeeded=3), "2026-03-01T10:00:00Z", tmp_path / "r1")
    ]


def test_a_run_that_was_killed_is_interrupted(tmp_path: Path) -> None:
    """Its counts are the ledger's to tell."""
    killed(tmp_path / "r1", "2026-03-01T10:00:00Z")
    assert list_runs(tmp_path) == [
        RunEntry("r1", "interrupted", "delete-user", "acme", None, "2026-03-01T10:00:00Z", tmp_path / "r1")
    ]


def test_a_run_of_several_operations_is_listed_with_all_of_them(tmp_path: Path) -> None:
    """In their order, as people call the job and as its summary will."""
    killed(tmp_path / "r1", "2026-03-01T10:00:00Z", {"invite": 2, "add-team-member": 1})
    assert [run.operation for run in list_runs(tmp_path)] == ["invite + add-team-member"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("unrelated.txt", ""),
        ("summary.json", "{"),
        ("summary.json", "{}"),
        ("job.json", "[1]"),
        ("job.json", '{"operations": {"invite": 3}}'),
        ("job.json", '{"operations": {}, "target": "acme"}'),
        ("job.json", '{"operations": "invite", "target": "acme"}'),
        ("job.json", "\udcff"),
    ],
)
def test_a_broken_folder_is_listed_as_unreadable(tmp_path: Path, name: str, text: str) -> None:
    """With the reason; the others are listed all the same."""
    ended(tmp_path / "good", "2020-03-01T10:00:00Z")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / name).write_bytes(text.encode(errors="surrogateescape"))
    bad, good = list_runs(tmp_path)
    assert (bad.id, bad.state, bad.counts) == ("bad", "unreadable", None)
    assert bad.problem
    assert good.state == "completed"


def test_a_run_without_a_usable_time_is_placed_by_its_folder(tmp_path: Path) -> None:
    """Nothing else is known of when it was."""
    ended(tmp_path / "timed", "2026-03-01T10:00:00Z")
    ended(tmp_path / "untimed", "yesterday")
    os.utime(tmp_path / "untimed", (0, 0))
    assert [run.id for run in list_runs(tmp_path)] == ["timed", "untimed"]


def test_files_links_and_hidden_folders_are_no_runs(tmp_path: Path) -> None:
    """A link to the newest run would list it twice."""
    ended(tmp_path / "r1", "2026-03-01T10:00:00Z")
    (tmp_path / "latest").symlink_to(tmp_path / "r1")
    (tmp_path / ".making").mkdir()
    (tmp_path / "notes.txt").touch()
    assert [run.id for run in list_runs(tmp_path)] == ["r1"]


def test_no_folder_means_no_runs(tmp_path: Path) -> None:
    """Nobody ran anything here yet."""
    assert list_runs(tmp_path / "runs") == []


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    """A mistyped --runs-dir is not an empty list."""
    (tmp_path / "runs").touch()
    with pytest.raises(UsageError, match="runs cannot be read"):
        list_runs(tmp_path / "runs")
