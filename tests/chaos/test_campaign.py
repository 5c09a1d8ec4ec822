"""A small campaign, as part of every run of the tests; `make chaos N=200` plays larger ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkops.wiring import ADAPTERS, AVAILABLE
from tests.chaos.campaign import Campaign, fight, never_reached
from tests.chaos.habitats import HABITATS, PLAYS
from tests.chaos.killing import build_shim
from tests.chaos.table import points, table, total

SMALL = Campaign(kills=2 * len(PLAYS), seed=0, kills_a_round=2)


def test_every_provider_has_a_habitat() -> None:
    """With all operations that it can have."""
    assert {name: set(habitat.verbs) for name, habitat in HABITATS.items()} == {
        name: set(AVAILABLE[name]) for name in ADAPTERS
    }


@pytest.mark.chaos
def test_a_few_dozen_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """All operations of all vendors, lost and late answers, throttling, ended tokens: every row ends true, and once."""
    played = fight(SMALL, tmp_path)
    print(f"\n{table(played)}\n\n{points(played)}")
    assert [f"{SMALL.replay(one.mixture.seed)}: {text}" for one in played for text in one.bad] == []
    assert total(played).total() >= SMALL.kills
    assert {(one.mixture.vendor, one.mixture.operation) for one in played} == set(PLAYS)
    assert list(never_reached(SMALL, played, shim=build_shim(tmp_path) is not None)) == []
