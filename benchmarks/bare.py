"""The loop that anybody would write: read a CSV, post batches with aiohttp, side by side. No record, no resume.

`python -m benchmarks.bare URL JOB BATCH WIDTH LOOP`
"""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import aiohttp

from benchmarks.server import BASE


def batches(path: Path, size: int) -> Iterator[bytes]:
    """Bodies of `size` invitations each."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        while part := list(islice(rows, size)):
            yield json.dumps([{"email": row["email"]} for row in part]).encode()


async def work(url: str, bodies: Iterator[bytes], width: int) -> None:
    """`width` workers share the bodies."""
    headers = {"Authorization": "Bearer bench", "Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=width)
    async with (
        aiohttp.ClientSession(url, connector=connector, headers=headers) as session,
        asyncio.TaskGroup() as tasks,
    ):

        async def worker() -> None:
            for body in bodies:
                async with session.post(f"{BASE}/invites", data=body) as answer:
                    await answer.read()
                    answer.raise_for_status()

        for _ in range(width):
            tasks.create_task(worker())


def main(url: str, job: str, batch: str, width: str, loop: str) -> None:
    """Run on the standard loop or on uvloop."""
    doing = work(url, batches(Path(job), int(batch)), int(width))
    if loop == "uvloop":
        import uvloop  # noqa: PLC0415 - not there on every platform

        uvloop.run(doing)
    else:
        asyncio.run(doing)


if __name__ == "__main__":
    main(*sys.argv[1:])
