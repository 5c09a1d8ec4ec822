"""The command that reads an organisation into a table: export."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

import anyio
from anyio.abc import TaskStatus

from bulkops import config
from bulkops.cli.failures import exit_code
from bulkops.cli.output import harmless, say
from bulkops.errors import ConfigError, InterruptedRunError, RefusedError, UsageError
from bulkops.wiring import (
    ExportOptions,
    ExportResult,
    Overrides,
    Reading,
    StopSignal,
    export,
    parse_deadline,
    resources_of,
)

REFRESH_S = 0.2
LINE_EVERY_S = 10.0


class Ticker:
    """Says on stderr how far a reading is: one line that is written over on a terminal, else one every ten seconds."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._over = sys.stderr.isatty()

    def start(self, look: Callable[[], Reading]) -> None:
        """Begin to tell what `look` returns."""
        self._thread = threading.Thread(target=self._tell, args=(look,), name="progress", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, and clear the line."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=2)
        if self._over and self._thread is not None:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _tell(self, look: Callable[[], Reading]) -> None:
        last = time.monotonic()
        while not self._ended.wait(REFRESH_S):
            if self._over:
                print(f"\r{_line(look())}\x1b[K", end="", file=sys.stderr, flush=True)
            elif time.monotonic() - last >= LINE_EVERY_S:
                last = time.monotonic()
                say(_line(look()))


def _line(reading: Reading) -> str:
    per_s = reading.requests / reading.elapsed_s if reading.elapsed_s > 0 else 0.0
    parts = [f"{reading.what or 'opening'}: {reading.read:,} rows", f"{per_s:.1f} calls/s"]
    if reading.waiting is not None:
        until = datetime.fromtimestamp(reading.waiting.until).astimezone()
        parts.append(f"waiting for {reading.waiting.what}, until {until:%H:%M:%S}")
    return harmless("  ".join(parts))


def run(options: argparse.Namespace) -> int:
    """Export a resource, or list what can be exported."""
    loaded = config.load(options.config)
    if options.resource is None:
        return _list(loaded, options)
    wanted = _options(options)
    if options.json and wanted.out is None:
        raise UsageError("--json prints one object on stdout, where the rows go: name a file with --out")
    ticker = Ticker()

    async def main() -> ExportResult:
        stop = StopSignal()
        async with anyio.create_task_group() as tasks:
            await tasks.start(_watch_signals, stop)
            try:
                return await export(wanted, config=loaded, stop=stop, stdout=sys.stdout.buffer, started=ticker.start)
            finally:
                tasks.cancel_scope.cancel()
        raise AssertionError("a task group lets the result through")

    try:
        result = _unwrapped(main)
    finally:
        ticker.stop()
    return _tell(result, options)


def _unwrapped(main: Callable[[], Awaitable[ExportResult]]) -> ExportResult:
    """Run on uvloop where it is installed; a task group's single error is raised as itself."""
    try:
        return anyio.run(main, backend_options={"use_uvloop": find_spec("uvloop") is not None})
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from None


async def _watch_signals(stop: StopSignal, *, task_status: TaskStatus[None]) -> None:
    """The first signal asks for a stop; the second leaves at once: what is in the file by then can be gone on with."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for signum in signals:
            if stop.requested:
                os._exit(128 + signum)
            name = signal.Signals(signum).name
            stop.request(InterruptedRunError(f"interrupted by {name}", signum=int(signum)))


def _tell(result: ExportResult, options: argparse.Namespace) -> int:
    if result.error is not None:
        say(f"bulkops: {result.error}")
        if result.part is not None:
            say(f"{result.rows:,} rows are in {result.part}: the same command goes on from there")
    else:
        say(_verdict(result))
    if options.json:
        print(json.dumps(result.as_dict(_state(result)), ensure_ascii=False))
    return exit_code(result.error)


def _verdict(result: ExportResult) -> str:
    sure = result.certainty
    where = f" to {result.file}" if result.file is not None else ""
    picked = f" of {result.read:,} read" if result.rows < result.read else ""  # a later session reads only the rest
    rows, calls = _counted(result.rows, "row"), _counted(result.requests, "call")
    text = f"{result.resource}: {rows}{picked}{where}, {calls} in {result.elapsed_s:.1f} s; "
    if sure is not None and not sure.proven:
        text += f"NOT certain to be complete: {sure.why}"
    else:
        pages = _counted(sure.repairs, "page") if sure is not None and sure.repairs else ""
        again = f" ({pages} read again because rows moved)" if pages else ""
        text += f"certain to be complete{again}"
    if result.undecided:
        text += f"\n{result.undecided:,} rows hang on a value that they do not have: the filter does not take them"
    return text


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _state(result: ExportResult) -> str:
    if result.error is None:
        return "completed"
    if isinstance(result.error, InterruptedRunError):
        return "interrupted"
    return "refused" if isinstance(result.error, RefusedError) else "stopped"


def _list(loaded: config.Config, options: argparse.Namespace) -> int:
    """What the target has, with its columns."""
    name, resources = anyio.run(resources_of, loaded, options.target)
    if options.json:
        told = {
            one.name: {
                "about": one.about,
                "columns": {column.name: column.kind.value for column in one.columns},
                "asked_for_only": list(one.joins),
                "feeds": dict(one.feeds),
                "root_only": one.root_only,
            }
            for one in resources.values()
        }
        print(json.dumps({"target": name, "resources": told}, ensure_ascii=False))
        return 0
    for one in resources.values():
        print(f"{one.name}: {one.about}")
        columns = [f"{column.name}*" if column.name in one.joins else column.name for column in one.columns]
        print(f"  {' '.join(columns)}")
    if any(one.joins for one in resources.values()):
        print("\n* read only when it is asked for: it costs calls of its own.", file=sys.stderr)
    return 0


def _options(options: argparse.Namespace) -> ExportOptions:
    try:
        rate = config.parse_rate(options.rate) if options.rate else None
    except ValueError as error:
        raise UsageError(f"--rate: expected {error}") from None
    try:
        deadline = parse_deadline(options.deadline, now=datetime.now().astimezone()) if options.deadline else None
    except ConfigError as error:
        raise UsageError(f"--deadline {error}") from None
    return ExportOptions(
        resource=options.resource,
        target=options.target,
        format=options.format or _format_of(options.out),
        out=None if options.out in (None, "-") else Path(options.out),
        columns=options.columns,
        where=options.where,
        allow_incomplete=options.allow_incomplete,
        raw=options.raw,
        overrides=Overrides(rate=rate, concurrency=options.concurrency, reserve=options.reserve),
        deadline=deadline,
        log_level=options.log_level,
        log_format=options.log_format,
    )


def _format_of(out: str | None) -> str:
    """By the file's name, where nothing is said."""
    ending = (out or "").rpartition(".")[2].lower()
    return ending if ending in {"json", "jsonl"} else "csv"
