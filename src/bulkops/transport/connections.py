"""Kept-alive connections, used again only while they are quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ConnectionKey
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace


class QuietConnector(aiohttp.TCPConnector):
    """A connector that drops an idle connection over which something came that nobody had asked for.

    Answers in HTTP/1.1 carry no name of their call: what waits there would be taken for the answer to the next one,
    and a write be called done by the word of another. aiohttp looks for it when a call ends, not when one begins.
    """

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        while (connection := await super()._get(key, traces)) is not None:
            if connection.protocol is not None and not connection.protocol.should_close:
                return connection
            connection.close()
        return None
