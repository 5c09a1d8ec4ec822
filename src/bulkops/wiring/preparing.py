"""From a job file to a run that may begin: its folder, its snapshot, its check. No network, and no event loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bulkops import __version__
from bulkops.config import Config, TargetConfig
from bulkops.errors import JobFileError, RefusedError, UsageError
from bulkops.jobs import JobHead
from bulkops.model import Job
from bulkops.operations import OPERATIONS
from bulkops.wiring.folder import RunFolder, create
from bulkops.wiring.input import Checked, JobInput, take_snapshot
from bulkops.wiring.naming import NameLock, NameTurn, Notice, check_name, name_of
from bulkops.wiring.options import WorkOptions
from bulkops.wiring.targets import support_of

CLOCK_SKEW_S = 300.0


def _nobody(*_told: object) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run whose input is kept and good. Nothing was sent, and nothing is noted yet.

    `lock` is that of the job's name; `start` gives it back.
    """

    folder: RunFolder
    job: Job
    target: TargetConfig
    input: JobInput
    options: WorkOptions
    checked: Checked
    lock: NameLock | None = None


def prepare(
    source: str,
    *,
    config: Config,
    target: str | None,
    operation: str | None,
    runs_dir: Path,
    run_id: str | None,
    options: WorkOptions,
    named_map: Mapping[str, str] | None = None,
    head: JobHead | None = None,
    called: str | None = None,
    name: str | None = None,
    notice: Notice = _nobody,
    turn: NameTurn | None = None,
    learn: Callable[[WorkOptions, str | None], None] = _nobody,
) -> Prepared:
    """Take `source` into a new folder and check all of it. Whatever ends this early, the folder is gone again.

    `named_map` is the command line's map of columns; `head` is what the job says where `source` holds only rows,
    and `called` what the job file is called then.
    `learn` gets the options of the command line and the file together and the job's name, as soon as they are known.
    While another run of that name is at work, `notice` is told so and this waits, where the options say `queue`; the
    file is read when the waiting is over. Who has come to the lock before hands its `turn` over.
    Raises UsageError and its kinds for what is wrong, RefusedError for a run id that is taken, a job that is at work,
    and a file that is older than it may be.
    """
    turn = turn or NameTurn(runs_dir, notice)
    try:
        while True:
            folder = create(runs_dir, run_id)
            try:
                changed_at = _changed_at(source)
                job_input = take_snapshot(
                    source, folder.path, operation=operation, named_map=named_map, head=head, called=called
                )
                taken = _take(source, job_input, options, name, changed_at)
                learn(taken.options, taken.name)
                refuse_stale(source, taken.changed_at, taken.options.max_age_s)
                wanted = None if taken.options.dry_run else taken.name
                waits = not turn.come(wanted, folder.run_id, queue=taken.options.overlap == "queue")
                if waits and source == "-":  # it cannot be read once more
                    turn.wait(folder.run_id)
                    waits = False
                if not waits:
                    return _checked(folder, taken, config=config, target=target, lock=turn.lock)
            except BaseException:
                folder.remove()
                raise
            folder.remove()  # from here on it may be somebody else's
            turn.wait(folder.run_id)
    except BaseException:
        turn.release()
        raise


@dataclass(frozen=True, slots=True)
class _Taken:
    """A job file that is in the run's folder, and what it and the command line say of the job together."""

    input: JobInput
    options: WorkOptions
    name: str | None
    changed_at: float | None


def _take(source: str, job_input: JobInput, options: WorkOptions, name: str | None, changed_at: float | None) -> _Taken:
    merged = job_input.merged(options)
    named = name or job_input.job_name
    name = check_name(named, "name") if named is not None else name_of(source)
    return _Taken(job_input, merged, name, changed_at)


def _changed_at(source: str) -> float | None:
    """When a file was last written, epoch seconds; None where that cannot be told."""
    try:
        return None if source == "-" else Path(source).stat().st_mtime
    except OSError:
        return None  # reading it will tell why


