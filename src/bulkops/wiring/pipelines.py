"""Pipelines: stages that run one after the other, in one folder, with one report and one resume.

The folder of a pipeline holds `pipeline.json` and, below `stages/`, an ordinary run's folder for each stage. All stages
are checked and their files kept before the first one begins, so nothing that is edited later changes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial, reduce
from pathlib import Path
from typing import Any

from bulkops import __version__
from bulkops.config import Config
from bulkops.engine import StopSignal
from bulkops.errors import BulkopsError, JobFileError, RefusedError, StoppedError, UsageError
from bulkops.jobs import Pipeline, Stage
from bulkops.ledger.sqlite import SqliteLedgerView
from bulkops.model import Counts
from bulkops.wiring.folder import RunFolder, as_record, create
from bulkops.wiring.input import JobInput
from bulkops.wiring.looking import open_read
from bulkops.wiring.naming import NameLock, NameTurn, Notice
from bulkops.wiring.options import WorkOptions, parse_allowance
from bulkops.wiring.preparing import Prepared, prepare
from bulkops.wiring.runs import RunResult, refuse_another, resume, start
from bulkops.wiring.stages import PIPELINE_FILE, StageRecord, read_record, report_pipeline
from bulkops.wiring.targets import support_of
from bulkops.wiring.watching import Observer

Announce = Callable[[str], None]
PROBLEMS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class PreparedPipeline:
    """A pipeline whose stages are kept and good. Nothing was sent."""

    folder: RunFolder
    stages: Sequence[tuple[StageRecord, Prepared]]
    options: WorkOptions
    lock: NameLock | None = None

    def release(self) -> None:
        """Give all locks back."""
        for lock in (self.lock, *(prepared.lock for _record, prepared in self.stages)):
            if lock is not None:
                lock.release()


def prepare_pipeline(
    pipeline: Pipeline,
    *,
    config: Config,
    target: str | None,
    operation: str | None,
    runs_dir: Path,
    run_id: str | None,
    options: WorkOptions,
    named_map: Mapping[str, str] | None,
    name: str,
    notice: Notice,
    turn: NameTurn | None = None,
) -> PreparedPipeline:
    """Take every stage into a new folder and check all of them. Whatever ends this early, the folder is gone again.

    While another run called `name` is at work, `notice` is told so and this waits, where the options say `queue`;
    who has come to the lock before hands its `turn` over.
    Raises RefusedError while one is at work, JobFileError with what is wrong in all stages, and as `prepare` does.
    """
    turn = turn or NameTurn(runs_dir, notice)
    folder = create(runs_dir, run_id)
    try:
        turn.take(None if options.dry_run else name, folder.run_id, queue=options.overlap == "queue")
        (folder.path / "stages").mkdir(mode=0o700)
        prepare_one = partial(
            _prepare_stage,
            folder=folder,
            config=config,
            target=target,
            operation=operation,
            options=options,
            named_map=named_map,
        )
        prepared = list(_prepared(pipeline, prepare_one))
        _write_record(folder, replace(pipeline, name=name), [record for record, _ in prepared], options)
        return PreparedPipeline(folder, prepared, options, turn.lock)
    except BaseException:
        folder.remove()
        turn.release()
        raise


def _prepared(
    pipeline: Pipeline, prepare_one: Callable[[Stage], tuple[StageRecord, Prepared]]
) -> Iterator[tuple[StageRecord, Prepared]]:
    faults: list[object] = []
    for number, stage in enumerate(pipeline.stages, 1):
        try:
            yield prepare_one(stage)
        except UsageError as error:
            problems = error.problems if isinstance(error, JobFileError) and error.problems else ()
            faults += [f"stage {number} ({stage.name}): {error}", *(f"  {problem}" for problem in problems)]
    if faults:
        raise JobFileError(f"{pipeline.source} cannot be run. Nothing was sent:", faults)


def _prepare_stage(
    stage: Stage,
    *,
    folder: RunFolder,
    config: Config,
    target: str | None,
    operation: str | None,
    options: WorkOptions,
    named_map: Mapping[str, str] | None,
) -> tuple[StageRecord, Prepared]:
    """One stage's folder, with its job kept: from here on it can be begun by whoever resumes the pipeline."""
    options = options.over(stage.former) if stage.former is not None else options
    allowed = options.max_failures or (parse_allowance(stage.max_failures) if stage.max_failures else None)
    prepared = prepare(
        str(stage.job),
        config=config,
        target=target or stage.target,
        operation=operation or stage.operation,
        runs_dir=folder.path / "stages",
        run_id=stage.name,
        options=replace(options, max_failures=allowed),
        named_map=stage.named_map or named_map,
        head=stage.head,
        called=stage.called,
        name=stage.name,
    )
    prepared.folder.write_job(prepared.job)
    kept = prepared.options.max_failures
    return StageRecord(stage.name, prepared.job.operation, prepared.job.target, str(kept) if kept else None), prepared


