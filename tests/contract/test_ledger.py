"""Every ledger passes the same suite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bulkops.ledger.base import Ledger
from bulkops.ledger.memory import MemoryLedger
from bulkops.ledger.sqlite import SqliteLedger
from bulkops.testing.ledger_contract import TOTAL, LedgerContract


class TestMemoryLedger(LedgerContract):
    """In memory."""

    @pytest.fixture
    async def ledger(self) -> AsyncIterator[Ledger]:
        """A new one."""
        ledger = MemoryLedger(TOTAL)
        yield ledger
        await ledger.close()


class TestSqliteLedger(LedgerContract):
    """In a file."""

    @pytest.fixture
    async def ledger(self, tmp_path: Path) -> AsyncIterator[Ledger]:
        """A new one."""
        ledger = SqliteLedger.create(tmp_path / "ledger.db", total=TOTAL)
        yield ledger
        await ledger.close()


class TestReopenedSqliteLedger(LedgerContract):
    """In a file that an earlier process left behind."""

    @pytest.fixture
    async def ledger(self, tmp_path: Path) -> AsyncIterator[Ledger]:
        """One that was made, closed and opened again."""
        await SqliteLedger.create(tmp_path / "ledger.db", total=TOTAL).close()
        ledger = SqliteLedger.open(tmp_path / "ledger.db")
        yield ledger
        await ledger.close()
