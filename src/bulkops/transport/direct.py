"""Calls to one host over kept-alive connections of our own: a third of what a general client's calls cost."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from typing import cast

import aiohappyeyeballs
from aiohappyeyeballs import AddrInfoType
from yarl import URL

from bulkops.transport.connection import Connection
from bulkops.transport.options import Timeouts
from bulkops.transport.reply import NotConnectedError, Reply

KEPT_S = 15.0
"""An idle connection is used again for so long; servers close theirs after a while, and a call may cross with that."""

_TOLD = re.compile(r"timeout\s*=\s*(\d{1,6})", re.IGNORECASE)

NEXT_ADDRESS_S = 0.25
"""So long one address of a host is waited for before the next one is tried beside it."""

WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class DirectClient:
    """An `HttpClient` without a proxy. `headers` go with every call.

    It sends what it is told once, and never again by itself. How many calls are in flight is for the caller to bound.
    """

    def __init__(
        self, base: URL, *, headers: Mapping[str, str], timeouts: Timeouts, tls: ssl.SSLContext | None
    ) -> None:
        self._base = base
        self._timeouts = timeouts
        self._tls = (tls or ssl.create_default_context()) if base.scheme == "https" else None
        host = base.host_port_subcomponent or ""
        fixed = {"Host": host, "Accept": "*/*", "Accept-Encoding": "gzip, deflate", **headers}
        self._fixed = "".join(_line(name, value) for name, value in fixed.items())
        self._idle: list[Connection] = []
        self._closed = False

    async def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """See `HttpClient.send`."""
        loop = asyncio.get_running_loop()
        try:
            request = self._written(method, target, headers, body)
        except ValueError as error:
            raise NotConnectedError from error
        deadline = loop.time() + self._timeouts.total_s
        connection = self._take(loop.time()) or await self._connect(loop, deadline)
        reply = await connection.exchange(request, deadline=deadline)
        if connection.usable and not self._closed:
            connection.kept_until = loop.time() + _kept_s(reply.headers)
            self._idle.append(connection)
        else:
            connection.close()
        return reply

    async def close(self) -> None:
        """Close all connections."""
        self._closed = True
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        if idle:
            await asyncio.sleep(0)  # the sockets are closed in the next turn of the event loop

    def _take(self, now: float) -> Connection | None:
        """The connection that was used last."""
        while self._idle:
            connection = self._idle.pop()
            if now < connection.kept_until and connection.fresh:
                return connection
            connection.close()
        return None

    async def _connect(self, loop: asyncio.AbstractEventLoop, deadline: float) -> Connection:
        """A new connection, TLS and all. Raises NotConnectedError."""
        try:
            async with asyncio.timeout_at(min(deadline, loop.time() + self._timeouts.connect_s)):
                found = await self._addresses(loop)
                open_socket = await aiohappyeyeballs.start_connection(
                    found, happy_eyeballs_delay=NEXT_ADDRESS_S, interleave=1, loop=loop
                )
                named = (self._base.raw_host or "").rstrip(".") if self._tls is not None else None
                _, connection = await loop.create_connection(
                    Connection, sock=open_socket, ssl=self._tls, server_hostname=named
                )
                return connection
        # time-outs, failed look-ups and TLS are OSErrors; a host that cannot be one is a UnicodeError, and uvloop has
        # RuntimeErrors for addresses that it cannot use
        except (OSError, ValueError, RuntimeError) as error:
            raise NotConnectedError from error

    async def _addresses(self, loop: asyncio.AbstractEventLoop) -> list[AddrInfoType]:
        """Where the host is found. A number needs no look-up, which would cost a thread's turn."""
        host, port = self._base.raw_host or "", self._base.port or 0
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except socket.gaierror:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return cast("list[AddrInfoType]", found)

    def _written(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        """The call's bytes. Raises ValueError for what would end a line, or is no text."""
        lines = "".join([_line(name, value) for name, value in headers.items()])
        if body is not None or method in WITH_BODY:
            lines += f"Content-Length: {len(body or b'')}\r\n"
        if "\r" in target or "\n" in target or " " in target:
            raise ValueError("an address with a space or a line end in it")
        head = f"{method} {target} HTTP/1.1\r\n{self._fixed}{lines}\r\n".encode()
        return head + body if body else head


def _kept_s(headers: Mapping[str, str]) -> float:
    """Seconds for which a connection may be used again: less by one than the server says, where it says so."""
    if "Keep-Alive" not in headers:
        return KEPT_S
    told = _TOLD.search(headers["Keep-Alive"])
    return KEPT_S if told is None else min(KEPT_S, float(told[1]) - 1.0)


def _line(name: str, value: str) -> str:
    if "\r" in value or "\n" in value:
        raise ValueError(f"a line end in the header {name}")
    return f"{name}: {value}\r\n"
