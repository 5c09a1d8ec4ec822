"""What a colleague writes in half an hour: one task for each row, `asyncio.gather`, a semaphore.

`python gather.py URL JOB WIDTH`
"""

import asyncio
import csv
import sys
from pathlib import Path

import aiohttp


async def work(url: str, job: str, width: int) -> None:
    """Post every row, `width` at a time."""
    places = asyncio.Semaphore(width)
    headers = {"Authorization": "Bearer bench"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=width), headers=headers) as session:

        async def invite(email: str) -> int:
            async with places, session.post(url, json=[{"email": email}]) as answer:
                await answer.read()
                answer.raise_for_status()
                return answer.status

        with Path(job).open(encoding="utf-8", newline="") as file:
            emails = [row["email"] for row in csv.DictReader(file)]
        await asyncio.gather(*(invite(email) for email in emails))


asyncio.run(work(sys.argv[1], sys.argv[2], int(sys.argv[3])))
