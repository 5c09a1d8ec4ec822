"""Connections that end, or never come to be: what certainly never left is sent again, and nothing else is."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme

from bulkops.errors import ConfigError, InDoubtError, RetryableError
from bulkops.testing.wire import answer
from bulkops.transport import Timeouts
from bulkops.transport.credentials import StaticToken

Conversation = Callable[[socket.socket], None]

FORGED = answer(200, {"done": "by nobody"})


@contextmanager
def thread_server(*talks: Conversation, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server in a thread: it holds the conversations one after the other, a connection each."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                for talk in talks:
                    raw, _ = server.accept()
                    with tls.wrap_socket(raw, server_side=True) if tls else raw as peer:
                        talk(peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def heard(peer: socket.socket) -> bytes:
    """One request."""
    request = b""
    while b"\r\n\r\n" not in request or (b"POST" in request and not request.endswith(b"[]")):
        request += peer.recv(65536)
    return request


def alert(number: int) -> bytes:
    """TLS's word for a fatal fault (RFC 8446, section 6.2)."""
    return bytes((0x15, 3, 3, 0, 2, 2, number))


@pytest.fixture
def authority() -> trustme.CA:
    """A private authority."""
    return trustme.CA()


def server_tls(authority: trustme.CA, name: str = "127.0.0.1", **options: Any) -> ssl.SSLContext:
    """A server's side."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name, **options).configure_cert(tls)
    return tls


def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    """A client's side, which trusts the authority."""
    tls = ssl.create_default_context()
    authority.configure_trust(tls)
    return tls


async def write(live: Any, permit: Any) -> Any:
    return await live.write("POST", "/things", gate="POST", permit=permit, body=[])


@pytest.mark.parametrize("last_words", [b"", answer(408), FORGED], ids=["nothing", "a time-out", "an answer"])
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
async def test_a_connection_that_the_server_has_closed_carries_no_call(
    connect: Any, permit: Any, authority: trustme.CA, last_words: bytes, secure: bool
) -> None:
    """Also when the event loop had no time to read that: the call goes over a new connection, once."""
    go, closed = threading.Event(), threading.Event()
    requests: list[bytes] = []

    def first(peer: socket.socket) -> None:
        requests.append(heard(peer))
        peer.sendall(answer(200, {}))
        go.wait()
        if last_words:
            peer.sendall(last_words)
        peer.close()
        closed.set()

    def second(peer: socket.socket) -> None:
        requests.append(heard(peer))
        peer.sendall(answer(201, {"done": 1}))

    with thread_server(first, second, tls=server_tls(authority) if secure else None) as url:
        live = await connect(url, tls=client_tls(authority))
        await live.read("/things", gate="GET things")
        go.set()
        closed.wait()  # the event loop stands still meanwhile
        assert (await write(live, permit)).body == {"done": 1}
    assert [request.split()[0] for request in requests] == [b"GET", b"POST"]


async def test_a_connection_is_not_used_for_longer_than_the_server_says(connect: Any, permit: Any) -> None:
    """A call would cross with its end, and be in doubt."""
    left: list[bytes] = []

    def first(peer: socket.socket) -> None:
        heard(peer)
        peer.sendall(answer(200, {}, headers={"Keep-Alive": "timeout=1, max=9"}))
        left.append(peer.recv(1))

    def second(peer: socket.socket) -> None:
        heard(peer)
        peer.sendall(answer(201, {"done": 1}))

    with thread_server(first, second) as url:
        live = await connect(url)
        await live.read("/things", gate="GET things")
        assert (await write(live, permit)).body == {"done": 1}
    assert left == [b""]


async def test_a_connection_on_which_a_call_was_heard_and_dropped_is_not_tried_again(connect: Any, permit: Any) -> None:
    """The server may have done it."""

    def first(peer: socket.socket) -> None:
        heard(peer)

    with thread_server(first, first) as url:
        live = await connect(url)
        with pytest.raises(InDoubtError, match="hung up"):
            await write(live, permit)
        assert live.meter.requests == 1


