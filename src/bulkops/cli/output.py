"""Standard output and standard error, either of which may be full or closed when something is to be said there."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast

_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """`text` with what would steer a terminal or turn the reading direction spelt out; its lines stay lines.

    Names come from files, folders and organisations that others have written.
    """
    return _STEERING.sub(lambda match: ascii(match[0])[1:-1], text)


def say(text: str) -> None:
    """Lines on stderr; where that is full or closed nothing more can be said."""
    with contextlib.suppress(OSError):
        print(harmless(text), file=sys.stderr)


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Whatever is printed inside, a full disk under stdout is told in one line, and a reader who has gone in none.

    Neither ends the command: a run has its own record and its own exit code, whether or not its words found room.
    """
    if sys.stdout is None:  # closed by whoever started us; print knows
        yield
        return
    output = _Output(sys.stdout)
    with contextlib.redirect_stdout(cast("TextIO", output)):
        try:
            yield
        finally:
            output.end()


class _Output:
    """A text stream that goes nowhere once it could not be written. `problem` is why."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.problem: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write `text`, or note why not."""
        with self._noting():
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand over what is held back, or note why not."""
        with self._noting():
            self._stream.flush()

    def end(self) -> None:
        """Flush, and tell what went wrong; nothing is left that would fail once more at the interpreter's exit."""
        self.flush()
        if self.problem is not None and not isinstance(self.problem, BrokenPipeError):
            say(f"bulkops: the output could not be written: {self.problem.strerror or self.problem}")

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.problem = self.problem or error
            self._discard()

    def _discard(self) -> None:
        """From now on write to nowhere, also what the stream still holds."""
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
