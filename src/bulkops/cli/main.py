"""The entry point: one command, its exit code, and never a traceback."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from types import FrameType
from typing import NoReturn

from bulkops.cli import arguments
from bulkops.cli.output import say, watched
from bulkops.errors import BulkopsError, StoppedError

EXIT_INTERRUPTED = 130
INTERRUPTED = "bulkops: interrupted; nothing more was sent"


def entry() -> None:
    """Run the command of the command line and leave with its exit code."""
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """Run one command; returns its exit code. What goes wrong is said on stderr."""
    if argv[:1] == ["sandbox"]:
        return _sandbox(argv[1:])
    with watched():
        return _guarded(argv)


def _guarded(argv: Sequence[str]) -> int:
    """Run one command; whatever goes wrong, also while its modules are imported, is a line and an exit code."""
    options = argparse.Namespace()
    try:
        options = arguments.parse(argv)
        return _carry_out(options)
    except BulkopsError as error:
        return _refused(error, options)
    except BrokenPipeError:  # the reader of what goes to stderr has gone (2>&1 | head)
        return EXIT_INTERRUPTED
    except OSError as error:
        return _refused(StoppedError(_fault(error)), options)
    except KeyboardInterrupt:
        say(INTERRUPTED)
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last catch: a mistake of ours must not end in a traceback
        return _refused(StoppedError(_mistake(error)), options)


def _carry_out(options: argparse.Namespace) -> int:
    if options.version:
        from bulkops import __version__  # noqa: PLC0415

        print(f"bulkops {__version__}")
        return 0
    if options.command is None:
        arguments.build().print_help()
        return 2
    with _leaving_at_once():
        command = _command(" ".join(filter(None, (options.command, getattr(options, "action", None)))))
    return command(options)


@contextlib.contextmanager
def _leaving_at_once() -> Iterator[None]:
    """Ctrl-C while modules are imported ends the process: there an exception may be caught, or lost in a callback."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, as for what nohup starts
        yield
        return
    before = signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _leave(_signum: int, _frame: FrameType | None) -> NoReturn:
    say(INTERRUPTED)
    os._exit(EXIT_INTERRUPTED)


def _refused(error: BulkopsError, options: argparse.Namespace) -> int:
    from bulkops.cli.failures import exit_code, explain  # noqa: PLC0415

    explain(error, as_json=getattr(options, "json", False))
    return exit_code(error)


def _fault(error: OSError) -> str:
    """What the operating system refused and where: the file, else the room of ours that asked for it."""
    from traceback import walk_tb  # noqa: PLC0415

    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    places = [frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__)]
    ours = [place for place in places if place.startswith("bulkops.")]
    where = " and ".join(names) or f"in {ours[-1] if ours else 'bulkops'}"
    return f"stopped by the system: {where}: {error.strerror or error}"


def _mistake(error: Exception) -> str:
    """What went wrong and where, without the exception's own words: they may quote what is secret."""
    from traceback import walk_tb  # noqa: PLC0415

    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    places = [(frame.f_globals.get("__name__", ""), line) for frame, line in walk_tb(error.__traceback__)]
    room, line = next((place for place in reversed(places) if place[0].startswith("bulkops.")), ("bulkops", 0))
    return (
        f"a mistake in bulkops itself: {type(error).__name__} in {room}, line {line}. Nothing more is sent, and what "
        f"was sent is on record: `bulkops resume` goes on from there. Please report it with this line"
    )


COMMANDS = {
    "run": ("working", "run"),
    "plan": ("working", "plan"),
    "resume": ("working", "resume"),
    "retry": ("working", "retry"),
    "runs": ("reading", "runs"),
    "runs prune": ("pruning", "prune"),
    "show": ("reading", "show"),
    "report": ("reading", "report"),
    "validate": ("looking", "validate"),
    "operations": ("looking", "operations"),
    "check": ("looking", "check"),
    "export": ("exporting", "run"),
    "migrate": ("migrating", "migrate"),
    "schedule install": ("scheduling", "install"),
    "schedule list": ("scheduling", "listing"),
    "schedule remove": ("scheduling", "remove"),
}
"""The module of this room and the function in it that is behind a command."""


def _command(name: str) -> Callable[[argparse.Namespace], int]:
    """The function behind a command, its module imported only now."""
    module, function = COMMANDS[name]
    found: Callable[[argparse.Namespace], int] = getattr(import_module(f"bulkops.cli.{module}"), function)
    return found


def _sandbox(argv: Sequence[str]) -> int:
    """The simulator is a program of its own that shares nothing with this one: hand over to it."""
    command = [sys.executable, "-m", "bulkops.sandbox", *argv]
    sys.stdout.flush()
    os.execv(sys.executable, command)  # noqa: S606 - no shell, our own module