@pytest.mark.parametrize("timeouts", [Timeouts(connect_s=0.2), Timeouts(total_s=0.2)], ids=["connecting", "the call"])
async def test_tls_that_does_not_come_to_be_in_time_carried_nothing(
    connect: Any, permit: Any, timeouts: Timeouts
) -> None:
    """The shorter of the two times counts."""
    over = threading.Event()

    def silent(_peer: socket.socket) -> None:
        over.wait()

    with thread_server(silent) as url:
        live = await connect(url.replace("http:", "https:"), timeouts=timeouts)
        try:
            with pytest.raises(RetryableError, match="no answer in time") as caught:
                await write(live, permit)
        finally:
            over.set()
    assert caught.value.code == "unreachable"


@pytest.mark.parametrize("last_words", [b"", alert(80)], ids=["without a word", "an error of its own"])
async def test_a_server_that_fails_in_the_handshake_may_be_tried_again(
    connect: Any, permit: Any, last_words: bytes
) -> None:
    """It is busy, or being started anew; that is no matter of configuration."""

    def failing(peer: socket.socket) -> None:
        peer.recv(100_000)
        peer.sendall(last_words)

    with thread_server(failing) as url:
        live = await connect(url.replace("http:", "https:"))
        with pytest.raises(RetryableError, match="cannot connect"):
            await write(live, permit)


async def test_a_server_that_refuses_our_tls_is_a_matter_of_configuration(connect: Any, permit: Any) -> None:
    """It has no version or cipher in common with us, and will have none at the next try."""

    def refusing(peer: socket.socket) -> None:
        peer.recv(100_000)
        peer.sendall(alert(40))

    with thread_server(refusing) as url:
        live = await connect(url.replace("http:", "https:"))
        with pytest.raises(ConfigError, match="TLS failed"):
            await write(live, permit)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("elsewhere.test", {}, "127.0.0.1"),
        ("127.0.0.1", {"not_after": datetime.now(UTC) - timedelta(days=1)}, "expired"),
    ],
    ids=["another name", "expired"],
)
async def test_a_certificate_that_is_not_the_hosts_is_a_matter_of_configuration(
    connect: Any, permit: Any, authority: trustme.CA, name: str, options: dict[str, Any], words: str
) -> None:
    """The message says what is wrong with it."""

    def unheard(_peer: socket.socket) -> None:
        raise AssertionError("the handshake was made")

    with thread_server(unheard, tls=server_tls(authority, name, **options)) as url:
        live = await connect(url, tls=client_tls(authority))
        with pytest.raises(ConfigError, match=words):
            await write(live, permit)


@pytest.mark.parametrize("url", [f"http://{'a' * 70}.test:1", "http://[fe80::1%25none]:1"], ids=["label", "scope"])
async def test_a_host_that_cannot_be_one_was_sent_nothing(connect: Any, permit: Any, url: str) -> None:
    """However the system says so."""
    live = await connect(url)
    with pytest.raises(RetryableError) as caught:
        await write(live, permit)
    assert caught.value.code == "unreachable"


async def test_a_header_with_a_line_end_never_leaves(connect: Any, permit: Any) -> None:
    """Nothing was sent, so nothing is in doubt; and the value is not told."""
    with thread_server() as url:
        live = await connect(url, credentials=StaticToken("Bearer sesame\r\nX-More: 1", named="T"))
        with pytest.raises(RetryableError, match="Authorization") as caught:
            await write(live, permit)
    assert "sesame" not in str(caught.value)


async def test_a_proxy_that_does_not_connect_in_time_carried_nothing(
    connect: Any, permit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took the wish for a way through, and never answered."""
    over = threading.Event()

    def silent(_peer: socket.socket) -> None:
        over.wait()

    with thread_server(silent) as url:
        monkeypatch.setenv("https_proxy", url)
        monkeypatch.setenv("no_proxy", "")
        live = await connect("https://directory.invalid", timeouts=Timeouts(connect_s=0.2))
        try:
            with pytest.raises(RetryableError, match="no answer in time"):
                await write(live, permit)
        finally:
            over.set()
