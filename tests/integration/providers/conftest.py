"""Anypoint's adapter, pointed at a sandbox or at a server that a test scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bulkops.providers.anypoint import PROFILE, AnypointOrganization
from bulkops.sandbox import Sandbox, SandboxOptions
from bulkops.testing.wire import Script, Wire, listening
from bulkops.transport import Gates, Scrubber, Session, SessionOptions, StaticToken, Timeouts


class Permit:
    """Says yes."""

    async def begin(self) -> None:
        """Nothing to note."""


@pytest.fixture
def permit() -> Permit:
    """A permit that says yes."""
    return Permit()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """What is open as long as the test runs."""
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
def organization_at(stack: AsyncExitStack) -> Callable[..., Awaitable[AnypointOrganization]]:
    """Opens an organisation at a URL with the sandbox's token."""

    async def begin(url: str, organization: str = "o1") -> AnypointOrganization:
        quick = Timeouts(read_tries=2, backoff_base_s=0.001, backoff_cap_s=0.002)
        session = Session(
            SessionOptions(base_url=url, profile=PROFILE, timeouts=quick),
            credentials=StaticToken(f"Bearer {Sandbox.token}", named="the test"),
            gates=Gates(),
            scrubber=Scrubber(),
        )
        return await stack.enter_async_context(AnypointOrganization(session, organization))

    return begin


@pytest.fixture
async def sandbox(stack: AsyncExitStack) -> Sandbox:
    """An organisation of 60 people."""
    return await stack.enter_async_context(Sandbox(SandboxOptions(people=60)))


@pytest.fixture
async def org(sandbox: Sandbox, organization_at: Any) -> AnypointOrganization:
    """The sandbox's organisation."""
    found: AnypointOrganization = await organization_at(sandbox.url, sandbox.organization)
    return found


@pytest.fixture
def serve(stack: AsyncExitStack) -> Callable[..., Awaitable[Wire]]:
    """Starts a server that follows a script, or says the same bytes to every request."""

    async def begin(script: Script | bytes) -> Wire:
        said = script

        async def always(_heard: Any, speaker: Any) -> None:
            await speaker.say(said)

        return await stack.enter_async_context(listening(always if isinstance(script, bytes) else script))

    return begin
