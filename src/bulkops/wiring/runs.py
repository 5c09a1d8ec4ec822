"""The life of a run: begun, worked on, stopped, taken up again, reported."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from bulkops.config import Config, TargetConfig
from bulkops.engine import StopSignal
from bulkops.errors import BulkopsError, ConfigError, LedgerError, RefusedError, StoppedError, UsageError
from bulkops.ledger.base import LedgerView
from bulkops.ledger.sqlite import SqliteLedger, SqliteLedgerView
from bulkops.model import Counts, Job
from bulkops.planning import Plan
from bulkops.reports import WAITED, ErrorCount, Summary
from bulkops.wiring.edited import EditedJob, prepare_edited
from bulkops.wiring.folder import RunFolder
from bulkops.wiring.input import JobInput
from bulkops.wiring.logs import logging_to
from bulkops.wiring.opened import LEASE_S, OpenRun, note_check, owner, require_current
from bulkops.wiring.options import WorkOptions
from bulkops.wiring.preparing import Prepared
from bulkops.wiring.reporting import (
    EndedView,
    ended_counts,
    state_of,
    summary_of,
    without_missing_files,
    write_run_reports,
)
from bulkops.wiring.steps import work
from bulkops.wiring.targets import support_of
from bulkops.wiring.watching import Observer

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a session of work ended. `error` is None when the run is finished."""

    summary: Summary
    counts: Counts
    error: BulkopsError | None = None
    plans: Sequence[Plan] = ()
    by_error: Sequence[ErrorCount] = ()


async def start(prepared: Prepared, *, observer: Observer, stop: StopSignal, keep: bool = False) -> RunResult:
    """Carry out a run that was prepared.

    One that is refused before anything was sent leaves no folder behind unless `keep` is set, nor does one that only
    reads.
    """
    kept = keep
    folder = prepared.folder
    try:
        for warning in prepared.checked.warnings:
            observer.warn(warning)
        ledger = SqliteLedger.create(folder.ledger(prepared.job), total=prepared.job.total)
        run = OpenRun(folder, prepared.job, prepared.target, prepared.input, ledger, prepared.options, prepared.checked)
        result = await _session(run, observer=observer, stop=stop)
        kept = keep or not prepared.options.dry_run
        return result
    except (UsageError, RefusedError):
        raise
    except BaseException:
        kept = True  # whatever happened, the ledger may hold the truth about something that was sent
        raise
    finally:
        if not kept:
            folder.remove()
        if prepared.lock is not None:
            prepared.lock.release()


async def resume(
    folder: RunFolder,
    *,
    config: Config,
    options: WorkOptions,
    observer: Observer,
    stop: StopSignal,
    edited: str | None = None,
) -> RunResult:
    """Finish a run from its own snapshot, or from an `edited` job file. Raises RefusedError while it is worked on."""
    job = folder.read_job()
    name, target = config.choose(job.target)
    refuse_another(job, name, target)
    job_input = JobInput.of_run(folder.input(job), job)
    job_input.use_provider(target.service, support_of(target))
    ledger = SqliteLedger.open(folder.ledger(job))
    run = OpenRun(folder, job, target, job_input, ledger, options.over(job))
    prepare = None if edited is None else partial(prepare_edited, run, edited, options)
    return await _session(run, observer=observer, stop=stop, prepare=prepare)


def refuse_another(job: Job, name: str, target: TargetConfig) -> None:
    """Raise ConfigError where the target called `name` is no longer the organisation that `job` was checked for."""
    if target.identity != job.provider or (target.organization or "") != job.organization:
        raise ConfigError(
            f"target {name!r} is now {target.identity} {target.organization or ''}, and this run was made for "
            f"{job.provider} {job.organization}: nothing was sent"
        )


async def _session(
    run: OpenRun, *, observer: Observer, stop: StopSignal, prepare: Callable[[], EditedJob] | None = None
) -> RunResult:
    """One session of work: take the lock, work, report, give the lock back. `prepare` checks an edited job file."""
    error: BulkopsError | None = None
    plans: Sequence[Plan] = ()
    options = run.options
    try:
        await run.ledger.acquire(owner(), lease_s=LEASE_S)
        if run.checked is None:
            require_current(run)
        edited = prepare() if prepare is not None else None
        # an older session's summary must not speak for this one, should it be killed
        (run.folder.path / "summary.json").unlink(missing_ok=True)
        with logging_to(run.folder.log, scrubber=run.scrubber, level=options.log_level, log_format=options.log_format):
            try:
                log.info("job.started" if run.checked else "job.resumed", run=run.folder.run_id, rows=run.job.total)
                if run.checked is not None:
                    await note_check(run.folder, run.job, run.ledger, run.checked)
                plans = await work(run, observer=observer, stop=stop, edited=edited)
            except BulkopsError as caught:
                error = _after_the_first_call(run, caught)
            with contextlib.suppress(LedgerError):
                run.ledger.put_note(WAITED, "yes" if run.waited else "")
            counts = ended_counts(run.ledger)
            text = run.scrubber.text(str(error)) if error is not None else None
            log.info("job.ended", state=state_of(error), reason=text, **counts.as_dict())
            if error is not None and _leaves_nothing(run, error):
                raise error
            if options.dry_run:
                return RunResult(_summary(run, error, run.ledger), counts, error, plans)
            return await _report(run, error, plans)
    finally:
        for close in (run.ledger.release, run.ledger.close):  # of the ledger that the run has by now
            with contextlib.suppress(LedgerError):
                await close()


def _after_the_first_call(run: OpenRun, error: BulkopsError) -> BulkopsError:
    """What would refuse a run at its start only stops one that has sent something already."""
    if isinstance(error, UsageError) and run.ledger.note("confirmed") is not None:
        return StoppedError(str(error))
    return error


def _leaves_nothing(run: OpenRun, error: BulkopsError) -> bool:
    """Whether a fresh run was refused before anything was sent, so that no trace of it need be kept."""
    fresh = run.checked is not None and run.ledger.note("confirmed") is None
    return fresh and isinstance(error, UsageError | RefusedError)


async def _report(run: OpenRun, error: BulkopsError | None, plans: Sequence[Plan]) -> RunResult:
    """Write the reports; a disk that is full must not hide how the run ended."""
    view: LedgerView = run.ledger
    try:
        await run.ledger.flush()
    except LedgerError as caught:
        error = error or caught
        # what is only in memory may never reach the disk: the file is what a resume will find
        try:
            view = SqliteLedgerView.open(run.folder.ledger(run.job))
        except LedgerError:
            raise error from caught  # the first fault explains the second
    ended = EndedView(view)
    if error is None and (left := ended.counts().pending):
        error = StoppedError(f"a mistake in bulkops itself: {left} rows never had their turn. Please report it")
    summary = _summary(run, error, ended)
    by_error: Sequence[ErrorCount] = ()
    try:
        by_error = write_run_reports(run.folder, run.job, ended, run.input, summary).by_error
    except BulkopsError as caught:
        error = error or LedgerError(f"{caught}; `bulkops report` writes them anew")
        summary = without_missing_files(_summary(run, error, ended))
    return RunResult(summary, ended.counts(), error, plans, by_error)


def _summary(run: OpenRun, error: BulkopsError | None, view: LedgerView) -> Summary:
    reason = run.scrubber.text(str(error)) if error is not None else None
    return summary_of(run.folder, run.job, view.counts(), view.traffic(), state=state_of(error), reason=reason)
