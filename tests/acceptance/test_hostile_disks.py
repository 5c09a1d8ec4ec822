"""A disk that is full, broken, read-only or taken away: the run stops before it can lose the truth, and resumes."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from bulkops.testing.processes import Ended, SandboxProcess, Shell, sandbox_process

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("gcc") is None, reason="the failing disk is a C library that is preloaded"
)

ROWS = 40
RUN = ("run", "hires.csv", "--operation", "invite", "--yes", "--run-id", "r", "--batch-size", "2", "--json")
SLOW = [{"kind": "delay_before", "method": "POST", "path": "*/invites", "seconds": 0.02}]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The failing disk, compiled."""
    built = tmp_path_factory.mktemp("disk") / "failing_disk.so"
    source = Path(__file__).with_name("failing_disk.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", built, source, "-ldl"], check=True)
    return built


@pytest.fixture(scope="module")
def slow() -> Iterator[SandboxProcess]:
    """A sandbox whose calls take long enough for several to be under way."""
    with sandbox_process(faults=SLOW) as running:
        yield running


class Case:
    """A job whose addresses nobody else invites, and the disk that its runs lie on."""

    def __init__(self, shell: Shell, sandbox: SandboxProcess, library: Path, name: str) -> None:
        self.shell = shell
        self.sandbox = sandbox
        self.run_folder = shell.folder / ".bulkops" / "runs" / "r"
        self._library = library
        self._suffix = f"@{name}.test"
        self.addresses = [f"hire.{number}{self._suffix}" for number in range(ROWS)]
        shell.configure(sandbox, concurrency=4)
        shell.write("hires.csv", "email\n" + "\n".join(self.addresses) + "\n")

    def on_disk(self, arguments: tuple[str, ...], **disk: object) -> Ended:
        """Run a command on a disk that fails so."""
        faults = {f"DISK_{key.upper()}": str(value) for key, value in disk.items()}
        before = dict(self.shell.environ)
        under = str(self.shell.folder / ".bulkops")
        self.shell.environ.update(LD_PRELOAD=str(self._library), DISK_UNDER=under, **faults)
        try:
            return self.shell.bulkops(*arguments)
        finally:
            self.shell.environ = before

    def sent(self) -> Mapping[str, int]:
        """How often each address was really invited."""
        effects = self.sandbox.effects("invite_sent")
        return {name: count for name, count in effects.items() if name.endswith(self._suffix)}

    def finish(self) -> None:
        """What a person types when the disk is well again, until every address was invited, once."""
        if (self.run_folder / "job.json").exists():
            ended = self.shell.bulkops("resume", "r", "--json")
        else:
            assert self.sent() == {}
            shutil.rmtree(self.run_folder, ignore_errors=True)
            ended = self.shell.bulkops(*RUN)
        assert ended.code == 0, ended.err
        assert ended.told["counts"]["succeeded"] == ROWS
        assert self.sent() == dict.fromkeys(self.addresses, 1)


def no_traceback(ended: Ended) -> None:
    """A person was spoken to."""
    assert "Traceback" not in ended.err + ended.out, ended.err


@pytest.mark.parametrize("at", [1, 3, 6, 10, 16, 24, 40, 60, 90, 130])
def test_a_disk_that_is_full_stops_the_run_and_doubles_nothing(
    shell: Shell, slow: SandboxProcess, library: Path, at: int
) -> None:
    """From any write on: exit 4, or 2 where nothing was sent yet, and words that say to free some space."""
    case = Case(shell, slow, library, f"full-{at}")
    ended = case.on_disk(RUN, at=at, error=errno.ENOSPC)
    no_traceback(ended)
    assert ended.code in {2, 4}, (ended.code, ended.err)
    assert ended.code == 4 or case.sent() == {}
    assert "space" in ended.err
    case.finish()


@pytest.mark.parametrize("at", [2, 8, 20, 30, 50, 75, 110])
def test_one_write_that_fails_is_enough(shell: Shell, slow: SandboxProcess, library: Path, at: int) -> None:
    """What a failed flush left on the disk cannot be known, so the writes after it are not believed either."""
    case = Case(shell, slow, library, f"once-{at}")
    ended = case.on_disk(RUN, at=at, error=errno.EIO, once=1)
    no_traceback(ended)
    assert ended.code in {0, 2, 4}, (ended.code, ended.err)
    case.finish()


