"""Every operation passes the same suite."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from bulkops.operations import OPERATIONS
from bulkops.testing import anypoint_cases, csp_cases, wiremock_cases
from bulkops.testing.operation_contract import Bench, OperationContract
from bulkops.wiring import AVAILABLE

OpenBench = Callable[..., Awaitable[Bench]]


CASES = {"anypoint": anypoint_cases.CASES, "vmware-csp": csp_cases.CASES, "wiremock-cloud": wiremock_cases.CASES}


@pytest.mark.parametrize("vendor", CASES)
def test_every_operation_has_a_case(vendor: str) -> None:
    """A new operation joins by one entry for each vendor that has it."""
    assert {case.kind for case in CASES[vendor]} == set(AVAILABLE[vendor])
    assert set(AVAILABLE[vendor]) <= set(OPERATIONS)


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


@pytest.mark.parametrize("kind", AVAILABLE["vmware-csp"])
class TestCspOperations(OperationContract):
    """On the simulated VMware Cloud Services."""

    @pytest.fixture
    async def bench(self, open_bench: OpenBench, kind: str) -> Bench:
        """At a desk of its own."""
        return await open_bench(kind, vendor="vmware-csp")

    @pytest.fixture
    async def small_bodies(self, open_bench: OpenBench, kind: str) -> Bench:
        """Where bodies of 1,000 bytes are the most."""
        return await open_bench(kind, {"body_bytes": 1000}, vendor="vmware-csp")


@pytest.mark.parametrize("kind", AVAILABLE["wiremock-cloud"])
class TestWiremockOperations(OperationContract):
    """On the simulated WireMock Cloud, with all calls allowed that are only linked to."""

    @pytest.fixture
    async def bench(self, open_bench: OpenBench, kind: str) -> Bench:
        """At a desk of its own."""
        return await open_bench(kind, vendor="wiremock-cloud")

    @pytest.fixture
    async def small_bodies(self, open_bench: OpenBench, kind: str) -> Bench:
        """Where bodies of 1,000 bytes are the most; each call has one row anyway."""
        return await open_bench(kind, {"body_bytes": 1000}, vendor="wiremock-cloud")
