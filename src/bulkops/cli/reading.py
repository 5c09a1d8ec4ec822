"""The commands that read a run back: runs, show, report."""

from __future__ import annotations

import argparse
import json
import shutil
import sys

from bulkops.cli.output import harmless
from bulkops.reports import RunEntry, console_summary, errors_of, list_runs, read_summary
from bulkops.wiring import (
    DEFAULT_RUNS_DIR,
    RunFolder,
    find,
    is_pipeline,
    look_at_pipeline,
    open_read,
    read_record,
    report_again,
)


def runs(options: argparse.Namespace) -> int:
    """List the runs, newest first."""
    runs_dir = options.runs_dir or DEFAULT_RUNS_DIR
    entries = list_runs(runs_dir)
    if options.json:
        print(json.dumps({"runs_dir": str(runs_dir), "runs": [_as_dict(entry) for entry in entries]}))
        return 0
    if not entries:
        print(f"no runs in {runs_dir}", file=sys.stderr)
        return 0
    rows = [("RUN", "STATE", "OPERATION", "TARGET", "DONE", "FAILED", "STARTED"), *map(_row, entries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print(harmless("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()))
    return 0


def show(options: argparse.Namespace) -> int:
    """Tell what became of a run, and what to do next."""
    folder = find(options.runs_dir or DEFAULT_RUNS_DIR, options.run)
    if is_pipeline(folder.path):
        return _show_pipeline(folder, options)
    with open_read(folder) as run:
        summary = run.summary()
        if options.json:
            print(json.dumps(summary.as_dict(), ensure_ascii=False))
            return 0
        known = (folder.path / "summary.json").exists()
        errors = errors_of(read_summary(folder.path)) if known else ()
        print(harmless(f"run {folder.run_id}, started {run.job.created_at}, from {run.job.source}"))
        print(console_summary(summary, errors), end="")
    return 0


def _show_pipeline(folder: RunFolder, options: argparse.Namespace) -> int:
    summary = look_at_pipeline(folder)
    if options.json:
        print(json.dumps(summary.as_dict(), ensure_ascii=False))
        return 0
    known = (folder.path / "summary.json").exists()
    errors = errors_of(read_summary(folder.path)) if known else ()
    record = read_record(folder.path)
    print(harmless(f"run {folder.run_id}, started {record.created_at}, from {record.source}"))
    print(console_summary(summary, errors), end="")
    return 0


def report(options: argparse.Namespace) -> int:
    """Write a run's reports anew and print one of them."""
    folder = find(options.runs_dir or DEFAULT_RUNS_DIR, options.run)
    if is_pipeline(folder.path):
        report_again(folder)
    else:
        with open_read(folder) as run:
            run.write_reports()
    chosen = folder.path / {"html": "report.html", "csv": "results.csv", "json": "summary.json"}[options.format]
    print(f"from {chosen}", file=sys.stderr)
    with chosen.open(encoding="utf-8", newline="") as text:
        shutil.copyfileobj(text, sys.stdout)
    return 0


def _row(entry: RunEntry) -> tuple[str, ...]:
    counts = entry.counts
    done = f"{counts.done:,}/{counts.total:,}" if counts else "?"
    failed = f"{counts.failed:,}" if counts else "?"
    started = (entry.started or "")[:19].replace("T", " ")
    return entry.id, entry.state, entry.operation, entry.target, done, failed, started


def _as_dict(entry: RunEntry) -> dict[str, object]:
    return {
        "run_id": entry.id,
        "state": entry.state,
        "operation": entry.operation,
        "target": entry.target,
        "counts": entry.counts.as_dict() if entry.counts else None,
        "started_at": entry.started,
        "run_dir": str(entry.folder),
        "problem": entry.problem,
    }