def test_a_run_on_a_disk_that_became_read_only_sends_nothing(shell: Shell, slow: SandboxProcess, library: Path) -> None:
    """Exit 4, and where to look. What was sent before stays known."""
    case = Case(shell, slow, library, "read-only")
    assert case.on_disk(RUN, at=110, error=errno.ENOSPC).code == 4
    sent = case.sent()
    ended = case.on_disk(("resume", "r", "--json"), read_only=1)
    no_traceback(ended)
    assert ended.code == 4, ended.err
    assert "rights" in ended.err or "read-only" in ended.err.lower()
    assert case.sent() == sent
    shown = case.on_disk(("show", "r"), read_only=1)
    no_traceback(shown)
    case.finish()


def stopped_after(case: Case, process: subprocess.Popen[str], calls: int) -> None:
    """Return once so many invitations of the case were sent."""
    while sum(case.sent().values()) < calls:
        assert process.poll() is None
        time.sleep(0.005)


@pytest.mark.parametrize("name", ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-seal"])
def test_a_record_that_is_taken_away_stops_the_run(
    shell: Shell, slow: SandboxProcess, library: Path, name: str
) -> None:
    """What is written to a removed file is lost. Without it the run is refused; put back, it goes on.

    The log is another matter: the process that ends moves it into the file, wherever it lies.
    """
    case = Case(shell, slow, library, f"away-{name[6:].replace('.', '-')}")
    process = shell.start(*RUN)
    stopped_after(case, process, 6)
    aside = case.run_folder / "aside"
    (case.run_folder / name).rename(aside)
    out, err = process.communicate(timeout=120)
    no_traceback(Ended(process.returncode, out, err))
    assert process.returncode == 4, err
    assert "removed" in err
    if not name.endswith("-wal"):
        sent = case.sent()
        refused = shell.bulkops("resume", "r")
        no_traceback(refused)
        assert refused.code == 4, (refused.code, refused.err)
        assert case.sent() == sent
        aside.rename(case.run_folder / name)
    case.finish()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        pytest.param(lambda run: (run / "ledger.sqlite-wal").unlink(), "durable are missing", id="log-lost"),
        pytest.param(lambda run: os.truncate(run / "ledger.sqlite-wal", 9000), "durable are missing", id="log-cut"),
        pytest.param(lambda run: (run / "ledger.sqlite-seal").unlink(), "ledger.sqlite-seal", id="seal-lost"),
    ],
)
def test_a_record_damaged_after_a_kill_sends_nothing(
    shell: Shell, slow: SandboxProcess, library: Path, damage: Callable[[Path], object], words: str
) -> None:
    """Exit 4 and what is wrong with it, from every command that reads it; with the files of before the run goes on."""
    case = Case(shell, slow, library, shell.folder.name.strip("_").replace("_", "-"))
    process = shell.start(*RUN)
    stopped_after(case, process, 6)
    process.kill()
    process.communicate()
    while slow.get("state")["in_flight"]:  # calls whose sender is dead still take effect
        time.sleep(0.005)
    whole = case.run_folder.with_name("whole")
    shutil.copytree(case.run_folder, whole)
    damage(case.run_folder)
    sent = case.sent()
    for command in (("resume", "r"), ("show", "r"), ("report", "r")):
        refused = shell.bulkops(*command)
        no_traceback(refused)
        assert refused.code == 4, (command, refused.err)
        assert words in refused.err
    assert case.sent() == sent
    shutil.rmtree(case.run_folder)
    whole.rename(case.run_folder)
    case.finish()


def test_a_folder_that_vanishes_stops_the_run(shell: Shell, slow: SandboxProcess, library: Path) -> None:
    """Nothing is sent without a record, and nothing twice."""
    case = Case(shell, slow, library, "vanished")
    process = shell.start(*RUN)
    stopped_after(case, process, 6)
    moved = case.run_folder.with_name("moved")
    case.run_folder.rename(moved)
    out, err = process.communicate(timeout=120)
    no_traceback(Ended(process.returncode, out, err))
    assert process.returncode == 4, err
    shutil.rmtree(case.run_folder, ignore_errors=True)  # what was made anew there, if anything
    moved.rename(case.run_folder)
    case.finish()