def _write_record(folder: RunFolder, pipeline: Pipeline, stages: Sequence[StageRecord], options: WorkOptions) -> None:
    record = {
        "bulkops_pipeline": 1,
        "run_id": folder.run_id,
        "source": pipeline.source,
        "name": pipeline.name,
        "created_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "version": __version__,
        "config_file": options.config_file,
        "stages": [stage.as_dict() for stage in stages],
    }
    folder.keep(folder.path / PIPELINE_FILE, as_record(record))


async def start_pipeline(
    prepared: PreparedPipeline, *, observer: Observer, stop: StopSignal, announce: Announce
) -> RunResult:
    """Carry out the stages in their order. One that is refused before anything was sent leaves no folder behind."""
    if prepared.options.dry_run:
        return await _plan(prepared, observer, stop, announce)
    runs = {record.name: one for record, one in prepared.stages}

    async def begin(record: StageRecord) -> RunResult:
        return await start(runs[record.name], observer=observer, stop=stop, keep=True)

    kept = False
    try:
        result = await _carry_out(prepared.folder, [record for record, _ in prepared.stages], begin, announce)
        kept = True
        return result
    except (UsageError, RefusedError):
        raise  # the first stage was refused: nothing was sent
    except BaseException:
        kept = True
        raise
    finally:
        prepared.release()
        if not kept:
            prepared.folder.remove()


async def resume_pipeline(
    folder: RunFolder,
    *,
    config: Config,
    options: WorkOptions,
    observer: Observer,
    stop: StopSignal,
    announce: Announce,
) -> RunResult:
    """Go on with a pipeline where it stopped: finish the open stage, then the ones after it.

    `options.max_failures` allows more failures than the stages were given. Raises RefusedError while it is worked on.
    """
    allowed = str(options.max_failures) if options.max_failures else None
    stages = [replace(stage, max_failures=allowed or stage.max_failures) for stage in read_record(folder.path).stages]

    async def go_on(record: StageRecord) -> RunResult:
        stage = RunFolder(folder.path / "stages" / record.name)
        if stage.ledger(stage.read_job()).is_file():
            return await resume(stage, config=config, options=options, observer=observer, stop=stop)
        return await start(_again(stage, config, options), observer=observer, stop=stop, keep=True)

    return await _carry_out(folder, stages, go_on, announce)


def _again(folder: RunFolder, config: Config, options: WorkOptions) -> Prepared:
    """A stage that was prepared and never begun, from its own copy of its file."""
    job = folder.read_job()
    name, target = config.choose(job.target)
    refuse_another(job, name, target)
    job_input = JobInput.of_run(folder.input(job), job)
    job_input.use_provider(target.service, support_of(target))
    return Prepared(folder, job, target, job_input, options.over(job), job_input.check())


async def _plan(prepared: PreparedPipeline, observer: Observer, stop: StopSignal, announce: Announce) -> RunResult:
    """What each stage would change as things are now: what the stages before it change is not yet so."""
    results: list[RunResult] = []
    try:
        for number, (record, one) in enumerate(prepared.stages, 1):
            announce(f"stage {number} of {len(prepared.stages)}: {record.name}")
            try:
                results.append(await start(one, observer=observer, stop=stop))
            except JobFileError as error:
                if number == 1:
                    raise
                announce(f"as things are now, before the stages above it: {error}")
                for problem in error.problems[:PROBLEMS_SHOWN]:
                    announce(f"  {problem}")
                continue
            if results[-1].error is not None:
                break
        plans = [plan for result in results for plan in result.plans]
        counts = reduce(Counts.plus, (result.counts for result in results), Counts())
        summary = replace(results[-1].summary, operation="pipeline", counts=counts)
        return RunResult(summary, counts, results[-1].error, plans)
    finally:
        prepared.release()
        prepared.folder.remove()


