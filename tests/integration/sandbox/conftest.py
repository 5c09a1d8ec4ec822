"""A sandbox over a real socket, with a clock that tests move by hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from bulkops.sandbox import Sandbox, SandboxOptions


@dataclass
class HandClock:
    """Starts within a whole minute, twenty seconds in."""

    now: float = 1_800_000_020.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    raw: bytes
    json: Any = None


@dataclass
class Admin:
    """A client that knows nothing of the project: it sends what it is told."""

    sandbox: Sandbox
    session: aiohttp.ClientSession
    headers: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        """`path` hangs under the organisation unless it starts with a slash."""
        org = more.pop("org", self.sandbox.organization)
        url = self.sandbox.url + (path if path.startswith("/") else f"/accounts/api/organizations/{org}/{path}")
        if body is not None:
            more["json"] = body
        headers = {**self.headers, **more.pop("headers", {})}
        async with self.session.request(method, url, headers=headers, allow_redirects=False, **more) as answer:
            raw = await answer.read()
            kind = answer.headers.get("Content-Type", "")
            parsed = await answer.json() if kind.startswith("application/json") and _is_json(raw) else None
            return Reply(answer.status, dict(answer.headers), raw, parsed)

    async def rows(self, path: str, **query: Any) -> list[Any]:
        """One page of a listing."""
        return list((await self.call("GET", path, params={"limit": 500, **query})).json["data"])

    async def until(self, happened: Callable[[], bool]) -> None:
        """Let the sandbox work until something happened; five seconds at most."""
        async with asyncio.timeout(5):
            while not happened():
                await self.call("GET", "/__sandbox/state")

    async def user_id(self, username: str) -> str:
        found = await self.rows("users", search=username, includeProfiles="false")
        return str(next(row["id"] for row in found if row["username"] == username))

    async def rolegroup(self, name: str, org: str | None = None) -> str:
        answer = await self.call("GET", "rolegroups", params={"limit": 500}, org=org or self.sandbox.organization)
        return str(next(row["role_group_id"] for row in answer.json["data"] if row["name"] == name))

    async def team(self, name: str) -> str:
        return str(next(row["team_id"] for row in await self.rows("teams") if row["team_name"] == name))

    def business_group(self) -> str:
        return str(next(iter(self.sandbox.summary()["business_groups"])))


def _is_json(raw: bytes) -> bool:
    return raw[-1:] in (b"]", b"}")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def start(clock: HandClock) -> AsyncIterator[Callable[..., Awaitable[Admin]]]:
    """Start a sandbox with the options given; it stops after the test."""
    async with AsyncExitStack() as stack:

        async def begin(**options: Any) -> Admin:
            settings = {"people": 120, "clock": clock, **options}
            sandbox = await stack.enter_async_context(Sandbox(SandboxOptions(**settings)))
            session = await stack.enter_async_context(aiohttp.ClientSession())
            return Admin(sandbox, session, {"Authorization": f"Bearer {sandbox.token}"})

        yield begin


@pytest.fixture
async def admin(start: Callable[..., Awaitable[Admin]]) -> Admin:
    return await start()
