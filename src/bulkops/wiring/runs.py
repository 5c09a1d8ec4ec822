"""The life of a run: made from a job file, worked on, stopped, taken up again, reported."""

from __future__ import annotations

import contextlib
import getpass
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import anyio
import structlog

from bulkops import __version__
from bulkops.config import Config, TargetConfig
from bulkops.engine import RunLimits, Runner, StopSignal, TrafficNotes
from bulkops.errors import BulkopsError, ConfigError, JobFileError, LedgerError, RefusedError, StoppedError, UsageError
from bulkops.ledger.base import Owner
from bulkops.ledger.lock import this_process
from bulkops.ledger.sqlite import SqliteLedger
from bulkops.model import Counts, Job, Outcome, Problem, RowSet, Traffic
from bulkops.operations import OPERATIONS
from bulkops.operations.base import Decision
from bulkops.planning import Plan, Planner, ProtectedNames, Rosters, refuse_changes, refuse_protected, with_candidates
from bulkops.providers.base import Organization
from bulkops.reports import ErrorCount, Summary
from bulkops.transport import Scrubber
from bulkops.wiring.folder import RunFolder
from bulkops.wiring.input import Checked, JobInput
from bulkops.wiring.logs import logging_to
from bulkops.wiring.options import WorkOptions
from bulkops.wiring.reporting import state_of, summary_of, write_run_reports
from bulkops.wiring.targets import open_organization, support_of
from bulkops.wiring.watching import Observer, Progress

log = structlog.get_logger(__name__)

LEASE_S = 30.0


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a session of work ended. `error` is None when the run is finished."""

    summary: Summary
    counts: Counts
    error: BulkopsError | None = None
    plans: Sequence[Plan] = ()
    by_error: Sequence[ErrorCount] = ()


@dataclass(slots=True)
class OpenRun:
    """A run that this process works on. `org` is there once the target is open."""

    folder: RunFolder
    job: Job
    target: TargetConfig
    input: JobInput
    ledger: SqliteLedger
    options: WorkOptions
    checked: Checked | None = None
    org: Organization | None = None
    runners: list[Runner] = field(default_factory=list)
    scrubber: Scrubber = field(default_factory=Scrubber)
    started: float = field(default_factory=time.monotonic)

    def sent(self) -> Traffic:
        """The calls of this session so far."""
        if self.org is None:
            return Traffic()
        meter = self.org.meter
        return Traffic(meter.requests, meter.throttled, meter.retries + sum(one.sender.retries for one in self.runners))


async def start(
    folder: RunFolder,
    job_input: JobInput,
    *,
    config: Config,
    target: str | None,
    options: WorkOptions,
    observer: Observer,
    stop: StopSignal,
) -> RunResult:
    """Run the job whose input was taken into the new `folder`.

    A run that is refused before anything was sent leaves no folder behind.
    """
    kept = False
    try:
        run = _checked_run(folder, job_input, config=config, target=target, options=options, observer=observer)
        result = await _session(run, observer=observer, stop=stop)
        kept = not options.dry_run
        return result
    except (UsageError, RefusedError):
        raise
    except BaseException:
        kept = True  # whatever happened, the ledger may hold the truth about something that was sent
        raise
    finally:
        if not kept:
            folder.remove()


async def resume(
    folder: RunFolder, *, config: Config, options: WorkOptions, observer: Observer, stop: StopSignal
) -> RunResult:
    """Finish a run from its own snapshot. Raises RefusedError while another process works on it."""
    job = folder.read_job()
    name, target = config.choose(job.target)
    if target.provider != job.provider or (target.organization or "") != job.organization:
        raise ConfigError(
            f"target {name!r} is now {target.provider} {target.organization or ''}, and this run was made for "
            f"{job.provider} {job.organization}: nothing was sent"
        )
    job_input = JobInput.of_run(folder.path, job)
    job_input.use_provider(target.provider, support_of(target.provider))
    ledger = SqliteLedger.open(folder.ledger)
    run = OpenRun(folder, job, target, job_input, ledger, options.over(job))
    return await _session(run, observer=observer, stop=stop)


def _checked_run(
    folder: RunFolder,
    job_input: JobInput,
    *,
    config: Config,
    target: str | None,
    options: WorkOptions,
    observer: Observer,
) -> OpenRun:
    """Check the whole input, and make the run's job and ledger. No network."""
    name, chosen = config.choose(target or job_input.target)
    job_input.use_provider(chosen.provider, support_of(chosen.provider))
    options = job_input.merged(options)
    checked = job_input.check()
    for warning in checked.warnings:
        observer.warn(warning)
    if checked.problems and (checked.file_problems or not options.skip_invalid):
        raise JobFileError(_bad_rows(checked.bad_rows, job_input.name), checked.problems)
    job = Job(
        run_id=folder.run_id,
        operations=dict(job_input.operations),
        target=name,
        provider=chosen.provider,
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
    )
    for kind in job.operations:
        if OPERATIONS[kind].whole and options.skip_invalid and checked.bad_rows:
            raise JobFileError(
                f"{job_input.name}: {kind} sends the file as a whole, so --skip-invalid would remove what its bad rows "
                f"name: mend them",
                checked.problems,
            )
    ledger = SqliteLedger.create(folder.ledger, total=checked.total)
    return OpenRun(folder, job, chosen, job_input, ledger, options, checked)


