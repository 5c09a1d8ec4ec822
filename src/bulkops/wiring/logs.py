"""Where log events go: every one as a JSON line into the run's folder, the louder ones to the screen."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from bulkops.errors import UsageError
from bulkops.transport import Scrubber
from bulkops.wiring.finishing import Finish
from bulkops.wiring.folder import LOG_FILE

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class _Sinks:
    """A last processor: writes the event to both places and drops it."""

    def __init__(self, file: TextIO | None, scrubber: Scrubber, screen: structlog.types.Processor, level: int) -> None:
        self._file = file
        self._scrubber = scrubber
        self._screen = screen
        self._level = level

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> str:
        clean: EventDict = self._scrubber.value(dict(event))
        if self._file is not None:
            # a full disk must not stop the run: the ledger decides about that
            with contextlib.suppress(OSError, ValueError):
                self._file.write(json.dumps(clean, ensure_ascii=False, default=str) + "\n")
                self._file.flush()
        if LEVELS.get(name, logging.INFO) >= self._level:
            print(self._screen(logger, name, clean), file=sys.stderr)
        raise structlog.DropEvent


@contextlib.contextmanager
def logging_to(path: Path | None, *, scrubber: Scrubber, level: str, log_format: str) -> Iterator[None]:
    """Send log events to `path` (info and louder, or all with `level` debug) and to stderr from `level` on."""
    file = _open(path) if path is not None else None
    screen: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    lowest = min(LEVELS[level], logging.INFO)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _Sinks(file, scrubber, screen, LEVELS[level]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.reset_defaults()
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()


def log_finish(folder: Path, what: Finish, problem: str | None) -> None:
    """Note in a run's log how telling of its end went. A log that cannot be written changes nothing."""
    if not folder.is_dir():
        return
    with (
        contextlib.suppress(UsageError),
        logging_to(folder / LOG_FILE, scrubber=Scrubber(), level="error", log_format="json"),
    ):
        structlog.get_logger(__name__).info("run.told", told=str(what), problem=problem)


def _open(path: Path) -> TextIO:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise UsageError(f"{path}: the log cannot be written: {error.strerror or error}") from error
    return os.fdopen(descriptor, "a", encoding="utf-8")
