"""Every operation passes the same suite."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from bulkops.operations import OPERATIONS
from bulkops.testing.anypoint_cases import CASES
from bulkops.testing.operation_contract import Bench, OperationContract

OpenBench = Callable[..., Awaitable[Bench]]


def test_every_operation_has_a_case() -> None:
    """A new operation joins by one entry."""
    assert {case.kind for case in CASES} == set(OPERATIONS)


@pytest.mark.parametrize("kind", OPERATIONS)
class TestAnypointOperations(OperationContract):
    """On the simulated Anypoint."""

    @pytest.fixture
    async def bench(self, open_bench: OpenBench, kind: str) -> Bench:
        """At a desk of its own."""
        return await open_bench(kind)

    @pytest.fixture
    async def small_bodies(self, open_bench: OpenBench, kind: str) -> Bench:
        """Where bodies of 1,000 bytes are the most."""
        return await open_bench(kind, {"body_bytes": 1000})
