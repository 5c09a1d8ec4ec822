"""A connection gives the answer to its call, however its bytes are cut, and nothing else."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkops.transport.connection import Connection
from bulkops.transport.reply import (
    BrokenBodyError,
    HungUpError,
    NotConnectedError,
    NotHttpError,
    Reply,
    TooLongError,
    unpacked,
)

OK = b"HTTP/1.1 200 OK\r\n"
BODY = b'{"a": [1, 2, 3], "b": "\xc3\xa9"}'
PIECES = b"5;x=y\r\n" + BODY[:5] + b"\r\n" + b"%x\r\n" % len(BODY[5:]) + BODY[5:] + b"\r\n0\r\nX-Late: 1\r\n\r\n"
WHOLE = {
    "by length": OK + b"Content-Length: %d\r\nX-Name: v\r\n\r\n" % len(BODY) + BODY,
    "in pieces": OK + b"Transfer-Encoding: chunked\r\nx-name: v\r\n\r\n" + PIECES,
    "after two provisional ones": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-Name: no\r\n\r\n"
    + OK
    + b"Content-Length: %d\r\nX-Name: v\r\n\r\n" % len(BODY)
    + BODY,
}


class Pipe(asyncio.Transport):
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.aborted = False
        self.unread = 0

    def get_write_buffer_size(self) -> int:
        """What the server has not taken yet."""
        return self.unread

    def write(self, data: Any) -> None:
        """Keep it."""
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        """Once it was aborted."""
        return self.aborted

    def abort(self) -> None:
        """Nothing is written any more."""
        self.aborted = True


def talk(*said: bytes, hang_up: bool = False) -> tuple[Reply | Exception, Connection]:
    """The end of one call whose server says this, piece by piece."""

    async def call() -> tuple[Reply | Exception, Connection]:
        connection = Connection()
        connection.connection_made(Pipe())
        deadline = asyncio.get_running_loop().time() + 0.05
        calling = asyncio.create_task(connection.exchange(b"GET / HTTP/1.1\r\n\r\n", deadline=deadline))
        await asyncio.sleep(0)
        for piece in said:
            connection.data_received(piece)
        if hang_up:
            connection.connection_lost(None)
        (ended,) = await asyncio.gather(calling, return_exceptions=True)
        assert isinstance(ended, Reply | Exception)
        return ended, connection

    return asyncio.run(call())


@pytest.mark.parametrize("said", WHOLE.values(), ids=WHOLE)
@given(cuts=st.lists(st.integers(0, 250), max_size=12))
def test_an_answer_is_the_same_however_it_is_cut(said: bytes, cuts: list[int]) -> None:
    """Status, headers in any case, body; and the connection serves the next call."""
    at = [0, *sorted(min(cut, len(said)) for cut in cuts), len(said)]
    reply, connection = talk(*(said[a:b] for a, b in pairwise(at) if a < b))
    assert isinstance(reply, Reply)
    assert (reply.status, reply.headers.get("X-NAME"), reply.body) == (200, "v", BODY)
    assert "X-Late" not in reply.headers
    assert connection.usable


@pytest.mark.parametrize("said", WHOLE.values(), ids=WHOLE)
@given(data=st.data())
def test_an_answer_that_ends_anywhere_before_its_end_is_none(said: bytes, data: st.DataObject) -> None:
    """The call fails, and says whether its answer had begun."""
    length = data.draw(st.integers(0, len(said) - 1))
    error, connection = talk(said[:length], hang_up=True)
    assert isinstance(error, HungUpError | BrokenBodyError)
    assert not connection.usable


def test_a_body_without_a_length_ends_with_its_connection() -> None:
    """Which then serves no other call."""
    reply, connection = talk(OK + b"\r\n", BODY, hang_up=True)
    assert isinstance(reply, Reply)
    assert reply.body == BODY
    assert not connection.usable


@pytest.mark.parametrize("name", [b"Content-Length", b"Content-Length ", b"content-length\t"])
def test_a_body_that_is_shorter_than_told_is_broken(name: bytes) -> None:
    """However its length was written: an empty body would be taken for a success."""
    error, _ = talk(OK + name + b": 10\r\n\r\n", hang_up=True)
    assert isinstance(error, BrokenBodyError | NotHttpError)


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_never_has_a_body_does_not_wait_for_one(status: int) -> None:
    """No length is told, and none is needed."""
    reply, connection = talk(b"HTTP/1.1 %d No\r\n\r\n" % status)
    assert isinstance(reply, Reply)
    assert (reply.status, reply.body, connection.usable) == (status, b"", True)


@pytest.mark.parametrize("farewell", [b"Connection: close\r\n", b"connection: Close\r\n"])
def test_a_connection_that_the_server_will_close_is_not_used_again(farewell: bytes) -> None:
    """It says so in its answer."""
    reply, connection = talk(OK + farewell + b"Content-Length: 0\r\n\r\n")
    assert isinstance(reply, Reply)
    assert not connection.usable


@pytest.mark.parametrize("behind", [WHOLE["by length"], b"HTTP/1.1 2"], ids=["an answer", "the beginning of one"])
def test_what_comes_behind_an_answer_is_never_taken_for_the_next_one(behind: bytes) -> None:
    """Nor is the connection used again."""
    reply, connection = talk(WHOLE["by length"] + behind)
    assert isinstance(reply, Reply)
    assert reply.body == BODY
    assert not connection.usable


def test_bytes_on_an_idle_connection_close_it() -> None:
    """Nobody had asked."""
    _, connection = talk(WHOLE["by length"])
    connection.data_received(WHOLE["by length"])
    assert not connection.usable


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9\r\n",
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]",
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Content-Length: 2\r\n\r\n[]garbage",
        OK + b"X: " + b"a" * 70_000,
        OK + b"X: a\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
    ids=["no http", "two lengths", "length and pieces", "garbage behind", "huge header", "many headers", "upgrade"],
)
def test_what_is_no_answer_fails_the_call(said: bytes) -> None:
    """And closes the connection."""
    error, connection = talk(said)
    assert isinstance(error, NotHttpError)
    assert not connection.usable


def test_silence_ends_at_the_deadline_and_a_second_answer_cannot_come() -> None:
    """The connection is closed, so what comes late finds nobody."""
    error, connection = talk(OK)
    assert isinstance(error, TimeoutError)
    connection.data_received(b"Content-Length: 0\r\n\r\n")
    assert not connection.usable


async def test_a_call_that_is_cancelled_closes_its_connection() -> None:
    """Its answer would be taken for the next one's."""
    connection, pipe = Connection(), Pipe()
    connection.connection_made(pipe)
    calling = asyncio.create_task(connection.exchange(b"x", deadline=asyncio.get_running_loop().time() + 60))
    await asyncio.sleep(0)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert pipe.aborted
    with pytest.raises(NotConnectedError):
        await connection.exchange(b"y", deadline=asyncio.get_running_loop().time() + 60)
    assert pipe.written == [b"x"]


