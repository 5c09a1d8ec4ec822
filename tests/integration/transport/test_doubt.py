"""What a write's fate is called: certainly not applied, refused, or in doubt; and that it leaves once."""

from __future__ import annotations

import gzip
import socket
from typing import Any

import pytest

from bulkops.errors import InDoubtError, LedgerError, RejectedError, RetryableError, StoppedError
from bulkops.testing.wire import Heard, Speaker, Wire, answer
from bulkops.transport import Timeouts, reply

HTML = b"<html><body>Network sign-in required</body></html>"
CUT = answer(200, [{"id": 1}])
UNREADABLE = {
    "a proxy's page": answer(200, HTML, kind="text/html; charset=utf-8"),
    "a page that says it is JSON": answer(200, HTML),
    "JSON that is cut short": answer(200, b'{"data":[{"id":"a"},{"i'),
    "JSON with a number of no meaning": answer(200, b'{"total":NaN}'),
    "gzip that is none": answer(200, b'{"data":[]}', headers={"Content-Encoding": "gzip"}),
}


async def write(live: Any, permit: Any, *, method: str = "POST", path: str = "/things") -> Any:
    return await live.write(method, path, gate=f"{method} things", permit=permit, body=["a"])


@pytest.mark.parametrize("said", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_success_that_cannot_be_read_leaves_a_write_in_doubt(
    serve: Any, connect: Any, permit: Any, said: bytes
) -> None:
    """The status alone proves nothing: a proxy may have said it."""
    wire = await serve(said)
    with pytest.raises(InDoubtError):
        await write(await connect(wire.url), permit)
    assert len(wire.heard) == 1


@pytest.mark.parametrize("said", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_success_that_cannot_be_read_is_read_again_a_few_times(serve: Any, connect: Any, said: bytes) -> None:
    """A read harms nobody; after the last try the run stops, and can be resumed."""
    wire = await serve(said)
    live = await connect(wire.url)
    with pytest.raises(StoppedError, match=r"3 tries"):
        await live.read("/things", gate="GET things")
    assert len(wire.heard) == live.meter.requests == 3
    assert live.meter.retries == 2


async def test_a_read_that_succeeds_at_last_is_answered(serve: Any, connect: Any) -> None:
    """Two bad answers of different kinds cost two tries."""
    says = [answer(502, b"Bad Gateway"), UNREADABLE["JSON that is cut short"], answer(200, {"ok": True})]

    async def script(_heard: Heard, speaker: Speaker) -> None:
        await speaker.say(says.pop(0))

    live = await connect((await serve(script)).url)
    assert (await live.read("/things", gate="GET things")).body == {"ok": True}


@pytest.mark.parametrize("said", [b"", CUT[:-4], CUT[:20]], ids=["nothing", "half a body", "half a head"])
@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "POST"])
async def test_a_write_is_never_repeated_on_a_dead_connection(
    serve: Any, connect: Any, permit: Any, method: str, said: bytes
) -> None:
    """The kept-alive connection dies after the server has read the request: it arrived once, and is in doubt."""

    async def script(heard: Heard, speaker: Speaker) -> None:
        await speaker.say(answer(200, {}) if heard.method == "GET" else said)
        if heard.method != "GET":
            speaker.hang_up()

    wire = await serve(script)
    live = await connect(wire.url)
    await live.read("/things", gate="GET things")
    with pytest.raises(InDoubtError) as caught:
        await write(live, permit, method=method)
    assert [heard.method for heard in wire.heard] == ["GET", method]
    assert caught.value.code == "no_answer"


async def test_silence_leaves_a_write_in_doubt(serve: Any, connect: Any, permit: Any) -> None:
    """The time-out is ours; whether the server went on is unknown."""

    async def script(_heard: Heard, speaker: Speaker) -> None:
        await speaker.silence()

    wire = await serve(script)
    with pytest.raises(InDoubtError, match="no answer in time"):
        await write(await connect(wire.url, timeouts=Timeouts(total_s=0.2)), permit)
    assert len(wire.heard) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "nobody.invalid"], ids=["refused", "no such host"])
