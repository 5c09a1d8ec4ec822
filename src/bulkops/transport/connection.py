"""One connection to a server: a call goes out, its answer comes back, and nothing else is taken for it."""

from __future__ import annotations

import asyncio
import select
from typing import cast

import httptools
from multidict import CIMultiDict

from bulkops.transport import reply
from bulkops.transport.reply import (
    BrokenBodyError,
    HungUpError,
    NotConnectedError,
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
        self.kept_until = 0.0  # on the event loop's clock
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        # what aiohttp takes, too: some servers mark lines and pieces loosely
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._waiter: asyncio.Future[Reply] | None = None
        self._headers: CIMultiDict[str] = CIMultiDict()
        self._body = bytearray()
        self._status = self._came_bytes = self._seen_bytes = self._count = 0
        self._whole = self._has_head = self._until_closed = False
        self._watch: select.poll | None = None

    @property
    def fresh(self) -> bool:
        """Whether a call may go out and nothing has come since the last answer.

        The network is asked: an end, or a word out of turn (408 on an idle connection, say), may have come that the
        event loop has not read yet. A call that is written then may be lost, or get another's answer.
        """
        if not self.usable or self._transport is None or self._transport.is_closing():
            return False
        if self._watch is None:
            self._watch = _watch(self._transport)
        return self._watch is None or not self._watch.poll(0)

    async def exchange(self, request: bytes, *, deadline: float) -> Reply:
        """Send a call and return its answer. Raises as `HttpClient.send` does; then, and when cancelled, it is closed.

        `deadline` is on the event loop's clock. Nothing is written when it has passed already, or on a connection that
        is closed: that is a NotConnectedError.
        """
        loop = asyncio.get_running_loop()
        if self._transport is None or not self.usable or self._transport.is_closing():
            self.close()
            raise NotConnectedError from ConnectionResetError("the server closed the connection before the call")
        if loop.time() >= deadline:
            self.close()
            raise NotConnectedError from TimeoutError()
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
        self._came_bytes += len(data)
        try:
            self._parser.feed_data(data)
            if not self._has_head and self._came_bytes > MAX_HEAD_BYTES:
                raise NotHttpError("its head does not end")
            if self._came_bytes > MAX_HEAD_BYTES + 2 * reply.MAX_BODY_BYTES:
                raise TooLongError  # of what is no body: marks of pieces, and headers behind them
        except httptools.HttpParserCallbackError as error:
            self._fail(error.__context__ if isinstance(error.__context__, Exception) else error)
        except (NotHttpError, TooLongError) as error:
            self._fail(error)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(NotHttpError(_reason(error)))
        else:
            if self._whole:
                self._deliver()

    def eof_received(self) -> None:
        """The server says no more; its transport closes the connection in the next turn of the event loop."""
        self.usable = False

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
            self._until_closed = self._status not in {204, 304} and not _tells_length(self._headers)

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        if self._whole:
            return
        if len(self._body) + len(data) > reply.MAX_BODY_BYTES:
            raise TooLongError
        self._body += data

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
        self._headers, self._body = CIMultiDict(), bytearray()
        self._status = self._came_bytes = self._seen_bytes = self._count = 0
        self._whole = self._has_head = self._until_closed = False

    def _deliver(self) -> None:
        body = bytes(self._body)
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


def _tells_length(headers: CIMultiDict[str]) -> bool:
    """Whether the parser knows where the body ends; it reads names with blanks behind them, too."""
    if "Content-Length" in headers or "Transfer-Encoding" in headers:
        return True
    return any(name.strip().casefold() in {"content-length", "transfer-encoding"} for name in headers)


def _watch(transport: asyncio.BaseTransport) -> select.poll | None:
    """What tells whether something has come; None where the system has no such thing."""
    socket = transport.get_extra_info("socket")
    if socket is None or not hasattr(select, "poll"):
        return None
    watch = select.poll()
    watch.register(socket.fileno(), select.POLLIN)
    return watch


def _reason(error: Exception) -> str:
    return "it changes to another protocol" if isinstance(error, httptools.HttpParserUpgrade) else str(error)
