"""Benches for the tests of operations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bulkops.testing import anypoint_cases, csp_cases, wiremock_cases
from bulkops.testing.desk import open_desk
from bulkops.testing.operation_contract import Bench, Case

PEOPLE = 130
CASES = {"anypoint": anypoint_cases.CASES, "vmware-csp": csp_cases.CASES, "wiremock-cloud": wiremock_cases.CASES}

OpenBench = Callable[..., Awaitable[Bench]]


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backoff takes no time."""
    monkeypatch.setattr("bulkops.engine.sender.full_jitter", lambda *_args, **_named: 0.0)
    monkeypatch.setattr("bulkops.transport.session.full_jitter", lambda *_args, **_named: 0.0)


@pytest.fixture
async def open_bench(no_waits: None, tmp_path: Path) -> AsyncIterator[OpenBench]:
    """Opens a bench for an operation: `target` adds to its configuration, other options are the sandbox's."""
    async with AsyncExitStack() as stack:

        async def begin(kind: str, target: dict[str, Any] | None = None, **options: Any) -> Bench:
            fields = {"settling_s": 0.01, **(target or {})}
            desk = await stack.enter_async_context(open_desk(tmp_path, fields, **{"people": PEOPLE, **options}))
            return Bench(case_of(kind, desk.sandbox.vendor.name), desk)

        yield begin


def case_of(kind: str, vendor: str) -> Case:
    """The case of an operation on a simulated vendor."""
    return next(case for case in CASES[vendor] if case.kind == kind)


@pytest.fixture
def csp(open_bench: OpenBench) -> OpenBench:
    """Opens a bench at a simulated organisation; options are quirks."""

    async def begin(kind: str, target: dict[str, Any] | None = None, **quirks: Any) -> Bench:
        return await open_bench(kind, target, vendor="vmware-csp", quirks=quirks)

    return begin
