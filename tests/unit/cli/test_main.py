"""Whatever goes wrong around a command is one line and an exit code, never a traceback."""

from __future__ import annotations

import argparse
import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkops.cli import main as entrance
from bulkops.cli.main import main

FULL = Path("/dev/full")
NO_ROOM = "bulkops: the output could not be written: No space left on device\n"

Capture = pytest.CaptureFixture[str]
Command = Callable[[argparse.Namespace], int]


def raising(error: BaseException) -> Callable[[str], Command]:
    """In the place of every command, one that ends with `error`."""

    def command(_options: argparse.Namespace) -> int:
        raise error

    return lambda _name: command


def started(*arguments: str, folder: Path, stdout: int | Path = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """The real command, ended; its output in a file where that is named."""
    command = [sys.executable, "-m", "bulkops", *arguments]
    if isinstance(stdout, int):
        return subprocess.run(command, cwd=folder, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)
    with stdout.open("w") as file:
        return subprocess.run(command, cwd=folder, stdout=file, stderr=subprocess.PIPE, text=True, check=False)


def test_an_interrupt_during_the_imports_of_a_command_is_one_line(tmp_path: Path) -> None:
    """They take a while, and whoever typed the wrong thing is quick."""
    script = (
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'bulkops.cli.reading':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from bulkops.cli.main import main\n"
        "sys.exit(main(['runs']))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "bulkops: interrupted; nothing more was sent\n"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "a/b.csv"), "a/b.csv: Permission denied"),
        (OSError(errno.EXDEV, "Invalid link", "a", None, "b"), "a and b: Invalid link"),
        (OSError(errno.EIO, "Input/output error"), "in bulkops.cli.main: Input/output error"),
        (OSError("something"), "in bulkops.cli.main: something"),
    ],
)
def test_what_the_system_refuses_is_told_with_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, error: OSError, told: str
) -> None:
    """The last resort, for what nobody foresaw: exit 4, one line, and the object where it is asked for."""
    monkeypatch.setattr(entrance, "_command", raising(error))
    assert main(["runs", "--json"]) == 4
    out, err = capsys.readouterr()
    assert err == f"bulkops: stopped by the system: {told}\n"
    assert json.loads(out)["state"] == "stopped"


def test_a_reader_who_has_gone_is_no_fault(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """As when all that goes to stderr is piped into `head`."""
    monkeypatch.setattr(entrance, "_command", raising(BrokenPipeError(errno.EPIPE, "Broken pipe")))
    assert main(["runs"]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("arguments", [("runs", "--json"), ("operations", "--json")], ids=" ".join)
def test_what_is_read_by_nobody_leaves_the_exit_code_alone(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """The command does its work all the same; nothing is said at the interpreter's exit either."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = started(*arguments, folder=tmp_path, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")
class TestAFullDisk:
    """Under stdout it is told in one line; the exit code is the command's own."""

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [(("runs", "--json"), 0), (("operations", "--json"), 0), (("show", "r", "--json"), 2), (("--help",), 0)],
    )
    def test_a_command_that_reads(self, tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
        """Whether its words fit what is held back before writing (a few lines) or not (all operations)."""
        done = started(*arguments, folder=tmp_path, stdout=FULL)
        assert done.returncode == code
        assert done.stderr.endswith(NO_ROOM)
        assert "Exception ignored" not in done.stderr
        assert len(done.stderr.splitlines()) == (1 if code == 0 else 2)

    @pytest.mark.parametrize(("rows", "code"), [("a@b.test", 0), ("nobody", 2)])
    def test_validate(self, tmp_path: Path, rows: str, code: int) -> None:
        """Its verdict on the file stands."""
        (tmp_path / "job.csv").write_text(f"operation,email\ninvite,{rows}\n")
        done = started("validate", "job.csv", "--target", "sandbox", "--json", folder=tmp_path, stdout=FULL)
        assert (done.returncode, NO_ROOM in done.stderr) == (code, True), done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr


def test_a_mistake_of_our_own_is_a_line_without_its_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback, and nothing of what the exception quotes; scripts get their object."""

    def broken(_options: object) -> int:
        raise ExceptionGroup("tasks", [KeyError("token-123")])

    monkeypatch.setattr("bulkops.cli.main._command", lambda _name: broken)
    assert main(["runs", "--json"]) == 4
    told = capsys.readouterr()
    assert "a mistake in bulkops itself: KeyError" in told.err
    assert json.loads(told.out)["state"] == "stopped"
    assert "token-123" not in told.err + told.out
    assert "Traceback" not in told.err
