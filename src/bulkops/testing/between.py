"""A server between the real command and a real sandbox, which bends what passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from bulkops.sandbox import Sandbox, SandboxOptions
from bulkops.testing.processes import Ended, Shell
from bulkops.testing.wire import Heard, Speaker, Wire, listening


@dataclass(frozen=True, slots=True)
class Between:
    """Where the command is sent, and the sandbox behind it, whose counts are the truth."""

    wire: Wire
    sandbox: Sandbox

    def sent(self) -> dict[str, int]:
        """How many mails each address really got."""
        people = self.sandbox.effects.view(effect="invite_sent")["people"]
        return {name: counted["invite_sent"] for name, counted in people.items()}


Forward = Callable[[Heard], Awaitable[tuple[int, bytes]]]
"""Hands a request on to the sandbox; the status and the body of its true answer."""
Bend = Callable[[Heard, Speaker, Forward], Awaitable[None]]


@asynccontextmanager
async def between(bend: Bend, *, scheme: str = "Bearer", **options: Any) -> AsyncIterator[Between]:
    """A sandbox, and a server before it that answers each request as `bend` says.

    What is forwarded carries the sandbox's own token, after the word `scheme`.
    """
    async with Sandbox(SandboxOptions(people=40, **options)) as sandbox, aiohttp.ClientSession() as http:

        async def forward(heard: Heard) -> tuple[int, bytes]:
            headers = {"Authorization": f"{scheme} {sandbox.token}", "Content-Type": "application/json"}
            url = sandbox.url + heard.target
            async with http.request(heard.method, url, data=heard.body or None, headers=headers) as answer:
                return answer.status, await answer.read()

        async def script(heard: Heard, speaker: Speaker) -> None:
            await bend(heard, speaker, forward)

        async with listening(script) as wire:
            yield Between(wire, sandbox)


async def typed(shell: Shell, *arguments: str) -> Ended:
    """The command, ended, while the servers of this process go on."""
    return await asyncio.to_thread(shell.bulkops, *arguments)


def configured(
    shell: Shell, url: str, organization: str, auths: Mapping[str, str], *, provider: str = "anypoint", **keys: Any
) -> None:
    """A `bulkops.toml` with one target for each entry of `auths`, the value being its auth table."""
    lines = []
    for name, auth in auths.items():
        lines += [f"[targets.{name}]", f'provider = "{provider}"', f'organization = "{organization}"']
        lines += [f'base_url = "{url}"', *(f"{key} = {value}" for key, value in keys.items()), f"auth = {{ {auth} }}"]
    shell.write("bulkops.toml", "\n".join(lines) + "\n")
