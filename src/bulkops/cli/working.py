"""The commands that send: run, resume, retry."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import anyio
from anyio.abc import TaskStatus

from bulkops import config
from bulkops.cli.asking import confirm, plan_text
from bulkops.cli.failures import exit_code, explain
from bulkops.cli.output import say
from bulkops.cli.progress import Display, display
from bulkops.errors import ConfigError, InterruptedRunError, UsageError
from bulkops.model import Job, Verdict
from bulkops.reports import console_summary
from bulkops.wiring import (
    DEFAULT_RUNS_DIR,
    Overrides,
    Pipeline,
    Plan,
    Prepared,
    Progress,
    RunResult,
    StopSignal,
    WorkOptions,
    failed_pipeline,
    find,
    is_pipeline,
    open_read,
    parse_allowance,
    parse_deadline,
    parse_map,
    prepare,
    prepare_pipeline,
    read_pipeline,
    resume_pipeline,
    resume_run,
    start_pipeline,
    start_run,
)

EXIT_CHANGES = 10
DECLARED: Mapping[str | None, Verdict] = {"done": Verdict.APPLIED, "not-done": Verdict.NOT_APPLIED}

Work = Callable[[StopSignal, "Screen"], Awaitable[RunResult]]


class Screen:
    """What the person sees of a run: warnings, the plan, the question, the progress."""

    def __init__(self, *, yes: bool) -> None:
        self._yes = yes
        self._display: Display = display()
        self._look: Callable[[], Progress] | None = None

    def started(self, look: Callable[[], Progress]) -> None:
        """Work begins."""
        self._look = look
        self._display.start(look)

    def ended(self) -> None:
        """Work has ended."""
        self._display.stop()
        self._look = None

    async def confirm(self, plans: Sequence[Plan], job: Job) -> None:
        """Show the plans and ask; the progress steps aside meanwhile."""
        self._display.stop()
        await confirm(plans, job.target, yes=self._yes)
        if self._look is not None:
            self._display = display()
            self._display.start(self._look)

    def refused(self, plans: Sequence[Plan], job: Job) -> None:
        """Show what was refused."""
        self._display.stop()
        say(plan_text(plans, job.target))

    def warn(self, text: str) -> None:
        """A warning line."""
        say(f"warning: {text}")


def run(options: argparse.Namespace) -> int:
    """Run a job file, or a pipeline of them."""
    loaded = config.load(options.config)
    pipeline = read_pipeline(options.job)
    if pipeline is not None:
        return _run_pipeline(pipeline, loaded, options)
    with interruptible():
        prepared = prepare(
            options.job,
            config=loaded,
            target=options.target,
            operation=options.operation,
            runs_dir=options.runs_dir or DEFAULT_RUNS_DIR,
            run_id=options.run_id,
            options=_work_options(options),
            named_map=parse_map(options.map),
        )
    return _carry_out(partial(_start, prepared), options)


def _run_pipeline(pipeline: Pipeline, loaded: config.Config, options: argparse.Namespace) -> int:
    with interruptible():
        prepared = prepare_pipeline(
            pipeline,
            config=loaded,
            target=getattr(options, "target", None),
            operation=getattr(options, "operation", None),
            runs_dir=options.runs_dir or DEFAULT_RUNS_DIR,
            run_id=getattr(options, "run_id", None),
            options=_work_options(options),
        )

    async def start(stop: StopSignal, screen: Screen) -> RunResult:
        return await start_pipeline(prepared, observer=screen, stop=stop, announce=say)

    return _carry_out(start, options)


def plan(options: argparse.Namespace) -> int:
    """Say what a job file would change. Reads only."""
    options.dry_run, options.run_id, options.yes = True, None, False
    return run(options)


def resume(options: argparse.Namespace) -> int:
    """Finish a stopped run."""
    loaded = config.load(options.config)
    folder = find(options.runs_dir or DEFAULT_RUNS_DIR, options.run)
    if options.job is not None and is_pipeline(folder.path):
        raise UsageError(
            f"{folder.run_id} is a pipeline: --job goes on with the file of one stage. Name the stage's folder: "
            f"`bulkops resume {folder.path}/stages/STAGE --job FILE`, then resume the pipeline"
        )

    async def work(stop: StopSignal, screen: Screen) -> RunResult:
        if is_pipeline(folder.path):
            return await resume_pipeline(
                folder, config=loaded, options=_work_options(options), observer=screen, stop=stop, announce=say
            )
        return await resume_run(
            folder, config=loaded, options=_work_options(options), observer=screen, stop=stop, edited=options.job
        )

    return _carry_out(work, options)


def retry(options: argparse.Namespace) -> int:
    """Run the failed rows of a run again, as a new run."""
    runs_dir = options.runs_dir or DEFAULT_RUNS_DIR
    loaded = config.load(options.config)
    folder = find(runs_dir, options.run)
    if is_pipeline(folder.path):
        with tempfile.TemporaryDirectory(prefix="bulkops-") as aside:
            return _run_pipeline(failed_pipeline(folder, Path(aside)), loaded, options)
    with interruptible(), tempfile.TemporaryDirectory(prefix="bulkops-") as aside:
        with open_read(folder) as former:
            job = former.job
            failed = former.failed_rows(Path(aside))
        prepared = prepare(
            str(failed),
            config=loaded,
            target=job.target,
            operation=next(iter(job.operations)) if len(job.operations) == 1 else None,
            runs_dir=runs_dir,
            run_id=None,
            options=_work_options(options).over(job),
            named_map=job.named_map,
            head=former.head,
        )
    return _carry_out(partial(_start, prepared), options)


async def _start(prepared: Prepared, stop: StopSignal, screen: Screen) -> RunResult:
    return await start_run(prepared, observer=screen, stop=stop)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """While a file is taken over and checked nothing is sent: either signal simply ends it, tidily."""

    def end(signum: int, _frame: object) -> None:
        raise InterruptedRunError(
            f"interrupted by {signal.Signals(signum).name} while the file was checked. Nothing was sent.", signum=signum
        )

    before = [(signum, signal.signal(signum, end)) for signum in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for signum, handler in before:
            signal.signal(signum, handler)


def _carry_out(work: Work, options: argparse.Namespace) -> int:
    """Run `work` on an event loop under signals, then say how it ended."""
    screen = Screen(yes=options.yes)

    async def main() -> RunResult:
        stop = StopSignal()
        async with anyio.create_task_group() as tasks:
            await tasks.start(_watch_signals, stop)
            try:
                return await work(stop, screen)
            finally:
                tasks.cancel_scope.cancel()
        raise AssertionError("a task group lets the result through")

    return _tell(_unwrapped(main), options)


def _unwrapped(main: Callable[[], Awaitable[RunResult]]) -> RunResult:
    """Run on uvloop where it is installed; a task group's single error is raised as itself."""
    try:
        return anyio.run(main, backend_options={"use_uvloop": _has_uvloop()})
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from None


