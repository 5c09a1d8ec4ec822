"""Going on with an edited job file: what is done stays done, wherever its row stands now."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import structlog
from anyio import to_thread

from bulkops import __version__
from bulkops.engine.permit import memo_key
from bulkops.errors import JobFileError, LedgerError, RefusedError
from bulkops.jobs import Edit, Edits, Format, JobHead, RowMatcher
from bulkops.jobs.source import plural
from bulkops.ledger.base import Claim
from bulkops.ledger.sqlite import SqliteLedger
from bulkops.model import Job, Outcome, RowSet, Settled, State
from bulkops.reports import EditedRow, row_outcomes, write_edits
from bulkops.wiring.folder import stem_of_input
from bulkops.wiring.input import Checked, JobInput, head_of, take_snapshot
from bulkops.wiring.opened import LEASE_S, OpenRun, done_before, note_check, owner
from bulkops.wiring.options import WorkOptions
from bulkops.wiring.preparing import any_whole, refuse_bad_rows
from bulkops.wiring.reporting import EndedView
from bulkops.wiring.targets import support_of
from bulkops.wiring.watching import Observer

log = structlog.get_logger(__name__)

_CHUNK = 10_000  # rows carried over at once
_GROUP = 2_000  # notes that are made durable at once
_LISTED = 5
_FIRST = re.compile(r"row (\d+) (?:names|means) the same")


@dataclass(frozen=True, slots=True)
class EditedJob:
    """An edited job file that is kept beside the one before it, and is good. Nothing was changed yet."""

    input: JobInput
    checked: Checked
    job: Job
    options: WorkOptions


def prepare_edited(run: OpenRun, source: str, options: WorkOptions) -> EditedJob:
    """Take an edited job file into the folder of `run`, whose lock is held, and check all of it. No network.

    Raises JobFileError for what is wrong with it, RefusedError where it names another target.
    """
    if source != "-" and Path(source).resolve().parent == run.folder.path.resolve():
        raise JobFileError(f"{source} is a file of the run itself: copy it to another folder, and edit it there")
    run.folder.forget_edit(run.job)
    try:
        edited = _checked(run, source, options)
        _refuse_parts_of_a_whole(run.job, edited.job)
    except BaseException:
        run.folder.forget_edit(run.job)
        raise
    return edited


def _refuse_parts_of_a_whole(before: Job, now: Job) -> None:
    """What goes as a whole is planned and sent anew; among other operations that cannot be told apart."""
    kinds = {*before.operations, *now.operations}
    if any_whole(kinds) and len(kinds) > 1:
        raise RefusedError(
            f"{' + '.join(sorted(kinds))} cannot be edited while the run goes on: one of them sends its rows as a "
            f"whole. Nothing more was sent: start a new run"
        )


def _checked(run: OpenRun, source: str, options: WorkOptions) -> EditedJob:
    revision = run.job.revision + 1
    job_input = take_snapshot(
        source,
        run.folder.path,
        operation=run.job.named_operation,
        stem=stem_of_input(revision),
        named_map=run.job.named_map,
        head=_said_before(run.job),
    )
    if job_input.target not in (None, run.job.target):
        raise RefusedError(
            f"{job_input.name} is for target {job_input.target!r}, and this run was made for {run.job.target!r}: "
            f"nothing more was sent"
        )
    job_input.use_provider(run.target.service, support_of(run.target))
    merged = job_input.merged(options).over(run.job)
    checked = job_input.check()
    refuse_bad_rows(job_input, checked, skip_invalid=bool(merged.skip_invalid))
    job = replace(
        run.job,
        operations=dict(job_input.operations),
        file_operation=job_input.file_operation,
        source=job_input.name,
        source_format=job_input.format,
        source_sha256=job_input.sha256,
        total=checked.total,
        version=__version__,
        options=merged.kept(),
        defaults=job_input.defaults,
        columns=list(job_input.columns),
        delimiter=job_input.delimiter,
        revision=revision,
        column_map=job_input.column_map,
        value_map=job_input.value_map,
    )
    return EditedJob(job_input, checked, job, merged)


def _said_before(job: Job) -> JobHead | None:
    """What the run's job says besides its rows, for an edited file that holds nothing but rows."""
    return head_of(job) if job.source_format != Format.JSON or job.column_map or job.value_map else None


