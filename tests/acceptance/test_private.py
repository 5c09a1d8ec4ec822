"""Private by default: what a run leaves is its owner's alone, and a folder from somebody else leads nowhere."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bulkops.cli.main import main
from bulkops.testing.processes import Shell, sandbox_process

WRITTEN = (
    "failures.csv", "results.csv", "summary.json", "report.html", "log.jsonl", "input.csv", "job.json", "job.json.part",
    "ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm", "ledger.sqlite-seal",
)  # fmt: skip
COMMANDS = (["resume"], ["retry", "--yes"], ["report"], ["show"])


@pytest.fixture
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """The given mask, also of what is started."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.parametrize("umask", [0o000, 0o022], indirect=True, ids=["000", "022"])
def test_every_file_is_its_owners_alone(shell: Shell, umask: int) -> None:
    """Runs, retries, new reports and the sandbox's own state, whatever the user's mask lets others do."""
    shell.write("job.csv", "email,role_groups\nh1@new.test,\nh2@new.test,Nobodies\n")
    command = ["run", "job.csv", "--operation", "invite", "--target", "sandbox", "--yes", "--skip-invalid"]
    assert shell.bulkops(*command, "--run-id", "r").code == 1
    (shell.folder / ".bulkops" / "runs" / "r" / "report.html").unlink()
    for again in (["report", "r"], ["retry", "r", "--yes"]) if umask == 0 else (["report", "r"],):
        assert shell.bulkops(*again).code in {0, 1, 2}
    modes = {path: path.stat().st_mode & 0o777 for path in (shell.folder / ".bulkops").rglob("*")}
    modes[shell.folder / ".bulkops"] = (shell.folder / ".bulkops").stat().st_mode & 0o777
    assert {"report.html", "organization.jsonl", "ledger.sqlite", "runs"} <= {path.name for path in modes}
    assert {str(path): oct(mode) for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == {}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of which a row failed, with its configuration beside it."""
    shell = Shell(tmp_path_factory.mktemp("made"))
    with sandbox_process(people=10) as sandbox:
        shell.configure(sandbox)
        shell.write("job.csv", "email,role_groups\nh1@new.test,\nh2@new.test,Nobodies\n")
        ended = shell.bulkops("run", "job.csv", "--operation", "invite", "--yes", "--skip-invalid", "--run-id", "r")
        assert ended.code == 1, ended.err
    return shell.folder


@pytest.fixture
def foreign(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, as it might come from somebody else; commands are typed beside it."""
    work = tmp_path / "work"
    shutil.copytree(made, work)
    monkeypatch.chdir(work)
    monkeypatch.setenv("ACME_TOKEN", "sandbox-token")
    return work / ".bulkops" / "runs" / "r"


def everything(folder: Path) -> dict[str, bytes]:
    """What stands in a folder and below it."""
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def refused(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """What a command says that must be refused as wrong usage."""
    capsys.readouterr()
    code = main(command)
    said = capsys.readouterr().err
    assert code == 2, said
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize("there", [True, False], ids=["a file", "nothing"])
@pytest.mark.parametrize("name", WRITTEN)
def test_a_planted_link_is_named_and_not_followed(
    foreign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, there: bool
) -> None:
    """Under every name that bulkops opens in the folder of a run, whether it leads to a file or would make one."""
    outside = tmp_path / "outside"
    outside.mkdir()
    if there:
        (outside / "victim").write_bytes((foreign / name).read_bytes() if (foreign / name).exists() else b"keep me")
    (foreign / name).unlink(missing_ok=True)
    (foreign / name).symlink_to(outside / "victim")
    before = everything(outside)
    for command in COMMANDS:
        said = refused(capsys, *command, "r")
        assert f"{name} is a link" in said
    assert everything(outside) == before


def test_a_planted_pipe_is_not_waited_for(foreign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A log, a report or an input that nobody ever writes to does not hold a command for ever."""
    for name in ("log.jsonl", "summary.json", "input.csv", "ledger.sqlite"):
        (foreign / name).unlink()
        os.mkfifo(foreign / name)
        assert f"{name} is no regular file" in refused(capsys, "show", "r")
        (foreign / name).unlink()


def test_an_editors_own_link_does_not_lock_a_run(foreign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While somebody mends a failures file, some editors keep a link that leads nowhere beside it."""
    (foreign / ".#failures.csv").symlink_to("ada@office.1234")
    assert main(["show", "r"]) == 0, capsys.readouterr().err


HOSTILE: list[tuple[str, Any]] = [
    ("source_format", "csv/../../../outside"),
    ("source_format", "/etc/passwd"),
    ("revision", "1/../../outside"),
    ("revision", 0),
    ("revision", True),
    ("run_id", ["../../outside"]),
    ("operations", {"__import__": 1}),
    ("operations", []),
    ("total", -1),
    ("delimiter", "=cmd"),
    ("columns", "email"),
    ("defaults", [1]),
    ("options", {"rate": ["x", "y"]}),
    ("options", {"concurrency": 10**9}),
    ("options", {"max_failures": 5}),
    ("target", None),
    ("surprise", 1),
]


@pytest.mark.parametrize(("key", "value"), HOSTILE)
def test_a_job_that_bulkops_did_not_write_is_refused(
    foreign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, value: Any
) -> None:
    """Names of files are made of some of its values: each is checked, and nothing is read or written elsewhere."""
    told = json.loads((foreign / "job.json").read_text())
    (foreign / "job.json").write_text(json.dumps({**told, key: value}))
    for stem in ("ledger-1", "input-1"):  # so that a name with `..` in it would lead somewhere
        (foreign / stem).mkdir()
    before = everything(tmp_path)
    for command in COMMANDS:
        assert "job.json is damaged" in refused(capsys, *command, "r")
    assert everything(tmp_path) == before


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "a/b", "..", ".", "a\x00b", "a\x1b[31mb", "x" * 101])
def test_a_run_id_is_no_path(foreign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """A name that leads elsewhere, or that a terminal would obey, makes no folder."""
    before = everything(tmp_path)
    command = ("run", "job.csv", "--operation", "invite", "--run-id", name)
    said = refused(capsys, *command)
    assert "--run-id" in said
    assert "\x1b" not in said
    assert everything(tmp_path) == before


def test_a_name_from_outside_does_not_steer_the_terminal(foreign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The name of a job file, of a target or of a row may come from anybody: it is spelt out."""
    told = json.loads((foreign / "job.json").read_text())
    steering = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp"
    (foreign / "job.json").write_text(json.dumps({**told, "source": steering, "created_at": steering}))
    (foreign / "summary.json").unlink()
    Path(f"job{steering}.csv").write_text(f"email\n{steering}\n")
    for command in (["show", "r"], ["runs"], ["validate", f"job{steering}.csv", "--operation", "invite"]):
        capsys.readouterr()
        main(command)
        said = "".join(capsys.readouterr())
        assert said
        assert not [one for one in said if one in steering and not one.isprintable()]
