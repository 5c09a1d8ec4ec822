"""One connection to a server: a call goes out, its answer comes back, and nothing else is taken for it."""

from __future__ import annotations

import asyncio
from typing import cast

import httptools
from multidict import CIMultiDict

from bulkops.transport import reply
from bulkops.transport.reply import (
    BrokenBodyError,
    HungUpError,
    NotHttpError,
    Reply,
    TooLongError,
    unpacked,
)

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 128


class Connection(asyncio.Protocol):
    """A connection in HTTP/1.1, kept alive. One call at a time.

    Answers in HTTP/1.1 carry no name of their call: a connection on which something came that nobody had asked for is
    closed, or a write might be called done by the word of another. What the parser does not
    understand fails the answer, also where it comes right behind a whole one.
    """

    def __init__(self) -> None:
        self.usable = False
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        # what aiohttp takes, too: some servers mark lines and pieces loosely
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._waiter: asyncio.Future[Reply] | None = None
        self._headers: CIMultiDict[str] = CIMultiDict()
        self._pieces: list[bytes] = []
        self._status = self._size = self._head_bytes = self._seen_bytes = self._count = 0
        self._whole = self._has_head = self._until_closed = False

    async def exchange(self, request: bytes, *, deadline: float) -> Reply:
        """Send a call and return its answer. Raises as `HttpClient.send` does; then, and when cancelled, it is closed.

        `deadline` is on the event loop's clock.
        """
        loop = asyncio.get_running_loop()
        if self._transport is None or not self.usable or self._transport.is_closing():
            raise HungUpError
        waiter: asyncio.Future[Reply] = loop.create_future()
        self._waiter = waiter
        self._expect()
        timer = loop.call_at(deadline, self._fail, TimeoutError())
        self._transport.write(request)
        try:
            return await waiter
        except BaseException:
            self.close()
            raise
        finally:
            timer.cancel()
            self._waiter = None

    def close(self) -> None:
        """No call goes out any more; what is under way is given up."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    # What the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Calls may go out."""
        self._transport = cast("asyncio.Transport", transport)
        self.usable = True

    def data_received(self, data: bytes) -> None:
        """A piece of an answer, or something that nobody asked for."""
        if self._waiter is None or self._waiter.done():
            self.close()
            return
        self._head_bytes += 0 if self._has_head else len(data)
        try:
            self._parser.feed_data(data)
            if not self._has_head and self._head_bytes > MAX_HEAD_BYTES:
                raise NotHttpError("its head does not end")
        except httptools.HttpParserCallbackError as error:
            self._fail(error.__context__ if isinstance(error.__context__, Exception) else error)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, NotHttpError) as error:
            self._fail(error if isinstance(error, NotHttpError) else NotHttpError(_reason(error)))
        else:
            if self._whole:
                self._deliver()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server has closed it. An answer of no announced length ends so."""
        self.usable = False
        if self._waiter is None or self._waiter.done():
            return
        if exc is not None:
            self._fail(exc)
        elif not self._has_head:
            self._fail(HungUpError())
        elif self._until_closed:
            self._deliver()
        else:
            self._fail(BrokenBodyError())

    # What the parser tells

    def on_message_begin(self) -> None:
        """A second answer behind the first is not ours, and what comes after it neither."""
        if self._whole:
            self.usable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, also one behind a body in pieces."""
        if self._whole or self._has_head:
            return
        self._seen_bytes += len(name) + len(value)
        self._count += 1
        if self._seen_bytes > MAX_HEAD_BYTES or self._count > MAX_HEADERS:
            raise NotHttpError("its head is too long")
        self._headers.add(name.decode("latin-1"), value.decode("utf-8", "surrogateescape"))

    def on_headers_complete(self) -> None:
        """The head is there; a provisional one is followed by another."""
        if self._whole:
            return
        self._status = self._parser.get_status_code()
        if self._status >= 200:
            self._has_head = True
            headers = self._headers
            self._until_closed = not (
                "Content-Length" in headers or "Transfer-Encoding" in headers or self._status in {204, 304}
            )

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        if self._whole:
            return
        self._size += len(data)
        if self._size > reply.MAX_BODY_BYTES:
            raise TooLongError
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        """It is whole, unless it was provisional."""
        if self._whole:
            return
        if not self._has_head:
            self._headers = CIMultiDict()
            return
        self._whole = True
        if not self._parser.should_keep_alive():
            self.usable = False

    def _expect(self) -> None:
        self._headers, self._pieces = CIMultiDict(), []
        self._status = self._size = self._head_bytes = self._seen_bytes = self._count = 0
        self._whole = self._has_head = self._until_closed = False

    def _deliver(self) -> None:
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        try:
            if "Content-Encoding" in self._headers:
                body = unpacked(body, ",".join(self._headers.getall("Content-Encoding")))
        except (BrokenBodyError, TooLongError) as error:
            self._fail(error)
            return
        if self._transport is not None and self._transport.get_write_buffer_size():
            self.usable = False  # answered before the call was read to its end
        if self._waiter is not None:
            self._waiter.set_result(Reply(self._status, self._headers, body))

    def _fail(self, error: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        self.close()


def _reason(error: Exception) -> str:
    return "it changes to another protocol" if isinstance(error, httptools.HttpParserUpgrade) else str(error)