async def take_over(run: OpenRun, edited: EditedJob, observer: Observer) -> None:
    """Make the edited file that of `run`. What was in flight must be settled already.

    The new input and a new ledger are written beside the old ones; replacing job.json is what makes them count, so a
    crash leaves the run wholly with the one or the other. Raises RefusedError when a row in doubt was edited.
    """
    try:
        # in a thread: a million rows take their time, and meanwhile the lock is renewed and a signal is heard
        rows = await to_thread.run_sync(RowMatcher, run.input.fingerprints(), edited.input.fingerprints())
        with rows:
            edits = rows.edits()
            if edits.none:
                run.folder.forget_edit(run.job)
                observer.warn(f"{edited.input.name} has the same rows as before: the run goes on as it was")
                return
            done = await _switch(run, edited, rows)
    except BaseException:
        if run.folder.read_job() == run.job:  # else the edited file counts already
            run.folder.forget_edit(run.job)
        raise
    run.job, run.input, run.options = edited.job, edited.input, edited.options
    log.info("job.edited", revision=run.job.revision, rows=run.job.total, kept=edits.kept, done_and_edited=done)
    observer.warn(_told(edits, done, run.folder.edits(run.job).name))


async def _switch(run: OpenRun, edited: EditedJob, rows: RowMatcher) -> int:
    """Write what is new and have it count; returns how many of the rows that were edited had an outcome."""
    whole = any_whole(edited.job.operations)
    if not whole:
        _refuse_edited_doubts(run, rows)
    effects = {} if whole else await _done_and_gone(run, rows)
    await run.ledger.flush()
    columns = list(dict.fromkeys([*run.job.columns, *edited.job.columns]))
    done = await to_thread.run_sync(
        write_edits, run.folder.edits(edited.job), _edited_rows(run, edited, rows), columns, run.job.delimiter
    )
    ledger = SqliteLedger.create(run.folder.ledger(edited.job), total=edited.job.total)
    try:
        await ledger.acquire(owner(), lease_s=LEASE_S)
        if not whole:
            await _carry_over(run.ledger, ledger, rows)
            _carry_memos(run, ledger, rows)
        for kind, keys in effects.items():
            ledger.put_note(done_before(kind), json.dumps(sorted(keys)))
        await note_check(run.folder, edited.job, ledger, edited.checked)
    except BaseException:
        await ledger.close()
        raise
    former, run.ledger = run.ledger, ledger
    await former.release()
    await former.close()
    return done


async def _done_and_gone(run: OpenRun, rows: RowMatcher) -> dict[str, set[str]]:
    """By operation, the effects of rows that were done, must not be repeated, and are not in the edited file."""
    gone: dict[str, set[str]] = {}
    for runner in run.runners:
        kept = set(json.loads(run.ledger.note(done_before(runner.kind)) or "[]"))
        gone[runner.kind] = kept | await runner.effects_of_done(lambda row: rows.edit_before(row) is not None)
    return {kind: effects for kind, effects in gone.items() if effects}


def _refuse_edited_doubts(run: OpenRun, rows: RowMatcher) -> None:
    """A row in doubt, or one that may be half done: the file must keep it as it is until that is settled."""
    doubtful = (row for claim in run.ledger.open_claims() for row in claim.rows)
    _refuse_edited(run, rows, doubtful, "were sent, and nobody can say yet whether they were done")
    begun = (row for runner in run.runners for row, _memo in runner.half_done())
    _refuse_edited(run, rows, begun, "may be half done, and only as they were can they be brought to their end")


def _refuse_edited(run: OpenRun, rows: RowMatcher, among: Iterable[int], why: str) -> None:
    lost = set(islice((row for row in among if rows.edit_before(row) is not None), _LISTED + 1))
    if lost:
        keys = [item.key for kind in run.job.operations for item in run.input.items(kind)(lost.__contains__)]
        named = ", ".join(keys[:_LISTED]) + (" and more" if len(keys) > _LISTED else "")
        raise RefusedError(
            f"rows of {run.job.source} {why}: {named}. Put them back into the edited file as they were. Nothing more "
            f"was sent."
        )


