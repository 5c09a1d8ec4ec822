"""The commands that send: run, resume, retry."""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import anyio

from bulkops import config
from bulkops.cli.asking import confirm, plan_text
from bulkops.cli.failures import exit_code, explain
from bulkops.cli.finishing import Ending, asked_finish, ending
from bulkops.cli.output import say
from bulkops.cli.progress import Display, display
from bulkops.cli.querying import Asked, fetch_rows, tell_nothing, with_rows
from bulkops.cli.running import interruptible, on_loop, watch_signals
from bulkops.errors import ConfigError, InterruptedRunError, UsageError
from bulkops.model import Job, Verdict
from bulkops.reports import console_summary
from bulkops.wiring import (
    DEFAULT_RUNS_DIR,
    NameTurn,
    Overrides,
    Pipeline,
    Plan,
    Prepared,
    Progress,
    RunFolder,
    RunResult,
    StopSignal,
    WorkOptions,
    check_name,
    failed_pipeline,
    find,
    hold_again,
    is_pipeline,
    open_read,
    parse_allowance,
    parse_deadline,
    parse_map,
    parse_span,
    prepare,
    prepare_pipeline,
    read_pipeline,
    read_query,
    read_record,
    resume_pipeline,
    resume_run,
    start_pipeline,
    start_run,
    with_file_options,
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
    asked = read_query(options.job)
    if asked is not None:
        return _run_query(asked, loaded, options)
    with ending(options, loaded) as end:
        with interruptible():
            prepared = prepare(
                options.job,
                config=loaded,
                target=options.target,
                operation=options.operation,
                runs_dir=options.runs_dir or DEFAULT_RUNS_DIR,
                run_id=options.run_id,
                options=work_options(options),
                named_map=parse_map(options.map),
                name=check_name(options.name, "--name") if options.name is not None else None,
                notice=say,
                learn=end.learn,
            )
        end.announce()
        return _carry_out(partial(_start, prepared), options, end)


def _run_query(asked: Asked, loaded: config.Config, options: argparse.Namespace) -> int:
    """Run a job whose items are asked for; they are fixed from then on."""
    query, head = asked
    runs_dir = options.runs_dir or DEFAULT_RUNS_DIR
    with (
        ending(options, loaded) as end,
        tempfile.TemporaryDirectory(prefix="bulkops-") as aside,
        closing(NameTurn(runs_dir, say)) as turn,
    ):
        name = check_name(options.name or head.name or Path(options.job).stem, "name")
        wanted = with_file_options(work_options(options), head.options, options.job)
        end.learn(wanted, name)
        _take(turn, name, wanted, options)
        answer = fetch_rows(options.job, query, head, loaded, options, wanted, Path(aside))
        if not answer.count:
            target = loaded.choose(options.target or head.target)[0]
            return tell_nothing(options, end, str(options.operation or head.operation), target)
        with interruptible():
            prepared = prepare(
                str(answer.rows),
                config=loaded,
                target=options.target,
                operation=options.operation,
                runs_dir=runs_dir,
                run_id=options.run_id,
                options=wanted,
                named_map=parse_map(options.map),
                head=answer.head,
                called=options.job,
                name=name,
                notice=say,
                turn=turn,
                learn=end.learn,
            )
        end.announce()
        return _carry_out(partial(_start, prepared), options, end)


def _take(turn: NameTurn, name: str, wanted: WorkOptions, options: argparse.Namespace) -> None:
    """Come to the lock before the organisation is asked: what another run changes meanwhile would be missed."""
    run_id = getattr(options, "run_id", None) or "(not begun yet)"
    with interruptible():
        turn.take(None if wanted.dry_run else name, run_id, queue=wanted.overlap == "queue")


def _run_pipeline(pipeline: Pipeline, loaded: config.Config, options: argparse.Namespace) -> int:
    runs_dir, asked = options.runs_dir or DEFAULT_RUNS_DIR, getattr(options, "name", None)
    name = check_name(asked, "--name") if asked is not None else pipeline.name
    wanted = work_options(options)
    with (
        ending(options, loaded) as end,
        tempfile.TemporaryDirectory(prefix="bulkops-") as aside,
        closing(NameTurn(runs_dir, say)) as turn,
    ):
        end.job = name
        _take(turn, name, wanted, options)
        pipeline = with_rows(pipeline, loaded, options, wanted, Path(aside))
        if not pipeline.stages:
            return tell_nothing(options, end, "pipeline", str(getattr(options, "target", None) or ""))
        with interruptible():
            prepared = prepare_pipeline(
                pipeline,
                config=loaded,
                target=getattr(options, "target", None),
                operation=getattr(options, "operation", None),
                runs_dir=runs_dir,
                run_id=getattr(options, "run_id", None),
                options=wanted,
                named_map=parse_map(getattr(options, "map", ())),
                name=name,
                notice=say,
                turn=turn,
            )
        end.announce()

        async def start(stop: StopSignal, screen: Screen) -> RunResult:
            return await start_pipeline(prepared, observer=screen, stop=stop, announce=say)

        return _carry_out(start, options, end)


def _resume_pipeline(folder: RunFolder, loaded: config.Config, options: argparse.Namespace) -> int:
    if options.job is not None:
        raise UsageError(
            f"{folder.run_id} is a pipeline: --job goes on with the file of one stage. Name the stage's folder: "
            f"`bulkops resume {folder.path}/stages/STAGE --job FILE`, then resume the pipeline"
        )
    name = read_record(folder.path).name
    with ending(options, loaded) as end:
        end.job = name
        with interruptible():
            lock = hold_again(folder.path.parent, name, folder.run_id, queue=options.queue, notice=say)

        async def work(stop: StopSignal, screen: Screen) -> RunResult:
            wanted = work_options(options)
            with lock:
                return await resume_pipeline(
                    folder, config=loaded, options=wanted, observer=screen, stop=stop, announce=say
                )

        return _carry_out(work, options, end)


def plan(options: argparse.Namespace) -> int:
    """Say what a job file would change. Reads only."""
    options.dry_run, options.run_id, options.yes, options.name = True, None, False, None
    return run(options)


def resume(options: argparse.Namespace) -> int:
    """Finish a stopped run."""
    loaded = config.load(options.config)
    folder = find(options.runs_dir or DEFAULT_RUNS_DIR, options.run)
    if is_pipeline(folder.path):
        return _resume_pipeline(folder, loaded, options)
    name = folder.read_job().name
    with ending(options, loaded) as end:
        end.job = name
        with interruptible():
            lock = hold_again(folder.path.parent, name, folder.run_id, queue=options.queue, notice=say)

        async def work(stop: StopSignal, screen: Screen) -> RunResult:
            wanted = work_options(options)
            with lock:
                return await resume_run(
                    folder, config=loaded, options=wanted, observer=screen, stop=stop, edited=options.job
                )

        return _carry_out(work, options, end)


def retry(options: argparse.Namespace) -> int:
    """Run the failed rows of a run again, as a new run."""
    runs_dir = options.runs_dir or DEFAULT_RUNS_DIR
    loaded = config.load(options.config)
    folder = find(runs_dir, options.run)
    if is_pipeline(folder.path):
        with tempfile.TemporaryDirectory(prefix="bulkops-") as aside:
            return _run_pipeline(failed_pipeline(folder, Path(aside)), loaded, options)
    with ending(options, loaded) as end:
        with interruptible(), tempfile.TemporaryDirectory(prefix="bulkops-") as aside:
            with open_read(folder) as former:
                job, head = former.job, former.head
                failed = former.failed_rows(Path(aside))
            prepared = prepare(
                str(failed),
                config=loaded,
                target=job.target,
                operation=next(iter(job.operations)) if len(job.operations) == 1 else None,
                runs_dir=runs_dir,
                run_id=None,
                # the rows are the run's own: they have no age, and do not say what is run at the end
                options=replace(work_options(options).over(job), max_age_s=math.inf),
                named_map=job.named_map,
                head=head,
                name=job.name,
                notice=say,
                learn=lambda merged, name: end.learn(replace(merged, on_finish=asked_finish(options)), name),
            )
        end.announce()
        return _carry_out(partial(_start, prepared), options, end)


async def _start(prepared: Prepared, stop: StopSignal, screen: Screen) -> RunResult:
    return await start_run(prepared, observer=screen, stop=stop)


def _carry_out(work: Work, options: argparse.Namespace, end: Ending) -> int:
    """Run `work` on an event loop under signals, then say how it ended."""
    screen = Screen(yes=options.yes)

    async def main() -> RunResult:
        stop = StopSignal()
        async with anyio.create_task_group() as tasks:
            await tasks.start(watch_signals, stop)
            try:
                return await work(stop, screen)
            finally:
                tasks.cancel_scope.cancel()
        raise AssertionError("a task group lets the result through")

    result = on_loop(main)
    code = _tell(result, options)
    end.tell(result.summary.as_dict(), code)
    return code


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


def work_options(options: argparse.Namespace) -> WorkOptions:
    """What the command line says about working. Raises UsageError."""
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
        max_age_s=_max_age(getattr(options, "max_age", None)),
        overlap="queue" if getattr(options, "queue", False) else None,
        on_finish=asked_finish(options),
        log_level=options.log_level,
        log_format=options.log_format,
    )


def _max_age(text: str | None) -> float | None:
    try:
        return parse_span(text) if text else None
    except ConfigError as error:
        raise UsageError(f"--max-age {error}") from None


def _deadline(text: str | None) -> float | None:
    try:
        return parse_deadline(text, now=datetime.now().astimezone()) if text else None
    except ConfigError as error:
        raise UsageError(f"--deadline {error}") from None
