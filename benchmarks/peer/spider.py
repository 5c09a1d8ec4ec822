"""A Scrapy spider that posts every row; with JOBDIR, Scrapy keeps its queue and what it has seen.

`scrapy runspider spider.py -a url=URL -a job=JOB -s JOBDIR=FOLDER`
"""

import csv
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import scrapy


class Invitations(scrapy.Spider):  # type: ignore[misc]  # scrapy is not among the project's packages
    """One request a row."""

    name = "invitations"
    url: str
    job: str

    async def start(self) -> AsyncIterator[Any]:
        """A request for each row of the job."""
        headers = {"Authorization": "Bearer bench", "Content-Type": "application/json"}
        with Path(self.job).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                body = json.dumps([{"email": row["email"]}])
                yield scrapy.Request(self.url, method="POST", body=body, headers=headers, callback=self.told)

    def told(self, response: Any) -> None:
        """The answer of one row."""
