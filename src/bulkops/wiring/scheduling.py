"""What a scheduled job runs, and whether it may run unattended."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bulkops.config import Config, TargetConfig
from bulkops.errors import BulkopsError, RefusedError, UsageError
from bulkops.jobs import Stage, canonical_operation, read_pipeline, read_query
from bulkops.operations import OPERATIONS
from bulkops.wiring.file_options import with_file_options
from bulkops.wiring.looking import validate
from bulkops.wiring.options import WorkOptions
from bulkops.wiring.querying import check_offline

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


@dataclass(frozen=True, slots=True)
class _Judged:
    """What is known of one job. `kinds` are its operations, `guarded` whether it may change only so much."""

    name: str | None
    target: str | None
    kinds: Sequence[str]
    guarded: bool
    good: bool = True


def judge(
    source: str, *, config: Config, target: str | None, operation: str | None, options: WorkOptions, yes: bool
) -> tuple[str | None, list[str]]:
    """The name that `source` gives its job, and what to warn of before it is put on a schedule.

    It may be a job file, one with a query, or a pipeline. The file may be another each time it is run, and need not be
    there yet.

    Raises RefusedError for a job that would not ask and has no guard.
    """
    warnings: list[str] = []
    name: str | None = None
    judged: list[_Judged] = []
    try:
        pipeline = read_pipeline(source)
        name = pipeline.name if pipeline is not None else None
        stages = pipeline.stages if pipeline is not None else (Stage("", Path(source)),)
        for stage in stages:
            named, kind = target or stage.target, operation or stage.operation
            found = _judge_one(str(stage.job), config=config, target=named, operation=kind, options=options)
            judged.append(found)
            if not found.good:
                warnings.append(f"{stage.job} cannot be run as it is now: `bulkops validate` tells why")
        if pipeline is None:
            name = judged[0].name
    except BulkopsError as error:
        warnings.append(f"{error}. It must be there when the job is due")
    guarded = options.max_changes is not None or (bool(judged) and all(one.guarded for one in judged))
    if yes and not guarded:
        raise RefusedError(
            "with --yes nobody is asked, whatever the file holds by then: name the most that may change, --max-changes "
            "N or P%. A job that only adds needs no --yes. Nothing was written"
        )
    if not yes:
        warnings += _would_ask(dict.fromkeys(kind for one in judged for kind in one.kinds))
    if options.on_finish is not None and options.on_finish.address is not None:
        warnings.append("the address of --on-finish will stand in the schedule: if it is a secret, put it into the job")
    targets = dict.fromkeys([one.target for one in judged] or [target])
    warnings += [text for one in targets for text in _needs_environment(config, one)]
    return name, list(dict.fromkeys(warnings))


def _judge_one(
    source: str, *, config: Config, target: str | None, operation: str | None, options: WorkOptions
) -> _Judged:
    """One job. Raises BulkopsError where it cannot be read, or its query is wrong."""
    asked = read_query(source)
    if asked is None:
        job_input, checked = validate(source, config=config, target=target, operation=operation)
        guarded = job_input.merged(options).max_changes is not None
        chosen = target or job_input.target
        return _Judged(job_input.job_name, chosen, list(job_input.operations), guarded, not checked.problem_count)
    query, head = asked
    check_offline(source, query, head, config=config, target=target, operation=operation)
    guarded = with_file_options(options, head.options, source).max_changes is not None
    kind = canonical_operation(operation or head.operation or "")
    return _Judged(head.name, target or head.target, [kind], guarded)


def _would_ask(found: Iterable[str]) -> list[str]:
    kinds = [kind for kind in found if OPERATIONS[kind].destructive or OPERATIONS[kind].whole]
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
