"""State that survives a crash: each applied change is a line in a file, replayed at the next start.

The first line names the base (vendor, seed, people, organisation, time of seeding). Every further line is
`{"change": name, "arguments": {...}}`, written in one unbuffered call before the answer leaves, so what a client
was told is in the file even when the process is killed at once. A last line that was cut short is dropped.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from bulkops.sandbox.options import SandboxError

fcntl: Any = None
with contextlib.suppress(ImportError):  # absent on Windows
    import fcntl

FORMAT = 1
MARK = b'{"bulkops_sandbox":'  # how every state file begins, also one that was cut short
BASE = {"vendor", "organization", "people", "seed", "seeded_at"}


class Journal:
    """The file behind a sandbox, or nothing when `path` is None."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self.header: dict[str, Any] | None = None

    def open(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Read the header at once; yield the changes; then stand ready to append. Consume it whole.

        Raises SandboxError when the file is not one of ours or is broken before its last line.
        """
        if self._path is None:
            return iter(())
        try:
            # for its owner alone; it stays open as long as the sandbox lives
            self._file = open(self._path, "a+b", buffering=0, opener=lambda path, flags: os.open(path, flags, 0o600))  # noqa: SIM115
            self._lock(self._file)
            lines = self._whole_lines(self._file)
        except OSError as error:
            raise SandboxError(f"cannot use state file {self._path}: {error.strerror}") from error
        if lines:
            self.header = self._read_header(lines[0])
        return (self._read_change(line, number) for number, line in enumerate(lines[1:], 2))

    def start(self, header: Mapping[str, Any]) -> None:
        """Empty the file and write a new header."""
        self.header = {"bulkops_sandbox": FORMAT, **header}
        if self._file is not None:
            self._file.truncate(0)
            self._write(self._file, self.header)

    def append(self, change: str, arguments: Mapping[str, Any]) -> None:
        if self._file is not None:
            self._write(self._file, {"change": change, "arguments": arguments})

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, file: BinaryIO, value: Mapping[str, Any]) -> None:
        data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        while data:
            data = data[file.write(data) :]

    def _whole_lines(self, file: BinaryIO) -> list[bytes]:
        """All lines that end; what stands after the last of them is cut off the file, if the file is one of ours."""
        file.seek(0)
        content = file.read()
        if not content.startswith(MARK[: len(content)]):
            raise SandboxError(f"{self._path} is not a state file of this sandbox")
        end = content.rfind(b"\n") + 1
        if end < len(content):
            file.truncate(end)
        return content[:end].splitlines()

    def _read_header(self, line: bytes) -> dict[str, Any]:
        try:
            header = json.loads(line)
        except ValueError:
            header = None
        if not isinstance(header, dict) or header.get("bulkops_sandbox") != FORMAT or not header.keys() >= BASE:
            raise SandboxError(f"{self._path} is not a state file of this sandbox")
        return header

    def _read_change(self, line: bytes, number: int) -> tuple[str, dict[str, Any]]:
        try:
            entry = json.loads(line)
            return entry["change"], entry["arguments"]
        except (ValueError, KeyError, TypeError):
            raise SandboxError(f"state file {self._path} is broken at line {number}") from None

    def _lock(self, file: BinaryIO) -> None:
        """Keep a second process off the file, where the platform can. The lock ends with the process."""
        if fcntl is None:
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SandboxError(f"state file {self._path} is in use by another sandbox") from None