async def test_a_connection_that_never_opened_carried_nothing(connect: Any, permit: Any, host: str) -> None:
    """Such a write may be sent again; a read says so after its tries."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://{host}:{closed.getsockname()[1]}"
        live = await connect(url)
        with pytest.raises(RetryableError) as caught:
            await write(live, permit)
        assert caught.value.code == "unreachable"
        with pytest.raises(StoppedError, match=url):
            await live.read("/things", gate="GET things")


@pytest.mark.parametrize(
    ("said", "code", "atomic"),
    [
        (answer(400, {"errors": [{"dataPath": "[0].email", "message": "is too long"}]}), "invalid", True),
        (answer(400, {"status": 400, "message": "One or more users"}), "invalid", False),
        (answer(400, b""), "invalid", False),
        (answer(403, b"Forbidden", kind="text/plain"), "forbidden", True),
        (answer(404, b""), "not_found", False),
        (answer(409, b""), "conflict", False),
        (answer(413, b"request entity too large", kind="text/plain"), "too_large", False),
        (answer(418, b"teapot", kind="text/plain"), "rejected", False),
    ],
)
async def test_a_refusal_says_whether_nothing_at_all_was_applied(
    serve: Any, connect: Any, permit: Any, said: bytes, code: str, atomic: bool
) -> None:
    """Only the check of the body, and missing rights, come before everything else."""
    with pytest.raises(RejectedError) as caught:
        await write(await connect((await serve(said)).url), permit)
    assert (caught.value.code, caught.value.atomic) == (code, atomic)
    assert caught.value.http_status == int(said.split()[1])


async def test_a_refusal_carries_the_providers_words_and_its_transaction(serve: Any, connect: Any, permit: Any) -> None:
    """Both are what support will ask for."""
    said = answer(400, {"status": 400, "message": "No invites were deleted"}, headers={"X-ANYPNT-TRX-ID": "trx-7"})
    with pytest.raises(RejectedError, match="HTTP 400: No invites were deleted") as caught:
        await write(await connect((await serve(said)).url), permit)
    assert caught.value.request_id == "trx-7"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (answer(500, b"Internal error", kind="text/plain"), "server_error"),
        (answer(502, b""), "server_error"),
        (answer(503, b"upstream reset", kind="text/plain"), "server_error"),
        (answer(504, HTML, kind="text/html"), "server_error"),
        (answer(408, b""), "server_error"),
        (answer(302, b"", headers={"Location": "/login"}), "redirected"),
        (answer(304, b""), "redirected"),
    ],
)
async def test_an_error_after_sending_leaves_a_write_in_doubt(
    serve: Any, connect: Any, permit: Any, said: bytes, code: str
) -> None:
    """The server that failed, or the one in between, may have applied it first."""
    with pytest.raises(InDoubtError) as caught:
        await write(await connect((await serve(said)).url), permit)
    assert caught.value.code == code


async def test_a_redirect_is_not_followed_and_takes_no_credentials_along(
    serve: Any, connect: Any, permit: Any, good: Wire
) -> None:
    """The other host never hears of the call."""
    for status in (301, 302, 303, 307, 308):
        wire = await serve(answer(status, b"", headers={"Location": f"{good.url}/elsewhere"}))
        live = await connect(wire.url)
        with pytest.raises(InDoubtError):
            await write(live, permit)
        with pytest.raises(StoppedError):
            await live.read("/things", gate="GET things")
    assert good.heard == []


async def test_an_endless_answer_is_cut_off(
    serve: Any, connect: Any, permit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer can fill the memory, however long the server goes on."""
    monkeypatch.setattr(reply, "MAX_BODY_BYTES", 1_000_000)

    async def script(_heard: Heard, speaker: Speaker) -> None:
        await speaker.say(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
        while True:
            await speaker.say(b"0," * 50_000)

    wire = await serve(script)
    with pytest.raises(InDoubtError, match="longer than 1,000,000 bytes"):
        await write(await connect(wire.url), permit)
    assert wire.sent < 50_000_000


async def test_a_small_answer_that_unpacks_to_a_huge_one_is_cut_off(
    serve: Any, connect: Any, permit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit counts what comes out, not what came in."""
    monkeypatch.setattr(reply, "MAX_BODY_BYTES", 1_000_000)
    packed = gzip.compress(b"[" + b" " * 30_000_000 + b"]", compresslevel=1)
    wire = await serve(answer(200, packed, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(InDoubtError, match="longer than 1,000,000 bytes"):
        await write(await connect(wire.url), permit)


@pytest.mark.parametrize(
    "headers",
    [
        {"Date": "Mon, 01 Jan 2024 00:00:00 +99999999999999", "X-RateLimit-Reset": "nan"},
        {"Date": "yesterday", "Retry-After": "soon", "X-RateLimit-Limit": "many", "X-RateLimit-Remaining": "-1"},
    ],
)
async def test_headers_without_sense_do_not_spoil_an_answer(
    serve: Any, connect: Any, permit: Any, headers: dict[str, str]
) -> None:
    """They are passed over."""
    wire = await serve(answer(200, [], headers=headers))
    assert (await write(await connect(wire.url), permit)).status == 200


async def test_the_permit_is_asked_before_the_bytes_leave(serve: Any, connect: Any, permit: Any) -> None:
    """The record stands when the server hears of the write; and each write is asked for."""

    async def script(heard: Heard, speaker: Speaker) -> None:
        permit.order.append(f"heard {heard.path}")
        await speaker.say(answer(204))

    live = await connect((await serve(script)).url)
    await write(live, permit, path="/one")
    await write(live, permit, path="/two")
    assert permit.order == ["begun", "heard /one", "begun", "heard /two"]


async def test_a_permit_that_refuses_keeps_the_bytes_from_leaving(connect: Any, permit: Any, good: Wire) -> None:
    """Without a durable record nothing is sent."""
    permit.refusal = LedgerError("the disk is full")
    with pytest.raises(LedgerError, match="disk is full"):
        await write(await connect(good.url), permit)
    assert good.heard == []


async def test_a_write_goes_out_as_json(connect: Any, permit: Any, good: Wire) -> None:
    """Also for DELETE, whose body the vendor asks for."""
    live = await connect(good.url)
    await live.write("DELETE", "/things", gate="DELETE things", permit=permit, body=["ä"], params={"q": "a b"})
    (heard,) = good.heard
    assert (heard.method, heard.target, heard.json) == ("DELETE", "/things?q=a+b", ["ä"])
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["accept"] == "application/json"
    assert heard.headers["user-agent"] == "bulkops"
