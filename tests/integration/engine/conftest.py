"""A desk at a sandbox for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bulkops.testing.desk import Desk, open_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk at a sandbox of 200 people."""
    async with open_desk(tmp_path) as opened:
        yield opened
