"""A file that grows page by page, and takes its place once it is whole.

Beside `FILE` stands `FILE.part`, and `FILE.state`, one JSON object a line: what the file is to be, then for each
checkpoint how long the part was, and where the reading stood. After a crash the last whole line counts, and what the
part has beyond it is cut off.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from bulkops.errors import RefusedError, StoppedError, UsageError
from bulkops.fetch.certify import Mark
from bulkops.fetch.tables import Portion, TableLeft

CHECKPOINT_S = 0.5
NONE = "the export cannot be written"


@dataclass(slots=True)
class PartFile:
    """One growing file. `what` says what it is to be: a part of something else is never gone on with.

    `rows` are those that are in it; `left` is where the reading stood when the file was opened.
    """

    path: Path
    what: Mapping[str, Any]
    rows: int = 0
    left: TableLeft = field(default_factory=TableLeft)
    resumed: bool = False
    clock: Callable[[], float] = time.monotonic
    _part: IO[bytes] | None = None
    _state: IO[bytes] | None = None
    _size: int = 0
    _pending: list[Portion] = field(default_factory=list)
    _last: float = 0.0

    @property
    def part_path(self) -> Path:
        """The growing file."""
        return self.path.with_name(self.path.name + ".part")

    @property
    def state_path(self) -> Path:
        """Where the reading stands."""
        return self.path.with_name(self.path.name + ".state")

    def __enter__(self) -> Self:
        """Open both files, go on where they stand. Raises RefusedError, UsageError."""
        try:
            self._state = _opened(self.state_path)
            _lock(self._state, self.path)
            self._take_up()
        except OSError as error:
            self._close()
            raise UsageError(f"{self.path}: {NONE}: {error.strerror or error}") from error
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._close()

    def write(self, data: bytes, portion: Portion, *, rows: int) -> None:
        """Add the bytes of a portion. Raises StoppedError when they cannot be written."""
        with _told(self.path):
            if data:
                _file(self._part).write(data)
            self._size += len(data)
            self.rows += rows
            self._pending.append(portion)
            if self.clock() - self._last >= CHECKPOINT_S:
                self.checkpoint()

    def checkpoint(self) -> None:
        """Make durable what was written so far. Raises StoppedError when that fails."""
        with _told(self.path):
            if self._pending:
                _flush(_file(self._part))
                line = {"bytes": self._size, "rows": self.rows, "portions": [_kept(one) for one in self._pending]}
                _file(self._state).write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
                _flush(_file(self._state))
                self._pending = []
            self._last = self.clock()

    def finish(self, tail: bytes) -> None:
        """Add what stands behind the last row, and take the place: durable, then renamed. Raises StoppedError."""
        with _told(self.path):
            _file(self._part).write(tail)
            _flush(_file(self._part))
            self.part_path.replace(self.path)
            self.state_path.unlink(missing_ok=True)
            _flush_folder(self.path.parent)

    def _take_up(self) -> None:
        header, size = self._read_state()
        if header is None or not self.part_path.exists():
            self.rows, self._size, self.left = 0, 0, TableLeft()
            state = _file(self._state)
            state.seek(0)
            state.truncate()
            state.write(json.dumps({"export": 1, **self.what}, ensure_ascii=False).encode() + b"\n")
            _flush(state)
            self.part_path.unlink(missing_ok=True)
            self._part = _opened(self.part_path)
            return
        self._refuse_another(header)
        self._part = _opened(self.part_path)
        if os.fstat(self._part.fileno()).st_size < size:
            raise RefusedError(
                f"{self.part_path} is shorter than {self.state_path.name} says: remove both, and the export begins anew"
            )
        self._part.seek(size)
        self._part.truncate()
        self._size, self.resumed = size, size > 0 or bool(self.left.done)

    def _refuse_another(self, header: Mapping[str, Any]) -> None:
        fixed = {name: value for name, value in self.what.items() if name != "asked_at"}
        differing = [name for name, value in fixed.items() if header.get(name) != value]
        if differing:
            raise RefusedError(
                f"{self.part_path} was left by another export (other {', '.join(differing)}): type that command to go "
                f"on with it, or remove {self.part_path.name} and {self.state_path.name}"
            )
        self.what = {**self.what, "asked_at": header.get("asked_at", self.what.get("asked_at"))}

    def _read_state(self) -> tuple[Mapping[str, Any] | None, int]:
        """The header, and how long the part was at the last whole checkpoint."""
        state = _file(self._state)
        state.seek(0)
        header, size, whole = None, 0, 0
        for line in state:
            try:
                told = json.loads(line) if line.endswith(b"\n") else None
                if not isinstance(told, dict):
                    break
                if header is None:
                    header = told
                else:
                    size = self._recall(told)
            except (ValueError, KeyError, TypeError, zlib.error):
                break
            whole += len(line)
        state.seek(whole)
        state.truncate()
        return (header if header is not None and header.get("export") == 1 else None), size

    def _recall(self, told: Mapping[str, Any]) -> int:
        for portion in [_read_back(one) for one in told["portions"]]:
            self.left.add(portion)
        self.rows = int(told["rows"])
        return int(told["bytes"])

    def _close(self) -> None:
        for file in (self._part, self._state):
            if file is not None:
                file.close()
        self._part = self._state = None


def _kept(portion: Portion) -> dict[str, Any]:
    mark = portion.mark
    names = b64encode(zlib.compress("\n".join(portion.names).encode("utf-8", "surrogatepass"), 1)).decode()
    return {
        "parent": portion.parent,
        "ended": portion.ended,
        "at": mark.position,
        "step": mark.step,
        "total": mark.first_total,
        "names": names if portion.names else "",
    }


def _read_back(told: Mapping[str, Any]) -> Portion:
    packed = told["names"]
    names = zlib.decompress(b64decode(packed)).decode("utf-8", "surrogatepass").split("\n") if packed else []
    mark = Mark(told["at"], int(told["step"]), told["total"])
    return Portion((), names, mark, str(told["parent"]), bool(told["ended"]))


def _opened(path: Path) -> IO[bytes]:
    """For reading and writing, made if it is not there; its owner's alone, and never through a link."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    return os.fdopen(descriptor, "r+b")


def _lock(file: IO[bytes], path: Path) -> None:
    try:
        import fcntl  # noqa: PLC0415 - not there on every platform
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RefusedError(f"{path}: another process is writing this export") from None


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _file(file: IO[bytes] | None) -> IO[bytes]:
    if file is None:
        raise RuntimeError("a part file is used while it is open")
    return file


class _told:  # noqa: N801 - a context manager, named as it is read
    """Turns what the system refuses into a stop that names the file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            raise StoppedError(f"{self._path}: {NONE}: {error.strerror or error}") from error
