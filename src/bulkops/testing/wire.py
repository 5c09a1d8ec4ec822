"""A server that says exactly what a test tells it to, byte for byte: lies, half answers and silence included."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Heard:
    """A request as it arrived, read to its end. Header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query's values by name."""
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(slots=True)
class Wire:
    """A listening server. `heard` are the requests in the order in which they arrived; `sent` counts bytes."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    sent: int = 0
    closing: asyncio.Event = field(default_factory=asyncio.Event)


class Speaker:
    """One connection, from the server's side."""

    def __init__(self, wire: Wire, writer: asyncio.StreamWriter) -> None:
        self._wire = wire
        self._writer = writer

    async def say(self, data: bytes) -> None:
        """Send bytes as they are. Raises OSError when the client has gone."""
        self._writer.write(data)
        await self._writer.drain()
        self._wire.sent += len(data)

    async def silence(self) -> None:
        """Say nothing until the server stops."""
        await self._wire.closing.wait()

    def hang_up(self) -> None:
        """Close the connection after what was said."""
        self._writer.close()


Script = Callable[[Heard, Speaker], Awaitable[None]]
"""Called with each request; the connection stays open unless it hangs up."""


def answer(
    status: int = 200, body: Any = b"", *, headers: Mapping[str, str] | None = None, kind: str | None = None
) -> bytes:
    """A whole HTTP answer. `body` is bytes as they are, or a value to write as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = kind or ("application/json" if raw else None)
    told = {"Content-Length": str(len(raw)), **({"Content-Type": kind} if kind else {}), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status} Status\r\n{head}\r\n".encode() + raw


@asynccontextmanager
async def listening(script: Script, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Wire]:
    """A server on a free port of loopback, as long as the context lasts."""
    wire = Wire()
    open_connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            open_connections.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await _converse(wire, script, reader, writer)
        except asyncio.CancelledError:
            pass  # the server stops
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls is not None else "http"
    wire.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        wire.closing.set()
        server.close()
        for task in open_connections:
            task.cancel()
        await asyncio.gather(*open_connections, return_exceptions=True)


async def _converse(wire: Wire, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ", 2)
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        heard = Heard(method, target, headers, body)
        wire.heard.append(heard)
        await script(heard, Speaker(wire, writer))
