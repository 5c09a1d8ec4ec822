"""A job's name, and the lock that keeps two runs of one name from overlapping."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bulkops.errors import RefusedError, StoppedError, UsageError
from bulkops.wiring.folder import make_private
from bulkops.wiring.opened import owner

LOCKS = ".locks"
MAX_NAME = 100
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_LOOKS, _LOOK_S = 20, 0.05  # a holder has written who it is within this time

Notice = Callable[[str], None]


def check_name(name: str, where: str) -> str:
    """`name` as the name of a job. Raises UsageError, saying `where` it stands, for one that cannot be shown."""
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable() or name.startswith("-"):
        raise UsageError(f"{where} {name!r}: a name of 1 to {MAX_NAME} characters to print, the first no dash")
    return name


def name_of(source: str) -> str | None:
    """The name of a job that is given none: its file's, without the ending; None for standard input."""
    stem = "" if source == "-" else Path(source).stem
    return "".join(letter if letter.isprintable() else "_" for letter in stem)[:MAX_NAME].strip(" -") or None


def slug(name: str) -> str:
    """`name` as the name of a file or a unit: itself where that is possible, else with a digest that keeps it apart."""
    if _PLAIN.fullmatch(name):
        return name
    plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:40] or "job"
    return f"{plain}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who wrote its name into a lock."""

    run_id: str
    user: str
    pid: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"run {self.run_id}, held by {self.user} (process {self.pid} on {self.host}) since {self.since}"


class NameLock:
    """The lock of a job's name in a runs folder.

    The operating system holds it for the process, so it is free as soon as that has ended, however it ends. The file
    exists only while somebody holds the lock or waits for it.
    """

    def __init__(self, runs_dir: Path, name: str) -> None:
        self.name = name
        self._path = runs_dir / LOCKS / f"{slug(name)}.lock"
        self._descriptor: int | None = None
        self._holder: Holder | None = None

    def take(self, run_id: str) -> bool:
        """Whether `run_id` has the lock now. Raises UsageError where the runs folder cannot be written."""
        for _ in range(_LOOKS):
            if self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB):
                self.note(run_id)
                return True
            self._holder = self._read()
            if self._holder is not None:
                return False
            time.sleep(_LOOK_S)
        return False

    def wait(self, run_id: str, notice: Notice) -> None:
        """Say whom we wait for, and come back with the lock; a signal's handler may raise meanwhile."""
        notice(f"job {self.name!r} is at work as {self._holder or 'another run'}: waiting for its end")
        self._lock(fcntl.LOCK_EX)
        self.note(run_id)

    def note(self, run_id: str) -> None:
        """Write down for which run the lock is held."""
        if self._descriptor is None:
            return
        me, now = owner(), datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        written = json.dumps({"run_id": run_id, "user": me.name, "pid": me.pid, "host": me.host, "since": now})
        with suppress(OSError):  # a full disk: then nobody is named, and the lock holds all the same
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, written.encode(), 0)

    def refusal(self, run_id: str | None = None) -> RefusedError:
        """What to tell a run that may not begin; `run_id` where it is a run that exists already."""
        if self._holder is not None and self._holder.run_id == run_id:
            held = str(self._holder).partition(", ")[2]
            return RefusedError(f"this run is {held} and that process is running. Wait for it, or stop it, then retry")
        return RefusedError(
            f"job {self.name!r} is at work already, as {self._holder or 'another run'}. Nothing was sent. Wait for "
            f"its end, use --queue to wait by itself, or --name if this is another job"
        )

    def release(self) -> None:
        """Give the lock back; done twice it changes nothing."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        with suppress(OSError):  # who waits finds that the file has gone, and makes a new one
            self._path.unlink()
        os.close(descriptor)
        with suppress(OSError):
            self._path.parent.rmdir()

    close = release

    def _lock(self, how: int) -> bool:
        while True:
            try:
                make_private(self._path.parent)
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            except FileNotFoundError:
                continue  # the last one to give a lock back took the folder away
            except OSError as error:
                raise UsageError(f"{self._path}: the lock cannot be made: {error.strerror or error}") from error
            if not self._locked(descriptor, how):
                return False
            if self._is_in_place(descriptor):
                self._descriptor = descriptor
                return True
            os.close(descriptor)

    def _locked(self, descriptor: int, how: int) -> bool:
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as error:
            os.close(descriptor)
            raise UsageError(f"{self._path}: this file system has no locks: {error.strerror or error}") from error
        except BaseException:  # a signal ended the waiting
            os.close(descriptor)
            raise
        return True

    def _is_in_place(self, descriptor: int) -> bool:
        try:
            named = self._path.lstat()
        except FileNotFoundError:
            return False
        ours = os.fstat(descriptor)
        return (named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino)

    def _read(self) -> Holder | None:
        try:
            return Holder(**json.loads(self._path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None


class NameTurn:
    """A new run's way to the lock of its job's name. The name may change while it waits: then it asks anew."""

    def __init__(self, runs_dir: Path, notice: Notice) -> None:
        self.lock: NameLock | None = None
        self._runs_dir = runs_dir
        self._notice = notice
        self._busy: NameLock | None = None

    def come(self, name: str | None, run_id: str, *, queue: bool) -> bool:
        """Whether `run_id` may begin; False where it is to queue, and has to `wait`. Without a name it always may.

        Raises RefusedError, naming the run that is at work.
        """
        if self.lock is not None and self.lock.name != name:
            self.release()
        if name is None:
            return True
        if self.lock is not None:
            self.lock.note(run_id)
            return True
        lock = NameLock(self._runs_dir, name)
        if lock.take(run_id):
            self.lock = lock
            return True
        if not queue:
            raise lock.refusal()
        self._busy = lock
        return False

    def take(self, name: str | None, run_id: str, *, queue: bool) -> None:
        """Come back with the lock, after waiting for it if that is what `queue` says. Raises as `come` does."""
        if not self.come(name, run_id, queue=queue):
            self.wait(run_id)

    def wait(self, run_id: str) -> None:
        """Come back with the lock."""
        if self._busy is not None:
            self._busy.wait(run_id, self._notice)
            self.lock, self._busy = self._busy, None

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self.lock is not None:
            self.lock.release()
            self.lock = None

    close = release


def hold_again(
    runs_dir: Path, name: str | None, run_id: str, *, queue: bool, notice: Notice
) -> AbstractContextManager[object]:
    """The lock for a run that exists and is to go on, held until it is left; nothing for one whose job has no name.

    Raises RefusedError while another run of that name is at work, unless it is to `queue`; StoppedError where the lock
    cannot be made, as on a disk that became read-only.
    """
    if name is None:
        return nullcontext()
    lock = NameLock(runs_dir, name)
    try:
        taken = lock.take(run_id)
    except UsageError as error:
        raise StoppedError(str(error)) from error
    if not taken:
        if not queue:
            raise lock.refusal(run_id)
        lock.wait(run_id, notice)
    return closing(lock)
