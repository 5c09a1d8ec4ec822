"""A small campaign, as part of every run of the tests; `make chaos N=200` plays larger ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.campaign import Campaign, fight, never_reached
from tests.chaos.jobs import VERBS
from tests.chaos.killing import build_shim
from tests.chaos.table import points, table, total

SMALL = Campaign(kills=34, seed=0, kills_a_round=2)


@pytest.mark.chaos
def test_thirty_four_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """All operations, all points, lost and late answers, throttling, ended tokens: every row ends true, and once."""
    played = fight(SMALL, tmp_path)
    print(f"\n{table(played)}\n\n{points(played)}")
    assert [f"{SMALL.replay(one.mixture.seed)}: {text}" for one in played for text in one.bad] == []
    assert total(played).total() >= SMALL.kills
    assert {one.mixture.operation for one in played} == set(VERBS)
    assert list(never_reached(SMALL, played, shim=build_shim(tmp_path) is not None)) == []
