"""The command that removes old runs."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import anyio

from bulkops.cli.asking import confirm_removal
from bulkops.cli.output import say
from bulkops.errors import BulkopsError, ConfigError, UsageError
from bulkops.wiring import DEFAULT_RUNS_DIR, OldRun, Pruning, parse_keep, prune_survey, remove_run, sweep


def prune(options: argparse.Namespace) -> int:
    """List what is old, ask, and remove it; 1 if something could not be removed."""
    runs_dir = options.runs_dir or DEFAULT_RUNS_DIR
    try:
        keep = parse_keep(options.keep)
    except ConfigError as error:
        raise UsageError(f"--keep {error}") from None
    found = prune_survey(runs_dir, keep, name=options.name, even_unfinished=options.even_unfinished, now=time.time())
    say(_listing(found))
    failed: list[tuple[str, str]] = []
    removed: list[str] = []
    if not options.dry_run:
        if found.old:
            anyio.run(partial(confirm_removal, len(found.old), yes=options.yes))
        sweep(runs_dir)
        anyio.run(_remove_all, found.old, options.even_unfinished, removed, failed)
        say(f"{len(removed):,} of {len(found.old):,} removed")
    else:
        say("Nothing was removed.")
    if options.json:
        told = {
            "runs_dir": str(runs_dir),
            "old": [run.folder.run_id for run in found.old],
            "removed": removed,
            "kept": found.kept,
            "left": [{"run_id": run, "reason": reason} for run, reason in (*found.left, *failed)],
        }
        print(json.dumps(told, ensure_ascii=False))
    return 1 if failed else 0


async def _remove_all(
    old: Sequence[OldRun], even_unfinished: bool, removed: list[str], failed: list[tuple[str, str]]
) -> None:
    for run in old:
        try:
            await remove_run(run, even_unfinished=even_unfinished)
            removed.append(run.folder.run_id)
        except BulkopsError as error:
            say(f"warning: {run.folder.run_id} stays: {error}")
            failed.append((run.folder.run_id, str(error)))


def _listing(found: Pruning) -> str:
    lines = [f"{len(found.old):,} to remove, {found.kept:,} to keep"]
    for run in found.old:
        ended = datetime.fromtimestamp(run.ended_at, UTC).strftime("%Y-%m-%d %H:%M")
        counts = run.counts
        open_rows = f", {counts.pending:,} pending, {counts.in_doubt:,} in doubt" if not run.finished else ""
        name = f" of {run.name}" if run.name else ""
        done = f"{counts.done:,}/{counts.total:,} done"
        lines.append(f"  {run.folder.run_id}{name}: {run.operation}, {done}{open_rows}, ended {ended}")
    lines += [f"  stays: {run}: {reason}" for run, reason in found.left]
    return "\n".join(lines)
