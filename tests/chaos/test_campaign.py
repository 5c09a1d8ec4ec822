"""A small campaign, as part of every run of the tests; `make chaos N=200` plays larger ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkops.wiring import ADAPTERS, AVAILABLE
from tests.chaos.campaign import Campaign, fight, never_reached
from tests.chaos.habitats import HABITATS, PLAYS
from tests.chaos.killing import build_shim
from tests.chaos.table import points, table, total


def test_every_provider_has_a_habitat() -> None:
    """With all operations that it can have."""
    assert {name: set(habitat.verbs) for name, habitat in HABITATS.items()} == {
        name: set(AVAILABLE[name]) for name in ADAPTERS
    }


@pytest.mark.chaos
@pytest.mark.parametrize(("vendor", "kills_a_round"), [("anypoint", 1), ("vmware-csp", 1), ("wiremock-cloud", 1)])
def test_a_few_dozen_kills_lose_nothing_and_double_nothing(vendor: str, kills_a_round: int, tmp_path: Path) -> None:
    """All operations of a vendor, lost and late answers, throttling, ended tokens: every row ends true, and once."""
    kinds = [kind for name, kind in PLAYS if name == vendor]
    small = Campaign(kills=kills_a_round * len(kinds), seed=0, vendor=vendor, kills_a_round=kills_a_round)
    played = fight(small, tmp_path)
    print(f"\n{table(played)}\n\n{points(played)}")
    assert [f"{small.replay(one.mixture.seed)}: {text}" for one in played for text in one.bad] == []
    assert total(played).total() >= small.kills
    assert {one.mixture.operation for one in played} == set(kinds)
    assert list(never_reached(small, played, shim=build_shim(tmp_path) is not None)) == []
