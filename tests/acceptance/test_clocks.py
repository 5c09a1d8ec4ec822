"""Clocks that are wrong, ours or the server's, and a process that sleeps: every wait is bounded, nothing is doubled."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import struct
import subprocess
import sys
import time
from email.utils import formatdate
from itertools import cycle
from pathlib import Path

import psutil
import pytest

from bulkops.policy import LONGEST_WAIT_S
from bulkops.testing.between import Between, Forward, between, configured, typed
from bulkops.testing.processes import Shell
from bulkops.testing.wire import Heard, Speaker, answer

YEAR_S = 365 * 86_400
RUN = ("run", "job.csv", "--operation", "invite", "--run-id", "r", "--yes", "--json")
ADDRESSES = ["a@new.test", "b@new.test", "c@new.test"]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wall clock that can be set, compiled."""
    if sys.platform != "linux" or shutil.which("gcc") is None:
        pytest.skip("the clock is a C library that is preloaded")
    built = tmp_path_factory.mktemp("clock") / "jumping_clock.so"
    source = Path(__file__).with_name("jumping_clock.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", built, source, "-ldl"], check=True)
    return built


def prepare(shell: Shell, site: Between, *, timeout_s: float = 5.0, settling_s: float = 0.1) -> None:
    """A target and a job."""
    auth = {"acme": 'method = "bearer", token_env = "T"'}
    configured(shell, site.wire.url, site.sandbox.organization, auth, timeout_s=timeout_s, settling_s=settling_s)
    shell.environ["T"] = site.sandbox.token
    shell.write("job.csv", "email\n" + "\n".join(ADDRESSES) + "\n")


async def truth(heard: Heard, speaker: Speaker, forward: Forward, date: str | None = None) -> None:
    """The sandbox's own answer, dated now or as given."""
    status, body = await forward(heard)
    await speaker.say(answer(status, body, headers={"Date": date or formatdate(usegmt=True)}))


@pytest.mark.parametrize(
    "jump_s", [3600, 2 * YEAR_S, -2 * YEAR_S], ids=["an hour on", "two years on", "two years back"]
)
async def test_our_clock_may_be_set_while_a_call_is_open(shell: Shell, library: Path, jump_s: int) -> None:
    """The answer is lost, and the server is still at work: how long ago that was is told by a clock nobody sets."""
    clock = shell.write("clock", struct.pack("<q", 0))
    applied: list[asyncio.Task[None]] = []

    async def late(heard: Heard, forward: Forward) -> None:
        await asyncio.sleep(0.5)  # less than the target says that it may take
        await forward(heard)

    async def bend(heard: Heard, speaker: Speaker, forward: Forward) -> None:
        if heard.method != "POST" or applied:
            return await truth(heard, speaker, forward)
        with clock.open("r+b") as file:
            file.write(struct.pack("<q", jump_s))
        applied.append(asyncio.create_task(late(heard, forward)))
        return speaker.hang_up()

    async with between(bend) as site:
        prepare(shell, site, settling_s=1.5)
        shell.environ.update(LD_PRELOAD=str(library), CLOCK_FILE=str(clock))
        ended = await typed(shell, *RUN)
        await applied[0]
        assert site.sent() == dict.fromkeys(ADDRESSES, 1)
    assert (ended.code, ended.told["counts"]["succeeded"]) == (0, 3), ended.err


async def test_a_process_that_sleeps_longer_than_the_time_out_doubles_nothing(shell: Shell) -> None:
    """Stopped while its call is open, as by a closed lid; when it goes on the answer has long been there."""
    arrived, stopped = asyncio.Event(), asyncio.Event()

    async def bend(heard: Heard, speaker: Speaker, forward: Forward) -> None:
        if heard.method == "POST" and not arrived.is_set():
            arrived.set()
            await stopped.wait()
        await truth(heard, speaker, forward)

    async with between(bend) as site, asyncio.timeout(60):
        prepare(shell, site, timeout_s=0.5)
        process = shell.start(*RUN)
        await arrived.wait()
        process.send_signal(signal.SIGSTOP)
        while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
        stopped.set()
        await asyncio.sleep(0.8)  # the time-out itself has to pass
        process.send_signal(signal.SIGCONT)
        _, err = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0, err
        assert site.sent() == dict.fromkeys(ADDRESSES, 1)


async def test_a_servers_dates_may_be_years_off(shell: Shell) -> None:
    """Ahead, behind, missing or no dates at all, in turn, while answers are lost before and after they took effect."""
    years = [formatdate(time.time() + offset * YEAR_S, usegmt=True) for offset in (10, -10, 0)]
    dates = cycle([*years, "yesterday", "Mon, 01 Jan 0001 00:00:00 +9999", ""])
    posts = 0

    async def bend(heard: Heard, speaker: Speaker, forward: Forward) -> None:
        nonlocal posts
        posts += heard.method == "POST"
        if heard.method == "POST" and posts <= 2:
            if posts == 2:
                await forward(heard)
            return speaker.hang_up()
        return await truth(heard, speaker, forward, next(dates))

    async with between(bend) as site:
        prepare(shell, site)
        ended = await typed(shell, *RUN, "--batch-size", "1", "--concurrency", "1")
        assert site.sent() == dict.fromkeys(ADDRESSES, 1)
    assert (ended.code, ended.told["counts"]["succeeded"]) == (0, 3), ended.err


@pytest.mark.parametrize("ago_s", [30, YEAR_S])
async def test_a_reset_in_the_past_is_no_wait(shell: Shell, ago_s: int) -> None:
    """The next window is open: the call is sent again soon, and costs no attempt."""
    posts = 0

    async def bend(heard: Heard, speaker: Speaker, forward: Forward) -> None:
        nonlocal posts
        posts += heard.method == "POST"
        if heard.method == "POST" and posts == 1:
            headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time() - ago_s))}
            return await speaker.say(answer(429, headers=headers))
        return await truth(heard, speaker, forward)

    async with between(bend) as site:
        prepare(shell, site)
        ended = await typed(shell, *RUN)
        assert site.sent() == dict.fromkeys(ADDRESSES, 1)
    assert (ended.code, ended.told["throttled"], ended.told["retries"]) == (0, 1, 0), ended.err


async def test_a_reset_a_year_ahead_is_waited_for_a_bounded_time(shell: Shell) -> None:
    """The wait is told, is a quarter of an hour at most, and ends at once when somebody stops the run."""
    refusal = answer(429, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time() + YEAR_S))})

    async def bend(heard: Heard, speaker: Speaker, forward: Forward) -> None:
        await (speaker.say(refusal) if heard.method == "POST" else truth(heard, speaker, forward))

    async with between(bend) as site, asyncio.timeout(60):
        prepare(shell, site)
        process = shell.start(*RUN)
        log = shell.folder / ".bulkops" / "runs" / "r" / "log.jsonl"
        while not log.exists() or "gate.held" not in log.read_text():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.to_thread(process.communicate)
        assert site.sent() == {}
    waits = [json.loads(line)["wait_s"] for line in log.read_text().splitlines() if "gate.held" in line]
    assert len(waits) == 1
    assert waits[0] <= LONGEST_WAIT_S + 1
    assert process.returncode == 130, err
    assert json.loads(out)["counts"]["pending"] == 3
