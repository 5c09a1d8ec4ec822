"""Removing the folders of old runs: what is finished, what may go, and how it goes without leaving half a run."""

from __future__ import annotations

import re
import secrets
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bulkops.errors import BulkopsError, ConfigError, LedgerError, RefusedError, UsageError
from bulkops.ledger.file import flush_folder
from bulkops.ledger.sqlite import SqliteLedger, SqliteLedgerView
from bulkops.model import Counts
from bulkops.reports import read_summary
from bulkops.wiring.folder import RUN_ID, RunFolder
from bulkops.wiring.naming import LOCKS
from bulkops.wiring.opened import LEASE_S, owner
from bulkops.wiring.options import parse_span
from bulkops.wiring.stages import PIPELINE_FILE, is_pipeline, look_at_pipeline, read_record

_ASIDE = re.compile(rf"\.pruned-{RUN_ID.pattern}-[0-9a-f]{{8}}")


@dataclass(frozen=True, slots=True)
class Keep:
    """Either so many of the newest runs, or all that ended within so many seconds."""

    count: int | None = None
    span_s: float | None = None


def parse_keep(text: str) -> Keep:
    """`20` as a number of runs, `30d` as a span. Raises ConfigError for anything else."""
    if re.fullmatch(r"\d{1,9}", text.strip()):
        return Keep(count=int(text))
    try:
        return Keep(span_s=parse_span(text))
    except ConfigError:
        raise ConfigError(f"{text!r}: expected a number of runs such as 20, or a span such as 30d") from None


@dataclass(frozen=True, slots=True)
class OldRun:
    """A run that may be removed. `ended_at` is epoch seconds: its last report, else its start."""

    folder: RunFolder
    name: str | None
    operation: str
    counts: Counts
    ended_at: float

    @property
    def finished(self) -> bool:
        """Whether no row of it is left to be sent or looked up."""
        return not self.counts.pending and not self.counts.in_doubt


@dataclass(frozen=True, slots=True)
class Pruning:
    """What would go, and what stays although it is old, with the reason for each. `kept` counts the others."""

    old: Sequence[OldRun]
    left: Sequence[tuple[str, str]]
    kept: int


def survey(runs_dir: Path, keep: Keep, *, name: str | None, even_unfinished: bool, now: float) -> Pruning:
    """Look at every folder in `runs_dir`; with `name` only at the runs of that job. Changes nothing.

    Raises UsageError when `runs_dir` cannot be read.
    """
    runs: list[OldRun] = []
    left: list[tuple[str, str]] = []
    for path in _folders(runs_dir):
        try:
            run = _look(path)
        except BulkopsError as error:
            left.append((path.name, str(error)))
            continue
        if name is None or run.name == name:
            runs.append(run)
    runs.sort(key=lambda run: (run.ended_at, run.folder.run_id), reverse=True)
    if keep.count is not None:
        beyond = runs[keep.count :]
    else:
        beyond = [run for run in runs if run.ended_at < now - (keep.span_s or 0.0)]
    old = [run for run in beyond if run.finished or even_unfinished]
    left += [(run.folder.run_id, _unfinished(run.counts)) for run in beyond if run not in old]
    return Pruning(old, sorted(left), len(runs) - len(beyond))


