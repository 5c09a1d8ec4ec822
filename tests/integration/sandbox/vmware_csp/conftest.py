"""A simulated CSP organisation over a real socket, with a clock that tests move by hand."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from yarl import URL

from bulkops.sandbox import Sandbox, SandboxOptions

API = "/csp/gateway/am/api"


@dataclass
class HandClock:
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
class Csp:
    """A client that knows nothing of the project: it sends what it is told."""

    sandbox: Sandbox
    session: aiohttp.ClientSession
    headers: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        """`path` hangs under the organisation; under the API where it starts with `~`; under the host with a slash.

        What is percent-encoded in it stays so.
        """
        org = f"{API}/orgs/{self.sandbox.organization}/"
        where = path if path.startswith("/") else API + path[1:] if path.startswith("~") else org + path
        where = where.replace("{org}", self.sandbox.organization)
        headers = {**self.headers, **more.pop("headers", {})}
        if body is not None:
            more["json"] = body
        url = URL(self.sandbox.url + where, encoded=True)
        async with self.session.request(method, url, headers=headers, **more) as answer:
            raw = await answer.read()
            is_json = answer.headers.get("Content-Type", "").startswith("application/json")
            return Reply(answer.status, dict(answer.headers), raw, await answer.json() if is_json else None)

    async def users(self, query: str = "") -> list[dict[str, Any]]:
        """All members, page by page."""
        rows: list[dict[str, Any]] = []
        link = f"{API}/v2/orgs/{self.sandbox.organization}/users?{query}"
        while link:
            answer = await self.call("GET", link)
            rows += answer.json["results"]
            link = answer.json.get("nextLink", "")
        return rows

    async def user(self, username: str) -> dict[str, Any]:
        found = [row for row in await self.users() if row["user"]["username"] == username]
        return found[0]

    async def user_id(self, username: str) -> str:
        return str((await self.user(username))["user"]["userId"])

    async def plain_ids(self, count: int) -> list[str]:
        """Ids of people who are nothing special."""
        return [row["user"]["userId"] for row in (await self.users())[5 : 5 + count]]

    async def invitations(self, address: str) -> list[dict[str, Any]]:
        rows = (await self.call("GET", "invitations?expand")).json
        return [row for row in rows if row["username"].casefold() == address.casefold()]

    async def group(self, name: str, kind: str = "USER_GROUP") -> dict[str, Any]:
        rows = (await self.call("GET", "groups")).json["results"]
        found: dict[str, Any] = next(row for row in rows if (row["displayName"], row["groupType"]) == (name, kind))
        return found

    async def remove(self, ids: list[str]) -> Reply:
        return await self.call("DELETE", "~/v2/orgs/{org}/users", {"ids": ids})

    async def patch_roles(self, user_id: str, body: Any) -> Reply:
        return await self.call("PATCH", f"~/v3/users/{user_id}/orgs/{{org}}/roles", body)

    def effects(self, key: str) -> dict[str, int]:
        return self.sandbox.effects.person(key)


Start = Callable[..., Awaitable[Csp]]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def start(clock: HandClock) -> AsyncIterator[Start]:
    """Start a sandbox with the options given; it stops after the test."""
    async with AsyncExitStack() as stack:

        async def begin(**options: Any) -> Csp:
            settings = {"people": 60, "clock": clock, "vendor": "vmware-csp", **options}
            sandbox = await stack.enter_async_context(Sandbox(SandboxOptions(**settings)))
            session = await stack.enter_async_context(aiohttp.ClientSession())
            return Csp(sandbox, session, {"Authorization": f"Bearer {sandbox.token}"})

        yield begin


@pytest.fixture
async def csp(start: Start) -> Csp:
    return await start()
