"""A simulated WireMock Cloud organisation over a real socket, and a client that knows nothing of the project."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from bulkops.sandbox import Sandbox, SandboxOptions


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    text: str
    json: Any = None

    @property
    def title(self) -> str:
        """That of the first error."""
        return str(self.json["errors"][0]["title"])


@dataclass
class Cloud:
    """Sends what it is told, below /v1 unless a path starts with a slash. `org` stands for the organisation."""

    sandbox: Sandbox
    session: aiohttp.ClientSession
    headers: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        if path.partition("/")[0] == "org":
            path = f"organisations/{self.sandbox.organization}{path[3:]}"
        url = self.sandbox.url + (path if path.startswith("/") else f"/v1/{path}")
        if body is not None:
            more["json"] = body
        headers = {**self.headers, **more.pop("headers", {})}
        async with self.session.request(method, url, headers=headers, allow_redirects=False, **more) as answer:
            text = await answer.text()
            is_json = text and answer.headers["Content-Type"].startswith("application/json")
            return Reply(answer.status, dict(answer.headers), text, await answer.json() if is_json else None)

    async def get(self, path: str, **query: Any) -> Any:
        """The body of a read that works."""
        answer = await self.call("GET", path, params=query)
        assert answer.status == 200, answer.text
        return answer.json

    async def invite(self, email: str, role: str = "organisation_member", **more: Any) -> Reply:
        wanted = {"role": role, "recipientEmailAddress": email, **more}
        return await self.call("POST", "org/invitations", {"invitation": wanted})

    async def invited(self) -> list[str]:
        """The addresses that are pending."""
        return [row["recipientEmailAddress"] for row in (await self.get("org/invitations"))["invitations"]]

    async def user_id(self, email: str) -> str:
        users = (await self.get("org/users", q=email))["users"]
        return str(next(user["id"] for user in users if user["emailAddress"] == email))

    async def team(self, name: str) -> Any:
        return next(team for team in (await self.get("org/teams", q=name))["teams"] if team["name"] == name)

    async def roles(self) -> dict[str, str]:
        """Role of every member, as the grants of the organisation's ACL object tell it."""
        acl_object = (await self.get("org"))["organisation"]["aclObject"]
        grants = (await self.get("acl/grants", aclObjectId=acl_object))["grants"]
        return {grant["aclSubject"]: grant["role"] for grant in grants}

    async def quirks(self, **wanted: Any) -> None:
        answer = await self.call("PATCH", "/__sandbox/settings", {"quirks": wanted})
        assert answer.status == 200, answer.text

    def effects(self) -> dict[str, int]:
        return dict(self.sandbox.effects.totals)


@pytest.fixture
async def start(clock: Callable[[], float]) -> AsyncIterator[Callable[..., Awaitable[Cloud]]]:
    """Start a sandbox with the options given; it stops after the test."""
    async with AsyncExitStack() as stack:

        async def begin(**options: Any) -> Cloud:
            settings = {"vendor": "wiremock-cloud", "people": 120, "clock": clock, **options}
            sandbox = await stack.enter_async_context(Sandbox(SandboxOptions(**settings)))
            session = await stack.enter_async_context(aiohttp.ClientSession())
            return Cloud(sandbox, session, {"Authorization": f"Token {sandbox.token}"})

        yield begin


@pytest.fixture
async def cloud(start: Callable[..., Awaitable[Cloud]]) -> Cloud:
    return await start()
