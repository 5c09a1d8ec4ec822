"""Calls through a proxy, which aiohttp knows how to speak to."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from bulkops.transport import reply
from bulkops.transport.options import Timeouts
from bulkops.transport.reply import (
    BrokenBodyError,
    HungUpError,
    NotConnectedError,
    NotHttpError,
    Reply,
    TooLongError,
)

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ConnectionKey
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace


class QuietConnector(aiohttp.TCPConnector):
    """A connector that drops an idle connection over which something came that nobody had asked for.

    aiohttp looks for it when a call ends, not when one begins.
    """

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        while (connection := await super()._get(key, traces)) is not None:
            if connection.protocol is not None and not connection.protocol.should_close:
                return connection
            connection.close()
        return None


class ProxiedClient:
    """An `HttpClient` through `proxy`."""

    def __init__(
        self,
        base: URL,
        proxy: str,
        *,
        headers: Mapping[str, str],
        timeouts: Timeouts,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._base = base
        self._http = aiohttp.ClientSession(
            # no limit of its own: the gates bound the calls in flight, and a wait here would count as connecting
            connector=QuietConnector(limit=0, ssl=tls or True),
            cookie_jar=aiohttp.DummyCookieJar(),
            # connecting is all that comes before the call: the proxy's answer and TLS through it, too
            timeout=aiohttp.ClientTimeout(total=timeouts.total_s, connect=timeouts.connect_s),
            headers=dict(headers),
            # not trust_env: it would also take credentials from the user's .netrc, in the place of ours
            proxy=proxy,
            auto_decompress=True,
        )
        # aiohttp sends DELETE and PUT again by itself when a kept-alive connection turns out dead, and has no public
        # switch for it. Each try of a write is an attempt that the ledger must know of, so it may not.
        self._http._retry_connection = False  # noqa: SLF001

    async def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """See `HttpClient.send`."""
        url = self._base.join(URL(target, encoded=True))
        try:
            async with self._http.request(method, url, data=body, headers=headers, allow_redirects=False) as response:
                return Reply(response.status, response.headers, await _read_bounded(response))
        except aiohttp.ClientError as error:
            raise _translated(error) from _cause_of(error)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()


def _translated(error: aiohttp.ClientError) -> Exception:
    """aiohttp's errors as `HttpClient` has them. Only a connection that never opened certainly carried no call."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return NotConnectedError(f"HTTP {error.status}")
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientSSLError | aiohttp.ConnectionTimeoutError):
        return NotConnectedError()
    if isinstance(error, TimeoutError):
        return TimeoutError()
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return HungUpError()
    if isinstance(error, aiohttp.ClientPayloadError):
        return BrokenBodyError()
    return NotHttpError(error.message) if isinstance(error, aiohttp.ClientResponseError) else OSError(str(error))


def _cause_of(error: aiohttp.ClientError) -> BaseException | None:
    """What the system said, where aiohttp has wrapped it."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return None
    inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
    return inner if isinstance(inner, BaseException) else error


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    """The body, unpacked."""
    length = response.content_length
    if length is not None and length <= reply.MAX_BODY_BYTES and "Content-Encoding" not in response.headers:
        return await response.read()  # no more comes than was announced
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(1 << 16):
        size += len(chunk)
        if size > reply.MAX_BODY_BYTES:
            raise TooLongError
        chunks.append(chunk)
    return b"".join(chunks)
