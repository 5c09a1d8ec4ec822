"""The command that moves people from one organisation to another: migrate."""

from __future__ import annotations

import argparse
import json
import shlex

import anyio

from bulkops import config
from bulkops.cli.output import harmless, say
from bulkops.errors import UsageError
from bulkops.wiring import Migrated, plan_migration, read_mapping, write_migration

SHOWN = 20
"""So many differences are shown; `--json` has all."""


def migrate(options: argparse.Namespace) -> int:
    """Write a pipeline that moves people, or compare two organisations after it ran."""
    if not options.verify and options.out is None:
        raise UsageError("--out DIR is missing: the folder that the pipeline is written into (or use --verify)")
    loaded, mapping = config.load(options.config), read_mapping(options.mapping)

    async def work() -> Migrated:
        return await plan_migration(
            loaded, source=options.source, goal=options.goal, mapping=mapping, create=options.create, tell=say
        )

    migrated = anyio.run(work)
    return _verify(migrated, options) if options.verify else _write(migrated, options)


def _write(migrated: Migrated, options: argparse.Namespace) -> int:
    write_migration(migrated, options.out)
    story = (options.out / "README.md").read_text(encoding="utf-8")
    if options.json:
        print(json.dumps(_as_dict(migrated, out=str(options.out)), ensure_ascii=False))
    else:
        print(harmless(story), end="")
    say(
        f"written to {options.out}; nothing was sent. Next: review it, then bulkops run {shlex.quote(str(options.out))}"
    )
    return 0


def _verify(migrated: Migrated, options: argparse.Namespace) -> int:
    """Exit 0 where nothing differs, 1 otherwise."""
    found = migrated.differences()
    if options.json:
        listed = [{"kind": kind, "subject": subject, "detail": detail} for kind, subject, detail in found]
        print(json.dumps({**_as_dict(migrated), "equal": not found, "differences": listed}, ensure_ascii=False))
    arrived, wanted = len(migrated.plan.arrived), len(migrated.plan.wanted)
    say(f"{arrived:,} of {wanted:,} people have in {migrated.goal_target} what they have in {migrated.source_target}")
    for kind, subject, detail in found[:SHOWN]:
        say(harmless(f"  {kind}: {subject}" + (f" ({detail})" if detail else "")))
    if len(found) > SHOWN:
        say(f"  … and {len(found) - SHOWN:,} more differences; --json lists them")
    left_out = ", ".join(f"{count:,} {code}" for code, count in migrated.left_out().items())
    if left_out:
        say(f"not compared, since not migrated: {left_out}")
    say("nothing differs" if not found else f"{len(found):,} differences; `bulkops migrate` writes what is left to do")
    return 1 if found else 0


def _as_dict(migrated: Migrated, **more: object) -> dict[str, object]:
    return {
        "from": migrated.source_target,
        "to": migrated.goal_target,
        "counts": dict(migrated.counts()),
        "stages": [{"operation": one.operation, "rows": len(one.rows)} for one in migrated.stages()],
        "findings": dict(migrated.plan.counts()),
        **more,
    }
