"""requests in threads that share a Session: the script of those who stay away from asyncio.

`python threads.py URL JOB WIDTH`
"""

import csv
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter


def work(url: str, job: str, width: int) -> None:
    """Post every row, `width` at a time."""
    session = requests.Session()
    session.headers["Authorization"] = "Bearer bench"
    session.mount("http://", HTTPAdapter(pool_connections=width, pool_maxsize=width))

    def invite(email: str) -> int:
        answer = session.post(url, json=[{"email": email}], timeout=30)
        answer.raise_for_status()
        return int(answer.status_code)

    with Path(job).open(encoding="utf-8", newline="") as file, ThreadPoolExecutor(width) as pool:
        for _status in pool.map(invite, (row["email"] for row in csv.DictReader(file))):
            pass


work(sys.argv[1], sys.argv[2], int(sys.argv[3]))
