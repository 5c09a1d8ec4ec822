"""Whatever comes back, a read ends in its answer or in a clear stop; and nothing else is taken for its answer."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any

import pytest

from bulkops.errors import ConfigError, InDoubtError, RejectedError, StoppedError
from bulkops.testing.lies import BROKEN, Lie
from bulkops.testing.wire import Heard, Speaker, answer
from bulkops.transport import MASK, Timeouts

IMPATIENT = Timeouts(total_s=0.3, read_tries=3, backoff_base_s=0.001, backoff_cap_s=0.002)
"""Long enough for a gzip bomb to be cut off, short enough for silence."""


@pytest.mark.parametrize("lie", BROKEN.values(), ids=BROKEN)
async def test_a_read_that_is_lied_to_stops_after_a_few_tries(serve: Any, connect: Any, lie: Lie) -> None:
    """In one printable line, after as many calls as it has tries, and in bounded time and memory."""

    async def script(_heard: Heard, speaker: Speaker) -> None:
        await lie(speaker)

    wire = await serve(script)
    live = await connect(wire.url, timeouts=IMPATIENT)
    with pytest.raises(StoppedError, match=r"\(3 tries\)$") as caught:
        await live.read("/things", gate="GET things")
    assert len(wire.heard) == live.meter.requests == 3
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500
    assert wire.sent < 20_000_000


@pytest.mark.parametrize("late", [False, True], ids=["with the true answer", "after it"])
async def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next_one(
    serve: Any, connect: Any, permit: Any, late: bool
) -> None:
    """Something on the way says more than one answer: the next call goes over another connection."""
    answered, said = asyncio.Event(), asyncio.Event()
    forged = answer(200, {"done": "by nobody"})

    async def script(heard: Heard, speaker: Speaker) -> None:
        if heard.path != "/first":
            return await speaker.say(answer(400, {"message": "never"}))
        await speaker.say(answer(200, {"done": 1}) + (b"" if late else forged))
        if late:
            await answered.wait()
            await speaker.say(forged)
        return said.set()

    live = await connect((await serve(script)).url)
    first = await live.write("POST", "/first", gate="POST", permit=permit, body=[])
    answered.set()
    await said.wait()
    await asyncio.sleep(0.05)  # the bytes have to reach us; nothing tells when they have
    assert first.body == {"done": 1}
    with pytest.raises(RejectedError, match="never"):
        await live.write("POST", "/second", gate="POST", permit=permit, body=[])


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (b"trx-1", "trx-1"),
        (b"Bearer sesame-sesame-9", f"Bearer {MASK}"),
        (b"\x1b[31mred\x9b", "[31mred"),
        (b"\xff\xfe", None),
        (b"z" * 5000, "z" * 200),
        (b"z" * 190 + b"sesame-sesame-9", "z" * 190 + MASK),
    ],
)
async def test_the_name_of_a_call_is_a_text_like_any_other(
    serve: Any, connect: Any, permit: Any, told: bytes, kept: str | None
) -> None:
    """It goes into reports: without secrets, without what steers a terminal, and no longer than a name is."""
    said = b"HTTP/1.1 500 No\r\nX-ANYPNT-TRX-ID: " + told + b"\r\nContent-Length: 0\r\n\r\n"
    live = await connect((await serve(said)).url)
    live._scrubber.add("sesame-sesame-9")
    with pytest.raises(InDoubtError) as caught:
        await live.write("POST", "/things", gate="POST", permit=permit, body=[])
    assert caught.value.request_id == kept


async def test_a_secret_that_a_message_is_cut_through_leaves_no_half(serve: Any, connect: Any, permit: Any) -> None:
    """The cut is made where the secret begins."""
    said = answer(400, b"x" * 1990 + b"sesame-sesame-9" + b"y" * 9000, kind="text/plain")
    live = await connect((await serve(said)).url)
    live._scrubber.add("sesame-sesame-9")
    with pytest.raises(RejectedError) as caught:
        await live.write("POST", "/things", gate="POST", permit=permit, body=[])
    assert "sesam" not in str(caught.value)


async def test_the_password_of_a_proxy_is_a_secret_too(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that gives its credentials back, as they came or decoded, is not quoted with them."""

    async def script(heard: Heard, speaker: Speaker) -> None:
        given = heard.headers["proxy-authorization"]
        await speaker.say(answer(407, f"no: {given} us@er:pa:ss-w0rd".encode(), kind="text/plain"))

    wire = await serve(script)
    monkeypatch.setenv("http_proxy", wire.url.replace("//", "//us%40er:pa%3Ass-w0rd@"))
    monkeypatch.setenv("no_proxy", "")
    live = await connect("http://directory.invalid")
    with pytest.raises(RejectedError, match="407") as caught:
        await live.read("/things", gate="GET things")
    assert "ss-w0rd" not in str(caught.value)
    assert b64encode(b"us@er:pa:ss-w0rd").decode() not in str(caught.value)


@pytest.mark.parametrize(
    "proxy", ["socks5://u:hunter2@proxy:1080", "http://u:hunter2@[::1", "http://u:hunter2@proxy:port", "http://", ":80"]
)
async def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    connect: Any, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    """Before anything is sent, and by the variable to look at."""
    monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(ConfigError, match="https_proxy") as caught:
        await connect("https://directory.invalid")
    assert "hunter2" not in str(caught.value)