async def _carry_over(before: SqliteLedger, after: SqliteLedger, rows: RowMatcher) -> None:
    """Note in `after` what `before` knows of rows that are in both files."""
    for number, (first, last, outcome) in enumerate(_runs(before), 1):
        now = rows.now_at(first, last)
        carried = _carried(outcome, before, rows)
        if now and carried is not None:
            after.adopt(Claim(0, RowSet.of(now), max(1, carried.attempts), 0.0), [Settled(RowSet.of(now), carried)])
        if number % _GROUP == 0:
            await after.flush()
    for claim in before.open_claims():
        now = sorted(row for first, last in claim.rows.runs for row in rows.now_at(first, last))
        if now and claim.doubt is None:
            raise LedgerError("a row of the run is in flight: its job file cannot be replaced now")
        if now and claim.doubt is not None:
            doubts = [Settled(RowSet.of(now), claim.doubt)]
            after.adopt(replace(claim, rows=RowSet.of(now)), doubts=doubts)
    after.add_traffic(before.traffic())
    if (confirmed := before.note("confirmed")) is not None:
        after.put_note("confirmed", confirmed)


def _carry_memos(run: OpenRun, after: SqliteLedger, rows: RowMatcher) -> None:
    """What must be known of rows that may be half done, wherever they stand now."""
    for runner in run.runners:
        for row, memo in runner.half_done():
            for now in rows.now_at(row, row):
                after.put_note(memo_key(now), memo)


def _runs(ledger: SqliteLedger) -> Iterator[tuple[int, int, Outcome]]:
    for settled in ledger.outcomes():
        for first, last in settled.rows.runs:
            for start in range(first, last + 1, _CHUNK):
                yield start, min(last, start + _CHUNK - 1), settled.outcome


def _carried(outcome: Outcome, before: SqliteLedger, rows: RowMatcher) -> Outcome | None:
    """What a row keeps that is in both files. None for what the check of the edited file finds out anew."""
    if outcome.state is State.FAILED and outcome.code == "invalid_row":
        return None
    if outcome.state is not State.SKIPPED or outcome.code != "duplicate_row":
        return outcome
    # the row that it repeats is done, or perhaps: repeating that is what must not happen. Else it has its own turn now.
    first = _FIRST.search(outcome.message)
    if first is None:  # what it repeats was done, and was taken out of the file by an earlier edit
        return outcome
    if before.state_of(int(first[1])) in {State.PENDING, State.FAILED}:
        return None
    now = rows.now_at(int(first[1]), int(first[1]))
    where = f"row {now[0]} names" if now else "a row that was taken out of the file named"
    return Outcome.skipped("duplicate_row", f"{where} the same")


def _edited_rows(run: OpenRun, edited: EditedJob, rows: RowMatcher) -> Iterator[EditedRow]:
    """The rows that were changed or removed, as they were, then those that were added."""
    outcomes = row_outcomes(EndedView(run.ledger))
    for row in run.input.rows():
        outcome = next(had for number, had in outcomes if number == row.number)
        if (found := rows.edit_before(row.number)) is not None:
            yield EditedRow(found[0].value, row, row.number, found[1], outcome)
    for row in edited.input.rows():
        found = rows.edit_after(row.number)
        if found is not None and found[0] is Edit.ADDED:
            yield EditedRow(Edit.ADDED.value, row, None, row.number)


def _told(edits: Edits, done: int, file: str) -> str:
    parts = [f"{plural(edits.kept, 'row')} as before" + (f" ({edits.moved:,} of them moved)" if edits.moved else "")]
    counted = {"changed": edits.changed, "added": edits.added, "removed": edits.removed}
    parts += [f"{count:,} {word}" for word, count in counted.items() if count]
    stands = f"; {done:,} of the changed and removed ones had ended, and what was done stands" if done else ""
    return f"the job file was edited: {', '.join(parts)}{stands}. {file} lists them."