def _folders(runs_dir: Path) -> Iterator[Path]:
    try:
        found = sorted(runs_dir.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{runs_dir} cannot be read: {error.strerror or error}") from error
    yield from (path for path in found if RUN_ID.fullmatch(path.name) and path.is_dir() and not path.is_symlink())


def _look(path: Path) -> OldRun:
    """Raises BulkopsError, saying why `path` is not to be touched."""
    folder = RunFolder(path)
    if is_pipeline(path):
        return _look_at_pipeline(folder)
    job = folder.read_job()
    _refuse_folders(path)
    view = SqliteLedgerView.open(folder.ledger(job))
    if (holder := view.holder()) is not None:
        raise RefusedError(f"at work: process {holder.pid} on {holder.host}")
    ended = max(_moment(job.created_at), _moment(_finished_at(path)))
    if not ended:
        raise UsageError("nothing tells when it was")
    return OldRun(folder, job.name, job.operation, view.counts(), ended)


def _look_at_pipeline(folder: RunFolder) -> OldRun:
    record = read_record(folder.path)
    _refuse_folders(folder.path, but="stages")
    known = {stage.name for stage in record.stages}
    for inner in (folder.path / "stages").iterdir():
        if inner.is_symlink() or (inner.name not in known and inner.name != LOCKS):
            raise UsageError(f"holds stages/{inner.name}, which is no stage of it")
    for stage in record.stages:
        _refuse_folders(folder.path / "stages" / stage.name)
    summary = look_at_pipeline(folder)
    if summary.state == "running":
        raise RefusedError(f"at work: {summary.reason}")
    ended = max(_moment(record.created_at), _moment(_finished_at(folder.path)))
    if not ended:
        raise UsageError("nothing tells when it was")
    return OldRun(folder, record.name, "pipeline", summary.counts, ended)


def _refuse_folders(path: Path, *, but: str = "") -> None:
    for inner in path.iterdir():
        if inner.name == but and stat.S_ISDIR(inner.lstat().st_mode):
            continue
        if not stat.S_ISREG(inner.lstat().st_mode):
            raise UsageError(f"holds {inner.name}, which is no file of a run")


def _finished_at(path: Path) -> str:
    with suppress(UsageError):
        return str(read_summary(path).get("finished_at", ""))
    return ""


def _moment(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _unfinished(counts: Counts) -> str:
    return f"not finished: {counts.pending:,} rows pending, {counts.in_doubt:,} in doubt"


async def remove(run: OldRun, *, even_unfinished: bool) -> None:
    """Remove the folder of `run`. Wherever this is cut off, what is left is the run as it was, or no run at all.

    Raises RefusedError if somebody has taken it up meanwhile, LedgerError or UsageError if it cannot be removed.
    """
    folder = run.folder
    for one in _with_ledgers(folder):
        await _take(one, even_unfinished=even_unfinished)
    aside = folder.path.with_name(f".pruned-{folder.run_id}-{secrets.token_hex(4)}")
    try:
        folder.path.rename(aside)
        flush_folder(aside.parent)
        _empty(aside)
    except OSError as error:
        raise UsageError(f"{folder.path}: cannot be removed: {error.strerror or error}") from error


def _with_ledgers(folder: RunFolder) -> Sequence[RunFolder]:
    """The run, or the stages of a pipeline that were begun."""
    if not is_pipeline(folder.path):
        return [folder]
    stages = [RunFolder(folder.path / "stages" / one.name) for one in read_record(folder.path).stages]
    return [one for one in stages if one.ledger(one.read_job()).is_file()]


async def _take(folder: RunFolder, *, even_unfinished: bool) -> None:
    """Take a run's lock for good: whoever comes now finds it held, until there is nothing left to find."""
    ledger = SqliteLedger.open(folder.ledger(folder.read_job()))
    try:
        await ledger.acquire(owner(), lease_s=LEASE_S)
        counts = ledger.counts()
        if (counts.pending or counts.in_doubt) and not even_unfinished:
            await ledger.release()
            raise RefusedError(_unfinished(counts))
    finally:
        with suppress(LedgerError):
            await ledger.close()


def sweep(runs_dir: Path) -> None:
    """Remove what a pruning left that was cut off."""
    with suppress(OSError):
        for path in runs_dir.iterdir():
            if _ASIDE.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
                with suppress(OSError):
                    _empty(path)


def _empty(aside: Path) -> None:
    """Remove the folder of a run that was put aside; what made it a run goes first."""
    for name in ("job.json", PIPELINE_FILE):
        (aside / name).unlink(missing_ok=True)
    flush_folder(aside)
    if (aside / "stages").is_dir():
        shutil.rmtree(aside / "stages")
    for path in aside.iterdir():
        path.unlink(missing_ok=True)
    aside.rmdir()
