"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def replaced(folder: Path, names: Sequence[str]) -> Iterator[Mapping[str, TextIO]]:
    """Text files to write to, by name; when the block ends well, all of them take their places in `folder`.

    Until then they stand beside their places under other names, readable by their owner alone, and are durable before
    they move. Whatever stood there is replaced, a link as a link: what it points to stays as it is. When the block
    fails, nothing changes. Text is UTF-8; what that cannot say is spelt out.
    """
    with ExitStack() as stack:
        files = {name: _opened(folder, name, stack) for name in names}
        yield files
        for file in files.values():
            file.flush()
            os.fsync(file.fileno())
            file.close()
        for name, file in files.items():
            Path(file.name).replace(folder / name)
    _sync_folder(folder)


def _opened(folder: Path, name: str, stack: ExitStack) -> TextIO:
    descriptor, path = tempfile.mkstemp(prefix=f".{name}.", suffix=".tmp", dir=folder)  # mode 0600, never a link
    stack.callback(Path(path).unlink, missing_ok=True)
    file = open(path, "w", encoding="utf-8", errors="backslashreplace", newline="", opener=lambda *_: descriptor)  # noqa: SIM115
    stack.callback(file.close)
    return file


def _sync_folder(folder: Path) -> None:
    """Make the moves durable, where the system has a way to."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
