"""Clients of a service with a quota. Either prints one JSON object at its end.

`python -m benchmarks.caller ours URL ORGANIZATION MARK CALLS WIDTH RESERVE` reads side by side through the project's
own session and gates. `python -m benchmarks.caller rival URL ORGANIZATION MARK PER_S SECONDS` sends evenly, and cares
for nothing. MARK is the limit of the pages that are asked for, by which the server's log tells callers apart.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

TOKEN = "sandbox-token"


async def ours(url: str, organization: str, mark: int, calls: int, width: int, reserve: float) -> dict[str, object]:
    """Make so many calls of one endpoint class; from when to when (epoch seconds), and what was refused."""
    from bulkops.config import Auth, TargetConfig  # noqa: PLC0415 - a rival starts without all this
    from bulkops.fetch.parallel import side_by_side  # noqa: PLC0415
    from bulkops.transport import Scrubber  # noqa: PLC0415
    from bulkops.wiring import Overrides, open_organization  # noqa: PLC0415
    from bulkops.wiring.logs import logging_to  # noqa: PLC0415

    target = TargetConfig(
        provider="sandbox",
        base_url=url,
        organization=organization,
        concurrency=width,
        reserve=reserve,
        auth=Auth(method="bearer", token_env="BENCH_TOKEN"),
    )
    scrubber = Scrubber()
    with logging_to(None, scrubber=scrubber, level="warning", log_format="console"):
        async with open_organization(
            target,
            scrubber=scrubber,
            overrides=Overrides(),
            sandbox_state=Path("unused"),
            environ={**os.environ, "BENCH_TOKEN": TOKEN},
        ) as org:
            invitations = org.invitations()

            async def call(_number: int) -> None:
                await invitations.page(0, mark)

            started = time.time()
            await side_by_side(range(calls), call, width=width)
            return {"started": started, "ended": time.time(), "refused": org.meter.throttled}


async def rival(url: str, organization: str, mark: int, per_s: float, seconds: float) -> dict[str, object]:
    """Another client of the same quota, which waits for nobody."""
    import aiohttp  # noqa: PLC0415

    path = f"/accounts/api/organizations/{organization}/invites"
    headers = {"Authorization": f"Bearer {TOKEN}"}
    statuses: list[int] = []
    async with aiohttp.ClientSession(url, headers=headers) as session, asyncio.TaskGroup() as tasks:

        async def call() -> None:
            async with session.get(path, params={"offset": "0", "limit": str(mark)}) as answer:
                statuses.append(answer.status)

        started = time.monotonic()
        for number in range(int(per_s * seconds)):
            await asyncio.sleep(max(0.0, started + number / per_s - time.monotonic()))
            tasks.create_task(call())
    return {"calls": len(statuses), "refused": sum(status != 200 for status in statuses)}


def main(kind: str, url: str, organization: str, mark: str, *numbers: str) -> None:
    """Run on uvloop, and print what was found."""
    import uvloop  # noqa: PLC0415 - not there on every platform

    doing: Coroutine[Any, Any, dict[str, object]]
    if kind == "rival":
        per_s, seconds = numbers
        doing = rival(url, organization, int(mark), float(per_s), float(seconds))
    else:
        calls, width, reserve = numbers
        doing = ours(url, organization, int(mark), int(calls), int(width), float(reserve))
    print(json.dumps(uvloop.run(doing)))


if __name__ == "__main__":
    main(*sys.argv[1:])
