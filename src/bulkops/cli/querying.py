"""Asking the organisation for a job's items before the job is checked and run."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import anyio

from bulkops import config
from bulkops.cli.exporting import Ticker
from bulkops.cli.finishing import Ending
from bulkops.cli.output import say
from bulkops.cli.running import on_loop, watch_signals
from bulkops.model import Counts
from bulkops.reports import Summary
from bulkops.wiring import Answer, JobHead, Pipeline, Query, StopSignal, WorkOptions, ask, check_offline, read_query

Asked = tuple[Query, JobHead]
NOTHING = "the query finds nothing: there is nothing to do"


def fetch_rows(
    source: str,
    query: Query,
    head: JobHead,
    loaded: config.Config,
    options: argparse.Namespace,
    wanted: WorkOptions,
    folder: Path,
    *,
    target: str | None = None,
    operation: str | None = None,
) -> Answer:
    """What the organisation answers, in a file in `folder`. Says how many rows there are."""
    ticker = Ticker()

    async def main() -> Answer:
        stop = StopSignal()
        async with anyio.create_task_group() as tasks:
            await tasks.start(watch_signals, stop)
            try:
                return await ask(
                    source,
                    query,
                    head,
                    config=loaded,
                    target=getattr(options, "target", None) or target,
                    operation=getattr(options, "operation", None) or operation,
                    folder=folder,
                    options=wanted,
                    stop=stop,
                    started=ticker.start,
                )
            finally:
                tasks.cancel_scope.cancel()
        raise AssertionError("a task group lets the result through")

    try:
        answer = on_loop(main)
    finally:
        ticker.stop()
    rows = "1 row" if answer.count == 1 else f"{answer.count:,} rows"
    say(f"{source}: {rows} of {query.resource} found" + (f" where {query.where}" if query.where else ""))
    if answer.undecided:
        say(
            f"warning: {answer.undecided:,} more lack a value that the query asks of, and were left out: say what is "
            f"to become of them, such as: or last_login = never"
        )
    return answer


def with_rows(
    pipeline: Pipeline, loaded: config.Config, options: argparse.Namespace, wanted: WorkOptions, aside: Path
) -> Pipeline:
    """The pipeline with the items of its queries; a stage whose query finds nothing is left out."""
    stages = []
    for stage in pipeline.stages:
        asked = read_query(str(stage.job)) if stage.head is None else None
        if asked is None:
            stages.append(stage)
            continue
        folder = aside / stage.name
        folder.mkdir()
        source = str(stage.job)
        answer = fetch_rows(
            source, *asked, loaded, options, wanted, folder, target=stage.target, operation=stage.operation
        )
        if answer.count:
            stages.append(replace(stage, job=answer.rows, head=answer.head, called=source))
        else:
            say(f"stage {stage.name} is left out: {NOTHING}")
    return replace(pipeline, stages=tuple(stages))


def tell_nothing(options: argparse.Namespace, end: Ending, operation: str, target: str) -> int:
    """No row was found: the job has ended, well, and left no run."""
    summary = Summary(None, "completed", operation, target, Counts(), reason=NOTHING)
    say(NOTHING)
    if options.json:
        plans: dict[str, list[object]] = {"plans": []} if getattr(options, "dry_run", False) else {}
        print(json.dumps({**summary.as_dict(), **plans}, ensure_ascii=False))
    end.tell(summary.as_dict(), 0)
    return 0


def check_query(source: str, asked: Asked, loaded: config.Config, target: str | None, operation: str | None) -> None:
    """Check what can be known of a query without a network. Raises UsageError and its kinds."""
    query, head = asked
    check_offline(source, query, head, config=loaded, target=target, operation=operation)
    say(f"{source}: the query is good; its rows are known when it is run or planned. Nothing was sent.")
