"""A witness beside the ledger: how many commits it must hold.

SQLite takes a bad frame in its log as the log's end, so a damaged or lost log would silently take the last commits with
it: claims forgotten, calls sent twice. The seal is written after each commit and never flushed. After a crash of the
process it is exact; after a power loss it may lag behind the ledger, which is harmless; it is never ahead.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from bulkops.errors import LedgerError

_MARK = struct.Struct(">8sQQQ")  # what follows is its CRC-32
_CRC = struct.Struct(">I")
_MAGIC = b"blkoseal"
_SLOT = 512  # bytes: two commits in turn have a sector each, so a torn write leaves the one before
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """One commit: its number, the checksum of the ledger's head after it, and which ledger it is."""

    commits: int
    checksum: int
    identity: int


def seal_path(path: Path) -> Path:
    """Where the seal of the ledger at `path` lies."""
    return path.with_name(f"{path.name}-seal")


class Seal:
    """The witness of one ledger, for its writer."""

    def __init__(self, path: Path, mark: Mark) -> None:
        """Open or make it, and bring it up to `mark`. Raises OSError, LedgerError if it is no plain file."""
        self.path = seal_path(path)
        self._file: int | None = os.open(self.path, os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)
        try:
            _demand_plain(self._file, self.path)
            found = os.fstat(self._file)
            self._identity = (found.st_dev, found.st_ino)
            for slot in (0, 1):  # both, so that no later write has to find room on the disk
                self._write(slot, mark)
            os.fsync(self._file)
        except BaseException:
            self.close()
            raise

    def put(self, mark: Mark) -> None:
        """Witness a commit that is durable."""
        self._write(mark.commits % 2, mark)

    def is_in_place(self) -> bool:
        """Whether its name still stands for this file: a write to a removed one succeeds, and is lost."""
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return False
        return (found.st_dev, found.st_ino) == self._identity

    def close(self) -> None:
        """Closing twice is harmless."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, slot: int, mark: Mark) -> None:
        if self._file is None:
            raise LedgerError(f"{self.path} is closed")
        text = _MARK.pack(_MAGIC, mark.commits, mark.checksum, mark.identity)
        text += _CRC.pack(zlib.crc32(text))
        os.lseek(self._file, slot * _SLOT, os.SEEK_SET)
        if os.write(self._file, text) != len(text):
            raise OSError(f"{self.path}: cut short")


def read_seal(path: Path) -> Mark | None:
    """The newest commit that the seal of the ledger at `path` witnesses; None without one that can be read."""
    file = seal_path(path)
    try:
        descriptor = os.open(file, os.O_RDONLY | _FLAGS)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LedgerError(f"{file}: {error.strerror or error}") from error
    try:
        _demand_plain(descriptor, file)
        stored = os.read(descriptor, 2 * _SLOT)
    finally:
        os.close(descriptor)
    return max((mark for mark in map(_mark, (stored[:_SLOT], stored[_SLOT:])) if mark is not None), default=None)


def _mark(slot: bytes) -> Mark | None:
    text, crc = slot[: _MARK.size], slot[_MARK.size : _MARK.size + _CRC.size]
    if len(crc) < _CRC.size or _CRC.unpack(crc) != (zlib.crc32(text),):
        return None
    magic, commits, checksum, identity = _MARK.unpack(text)
    return Mark(commits, checksum, identity) if magic == _MAGIC else None


def _demand_plain(descriptor: int, path: Path) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise LedgerError(f"{path} is no plain file")
