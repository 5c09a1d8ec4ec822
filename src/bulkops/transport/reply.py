"""What a client gets back from one call, and what it says when it does not."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import NamedTuple, Protocol

MAX_BODY_BYTES = 64 * 1024 * 1024
"""No body is longer, packed or unpacked, so that no answer can fill the memory."""

PIECE_BYTES = 8 * 1024
"""So much is unpacked at once: what is behind a member's end is copied each time, and there may be many members."""


class Reply(NamedTuple):
    """A whole answer: header names are found in any case, `body` is unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient(Protocol):
    """Sends calls to one host, each exactly once. Tasks may share it."""

    async def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """One call; `target` is the path with its query. No redirect is followed.

        Raises NotConnectedError when certainly nothing was sent; otherwise TimeoutError, HungUpError, NotHttpError,
        BrokenBodyError, TooLongError or OSError, after which the server may have got it.
        """

    async def close(self) -> None:
        """Close all connections."""


class NotConnectedError(Exception):
    """No connection came to be; `__cause__` tells why, and where there is none, the text is a proxy's answer."""


class HungUpError(Exception):
    """The server closed the connection before its answer began."""


class NotHttpError(Exception):
    """What came is no answer in HTTP/1."""


class BrokenBodyError(Exception):
    """The answer ended before its body did, or the body cannot be unpacked."""


class TooLongError(Exception):
    """The answer is longer than `MAX_BODY_BYTES`."""


def unpacked(body: bytes, encoding: str) -> bytes:
    """A body as it was before it was packed. Raises BrokenBodyError and TooLongError."""
    encoding = encoding.strip().casefold()
    if not body or encoding in {"", "identity"}:
        return body
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise BrokenBodyError(f"packed as {encoding[:20]}, which nobody asked for")
    try:
        return _inflated(body, zlib.MAX_WBITS | 32)  # finds out itself whether it is zlib's or gzip's
    except zlib.error as error:
        if encoding != "deflate":
            raise BrokenBodyError(str(error)) from error
    try:
        return _inflated(body, -zlib.MAX_WBITS)  # some servers leave zlib's wrapper away
    except zlib.error as error:
        raise BrokenBodyError(str(error)) from error


def _inflated(body: bytes, bits: int) -> bytes:
    """All members of a body, each begun where the one before it ended."""
    packed, at = memoryview(body), 0
    parts: list[bytes] = []
    size = 0
    while at < len(packed):
        inflating = zlib.decompressobj(bits)
        while not inflating.eof:
            piece = packed[at : at + PIECE_BYTES]
            if not piece:
                raise zlib.error("it ends too soon")
            at += len(piece)
            parts.append(inflating.decompress(piece, MAX_BODY_BYTES + 1 - size))
            size += len(parts[-1])
            if size > MAX_BODY_BYTES:
                raise TooLongError
        at -= len(inflating.unused_data)
    return b"".join(parts)
