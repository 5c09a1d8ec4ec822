"""The record of a pipeline and of its stages, and the reports over all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any

from bulkops.errors import BulkopsError, LedgerError, RefusedError, UsageError
from bulkops.ledger.base import LedgerView, Owner
from bulkops.ledger.memory import MemoryLedger
from bulkops.ledger.sqlite import SqliteLedgerView
from bulkops.model import Counts, Traffic
from bulkops.planning import Plan
from bulkops.reports import ErrorCount, RunFacts, StageReport, Summary, read_summary, write_pipeline_reports
from bulkops.wiring.folder import RunFolder
from bulkops.wiring.foreign import refuse_links
from bulkops.wiring.input import JobInput
from bulkops.wiring.reporting import ended_counts, next_command, state_of, summary_of, write_run_reports
from bulkops.wiring.runs import RunResult

PIPELINE_FILE = "pipeline.json"


@dataclass(frozen=True, slots=True)
class StageRecord:
    """What a pipeline keeps of a stage; the folder below `stages/` has its name."""

    name: str
    operation: str
    target: str
    max_failures: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Record:
    """A pipeline as its folder tells of it."""

    run_id: str
    source: str
    name: str
    created_at: str
    version: str
    stages: Sequence[StageRecord]
    config_file: str | None = None


def is_pipeline(folder: Path) -> bool:
    """Whether a run's folder holds a pipeline."""
    return (folder / PIPELINE_FILE).is_file()


def read_record(folder: Path) -> Record:
    """The pipeline in `folder`. Raises UsageError for one that is damaged."""
    path = folder / PIPELINE_FILE
    try:
        refuse_links(folder)
        found = json.loads(path.read_bytes())
        stages = [StageRecord(**_stage(one)) for one in found["stages"]]
        texts = {name: _text(found, name) for name in ("run_id", "source", "name", "created_at", "version")}
        config_file = found.get("config_file")
        return Record(**texts, stages=stages, config_file=config_file if isinstance(config_file, str) else None)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UsageError(f"{path} is damaged ({error}): this pipeline cannot be continued") from error


def _stage(found: Any) -> Mapping[str, Any]:
    keys = ("name", "operation", "target")
    if not isinstance(found, dict) or not all(isinstance(found.get(key), str) for key in keys):
        raise ValueError("a stage without name, operation or target")
    if found["name"] in {"", ".", ".."} or "/" in found["name"] or "\\" in found["name"] or "\0" in found["name"]:
        raise ValueError("a stage whose name is no folder's")
    allowed = found.get("max_failures")
    if allowed is not None and not isinstance(allowed, str):
        raise ValueError("max_failures of a stage")
    return {"name": found["name"], "operation": found["operation"], "target": found["target"], "max_failures": allowed}


def _text(found: Mapping[str, Any], name: str) -> str:
    if not isinstance(found[name], str):
        raise ValueError(name)
    return str(found[name])


@dataclass(frozen=True, slots=True)
class StageView:
    """A stage as its ledger shows it now; one that is not begun has all its rows pending."""

    record: StageRecord
    folder: RunFolder
    view: LedgerView
    begun: bool

    @classmethod
    def of(cls, pipeline: Path, record: StageRecord) -> StageView:
        """Raises LedgerError for a ledger that cannot be read."""
        folder = RunFolder(pipeline / "stages" / record.name)
        job = folder.read_job()
        begun = folder.ledger(job).is_file()
        view: LedgerView = SqliteLedgerView.open(folder.ledger(job)) if begun else MemoryLedger(job.total)
        return cls(record, folder, view, begun)

    def counts(self) -> Counts:
        """Rows by where they stand."""
        return ended_counts(self.view)

    def holder(self) -> Owner | None:
        """Who works on it now."""
        return self.view.holder() if isinstance(self.view, SqliteLedgerView) else None

    def report(self) -> StageReport:
        """Where its reports are; those that are missing, or tell of an earlier state, are written now."""
        job, counts = self.folder.read_job(), self.counts()
        if not self._reports_are_true(counts):
            state = "completed" if not counts.pending and not counts.in_doubt else "stopped"
            summary = summary_of(self.folder, job, counts, self.view.traffic(), state=state, reason=None)
            write_run_reports(self.folder, job, self.view, JobInput.of_run(self.folder.input(job), job), summary)
        operation = next(iter(job.operations)) if len(job.operations) == 1 else None
        return StageReport(
            name=self.record.name,
            title=job.operation,
            operation=operation,
            target=job.target,
            source=job.source,
            counts=counts,
            folder=self.folder.path,
            delimiter=job.delimiter or ",",
        )

    def _reports_are_true(self, counts: Counts) -> bool:
        if not all((self.folder.path / name).is_file() for name in ("failures.csv", "results.csv", "summary.json")):
            return False
        try:
            return bool(read_summary(self.folder.path)["counts"] == counts.as_dict())
        except UsageError:
            return False


