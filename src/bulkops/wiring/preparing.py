"""From a job file to a run that may begin: its folder, its snapshot, its check. No network, and no event loop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bulkops import __version__
from bulkops.config import Config, TargetConfig
from bulkops.errors import JobFileError
from bulkops.jobs import JobHead
from bulkops.model import Job
from bulkops.operations import OPERATIONS
from bulkops.wiring.folder import RunFolder, create
from bulkops.wiring.input import Checked, JobInput, take_snapshot
from bulkops.wiring.options import WorkOptions
from bulkops.wiring.targets import support_of


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run whose input is kept and good. Nothing was sent, and nothing is noted yet."""

    folder: RunFolder
    job: Job
    target: TargetConfig
    input: JobInput
    options: WorkOptions
    checked: Checked


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
) -> Prepared:
    """Take `source` into a new folder and check all of it. Whatever ends this early, the folder is gone again.

    `named_map` is the command line's map of columns; `head` is what the job says where `source` holds only rows.

    Raises UsageError and its kinds for what is wrong, RefusedError for a run id that is taken.
    """
    folder = create(runs_dir, run_id)
    try:
        job_input = take_snapshot(source, folder.path, operation=operation, named_map=named_map, head=head)
        return _checked(folder, job_input, config=config, target=target, options=options)
    except BaseException:
        folder.remove()
        raise


def _checked(
    folder: RunFolder, job_input: JobInput, *, config: Config, target: str | None, options: WorkOptions
) -> Prepared:
    name, chosen = config.choose(target or job_input.target)
    job_input.use_provider(chosen.service, support_of(chosen))
    options = job_input.merged(options)
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
        column_map=job_input.column_map,
        value_map=job_input.value_map,
        named_map=job_input.named_map,
    )
    return Prepared(folder, job, chosen, job_input, options, checked)


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