async def _session(run: OpenRun, *, observer: Observer, stop: StopSignal) -> RunResult:
    """One session of work: take the lock, work, report, give the lock back."""
    error: BulkopsError | None = None
    plans: Sequence[Plan] = ()
    options = run.options
    try:
        await run.ledger.acquire(_owner(), lease_s=LEASE_S)
        # an older session's summary must not speak for this one, should it be killed
        (run.folder.path / "summary.json").unlink(missing_ok=True)
        with logging_to(run.folder.log, scrubber=run.scrubber, level=options.log_level, log_format=options.log_format):
            try:
                await _note_check(run)
                plans = await _work(run, observer=observer, stop=stop)
            except BulkopsError as caught:
                error = caught
            counts = run.ledger.counts()
            text = run.scrubber.text(str(error)) if error is not None else None
            log.info("job.ended", state=state_of(error), reason=text, **counts.as_dict())
            if error is not None and _leaves_nothing(run, error):
                raise error
            if options.dry_run:
                return RunResult(_summary(run, error, run.sent()), counts, error, plans)
            return await _report(run, error, plans)
    finally:
        for close in (run.ledger.release, run.ledger.close):
            with contextlib.suppress(LedgerError):
                await close()


async def _note_check(run: OpenRun) -> None:
    """Note the rows that need no call, then keep the job: from here on the run can be resumed."""
    log.info("job.started" if run.checked else "job.resumed", run=run.folder.run_id, rows=run.job.total)
    if run.checked is None:
        return
    for row, text in run.checked.failed_rows():
        run.ledger.conclude(RowSet.of([row]), Outcome.failed("invalid_row", text))
    for row, first in run.checked.duplicates:
        run.ledger.conclude(RowSet.of([row]), Outcome.skipped("duplicate_row", f"row {first} names the same"))
    await run.ledger.flush()
    run.folder.write_job(run.job)


async def _work(run: OpenRun, *, observer: Observer, stop: StopSignal) -> Sequence[Plan]:
    """Reconcile, plan, confirm, apply. Raises why the run stopped early."""
    async with contextlib.AsyncExitStack() as stack:
        run.org = org = await stack.enter_async_context(
            open_organization(
                run.target,
                scrubber=run.scrubber,
                overrides=run.options.overrides,
                sandbox_state=run.folder.path.parent.parent / "sandbox" / "organization.jsonl",
                environ=os.environ,
            )
        )
        traffic = TrafficNotes(run.ledger, run.sent)
        rosters = Rosters(org)
        run.runners.extend(_runner(run, rosters, kind, stop, traffic) for kind in run.job.operations)
        observer.started(lambda: _look(run, org))
        try:
            return await _holding_the_lock(run, stop, lambda: _steps(run, observer, stop))
        finally:
            observer.ended()
            with contextlib.suppress(LedgerError):
                traffic.note()


