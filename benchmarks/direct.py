"""The engine of `bulkops run` without its command: any ledger on any event loop, to tell apart what costs what.

`python -m benchmarks.direct URL JOB BATCH WIDTH LOOP LEDGER`
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from benchmarks.server import ORGANIZATION
from bulkops.config import Auth, TargetConfig
from bulkops.engine import RunLimits, Runner, StopSignal, TrafficNotes
from bulkops.ledger.lock import this_process
from bulkops.ledger.memory import MemoryLedger
from bulkops.ledger.sqlite import SqliteLedger
from bulkops.model import Traffic
from bulkops.operations import OPERATIONS
from bulkops.planning import Planner, ProtectedNames, Rosters
from bulkops.transport import Scrubber
from bulkops.wiring import AVAILABLE, Overrides, look_at, open_organization
from bulkops.wiring.logs import logging_to


async def work(url: str, job: str, batch: int, width: int, ledger_kind: str) -> None:
    """Check, plan and apply the whole job."""
    folder = Path.cwd()
    target = TargetConfig(
        provider="sandbox",
        base_url=url,
        organization=ORGANIZATION,
        concurrency=width,
        auth=Auth(method="bearer", token_env="BENCH_TOKEN"),
    )
    source = look_at(job, folder, operation=None)
    source.use_provider("anypoint", AVAILABLE["anypoint"])
    total = source.check().total
    path = folder / "direct.sqlite"
    ledger = SqliteLedger.create(path, total=total) if ledger_kind == "sqlite" else MemoryLedger(total)
    scrubber = Scrubber()
    try:
        await ledger.acquire(this_process("bench"), lease_s=600)
        with logging_to(folder / "direct.log", scrubber=scrubber, level="warning", log_format="console"):
            async with open_organization(
                target,
                scrubber=scrubber,
                overrides=Overrides(),
                sandbox_state=folder / "unused",
                environ={**os.environ, "BENCH_TOKEN": "bench"},
            ) as org:
                planner = Planner(OPERATIONS["invite"], Rosters(org), guards=ProtectedNames(), expected=total)
                runner = Runner(
                    operation=OPERATIONS["invite"],
                    org=org,
                    planner=planner,
                    ledger=ledger,
                    source=source.items("invite"),
                    limits=RunLimits(width=width, batch_size=batch),
                    stop=StopSignal(),
                    traffic=TrafficNotes(ledger, lambda: Traffic(org.meter.requests)),
                )
                await runner.survey(note_skipped=True, note_invalid=False)
                await runner.apply()
        if ledger.counts().succeeded != total:
            raise RuntimeError(f"{ledger.counts()}")
    finally:
        await ledger.close()
        for each in folder.glob("direct.*"):
            each.unlink()


def main(url: str, job: str, batch: str, width: str, loop: str, ledger: str) -> None:
    """Run on the standard loop or on uvloop."""
    doing = work(url, job, int(batch), int(width), ledger)
    if loop == "uvloop":
        import uvloop  # noqa: PLC0415 - not there on every platform

        uvloop.run(doing)
    else:
        asyncio.run(doing)


if __name__ == "__main__":
    main(*sys.argv[1:])
