"""What a scheduled job runs, and whether it may run unattended."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from bulkops.config import Config, TargetConfig
from bulkops.errors import BulkopsError, RefusedError, UsageError
from bulkops.operations import OPERATIONS
from bulkops.wiring.input import JobInput
from bulkops.wiring.looking import validate
from bulkops.wiring.options import WorkOptions

_OURS = ("--runs-dir", "--config", "--name")


def program() -> list[str]:
    """How this very bulkops is started, by absolute paths."""
    beside = Path(sys.executable).parent / "bulkops"
    if os.access(beside, os.X_OK):
        return [str(beside)]
    named = shutil.which("bulkops")
    # -P: a file in the working directory must not stand in for a module
    return [str(Path(named).absolute())] if named else [sys.executable, "-P", "-m", "bulkops"]


def command(job: Path, options: Sequence[str], *, name: str, runs_dir: Path, config: Path | None) -> tuple[str, ...]:
    """The words to run `job` with, all paths absolute."""
    told = ["--name", name, "--runs-dir", str(runs_dir.absolute())]
    if config is not None:
        told += ["--config", str(config.absolute())]
    return (*program(), "run", str(job.absolute()), *_without(options), *told)


def _without(words: Sequence[str]) -> list[str]:
    """`words` without the options that are told anew."""
    kept: list[str] = []
    skip = False
    for word in words:
        if not skip and word.partition("=")[0] not in _OURS:
            kept.append(word)
        skip = not skip and word in _OURS
    return kept


def judge(
    source: str, *, config: Config, target: str | None, operation: str | None, options: WorkOptions, yes: bool
) -> tuple[str | None, list[str]]:
    """The name that `source` gives its job, and what to warn of before it is put on a schedule.

    The file may be another each time it is run, and need not be there yet.

    Raises RefusedError for a job that would not ask and has no guard.
    """
    warnings: list[str] = []
    name: str | None = None
    guarded = options.max_changes is not None
    try:
        job_input, checked = validate(source, config=config, target=target, operation=operation)
        guarded = guarded or job_input.merged(options).max_changes is not None
        target, name = target or job_input.target, job_input.job_name
        if checked.problem_count:
            warnings.append(f"{source} cannot be run as it is now: `bulkops validate` tells why")
        if not yes:
            warnings += _would_ask(job_input)
    except BulkopsError as error:
        warnings.append(f"{error}. It must be there when the job is due")
    if yes and not guarded:
        raise RefusedError(
            "with --yes nobody is asked, whatever the file holds by then: name the most that may change, --max-changes "
            "N or P%. A job that only adds needs no --yes. Nothing was written"
        )
    if options.on_finish is not None and options.on_finish.address is not None:
        warnings.append("the address of --on-finish will stand in the schedule: if it is a secret, put it into the job")
    return name, [*warnings, *_needs_environment(config, target)]


def _would_ask(job_input: JobInput) -> list[str]:
    kinds = [kind for kind in job_input.operations if OPERATIONS[kind].destructive or OPERATIONS[kind].whole]
    if not kinds:
        return []
    return [f"{', '.join(kinds)} asks for a confirmation, and nobody will be there: without --yes it will be refused"]


def _needs_environment(config: Config, target: str | None) -> list[str]:
    try:
        name, chosen = config.choose(target)
    except UsageError as error:
        return [str(error)]
    if not (named := ", ".join(sorted(_variables(chosen)))):
        return []
    text = f"target {name} takes secrets from the environment ({named}), which a schedule does not have: put them into "
    return [f"{text}files and name those, as token_file does"]


def _variables(target: TargetConfig) -> list[str]:
    if target.auth is None:
        return []
    return [str(value) for key, value in target.auth.model_dump().items() if key.endswith("_env") and value]
