"""Being throttled: one wait for all, named by the server, and no attempt spent."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from typing import Any

import pytest

from bulkops.errors import InDoubtError, StoppedError, ThrottledError
from bulkops.policy import LONGEST_WAIT_S
from bulkops.testing.wire import Heard, Speaker, answer
from bulkops.transport import Gates, Rate

LATER = {"Retry-After": "600"}
REFUSALS = {
    "429": answer(429, b"Too Many Requests", kind="text/plain", headers=LATER),
    "429 without a word": answer(429, b""),
    "an empty 503": answer(503, b""),
    "503 with a page and a wait": answer(503, b"<html>", kind="text/html", headers=LATER),
    "503 with nothing left": answer(503, b"busy", kind="text/plain", headers={"X-RateLimit-Remaining": "0"}),
}


async def settle() -> None:
    """Let every task run until it waits for something outside."""
    for _ in range(20):
        await asyncio.sleep(0)


async def end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("said", REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal_for_its_rate_holds_every_worker(serve: Any, connect: Any, permit: Any, said: bytes) -> None:
    """The first one is refused; the others do not even ask their permits."""
    wire = await serve(said)
    live = await connect(wire.url)
    with pytest.raises(ThrottledError):
        await live.write("POST", "/things", gate="POST things", permit=permit, body=[])
    writes = [live.write("POST", "/things", gate="POST things", permit=permit, body=[]) for _ in range(5)]
    tasks = [asyncio.create_task(write) for write in writes]
    await settle()
    waiting = live.gates.waiting()
    await end(*tasks)
    assert permit.order == ["begun"]
    assert len(wire.heard) == live.meter.throttled == 1
    assert waiting is not None
    assert waiting.what == "quota of POST things"


async def test_a_wait_holds_its_own_class_alone(serve: Any, connect: Any, permit: Any) -> None:
    """The vendor counts each endpoint by itself."""

    async def script(heard: Heard, speaker: Speaker) -> None:
        await speaker.say(REFUSALS["429"] if heard.method == "POST" else answer(200, {}))

    live = await connect((await serve(script)).url)
    with pytest.raises(ThrottledError):
        await live.write("POST", "/things", gate="POST things", permit=permit, body=[])
    assert (await live.read("/things", gate="GET things")).status == 200


async def test_a_throttled_read_is_asked_again_as_often_as_it_takes(serve: Any, connect: Any) -> None:
    """More refusals than a read has tries: none of them counts as one."""
    says = [answer(429, b"", headers={"Retry-After": "0.001"})] * 12

    async def script(_heard: Heard, speaker: Speaker) -> None:
        await speaker.say(says.pop() if says else answer(200, {}))

    live = await connect((await serve(script)).url)
    assert (await live.read("/things", gate="GET things")).status == 200
    assert (live.meter.throttled, live.meter.retries) == (12, 0)


async def test_a_write_leaves_when_its_wait_is_over(serve: Any, connect: Any, permit: Any) -> None:
    """The permit is asked after the gate has opened, right before the bytes."""

    async def script(heard: Heard, speaker: Speaker) -> None:
        permit.order.append(heard.method)
        first = permit.order.count("POST") == 1
        await speaker.say(answer(429, b"", headers={"Retry-After": "0.05"}) if first else answer(204))

    live = await connect((await serve(script)).url)
    with pytest.raises(ThrottledError):
        await live.write("POST", "/things", gate="POST things", permit=permit, body=[])
    task = asyncio.create_task(live.write("POST", "/things", gate="POST things", permit=permit, body=[]))
    await settle()
    permit.order.append("still waiting")
    await task
    assert permit.order == ["begun", "POST", "still waiting", "begun", "POST"]


async def test_a_503_that_says_something_is_no_throttling(serve: Any, connect: Any, permit: Any) -> None:
    """Some proxy failed after the bytes had left: in doubt, and nobody is held."""
    live = await connect((await serve(answer(503, b"upstream connect error", kind="text/plain"))).url)
    with pytest.raises(InDoubtError, match="upstream connect error"):
        await live.write("POST", "/things", gate="POST things", permit=permit, body=[])
    assert live.meter.throttled == 0


@pytest.mark.parametrize(
    ("remaining", "reserve", "held"), [("0", 0.0, True), ("1", 0.0, False), ("100", 0.2, True), ("101", 0.2, False)]
)
async def test_a_spent_window_holds_without_a_refusal(
    serve: Any, connect: Any, remaining: str, reserve: float, held: bool
) -> None:
    """An ordinary answer says that nothing is left, or only what is left to others."""
    headers = {"X-RateLimit-Limit": "500", "X-RateLimit-Remaining": remaining, "X-RateLimit-Reset": "600"}
    wire = await serve(answer(200, {}, headers=headers))
    live = await connect(wire.url, gates=Gates(reserve=reserve))
    await live.read("/things", gate="GET things")
    task = asyncio.create_task(live.read("/things", gate="GET things"))
    await settle()
    assert (live.gates.waiting() is not None) is held
    await end(task)
    assert live.meter.throttled == 0


@pytest.mark.parametrize("status", [200, 429])
async def test_no_header_makes_anybody_wait_for_a_year(serve: Any, connect: Any, status: int) -> None:
    """A wait is bounded; after it the server is asked again."""
    ahead = str(int(time.time()) + 365 * 86_400)
    wire = await serve(answer(status, {}, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": ahead}))
    live = await connect(wire.url)
    task = asyncio.create_task(live.read("/things", gate="GET things"))
    again = asyncio.create_task(live.read("/things", gate="GET things"))
    async with asyncio.timeout(10):
        while live.gates.waiting() is None:
            await asyncio.sleep(0)
            if task.done() and again.done():
                again = asyncio.create_task(live.read("/things", gate="GET things"))
    waiting = live.gates.waiting()
    await end(task, again)
    assert waiting is not None
    assert waiting.until < time.time() + LONGEST_WAIT_S + 1


async def test_a_503_that_tells_that_nothing_is_left_is_throttling_for_any_vendor(
    serve: Any, connect: Any, permit: Any
) -> None:
    """Whatever its body says: a reset lies ahead, and nothing else is told."""
    says = answer(503, b"please wait", kind="text/plain", headers={"X-RateLimit-Reset": "600"})
    live = await connect((await serve(says)).url)
    with pytest.raises(ThrottledError):
        await live.write("POST", "/things", gate="POST things", permit=permit, body=[])


async def test_reads_that_are_tried_again_are_paid_from_the_runs_own_budget(serve: Any, connect: Any) -> None:
    """With what the budget has at first, ten retries; then reads stop the run at their first fault."""
    live = await connect((await serve(answer(500, b"boom"))).url)
    for _ in range(5):
        with pytest.raises(StoppedError, match="3 tries"):
            await live.read("/things", gate="GET things")
    assert (live.gates.budget.spent, live.meter.retries) == (10, 10)
    live.gates.budget.share = 0.0
    with pytest.raises(StoppedError, match="too many faults: 10 retries were spent"):
        await live.read("/things", gate="GET things")


async def test_a_ceiling_of_the_users_own_counts_every_call(connect: Any, good: Any) -> None:
    """A hundred calls under a wide ceiling all leave."""
    live = await connect(good.url, gates=Gates(rate=Rate(60_000, 60.0)))
    await asyncio.gather(*(live.read("/things", gate="GET things") for _ in range(100)))
    assert len(good.heard) == live.meter.requests == 100


async def test_the_servers_clock_is_told_from_its_answers(serve: Any, connect: Any) -> None:
    """A Date counts whole seconds: what is told is the most that the clock may be ahead, also after it was set."""
    dates = iter([60.0, 90.0, 0.0])

    async def script(heard: Heard, speaker: Speaker) -> None:
        await speaker.say(answer(200, [], headers={"Date": formatdate(time.time() + next(dates), usegmt=True)}))

    live = await connect((await serve(script)).url)
    assert live.clock_ahead_s == 0.0
    for ahead_s in (60.0, 90.0, 0.0):
        await live.read("/things", gate="GET things")
        assert ahead_s - 0.01 < live.clock_ahead_s <= ahead_s + 1.5
