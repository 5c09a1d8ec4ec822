"""The adapter of VMware Cloud Services, pointed at a sandbox or at a server that a test scripts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bulkops.providers.vmware_csp import ADAPTER
from bulkops.providers.vmware_csp.organization import CspOrganization
from bulkops.sandbox import Sandbox, SandboxOptions
from bulkops.transport import Gates, Scrubber, Session, SessionOptions, StaticToken, Timeouts

Open = Callable[..., Awaitable[CspOrganization]]


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a page again takes no time."""
    monkeypatch.setattr("bulkops.providers.vmware_csp.listings.REREAD_S", 0.0)


@pytest.fixture
def csp_at(stack: AsyncExitStack) -> Open:
    """Opens an organisation at a URL with the sandbox's token."""

    async def begin(url: str, organization: str = "o1") -> CspOrganization:
        quick = Timeouts(read_tries=2, backoff_base_s=0.001, backoff_cap_s=0.002)
        session = Session(
            SessionOptions(base_url=url, profile=ADAPTER.profile, timeouts=quick),
            credentials=StaticToken(f"Bearer {Sandbox.token}", named="the test"),
            gates=Gates(),
            scrubber=Scrubber(),
        )
        link = "/csp/gateway/slc/api/definitions/external/{id}"
        org = CspOrganization(session, organization, settling_s=0.01, service_link=link)
        return await stack.enter_async_context(org)

    return begin


@pytest.fixture
def simulated(stack: AsyncExitStack, csp_at: Any) -> Callable[..., Awaitable[tuple[Sandbox, CspOrganization]]]:
    """Opens a simulated organisation of 60 people with some quirks, and the adapter at it."""

    async def begin(people: int = 60, **quirks: Any) -> tuple[Sandbox, CspOrganization]:
        options = SandboxOptions(people=people, vendor="vmware-csp", quirks=quirks)
        sandbox = await stack.enter_async_context(Sandbox(options))
        return sandbox, await csp_at(sandbox.url, sandbox.organization)

    return begin
