"""The steps of a session of work: reconcile, plan, judge, agree, apply; operation by operation."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import anyio

from bulkops.engine import Deadline, RunLimits, Runner, StopSignal, TrafficNotes
from bulkops.errors import BulkopsError, InterruptedRunError, JobFileError, LedgerError, RefusedError, StoppedError
from bulkops.model import Problem
from bulkops.operations import OPERATIONS
from bulkops.operations.base import Decision
from bulkops.planning import Plan, Planner, ProtectedNames, Rosters, refuse_changes, refuse_protected, with_candidates
from bulkops.providers.base import Organization
from bulkops.wiring.edited import EditedJob, take_over
from bulkops.wiring.opened import LEASE_S, OpenRun, done_before, owner
from bulkops.wiring.preparing import any_whole, bad_rows
from bulkops.wiring.targets import open_organization, width_of
from bulkops.wiring.watching import Observer, Progress

Result = TypeVar("Result")

CAUTION = "agreed caution"
STALE_S = 0.5
"""A plan that waited longer for its confirmation is made anew: meanwhile others may have done some of it."""


async def work(
    run: OpenRun, *, observer: Observer, stop: StopSignal, edited: EditedJob | None = None
) -> Sequence[Plan]:
    """Reconcile, go on with the edited job file if there is one, plan, confirm, apply.

    Raises why the run stopped early.
    """
    async with contextlib.AsyncExitStack() as stack:
        run.org = org = await stack.enter_async_context(
            open_organization(
                run.target,
                scrubber=run.scrubber,
                overrides=run.options.overrides,
                sandbox_state=run.folder.sandbox_state,
                environ=os.environ,
                known=run.checked is None,
            )
        )
        # heard before whoever calls off what waits: afterwards nobody does
        stop.on_request(lambda: _note_waiting(run, org))
        traffic = TrafficNotes(run.ledger, run.sent)
        rosters = Rosters(org)
        runners = partial(_runners, run, rosters, stop, traffic)
        run.runners = runners()
        observer.started(lambda: _look(run, org))
        try:
            await _holding_the_lock(run, stop, lambda: _reconcile(run, observer))
            if edited is not None:
                traffic.note()
                await _holding_the_lock(run, stop, lambda: take_over(run, edited, observer))
                traffic.move_to(run.ledger)
                run.runners = runners()
            return await _holding_the_lock(run, stop, lambda: _steps(run, observer, stop))
        finally:
            observer.ended()
            with contextlib.suppress(LedgerError):
                traffic.note()


def _note_waiting(run: OpenRun, org: Organization) -> None:
    run.waited = org.gates.waiting() is not None


def _runners(run: OpenRun, rosters: Rosters, stop: StopSignal, traffic: TrafficNotes) -> list[Runner]:
    return [_runner(run, rosters, kind, stop, traffic) for kind in run.job.operations]


def _runner(run: OpenRun, rosters: Rosters, kind: str, stop: StopSignal, traffic: TrafficNotes) -> Runner:
    operation, options, org = OPERATIONS[kind], run.options, rosters.org
    support = org.support[kind]
    open_rows = run.ledger.counts()  # few rows that are left are searched for, whatever the size of the job
    return Runner(
        operation=operation,
        org=org,
        planner=Planner(
            operation,
            rosters,
            guards=ProtectedNames(run.target.protected),
            expected=max(1, open_rows.pending + open_rows.in_doubt),
        ),
        ledger=run.ledger,
        source=run.input.items(kind),
        limits=RunLimits(
            width=width_of(run.target, options.overrides),
            batch_size=min(options.batch_size or support.batch_size, support.max_batch),
            body_bytes=run.target.body_bytes,
            max_failures=options.max_failures,
            ends_at=options.deadline,
        ),
        stop=stop,
        traffic=traffic,
    )


async def _reconcile(run: OpenRun, observer: Observer) -> None:
    """Settle what an earlier session left in doubt, for every operation."""
    if run.options.in_doubt is not None and not run.ledger.open_claims():
        observer.warn("no row of this run is in doubt: --in-doubt settles nothing")
    for runner in run.runners:
        await runner.reconcile(declared=run.options.in_doubt)


async def _steps(run: OpenRun, observer: Observer, stop: StopSignal) -> Sequence[Plan]:
    """Each operation is planned before anything is sent, and finished before the next one begins."""
    if run.job.revision > 1:
        for runner in run.runners:
            await runner.leave_done_alone(json.loads(run.ledger.note(done_before(runner.kind)) or "[]"))
    first, skip_invalid = run.runners[0], bool(run.options.skip_invalid)
    plans = [
        # what a later operation finds may be changed by an earlier one: its rows are decided in their turn
        await stop.unless_requested(
            partial(runner.survey, note_skipped=runner is first, note_invalid=skip_invalid and runner is first)
        )
        for runner in run.runners
    ]
    await _judge(run, plans, observer)
    if run.options.dry_run:
        return plans
    asked = time.monotonic()
    await _agree(run, observer, stop, plans)
    stale = time.monotonic() - asked > STALE_S
    for runner, plan in zip(run.runners, plans, strict=True):
        # a list that is replaced as a whole loses whatever came to it since it was read
        if stale or runner is not first or plan.removals:
            await _plan_again(run, observer, stop, runner)
        await runner.apply()
    return plans


async def _plan_again(run: OpenRun, observer: Observer, stop: StopSignal, runner: Runner) -> None:
    """What an operation finds has changed, or may have: what was not agreed to is judged and asked anew."""
    runner.forget()
    plan = await stop.unless_requested(
        partial(runner.survey, note_skipped=True, note_invalid=bool(run.options.skip_invalid))
    )
    try:
        await _judge(run, [plan], observer, runners=[runner])
        await _agree(run, observer, stop, [plan])
    except RefusedError as error:
        if runner is run.runners[0]:
            raise
        raise StoppedError(f"{error} The operations before it are done; resume goes on from here.") from error


async def _agree(run: OpenRun, observer: Observer, stop: StopSignal, plans: Sequence[Plan]) -> None:
    """Ask for what is more than was agreed to before, and keep how much that is."""
    if not all(_is_agreed(run, plan) for plan in plans):
        try:
            await stop.unless_requested(partial(observer.confirm, plans, run.job))
        except InterruptedRunError as error:
            raise RefusedError("not confirmed: nothing was sent") from error
    for plan in plans:
        run.ledger.put_note(f"agreed {plan.operation}", str(max(plan.changes, _agreed(run, plan.operation))))
        if plan.removals:
            run.ledger.put_note(f"agreed removals {plan.operation}", json.dumps(plan.removals))
        if plan.caution:
            run.ledger.put_note(CAUTION, plan.caution)
    run.ledger.put_note("confirmed", datetime.now(UTC).isoformat())
    await run.ledger.flush()


def _is_agreed(run: OpenRun, plan: Plan) -> bool:
    """Whether a plan is no more than what was agreed to: in number, in what goes without being named, and where."""
    if plan.caution and plan.caution != run.ledger.note(CAUTION):  # the target's address may be another one by now
        return False
    removals = json.loads(run.ledger.note(f"agreed removals {plan.operation}") or "[]")
    return plan.changes <= _agreed(run, plan.operation) and set(plan.removals) <= set(removals)


def _agreed(run: OpenRun, kind: str) -> int:
    """How many changes of an operation were agreed to; fewer than none when nobody was asked yet."""
    return int(run.ledger.note(f"agreed {kind}") or -1)


async def _judge(
    run: OpenRun, plans: Sequence[Plan], observer: Observer, *, runners: Sequence[Runner] | None = None
) -> None:
    """Refuse plans that may not be carried out, or that are more than was agreed to. Nothing of them was sent."""
    try:
        _refuse_invalid(run, plans)
        refuse_protected(plans, skip_invalid=bool(run.options.skip_invalid))
        await _judge_changes(run, plans, runners or run.runners)
    except (JobFileError, RefusedError) as error:
        observer.refused(plans, run.job)
        if isinstance(error, RefusedError) and run.ledger.note("confirmed") is not None:
            raise RefusedError(str(error).replace("othing was sent", "othing more was sent")) from error
        raise


def _refuse_invalid(run: OpenRun, plans: Sequence[Plan]) -> None:
    invalid = [one for plan in plans for one in plan.invalid_listed]
    if not invalid or run.options.skip_invalid or run.ledger.note("confirmed") is not None:
        return
    text = bad_rows(sum(plan.invalid for plan in plans), run.job.source, skippable=not any_whole(run.job.operations))
    raise JobFileError(text, _problems(run, invalid))


def _problems(run: OpenRun, decisions: Sequence[Decision]) -> Sequence[Problem]:
    lines = run.input.lines({one.item.row for one in decisions})
    return [
        Problem(
            run.job.source,
            with_candidates(one),
            line=lines.get(one.item.row),
            row=one.item.row,
            column=run.input.column_of(one.column),
        )
        for one in decisions
    ]


async def _judge_changes(run: OpenRun, plans: Sequence[Plan], runners: Sequence[Runner]) -> None:
    """Hold what the whole job changes against `--max-changes`: a count, or a share of what there is, from 10 up."""
    allowed = run.options.max_changes
    if allowed is None or all(_is_agreed(run, plan) for plan in plans):
        return
    if allowed.percent is not None:
        for runner, plan in zip(runners, plans, strict=True):
            plan.population = await runner.population()
    planned = {plan.operation for plan in plans}
    before = sum(max(0, _agreed(run, kind)) for kind in run.job.operations if kind not in planned)
    if run.job.revision > 1 and not any_whole(run.job.operations):
        before += run.ledger.counts().succeeded  # an edited file has no allowance of its own
    refuse_changes(plans, allowed, agreed_before=before)


async def _holding_the_lock(run: OpenRun, stop: StopSignal, work: Callable[[], Awaitable[Result]]) -> Result:
    """Do `work` while the lock is renewed and the deadline watched beside it; a lock that was lost stops the run."""
    ended: list[Result | BulkopsError] = []

    async def renew() -> None:
        while True:
            await anyio.sleep(LEASE_S / 3)
            try:
                await run.ledger.acquire(owner(), lease_s=LEASE_S)
            except BulkopsError as error:
                stop.request(error if isinstance(error, LedgerError) else LedgerError(str(error)))
                return

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(renew)
        if run.options.deadline is not None and run.org is not None:
            slowest_s = run.org.gates.slowest_s
            deadline = Deadline(run.options.deadline, slowest_s=slowest_s, timeout_s=run.target.timeout_s)
            tasks.start_soon(deadline.watch, stop)
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
