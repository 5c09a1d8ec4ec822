"""How a run's folder is found again, whatever it is called by."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulkops.errors import UsageError
from bulkops.wiring.folder import find


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    """A runs folder with one run, r1."""
    folder = tmp_path / "runs" / "r1"
    folder.mkdir(parents=True)
    (folder / "job.json").write_text("{}")
    return tmp_path / "runs"


def closed_below(folder: Path) -> Callable[..., Any]:
    """`os.stat` for somebody who may not search `folder`."""
    true_stat = os.stat

    def stat(path: Any, *arguments: Any, **options: Any) -> Any:
        if folder in Path(os.fspath(path)).parents:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return true_stat(path, *arguments, **options)

    return stat


@pytest.mark.parametrize("name", [".", "./", "../r1", "../../runs/r1"])
def test_a_path_from_where_one_stands_has_a_name_and_a_runs_folder(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """From inside a run's folder it is found as from anywhere else."""
    monkeypatch.chdir(runs_dir / "r1")
    found = find(Path(".bulkops/runs"), name)
    assert (found.run_id, found.path.parent) == ("r1", runs_dir.resolve())


def test_a_folder_that_may_not_be_searched_is_told(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a run is there is not guessed."""
    monkeypatch.setattr(os, "stat", closed_below(runs_dir))
    with pytest.raises(UsageError, match=r"r1: whether a run is there may not be seen by this user"):
        find(runs_dir, str(runs_dir / "r1"))


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_what_could_be_no_file_is_no_run(runs_dir: Path, name: str) -> None:
    """Too long, or with a character that no name has: the runs that there are are named."""
    with pytest.raises(UsageError, match="the newest: r1"):
        find(runs_dir, name)