def report_pipeline(
    folder: RunFolder,
    stages: Sequence[StageRecord],
    error: BulkopsError | None,
    plans: Sequence[Plan],
    reason: str | None = None,
) -> RunResult:
    """Write the reports over all stages. A disk that is full must not hide how the pipeline ended."""
    views = [StageView.of(folder.path, record) for record in stages]
    summary = pipeline_summary(folder, views, error, reason=reason if error is not None else None)
    by_error: Sequence[ErrorCount] = ()
    try:
        by_error = write_reports_of(folder, views, summary)
    except BulkopsError as caught:
        error = error or LedgerError(f"{caught}; `bulkops report` writes them anew")
    return RunResult(summary, summary.counts, error, plans, by_error)


def look_at_pipeline(folder: RunFolder) -> Summary:
    """The pipeline as its ledgers show it now; how its last session ended comes from its summary, if it has one."""
    views = [StageView.of(folder.path, record) for record in read_record(folder.path).stages]
    holder = next((held for view in views if (held := view.holder()) is not None), None)
    if holder is not None:
        reason = f"process {holder.pid} on {holder.host} works on it"
        return replace(pipeline_summary(folder, views, None, state="running", reason=reason), next_command=None)
    found = read_summary(folder.path) if (folder.path / "summary.json").exists() else None
    counts = _counts_of(views).as_dict()
    if found is not None and found["counts"] == counts:  # else a later session was killed: it tells nothing of that
        return pipeline_summary(folder, views, None, state=found["state"], reason=found["reason"])
    if all(not view.counts().pending and not view.counts().in_doubt for view in views):
        return pipeline_summary(folder, views, None)
    return pipeline_summary(folder, views, None, state="interrupted", reason="the process ended without a word")


def report_again(folder: RunFolder) -> None:
    """Write the pipeline's reports anew. Raises RefusedError while somebody works on it."""
    summary = look_at_pipeline(folder)
    if summary.state == "running":
        raise RefusedError(f"run {folder.run_id}: {summary.reason}, and it writes the reports when it ends")
    views = [StageView.of(folder.path, record) for record in read_record(folder.path).stages]
    write_reports_of(folder, views, summary)


def write_reports_of(folder: RunFolder, views: Sequence[StageView], summary: Summary) -> Sequence[ErrorCount]:
    """The pipeline's reports, anew. Raises BulkopsError when they cannot be written."""
    record = read_record(folder.path)
    facts = RunFacts(
        started_at=record.created_at,
        finished_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        version=record.version,
        source=record.source,
    )
    return write_pipeline_reports(folder.path, stages=[view.report() for view in views], summary=summary, facts=facts)


def pipeline_summary(
    folder: RunFolder,
    views: Sequence[StageView],
    error: BulkopsError | None,
    *,
    state: str | None = None,
    reason: str | None = None,
) -> Summary:
    """What `--json` says of a pipeline: the sum of its stages, and each of them."""
    counts = _counts_of(views)
    traffic = Traffic()
    for view in views:
        traffic = traffic.plus(view.view.traffic())
    return Summary(
        run_id=folder.run_id,
        state=state or state_of(error),
        operation="pipeline",
        target=", ".join(dict.fromkeys(view.record.target for view in views)),
        counts=counts,
        requests=traffic.requests,
        throttled=traffic.throttled,
        retries=traffic.retries,
        elapsed_s=round(traffic.elapsed_s, 3),
        run_dir=str(folder.path),
        failures_file=str(folder.path / "failures.csv"),
        report_file=str(folder.path / "report.html"),
        reason=reason if error is None or reason else str(error),
        next_command=next_command(folder, counts, read_record(folder.path).config_file),
        stages=tuple(_told(view) for view in views),
    )


def _counts_of(views: Sequence[StageView]) -> Counts:
    """All rows of the stages by where they stand."""
    return reduce(Counts.plus, (view.counts() for view in views), Counts())


def _told(view: StageView) -> Mapping[str, Any]:
    counts = view.counts()
    if not view.begun:
        state = "pending"
    elif counts.pending or counts.in_doubt:
        state = "stopped"
    else:
        state = "completed"
    record = view.record
    return {
        "name": record.name,
        "operation": record.operation,
        "target": record.target,
        "state": state,
        "counts": counts.as_dict(),
        "run_dir": str(view.folder.path),
    }