def _runner(run: OpenRun, rosters: Rosters, kind: str, stop: StopSignal, traffic: TrafficNotes) -> Runner:
    operation, options, org = OPERATIONS[kind], run.options, rosters.org
    support = org.support[kind]
    return Runner(
        operation=operation,
        org=org,
        planner=Planner(
            operation,
            rosters,
            guards=ProtectedNames(run.target.protected),
            expected=sum(run.job.operations.values()),
        ),
        ledger=run.ledger,
        source=run.input.items(kind),
        limits=RunLimits(
            width=options.overrides.concurrency or run.target.concurrency or RunLimits().width,
            batch_size=min(options.batch_size or support.batch_size, support.max_batch),
            body_bytes=run.target.body_bytes,
            max_failures=options.max_failures,
        ),
        stop=stop,
        traffic=traffic,
    )


async def _steps(run: OpenRun, observer: Observer, stop: StopSignal) -> Sequence[Plan]:
    """Each operation is planned before anything is sent, and finished before the next one begins."""
    for runner in run.runners:
        await runner.reconcile()
    first, skip_invalid = run.runners[0], bool(run.options.skip_invalid)
    plans = [
        # what a later operation finds may be changed by an earlier one: its rows are decided in their turn
        await stop.unless_requested(
            partial(runner.survey, note_skipped=runner is first, note_invalid=skip_invalid and runner is first)
        )
        for runner in run.runners
    ]
    await _judge(run, plans)
    if run.options.dry_run:
        return plans
    await _agree(run, observer, plans)
    for runner in run.runners:
        if runner is not first:
            await _plan_again(run, observer, stop, runner)
        await runner.apply()
    return plans


async def _plan_again(run: OpenRun, observer: Observer, stop: StopSignal, runner: Runner) -> None:
    """An earlier operation has changed what this one finds: what was not agreed to is judged and asked anew."""
    runner.forget()
    plan = await stop.unless_requested(
        partial(runner.survey, note_skipped=True, note_invalid=bool(run.options.skip_invalid))
    )
    try:
        await _judge(run, [plan], runners=[runner])
        await _agree(run, observer, [plan])
    except RefusedError as error:
        raise StoppedError(f"{error} The operations before it are done; resume goes on from here.") from error


async def _agree(run: OpenRun, observer: Observer, plans: Sequence[Plan]) -> None:
    """Ask for what is more than was agreed to before, and keep how much that is."""
    if any(plan.changes > _agreed(run, plan) for plan in plans):
        observer.confirm(plans, run.job)
    for plan in plans:
        run.ledger.put_note(f"agreed {plan.operation}", str(max(plan.changes, _agreed(run, plan))))
    run.ledger.put_note("confirmed", datetime.now(UTC).isoformat())
    await run.ledger.flush()


def _agreed(run: OpenRun, plan: Plan) -> int:
    """How many changes of an operation were agreed to; fewer than none when nobody was asked yet."""
    return int(run.ledger.note(f"agreed {plan.operation}") or -1)


async def _judge(run: OpenRun, plans: Sequence[Plan], *, runners: Sequence[Runner] | None = None) -> None:
    """Refuse plans that may not be carried out, or that are more than was agreed to. Nothing of them was sent."""
    invalid = [one for plan in plans for one in plan.invalid_listed]
    if invalid and not run.options.skip_invalid and run.ledger.note("confirmed") is None:
        raise JobFileError(_bad_rows(sum(plan.invalid for plan in plans), run.job.source), _problems(run, invalid))
    refuse_protected(plans, skip_invalid=bool(run.options.skip_invalid))
    for runner, plan in zip(runners or run.runners, plans, strict=True):
        if plan.changes > _agreed(run, plan):
            await _judge_changes(run, runner, plan)


