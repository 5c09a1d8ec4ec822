"""The entry point: one command, its exit code, and never a traceback."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from bulkops.cli import arguments

EXIT_INTERRUPTED = 130


def entry() -> None:
    """Run the command of the command line and leave with its exit code."""
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """Run one command; returns its exit code. What goes wrong is said on stderr."""
    if argv[:1] == ["sandbox"]:
        return _sandbox(argv[1:])
    parser = arguments.build()
    options = parser.parse_args(argv)
    if options.version:
        from bulkops import __version__  # noqa: PLC0415

        print(f"bulkops {__version__}")
        return 0
    if options.command is None:
        parser.print_help()
        return 2
    try:
        return _guarded(_command(options.command), options)
    except BrokenPipeError:
        # the reader of our output has gone (head, less): point stdout elsewhere so that the exit stays quiet
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_INTERRUPTED


def _guarded(command: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    from bulkops.cli.failures import exit_code, explain  # noqa: PLC0415
    from bulkops.errors import BulkopsError  # noqa: PLC0415

    try:
        return command(options)
    except BulkopsError as error:
        explain(error, as_json=getattr(options, "json", False))
        return exit_code(error)
    except KeyboardInterrupt:
        print("bulkops: interrupted; nothing more was sent", file=sys.stderr)
        return EXIT_INTERRUPTED


def _command(name: str) -> Callable[[argparse.Namespace], int]:
    """The function behind a command, its module imported only now."""
    if name in {"run", "plan", "resume", "retry"}:
        from bulkops.cli.working import plan, resume, retry, run  # noqa: PLC0415

        return {"run": run, "plan": plan, "resume": resume, "retry": retry}[name]
    if name in {"runs", "show", "report"}:
        from bulkops.cli.reading import report, runs, show  # noqa: PLC0415

        return {"runs": runs, "show": show, "report": report}[name]
    from bulkops.cli.looking import check, operations, validate  # noqa: PLC0415

    return {"validate": validate, "operations": operations, "check": check}[name]


def _sandbox(argv: Sequence[str]) -> int:
    """The simulator is a program of its own that shares nothing with this one: hand over to it."""
    command = [sys.executable, "-m", "bulkops.sandbox", *argv]
    sys.stdout.flush()
    os.execv(sys.executable, command)  # noqa: S606 - no shell, our own module
