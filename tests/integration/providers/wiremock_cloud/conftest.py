"""WireMock Cloud's adapter, pointed at a sandbox or at a server that a test scripts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bulkops.providers.wiremock_cloud import PROFILE, WiremockOptions, WiremockOrganization
from bulkops.sandbox import Sandbox, SandboxOptions
from bulkops.testing.desk import Desk, open_desk
from bulkops.transport import Gates, Scrubber, Session, SessionOptions, StaticToken, Timeouts

EVERYTHING = WiremockOptions(undocumented_invitation_calls=True, undocumented_role_calls=True)

Opened = Callable[..., Awaitable[WiremockOrganization]]
AtDesk = Callable[..., Awaitable[Desk]]


@pytest.fixture
def organization_at(stack: AsyncExitStack) -> Opened:
    """Opens an organisation at a URL with the sandbox's key."""

    async def begin(
        url: str, organization: str = "acm3g", options: WiremockOptions = EVERYTHING
    ) -> WiremockOrganization:
        quick = Timeouts(read_tries=2, backoff_base_s=0.001, backoff_cap_s=0.002)
        session = Session(
            SessionOptions(base_url=url, profile=PROFILE, timeouts=quick),
            credentials=StaticToken(f"Token {Sandbox.token}", named="the test"),
            gates=Gates(),
            scrubber=Scrubber(),
        )
        return await stack.enter_async_context(WiremockOrganization(session, organization, options=options))

    return begin


@pytest.fixture
def simulated(stack: AsyncExitStack, organization_at: Opened) -> Callable[..., Awaitable[Any]]:
    """Starts a simulated organisation with some quirks: the sandbox, and the adapter at it."""

    async def begin(people: int = 60, options: WiremockOptions = EVERYTHING, **quirks: Any) -> Any:
        sandbox = await stack.enter_async_context(
            Sandbox(SandboxOptions(people=people, vendor="wiremock-cloud", quirks=quirks))
        )
        return sandbox, await organization_at(sandbox.url, sandbox.organization, options)

    return begin


@pytest.fixture
def at_desk(stack: AsyncExitStack, tmp_path: Path) -> AtDesk:
    """Opens a desk at a simulated organisation; `options` are the target's."""

    async def begin(options: dict[str, Any] | None = None, target: dict[str, Any] | None = None, **more: Any) -> Desk:
        fields = {"settling_s": 0.01, "options": EVERYTHING.model_dump() if options is None else options}
        return await stack.enter_async_context(
            open_desk(tmp_path, {**fields, **(target or {})}, vendor="wiremock-cloud", **{"people": 60, **more})
        )

    return begin
