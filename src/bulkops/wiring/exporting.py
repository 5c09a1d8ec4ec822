"""Exporting a resource: read it, pick rows and columns, write them to a file that can be gone on with, or away."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import anyio

from bulkops.config import Config, TargetConfig
from bulkops.engine import Deadline, StopSignal
from bulkops.errors import BulkopsError, StoppedError, UsageError
from bulkops.fetch import Certainty, Joined, PartFile, Portion, read_table
from bulkops.jobs.filters import Decision
from bulkops.providers.base import Organization
from bulkops.providers.resources import Resource
from bulkops.reports import TableFormat, table_format
from bulkops.transport import Scrubber, Waiting
from bulkops.wiring.folder import DEFAULT_RUNS_DIR
from bulkops.wiring.logs import logging_to
from bulkops.wiring.targets import open_organization
from bulkops.wiring.wishes import ExportOptions, Wish, wish_of


@dataclass(frozen=True, slots=True)
class Reading:
    """What is true of an export at this moment, for a screen."""

    what: str
    rows: int
    read: int
    requests: int
    waiting: Waiting | None
    elapsed_s: float


@dataclass(slots=True)
class ExportResult:
    """How an export ended. `rows` were written, of `read` that came; `undecided` ones hang on a value they lack.

    `certainty` is None where it ended early, `error` why it did. `part` is what a later one goes on with.
    """

    resource: str
    target: str
    rows: int = 0
    read: int = 0
    undecided: int = 0
    certainty: Certainty | None = None
    error: BulkopsError | None = None
    file: Path | None = None
    part: Path | None = None
    requests: int = 0
    throttled: int = 0
    retries: int = 0
    elapsed_s: float = 0.0

    def as_dict(self, state: str) -> dict[str, Any]:
        """The object for scripts."""
        sure = self.certainty
        return {
            "resource": self.resource,
            "target": self.target,
            "state": state,
            "rows": self.rows,
            "read": self.read,
            "undecided": self.undecided,
            "complete": sure is not None and sure.proven,
            "total": sure.total if sure is not None else None,
            "walks": sure.walks if sure is not None else None,
            "pages_read_again": sure.repairs if sure is not None else None,
            "requests": self.requests,
            "throttled": self.throttled,
            "retries": self.retries,
            "elapsed_s": round(self.elapsed_s, 3),
            "file": str(self.file) if self.file is not None else None,
            "part_file": str(self.part) if self.part is not None else None,
            "reason": str(self.error) if self.error is not None else (sure.why or None if sure is not None else None),
        }


async def resources_of(config: Config, target: str | None) -> tuple[str, Mapping[str, Resource]]:
    """What a target has that can be exported. No call is made."""
    name, chosen = config.choose(target)
    with logging_to(None, scrubber=Scrubber(), level="warning", log_format="console"):
        async with _opened(chosen, ExportOptions(""), Scrubber()) as org:
            return name, org.resources


async def export(
    options: ExportOptions,
    *,
    config: Config,
    stop: StopSignal,
    stdout: IO[bytes],
    started: Callable[[Callable[[], Reading]], None] = lambda _look: None,
) -> ExportResult:
    """Export as `options` say; rows go to `stdout` where no file is named. `started` is given a look at the progress.

    Raises UsageError and RefusedError for what keeps it from beginning; how it ended otherwise is in the result.
    """
    name, chosen = config.choose(options.target)
    scrubber = Scrubber()
    with logging_to(None, scrubber=scrubber, level=options.log_level, log_format=options.log_format):
        async with _opened(chosen, options, scrubber) as org:
            work = _Export(options, wish_of(options, org.resources), org, chosen, ExportResult(options.resource, name))
            started(work.look)
            return await work.run(stop, stdout, scrubber)


@asynccontextmanager
async def _opened(target: TargetConfig, options: ExportOptions, scrubber: Scrubber) -> AsyncIterator[Organization]:
    state = DEFAULT_RUNS_DIR.parent / "sandbox" / "organization.jsonl"
    async with open_organization(
        target, scrubber=scrubber, overrides=options.overrides, sandbox_state=state, environ=os.environ
    ) as org:
        yield org


@dataclass(slots=True)
class _Export:
    """One export."""

    options: ExportOptions
    wish: Wish
    org: Organization
    target: TargetConfig
    result: ExportResult
    asked_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)
    what: str = ""
    _joined: Joined | None = None

    def look(self) -> Reading:
        """The progress."""
        return Reading(
            self.what,
            self.result.rows,
            self.result.read,
            self.org.meter.requests,
            self.org.gates.waiting(),
            time.monotonic() - self.began,
        )

    async def run(self, stop: StopSignal, stdout: IO[bytes], scrubber: Scrubber) -> ExportResult:
        """Read and write, until the end or until asked to stop."""
        result, out = self.result, self.options.out
        table = table_format(self.options.format, self.wish.columns, raw=self.options.raw)
        part = PartFile(out, self._identity()) if out is not None else None
        with part or nullcontext():
            try:
                await self._until(stop, table, part, stdout)
                self._refuse_unproven()
                if part is not None:
                    part.finish(table.foot(rows=result.rows))
                    result.file = out
            except UsageError:
                raise
            except BulkopsError as error:
                result.error = type(error)(scrubber.text(str(error))) if type(error) is StoppedError else error
                if part is not None:
                    part.checkpoint()
                    result.part = part.part_path
        meter = self.org.meter
        result.requests, result.throttled, result.retries = meter.requests, meter.throttled, meter.retries
        result.elapsed_s = time.monotonic() - self.began
        return result

    async def _until(self, stop: StopSignal, table: TableFormat, part: PartFile | None, stdout: IO[bytes]) -> None:
        async with anyio.create_task_group() as tasks:
            if self.options.deadline is not None:
                deadline = Deadline(
                    self.options.deadline, slowest_s=self.org.gates.slowest_s, timeout_s=self.target.timeout_s
                )
                tasks.start_soon(deadline.watch, stop)
            caught: Exception | None = None
            try:
                await stop.unless_requested(lambda: self._read(table, part, stdout))
            except Exception as error:  # noqa: BLE001 - raised outside the group, as itself
                caught = error
            tasks.cancel_scope.cancel()
        if caught is not None:
            raise caught

    async def _read(self, table: TableFormat, part: PartFile | None, stdout: IO[bytes]) -> None:
        await self._refuse_outside_root()
        joined = self._joined = Joined(self.wish.resource, self.wish.needs)
        for name in joined.needs:
            self.what = name
        await joined.read(self.org.resources)
        self.what = self.wish.resource.name
        if part is not None:
            self._take_up(part, table)
        else:
            stdout.write(table.head())

        async def take(portion: Portion) -> None:
            records = self._picked(portion)
            data = table.body(records, rows=self.result.rows)
            self.result.rows += len(records)
            if part is not None:
                part.write(data, portion, rows=len(records))
            else:
                stdout.write(data)

        left = part.left if part is not None else None
        found = await read_table(self.wish.resource, self.org.resources, take, left=left)
        self.result.certainty = replace(
            found, proven=found.proven and joined.sure.proven, why=found.why or joined.sure.why
        )
        if part is None:
            stdout.write(table.foot(rows=self.result.rows))
            stdout.flush()

    def _take_up(self, part: PartFile, table: TableFormat) -> None:
        self.result.rows = part.rows
        self.asked_at = datetime.fromisoformat(part.what["asked_at"])
        if not part.resumed:
            part.write(table.head(), Portion((), ()), rows=0)

    def _picked(self, portion: Portion) -> list[Mapping[str, Any]]:
        """The records that are meant, complete."""
        self.result.read += len(portion.rows)
        joined, where = self._joined, self.wish.where
        records = [joined.complete(record) if joined is not None else record for record in portion.rows]
        if where is None:
            return list(records)
        found = []
        for record in records:
            decision = where.decide(record, self.asked_at)
            if decision is Decision.YES:
                found.append(record)
            self.result.undecided += decision is Decision.UNDECIDED
        return found

    async def _refuse_outside_root(self) -> None:
        names = [self.wish.resource.name, *(join.resource for join in self._joins())]
        wanted = [name for name in names if self.org.resources[name].root_only]
        if wanted and not (await self.org.facts()).root:
            raise UsageError(
                f"{wanted[0]} belong to the root organisation, and target {self.result.target!r} is a business group"
            )

    def _joins(self) -> list[Any]:
        return [join for name, join in self.wish.resource.joins.items() if name in self.wish.needs]

    def _refuse_unproven(self) -> None:
        sure = self.result.certainty
        if sure is None or sure.proven or self.options.allow_incomplete:
            return
        raise StoppedError(
            f"{sure.seen:,} rows of {self.wish.resource.name} came, and nobody can vouch that these are all: "
            f"{sure.why}. Try again when the organisation is quiet, or accept it with --allow-incomplete"
        )

    def _identity(self) -> Mapping[str, Any]:
        """What an unfinished file must be of, to be gone on with."""
        return {
            "resource": self.wish.resource.name,
            "provider": self.org.provider,
            "organization": self.org.organization,
            "format": self.options.format,
            "columns": [f"{name}={source}" for name, source in self.wish.columns.items()],
            "where": str(self.wish.where) if self.wish.where is not None else None,
            "raw": self.options.raw,
            "asked_at": self.asked_at.isoformat(),
        }
