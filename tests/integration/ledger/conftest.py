"""Child processes that own a ledger, and what they leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Child = subprocess.Popen[str]
StartChild = Callable[..., Child]

PRELUDE = """
import asyncio, os, sys
from pathlib import Path
from bulkops.errors import LedgerError, RefusedError
from bulkops.ledger.lock import this_process
from bulkops.ledger.sqlite import SqliteLedger, SqliteLedgerView
from bulkops.model import Outcome, RowSet, Settled

DONE = Outcome.succeeded(attempts=1, http_status=200)

def say(text):
    os.write(1, f"{text}\\n".encode())  # one write, so that a kill cannot cut a line
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger of a test lies."""
    return tmp_path / "ledger.db"


@pytest.fixture
def start_child() -> Iterator[StartChild]:
    """Starts Python on a script that speaks by `say` and hears by stdin. None outlives its test."""
    children: list[Child] = []

    def start(script: str, *arguments: object) -> Child:
        child = subprocess.Popen(
            [sys.executable, "-c", PRELUDE + script, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()
