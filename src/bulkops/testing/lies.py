"""Answers that are broken, false, or none at all: what a client may be told instead of the truth."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from bulkops.testing.wire import Speaker, answer

Lie = Callable[[Speaker], Awaitable[None]]
JSON = "Content-Type: application/json"


def raw(start: str, *headers: str, body: bytes = b"", hang_up: bool = False) -> Lie:
    """Says exactly this, and closes the connection if told to."""
    said = "\r\n".join([start, *headers, "", ""]).encode("latin-1") + body
    return _said(said, hang_up=hang_up)


def _said(said: bytes, *, hang_up: bool = False) -> Lie:
    async def lie(speaker: Speaker) -> None:
        await speaker.say(said)
        if hang_up:
            speaker.hang_up()

    return lie


def _for_ever(start: bytes, piece: bytes, *, pause_s: float = 0.0) -> Lie:
    """Begins an answer that does not end."""

    async def lie(speaker: Speaker) -> None:
        with suppress(OSError):
            await speaker.say(start)
            while True:
                await speaker.say(piece)
                await asyncio.sleep(pause_s)

    return lie


async def _silence(speaker: Speaker) -> None:
    await speaker.silence()


OK = "HTTP/1.1 200 OK"

BROKEN: Mapping[str, Lie] = {
    # the connection
    "no-answer": _said(b"", hang_up=True),
    "half-a-status": _said(b"HTTP/1.1 20", hang_up=True),
    "half-a-header": _said(b"HTTP/1.1 200 OK\r\nContent-Ty", hang_up=True),
    "another-protocol": _said(b"\x16\x03\x01\x02\x00SSH-2.0-OpenSSH\r\n\r\n", hang_up=True),
    "silence": _silence,
    "a-byte-at-a-time": _for_ever(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" ", pause_s=0.05),
    "headers-for-ever": _for_ever(b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"a" * 1000 + b"\r\n"),
    # lengths and pieces
    "body-cut-short": raw(OK, JSON, "Content-Length: 500", body=b'[{"id"', hang_up=True),
    "length-too-long": raw(OK, JSON, "Content-Length: 100000", body=b"[]"),
    "length-too-short": raw(OK, JSON, "Content-Length: 2", body=b'[]{"id": 7}'),
    "length-below-zero": raw(OK, "Content-Length: -5", body=b"[]"),
    "two-lengths": raw(OK, "Content-Length: 2", "Content-Length: 3", body=b"[]"),
    "chunks-of-no-size": raw(OK, "Transfer-Encoding: chunked", body=b"ZZZ\r\n[]\r\n", hang_up=True),
    "chunks-cut-short": raw(OK, "Transfer-Encoding: chunked", body=b"5\r\n[1,2", hang_up=True),
    "a-huge-header": raw(OK, "X-A: " + "a" * 200_000, "Content-Length: 2", body=b"[]"),
    "many-headers": raw(OK, *(f"X-{number}: a" for number in range(5000)), "Content-Length: 2", body=b"[]"),
    # encodings
    "gzip-of-nothing": _said(answer(200, b"garbage", headers={"Content-Encoding": "gzip"})),
    "deflate-of-nothing": _said(answer(200, b"garbage", headers={"Content-Encoding": "deflate"})),
    "brotli-unasked": _said(answer(200, b"garbage", headers={"Content-Encoding": "br"})),
    "zstd-unasked": _said(answer(200, b"garbage", headers={"Content-Encoding": "zstd"})),
    "gzip-bomb": _said(
        answer(200, gzip.compress(b"[" + b" " * 80_000_000 + b"]", 1), headers={"Content-Encoding": "gzip"})
    ),
    # bodies
    "half-json": _said(answer(200, b'[{"id": 1, "email')),
    "a-proxys-page": _said(answer(200, b"<html>Please sign in</html>", kind="text/html")),
    "bytes": _said(answer(200, b"\x00\x01\x02", kind="application/octet-stream")),
    "no-number": _said(answer(200, b'[{"id": NaN}]')),
    "a-number-too-large": _said(answer(200, b'[{"id": 1e999}]')),
    "nested-too-deep": _said(answer(200, b"[" * 100_000 + b"]" * 100_000)),
    "no-utf8": _said(answer(200, b'[{"email": "\xff\xfe"}]')),
    "half-a-surrogate": _said(answer(200, b'[{"email": "\\ud800"}]')),
    # statuses
    "promised-and-never-sent": raw("HTTP/1.1 102 Processing", hang_up=True),
    "another-protocol-from-now-on": raw("HTTP/1.1 101 Switching", "Upgrade: x", "Connection: upgrade"),
    "no-such-status": _said(answer(999, b"[]")),
    "elsewhere": _said(answer(302, headers={"Location": "http://elsewhere.invalid/"})),
    "for-ever-elsewhere": _said(answer(308, headers={"Location": "http://elsewhere.invalid/"})),
}
"""Answers of which nothing can be believed: a read is asked again, a write is in doubt."""

ODD: Mapping[str, Lie] = {
    "empty-object": _said(answer(200, {})),
    "a-word": _said(answer(200, "done")),
    "nobody-known": _said(
        answer(200, [{"invited_email": "stranger@elsewhere.test"}, {"invited_email": None}, 7, None])
    ),
    "same-key-twice": _said(answer(200, b'[{"invited_email": "x@y.z", "invited_email": "stranger@elsewhere.test"}]')),
    "no-content": _said(answer(204)),
    "content-without-content": raw("HTTP/1.1 204 No Content"),
    "promised-and-sent": _said(b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + answer(200, [])),
    "two-answers": _said(answer(200, []) + answer(200, [{"invited_email": "stranger@elsewhere.test"}])),
    "a-farewell": _said(answer(200, []), hang_up=True),
    "a-strange-name-of-the-call": _said(answer(200, [], headers={"X-ANYPNT-TRX-ID": "\x9b31m" + "z" * 3000})),
    "times-without-sense": _said(
        answer(
            200, [], headers={"Date": "Mon, 01 Jan 1990 00:00:00 GMT", "X-RateLimit-Reset": "nan", "Retry-After": "x"}
        )
    ),
}
"""Answers that can be read, and say nothing of the rows that were sent: what became of them is looked up."""
