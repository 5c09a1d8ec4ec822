"""The end of a run that somebody else is told of."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from bulkops.cli.failures import exit_code, refused_object
from bulkops.cli.output import say
from bulkops.config import Config
from bulkops.errors import BulkopsError, ConfigError, UsageError
from bulkops.wiring import Finish, WorkOptions, finish, log_finish, parse_finish, secret_variables


@dataclass(slots=True)
class Ending:
    """Whom to tell of the end, as far as that is known by now."""

    config: Config
    what: Finish | None
    job: str | None = None
    silent: bool = False  # a plan tells nobody
    told: bool = field(default=False, init=False)

    def learn(self, options: WorkOptions, name: str | None) -> None:
        """The job file was read: it may say whom to tell, and has a name."""
        self.what, self.job = options.on_finish, name  # the command line's word is among them, and wins

    def announce(self) -> None:
        """Say what will be run or told: a job file may come from somebody else."""
        if self.what and self.silent:
            say(f"on_finish: when a run has ended, {self.what.in_full()}")
        elif self.what:
            say(f"on_finish: when the run has ended, {self.what}")

    def tell(self, summary: dict[str, Any], code: int) -> None:
        """Tell it, once. Whatever goes wrong is a line on stderr and in the run's log."""
        if not self.what or self.silent or self.told:
            return
        self.told = True
        if sys.stdout is not None:
            sys.stdout.flush()  # what is printed need not wait for it
        work = partial(
            finish,
            self.what,
            summary,
            job=self.job,
            exit_code=code,
            environ=os.environ,
            hidden=secret_variables(self.config),
        )
        problem = anyio.run(work)
        if problem is not None:
            say(f"warning: on_finish: {self.what}: {problem}. The run has ended as told above")
        if summary["run_dir"] is not None:
            log_finish(Path(summary["run_dir"]), self.what, problem)


@contextmanager
def ending(options: argparse.Namespace, config: Config) -> Iterator[Ending]:
    """An error that is raised inside is an end to tell of, too; it goes on its way afterwards."""
    found = Ending(config, asked_finish(options), getattr(options, "name", None), getattr(options, "dry_run", False))
    try:
        yield found
    except BulkopsError as error:
        found.tell(refused_object(error), exit_code(error))
        raise


def asked_finish(options: argparse.Namespace) -> Finish | None:
    """What `--on-finish` asks for. Raises UsageError."""
    text = getattr(options, "on_finish", None)
    try:
        return parse_finish(text) if text is not None else None
    except ConfigError as error:
        raise UsageError(f"--{str(error).replace('_', '-', 1)}") from None