def _has_uvloop() -> bool:
    from importlib.util import find_spec  # noqa: PLC0415

    return find_spec("uvloop") is not None


async def _watch_signals(stop: StopSignal, *, task_status: TaskStatus[None]) -> None:
    """The first signal asks for a polite stop; the second leaves at once: the ledger holds the truth."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for signum in signals:
            if stop.requested:
                print("\nbulkops: left at once; `bulkops resume` looks up what was in flight", file=sys.stderr)
                os._exit(128 + signum)
            name = signal.Signals(signum).name
            print(f"\nbulkops: {name}: finishing what is in flight; once more leaves at once", file=sys.stderr)
            stop.request(InterruptedRunError(f"interrupted by {name}", signum=int(signum)))


def _tell(result: RunResult, options: argparse.Namespace) -> int:
    if options.command == "plan" or getattr(options, "dry_run", False):
        return _tell_plan(result, options)
    if result.error is not None and not isinstance(result.error, InterruptedRunError):
        explain(result.error, as_json=False)
    print(console_summary(result.summary, result.by_error), file=sys.stderr)
    if options.json:
        print(json.dumps(result.summary.as_dict(), ensure_ascii=False))
    return exit_code(result.error, result.counts)


def _tell_plan(result: RunResult, options: argparse.Namespace) -> int:
    """A plan leaves no folder: what is printed is all there is of it."""
    if result.error is not None:
        explain(result.error, as_json=options.json)
        return exit_code(result.error)
    summary = replace(result.summary, run_dir=None, failures_file=None, report_file=None, next_command=None)
    say(plan_text(result.plans, summary.target))
    print("Nothing was sent.", file=sys.stderr)
    if options.json:
        plans = [plan.as_dict() for plan in result.plans]
        print(json.dumps({**summary.as_dict(), "plans": plans}, ensure_ascii=False))
    changes = any(plan.changes for plan in result.plans)
    return EXIT_CHANGES if changes and getattr(options, "detailed_exitcode", False) else 0


def _work_options(options: argparse.Namespace) -> WorkOptions:
    try:
        rate = config.parse_rate(options.rate) if options.rate else None
    except ValueError as error:
        raise UsageError(f"--rate: expected {error}") from None
    return WorkOptions(
        dry_run=getattr(options, "dry_run", False),
        skip_invalid=getattr(options, "skip_invalid", False) or None,
        overrides=Overrides(rate=rate, concurrency=options.concurrency, reserve=options.reserve),
        batch_size=options.batch_size,
        max_failures=parse_allowance(options.max_failures) if options.max_failures else None,
        max_changes=parse_allowance(options.max_changes) if options.max_changes else None,
        config_file=str(options.config) if options.config is not None else None,
        in_doubt=DECLARED.get(getattr(options, "in_doubt", None)),
        deadline=_deadline(getattr(options, "deadline", None)),
        log_level=options.log_level,
        log_format=options.log_format,
    )


def _deadline(text: str | None) -> float | None:
    try:
        return parse_deadline(text, now=datetime.now().astimezone()) if text else None
    except ConfigError as error:
        raise UsageError(f"--deadline {error}") from None