async def _carry_out(
    folder: RunFolder,
    stages: Sequence[StageRecord],
    work: Callable[[StageRecord], Any],
    announce: Announce,
) -> RunResult:
    """Each stage in its turn, then the report. A stage begins when the one before it ended as well as it may."""
    error: BulkopsError | None = None
    reason: str | None = None  # as the stage tells it: without secrets
    plans: list[Any] = []
    for number, record in enumerate(stages, 1):
        counts = finished_counts(folder, record)
        if counts is None:
            announce(f"stage {number} of {len(stages)}: {record.name} ({record.operation} on {record.target})")
            try:
                result: RunResult = await work(record)
            except (UsageError, RefusedError) as refused:
                if number == 1 and not _anything_sent(folder, stages):
                    raise
                error = _stopped(number, record, refused)
                break
            plans.extend(result.plans)
            error, counts = result.error, result.counts
            reason = result.summary.reason if error is not None else None
            if isinstance(error, UsageError | RefusedError) and _anything_sent(folder, stages):
                error, reason = StoppedError(f"stage {number} ({record.name}): {reason or error}"), None
        if error is None and number < len(stages):
            error = _held_back(record, counts, number)
        if error is not None:
            break
    return report_pipeline(folder, stages, error, plans, reason)


def _stopped(number: int, record: StageRecord, refused: BulkopsError) -> StoppedError:
    """A stage before it has sent something: what refuses this one only stops the pipeline."""
    text = f"stage {number} ({record.name}): {refused}".replace("othing was sent", "othing more was sent")
    problems = refused.problems if isinstance(refused, JobFileError) else ()
    shown = "; ".join(str(problem) for problem in problems[:PROBLEMS_SHOWN])
    more = f"; and {len(problems) - PROBLEMS_SHOWN:,} more" if len(problems) > PROBLEMS_SHOWN else ""
    return StoppedError(f"{text} {shown}{more}" if shown else text)


def finished_counts(folder: RunFolder, record: StageRecord) -> Counts | None:
    """The counts of a stage whose rows all have their ends; None for one that is not begun, or not finished."""
    stage = RunFolder(folder.path / "stages" / record.name)
    job = stage.read_job()
    if not stage.ledger(job).is_file():
        return None
    counts = SqliteLedgerView.open(stage.ledger(job)).counts()
    return None if counts.pending or counts.in_doubt else counts


def _anything_sent(folder: RunFolder, stages: Sequence[StageRecord]) -> bool:
    for record in stages:
        stage = RunFolder(folder.path / "stages" / record.name)
        path = stage.ledger(stage.read_job())
        if path.is_file() and SqliteLedgerView.open(path).note("confirmed") is not None:
            return True
    return False


def _held_back(record: StageRecord, counts: Counts, number: int) -> BulkopsError | None:
    """Why the next stage may not begin; None if it may."""
    if counts.in_doubt:
        return StoppedError(
            f"stage {number} ({record.name}) has {counts.in_doubt:,} rows in doubt: the next stage waits until they "
            f"are settled; resume looks them up"
        )
    allowed = parse_allowance(record.max_failures or "0")
    if not allowed.exceeded(counts.failed, of=counts.total):
        return None
    return StoppedError(
        f"stage {number} ({record.name}) ended with {counts.failed:,} of {counts.total:,} rows failed, and {allowed} "
        f"may: the next stage was not begun. Look at the failures; to go on all the same, resume with "
        f"--max-failures {counts.failed}"
    )


def failed_pipeline(folder: RunFolder, aside: Path) -> Pipeline:
    """A pipeline of the rows that failed, stage by stage, in files below `aside`.

    Raises as `ReadRun.failed_rows` does.
    """
    record = read_record(folder.path)
    stages: list[Stage] = []
    for one in record.stages:
        stage_folder = RunFolder(folder.path / "stages" / one.name)
        counts = finished_counts(folder, one)
        if counts is None:
            raise RefusedError(
                f"stage {one.name} of {folder.run_id} is not finished: `bulkops resume {folder.run_id}` goes on with "
                f"it. Nothing was sent."
            )
        if counts.failed:
            place = aside / one.name
            place.mkdir()
            with open_read(stage_folder) as run:
                failed, job, head = run.failed_rows(place), run.job, run.head
            operation = next(iter(job.operations)) if len(job.operations) == 1 else None
            again = Stage(one.name, failed, job.target, operation, one.max_failures)
            stages.append(replace(again, named_map=job.named_map, head=head, former=job))
    if not stages:
        raise UsageError(f"run {folder.run_id} has no failed rows to run again")
    return Pipeline(record.source, tuple(stages), record.name)