@pytest.mark.parametrize("how", ["end", "lost", "closing", "too late"])
async def test_a_call_that_cannot_go_out_is_not_written(how: str) -> None:
    """It certainly was not sent, so nothing of it is in doubt."""
    connection, pipe = Connection(), Pipe()
    connection.connection_made(pipe)
    if how == "end":
        connection.eof_received()
    elif how == "lost":
        connection.connection_lost(None)
    elif how == "closing":
        pipe.abort()
    now = asyncio.get_running_loop().time()
    with pytest.raises(NotConnectedError) as caught:
        await connection.exchange(b"x", deadline=now if how == "too late" else now + 60)
    assert isinstance(caught.value.__cause__, OSError)
    assert pipe.written == []
    assert pipe.aborted


@pytest.mark.parametrize("endless", [b"1;" + b"x" * 998 + b"\r\n0\r\n", b"X-Late: " + b"x" * 990 + b"\r\n"])
def test_what_is_no_body_and_does_not_end_is_cut_off(endless: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Marks of pieces, and headers behind them: they count, too."""
    monkeypatch.setattr("bulkops.transport.reply.MAX_BODY_BYTES", 10_000)
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n" + (b"0\r\n" if endless.startswith(b"X") else b"")
    error, connection = talk(head, *[endless] * 100)
    assert isinstance(error, TooLongError)
    assert not connection.usable


async def test_an_answer_that_comes_before_the_call_was_read_is_the_last_on_its_connection() -> None:
    """What is left of the call would be read as the beginning of the next one."""
    connection, pipe = Connection(), Pipe()
    connection.connection_made(pipe)
    calling = asyncio.create_task(connection.exchange(b"x" * 9, deadline=asyncio.get_running_loop().time() + 60))
    await asyncio.sleep(0)
    pipe.unread = 5
    connection.data_received(WHOLE["by length"])
    assert (await calling).body == BODY
    assert not connection.usable


@given(st.binary(max_size=2000))
def test_packed_bodies_are_unpacked(body: bytes) -> None:
    """gzip in one or several members, deflate with and without its wrapper, or not at all."""
    bare = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    assert unpacked(gzip.compress(body), "gzip") == body
    assert unpacked(gzip.compress(body) + gzip.compress(body), " X-GZip ") == body * 2
    assert unpacked(zlib.compress(body), "deflate") == body
    assert unpacked(bare.compress(body) + bare.flush(), "deflate") == body
    assert unpacked(body, "identity") == body


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"abc", mtime=0)[:-3], "gzip"),
        (b"garbage", "gzip"),
        (b"garbage", "deflate"),
        (b"x", "br"),
        (b"x", "a,b"),
    ],
    ids=["half", "no gzip", "no deflate", "brotli", "twice"],
)
def test_what_cannot_be_unpacked_is_broken(body: bytes, encoding: str) -> None:
    """Half of a body is none."""
    with pytest.raises(BrokenBodyError):
        unpacked(body, encoding)


def test_many_small_members_are_unpacked_as_well_as_one_large_one() -> None:
    """What is behind a member is not copied once for each."""
    assert unpacked(gzip.compress(b"x") * 100_000, "gzip") == b"x" * 100_000


def test_what_unpacks_to_too_much_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it fills the memory, in one member or in many."""
    monkeypatch.setattr("bulkops.transport.reply.MAX_BODY_BYTES", 1000)
    for packed in (gzip.compress(b" " * 1001), gzip.compress(b" " * 501) * 2):
        with pytest.raises(TooLongError):
            unpacked(packed, "gzip")