def _problems(run: OpenRun, decisions: Sequence[Decision]) -> Sequence[Problem]:
    lines = run.input.lines({one.item.row for one in decisions})
    return [
        Problem(run.job.source, with_candidates(one), line=lines.get(one.item.row), row=one.item.row, column=one.column)
        for one in decisions
    ]


async def _judge_changes(run: OpenRun, runner: Runner, plan: Plan) -> None:
    """Hold a plan against `--max-changes`: a count, or a share of what there is, from 10 up."""
    allowed = run.options.max_changes
    if allowed is None:
        return
    if allowed.percent is not None:
        plan.population = await runner.population()
    refuse_changes(plan, allowed)


async def _holding_the_lock(
    run: OpenRun, stop: StopSignal, work: Callable[[], Awaitable[Sequence[Plan]]]
) -> Sequence[Plan]:
    """Do `work` while the lock is renewed beside it; a lock that was lost stops the run."""
    ended: list[Sequence[Plan] | BulkopsError] = []

    async def renew() -> None:
        while True:
            await anyio.sleep(LEASE_S / 3)
            try:
                await run.ledger.acquire(_owner(), lease_s=LEASE_S)
            except BulkopsError as error:
                stop.request(error if isinstance(error, LedgerError) else LedgerError(str(error)))
                return

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(renew)
        try:
            ended.append(await work())
        except BulkopsError as error:
            ended.append(error)  # raised outside the group, as itself
        tasks.cancel_scope.cancel()
    if isinstance(ended[0], BulkopsError):
        raise ended[0]
    return ended[0]


def _look(run: OpenRun, org: Organization) -> Progress:
    busy = next((one for one in reversed(run.runners) if one.phase.name != "starting"), run.runners[0])
    return Progress(
        run_id=run.folder.run_id,
        operation=run.job.operation,
        target=run.job.target,
        phase=busy.phase.name if len(run.runners) == 1 else f"{busy.phase.name} ({busy.kind})",
        counts=run.ledger.counts(),
        requests=org.meter.requests,
        waiting=org.gates.waiting(),
        elapsed_s=time.monotonic() - run.started,
    )


def _leaves_nothing(run: OpenRun, error: BulkopsError) -> bool:
    """Whether a fresh run was refused before anything was sent, so that no trace of it need be kept."""
    fresh = run.checked is not None and run.ledger.note("confirmed") is None
    return fresh and isinstance(error, UsageError | RefusedError)


async def _report(run: OpenRun, error: BulkopsError | None, plans: Sequence[Plan]) -> RunResult:
    """Write the reports; a disk that is full must not hide how the run ended."""
    try:
        await run.ledger.flush()
    except LedgerError as caught:
        error = error or caught
    total = run.ledger.traffic()
    summary = _summary(run, error, total)
    by_error: Sequence[ErrorCount] = ()
    try:
        by_error = write_run_reports(run.folder, run.job, run.ledger, run.input, summary).by_error
    except BulkopsError as caught:
        error = error or LedgerError(f"{caught}; `bulkops report` writes them anew")
        summary = _summary(run, error, total)
    return RunResult(summary, run.ledger.counts(), error, plans, by_error)


def _summary(run: OpenRun, error: BulkopsError | None, traffic: Traffic) -> Summary:
    reason = run.scrubber.text(str(error)) if error is not None else None
    return summary_of(run.folder, run.job, run.ledger.counts(), traffic, state=state_of(error), reason=reason)


def _owner() -> Owner:
    return this_process(getpass.getuser())


def _bad_rows(count: int, name: str) -> str:
    if not count:
        return f"{name} cannot be run. Nothing was sent:"
    rows = "1 row cannot" if count == 1 else f"{count:,} rows cannot"
    return f"{name}: {rows} be run. Nothing was sent. Mend them, or use --skip-invalid to run the others:"
