"""Sessions over real sockets, to servers that a test scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from bulkops.providers.anypoint import PROFILE
from bulkops.testing.wire import Script, Wire, answer, listening
from bulkops.transport import Gates, Scrubber, Session, SessionOptions, Timeouts

QUICK = Timeouts(total_s=30.0, read_tries=3, backoff_base_s=0.001, backoff_cap_s=0.002)


@dataclass
class Permit:
    """Notes that it was asked; `refusal` keeps the bytes from leaving."""

    order: list[str] = field(default_factory=list)
    refusal: Exception | None = None

    async def begin(self) -> None:
        """Note it."""
        self.order.append("begun")
        if self.refusal is not None:
            raise self.refusal


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
def serve(stack: AsyncExitStack) -> Callable[..., Awaitable[Wire]]:
    """Starts a server that follows a script, or says the same bytes to every request."""

    async def begin(script: Script | bytes, **options: Any) -> Wire:
        said = script

        async def always(_heard: Any, speaker: Any) -> None:
            await speaker.say(said)

        return await stack.enter_async_context(listening(always if isinstance(script, bytes) else script, **options))

    return begin


@pytest.fixture
def connect(stack: AsyncExitStack) -> Callable[..., Awaitable[Session]]:
    """Opens a session to a URL: quick to give up, without jitter, reading answers as Anypoint's."""

    async def begin(
        url: str, *, timeouts: Timeouts = QUICK, gates: Gates | None = None, credentials: Any = None, tls: Any = None
    ) -> Session:
        options = SessionOptions(base_url=url, profile=PROFILE, timeouts=timeouts, tls=tls)
        session = Session(options, credentials=credentials, gates=gates or Gates(), scrubber=Scrubber())
        return await stack.enter_async_context(session)

    return begin


@pytest.fixture
async def good(serve: Callable[..., Awaitable[Wire]]) -> Wire:
    """A server that answers every request with an empty object."""
    return await serve(answer(200, {}))
