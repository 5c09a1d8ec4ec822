"""Claims that are made ahead: what they are worth when the run is lost before the call leaves."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bulkops.engine.permit import LedgerPermit
from bulkops.errors import LedgerError
from bulkops.ledger.base import Owner
from bulkops.ledger.sqlite import SqliteLedger
from bulkops.model import Batch, Item, RowSet, State

FAR = Owner("far", "another-host", 1, 0.0)


async def test_a_run_that_was_taken_over_after_its_claims_lets_not_a_byte_leave(tmp_path: Path) -> None:
    """The batch waited at a gate, its claim long durable; whoever has the run now looks it up."""
    path = tmp_path / "ledger"
    old = SqliteLedger.create(path, total=2)
    await old.acquire(FAR, lease_s=-1)
    (claim, other) = await old.begin_ahead([RowSet.of([1]), RowSet.of([2])])
    await old.acquire(FAR, lease_s=0.01)
    new = SqliteLedger.open(path, clock=lambda: time.time() + 3600)
    await new.acquire(Owner("new", "here", 2, 0.0), lease_s=60)
    permit = LedgerPermit(old, Batch((Item(1, "a", None),)), lambda: 0.0, None, claim)
    with pytest.raises(LedgerError, match="taken over"):
        await permit.begin()
    assert [new.state_of(row) for row in (1, 2)] == [State.IN_DOUBT] * 2
    assert [one.id for one in new.open_claims()] == [claim.id, other.id]
    await old.close()
    await new.close()