def refuse_stale(source: str, changed_at: float | None, max_age_s: float | None) -> None:
    """Raise RefusedError for a file that is older than it may be, UsageError for one that has no age."""
    if max_age_s is None:
        return
    if changed_at is None:
        raise UsageError("max-age needs a job file that has an age: standard input has none")
    age_s, when = time.time() - changed_at, datetime.fromtimestamp(changed_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if age_s < -CLOCK_SKEW_S:
        raise RefusedError(
            f"{source} was last changed {when}, which lies ahead: its age cannot be told. Nothing was sent"
        )
    if age_s > max_age_s:
        raise RefusedError(
            f"{source} is stale: last changed {when}, {span(age_s)} ago, and --max-age allows {span(max_age_s)}. "
            f"Nothing was sent"
        )


def span(seconds: float) -> str:
    """A span for people: `3d 4h`, `25h` as `1d 1h`, its two largest units."""
    left = max(0, int(seconds))
    parts = []
    for letter, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{letter}")
    return " ".join(parts[:2]) or "0s"


def _checked(
    folder: RunFolder, taken: _Taken, *, config: Config, target: str | None, lock: NameLock | None
) -> Prepared:
    job_input, options = taken.input, taken.options
    name, chosen = config.choose(target or job_input.target)
    job_input.use_provider(chosen.service, support_of(chosen))
    checked = job_input.check()
    refuse_bad_rows(job_input, checked, skip_invalid=bool(options.skip_invalid))
    job = Job(
        run_id=folder.run_id,
        operations=dict(job_input.operations),
        target=name,
        provider=chosen.identity,
        organization=chosen.organization or "",
        source=job_input.name,
        source_format=job_input.format,
        source_sha256=job_input.sha256,
        total=checked.total,
        created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        version=__version__,
        options=options.kept(),
        defaults=job_input.defaults,
        columns=list(job_input.columns),
        delimiter=job_input.delimiter,
        named_operation=job_input.asked,
        file_operation=job_input.file_operation,
        name=taken.name,
        column_map=job_input.column_map,
        value_map=job_input.value_map,
        named_map=job_input.named_map,
    )
    return Prepared(folder, job, chosen, job_input, options, checked, lock)


def refuse_bad_rows(job_input: JobInput, checked: Checked, *, skip_invalid: bool) -> None:
    """Raise JobFileError for rows that keep the job from running."""
    if checked.problems and not skip_invalid:
        skippable = not checked.file_problems and not (checked.valid and any_whole(job_input.operations))
        raise JobFileError(bad_rows(checked.bad_rows, job_input.name, skippable=skippable), checked.problems)
    if checked.file_problems:
        raise JobFileError(
            f"{job_input.name} cannot be run, also with --skip-invalid: what is wrong concerns the whole file. Nothing "
            f"was sent:",
            checked.problems,
        )
    for kind in job_input.operations:
        if OPERATIONS[kind].whole and checked.bad_rows:
            raise JobFileError(
                f"{job_input.name}: {kind} sends the file as a whole, so --skip-invalid would remove what its bad rows "
                f"name: mend them",
                checked.problems,
            )


def any_whole(operations: Iterable[str]) -> bool:
    """Whether one of `operations` sends the file as a whole, so that no row may be left out."""
    return any(OPERATIONS[kind].whole for kind in operations)


def bad_rows(count: int, name: str, *, skippable: bool) -> str:
    """What is said of a file with `count` bad rows, before they are listed."""
    if not count:
        return f"{name} cannot be run. Nothing was sent:"
    rows = "1 row cannot" if count == 1 else f"{count:,} rows cannot"
    advice = "Mend them, or use --skip-invalid to run the others:" if skippable else "Mend them:"
    return f"{name}: {rows} be run. Nothing was sent. {advice}"
