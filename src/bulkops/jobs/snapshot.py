"""Take an input over: check its bytes, hash them and, for a run, copy them into the run's folder."""

from __future__ import annotations

import difflib
import errno
import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

from bulkops.errors import JobFileError
from bulkops.jobs.content import TextCheck, detect_format, refuse_binary
from bulkops.jobs.source import MAX_VALUE, Format, Source, fault

_PIECE = 1024 * 1024  # bytes
_FULL = {errno.ENOSPC, errno.EDQUOT}
STANDARD_INPUT = "standard input"


def inspect(path: Path) -> Source:
    """Check the bytes of `path` where it stands, and hash them.

    Raises JobFileError if it is missing, unreadable, empty, binary or not UTF-8.
    """
    with _open_input(path) as file:
        return _take(file, path, str(path), None)


def snapshot(
    source: Path | Literal["-"], folder: Path, *, stem: str = "input", stdin: BinaryIO | None = None
) -> Source:
    """Copy `source`, or standard input for `-`, byte for byte to `input.csv|json|jsonl` in `folder`.

    `stem` is another name than `input`.

    The copy is on the disk when this returns, readable by its owner alone. A file or link that stands there already
    is neither followed nor overwritten. On any error the copy is removed.
    Raises JobFileError as `inspect` does, and if the copy cannot be written.
    """
    if isinstance(source, Path):
        with _open_input(source) as file:
            return _take(file, source, str(source), folder / stem)
    return _take(stdin or sys.stdin.buffer, None, STANDARD_INPUT, folder / stem)


def _take(file: BinaryIO, path: Path | None, name: str, stem: Path | None) -> Source:
    pieces = _pieces(file, name)
    head = next(pieces, b"")
    refuse_binary(name, head)
    kind = detect_format(path, head)
    if stem is None:
        sha256, size = _check(head, pieces, name, kind, None)
        return Source(path or Path("-"), kind, sha256, name, size)
    target = stem.with_name(f"{stem.name}.{kind.value}")
    with _create(target, name) as copy:
        sha256, size = _check(head, pieces, name, kind, copy)
    return Source(target, kind, sha256, name, size)


def _check(head: bytes, rest: Iterator[bytes], name: str, kind: Format, copy: BinaryIO | None) -> tuple[str, int]:
    """The SHA-256 and the size of all pieces, each checked and, where asked, written to `copy`."""
    check = TextCheck(name, max_line=None if kind is Format.JSON else MAX_VALUE)
    digest = hashlib.sha256()
    size = 0
    piece = head
    while piece:
        check.feed(piece)
        digest.update(piece)
        size += len(piece)
        if copy is not None:
            copy.write(piece)
        piece = next(rest, b"")
    check.finish()
    return digest.hexdigest(), size


def _pieces(file: BinaryIO, name: str) -> Iterator[bytes]:
    try:
        while piece := file.read(_PIECE):
            yield piece
    except OSError as error:
        raise fault(name, f"cannot be read: {error.strerror or error}") from error


@contextmanager
def _open_input(path: Path) -> Iterator[BinaryIO]:
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError as error:
        raise fault(str(path), _missing(path)) from error
    except (OSError, ValueError) as error:
        raise fault(ascii(str(path))[1:-1], _unreadable(error, path)) from error
    advice = _unsuitable(os.fstat(number).st_mode)  # asked of what was opened, not of the name
    if advice:
        os.close(number)
        raise fault(str(path), advice)
    with os.fdopen(number, "rb") as file:
        yield file


def _unsuitable(mode: int) -> str | None:
    if stat.S_ISDIR(mode):
        return "is a folder: name a job file in it"
    if not stat.S_ISREG(mode):
        return "is not a regular file: to read from a pipe, give `-` and pipe into the command"
    return None


def _unreadable(error: OSError | ValueError, path: Path) -> str:
    if isinstance(error, PermissionError) and not stat.S_ISDIR(_mode(path)):
        return "may not be read by this user: check its permissions and those of its folder"
    if isinstance(error, PermissionError):
        return "is a folder: name a job file in it"
    return f"cannot be read: {(isinstance(error, OSError) and error.strerror) or error}"


def _mode(path: Path, *, follow: bool = True) -> int:
    """What stands at `path`; 0 where nothing does, or where a folder above it may not be searched."""
    try:
        return path.stat(follow_symlinks=follow).st_mode
    except (OSError, ValueError):
        return 0


def _missing(path: Path) -> str:
    if stat.S_ISLNK(_mode(path, follow=False)):
        return "is a link to a file that does not exist"
    if not stat.S_ISDIR(_mode(path.parent)):
        return f"does not exist, nor does the folder {path.parent}"
    try:
        beside = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
    except OSError:
        beside = []
    close = difflib.get_close_matches(path.name, beside, n=3, cutoff=0.5)
    return "does not exist" + (f"; in the same folder there is {', '.join(close)}" if close else "")


@contextmanager
def _create(target: Path, name: str) -> Iterator[BinaryIO]:
    """A new file at `target`, made durable at the end and removed on any error."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        number = os.open(target, flags, 0o600)
    except OSError as error:
        raise _no_copy(error, target, name) from error
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(number)
        _sync_folder(target.parent)
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _no_copy(error, target, name) from error
        raise


def _no_copy(error: OSError, target: Path, name: str) -> JobFileError:
    if isinstance(error, FileExistsError):
        return fault(name, f"cannot be copied: {target} exists already; choose another run id")
    if error.errno in _FULL:
        return fault(
            name, f"cannot be copied: no space left in {target.parent}; free some or choose another --runs-dir"
        )
    return fault(name, f"cannot be copied to {target}: {error.strerror or error}; check the folder or --runs-dir")


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened, and its entries need no flush of their own
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
