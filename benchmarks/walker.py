"""One walk of the members through bulkops' own client, `IN_FLIGHT` pages side by side; prints JSON.

`python -m benchmarks.walker URL IN_FLIGHT HOW`, where HOW is `list`, as planning reads it, into memory, or `stream`, as
exports do, page after page. Either proves itself complete, or the walk counts for nothing.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import anyio

from benchmarks.server import ORGANIZATION
from bulkops.config import Auth, TargetConfig
from bulkops.fetch import Portion, read_table, walk
from bulkops.providers.base import Organization
from bulkops.transport import Scrubber
from bulkops.wiring import Overrides, open_organization
from bulkops.wiring.logs import logging_to

WIDEST = 32


async def work(url: str, in_flight: int, how: str) -> None:
    """Walk all members once. The first call of a fresh process, with its connection, is not counted."""
    target = TargetConfig(
        provider="sandbox",
        base_url=url,
        organization=ORGANIZATION,
        concurrency=WIDEST,
        auth=Auth(method="bearer", token_env="BENCH_TOKEN"),
    )
    async with open_organization(
        target,
        scrubber=Scrubber(),
        overrides=Overrides(),
        sandbox_state=Path("unused"),
        environ={**os.environ, "BENCH_TOKEN": "bench"},
    ) as org:
        await org.caller()
        started = time.perf_counter()
        cpu = time.process_time()
        rows = await (stream(org, in_flight) if how == "stream" else listed(org, in_flight))
        took = {"s": time.perf_counter() - started, "cpu_s": time.process_time() - cpu, "rows": rows}
        took["calls"] = org.meter.requests - 1
    print(json.dumps(took))


async def listed(org: Organization, in_flight: int) -> int:
    """As planning reads: all rows in memory. A walk that is not vouched for raises."""
    return len(await walk(org.people(), in_flight=in_flight))


async def stream(org: Organization, in_flight: int) -> int:
    """As exports read: page after page, in order. 0 for a walk that does not prove itself complete."""
    rows = 0

    async def take(portion: Portion) -> None:
        nonlocal rows
        rows += len(portion.rows)

    sure = await read_table(org.resources["members"], org.resources, take, in_flight=in_flight)
    return rows if sure.proven else 0


def main(url: str, in_flight: str, how: str) -> None:
    """Run on uvloop where it is installed, as the command does."""
    with logging_to(Path("walker.log"), scrubber=Scrubber(), level="info", log_format="console"):
        anyio.run(work, url, int(in_flight), how, backend_options={"use_uvloop": find_spec("uvloop") is not None})


if __name__ == "__main__":
    main(*sys.argv[1:])
