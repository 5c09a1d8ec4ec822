"""A polite stop in every phase: it comes soon, and it never costs the truth."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import anyio

from bulkops.errors import InterruptedRunError
from bulkops.testing.desk import Desk, addresses, open_desk
from bulkops.wiring import RunResult

LONG_S = 3600.0


def waits_for_quota(desk: Desk) -> bool:
    """Whether the screen says that a quota is being waited for."""
    return desk.observer.look is not None and desk.observer.look().waiting is not None


async def run_until(desk: Desk, happened: Callable[[Desk], bool]) -> RunResult | InterruptedRunError:
    """Run a job of invites and ask it to stop once something happened."""
    ended: list[RunResult | InterruptedRunError] = []

    async def run() -> None:
        try:
            ended.append(await desk.run("invite", addresses(40), batch_size=5))
        except InterruptedRunError as error:
            ended.append(error)

    with anyio.fail_after(60):  # far below the hour that it would otherwise wait
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            while not happened(desk):  # noqa: ASYNC110 - there is no event for it
                await anyio.sleep(0.01)
            assert desk.stop is not None
            desk.stop.request(InterruptedRunError("interrupted by a test", signum=2))
    return ended[0]


async def test_a_stop_while_planning_waits_for_no_quota(tmp_path: Path) -> None:
    """The quota of the listing is spent for an hour: the stop does not wait for it, and every row is pending."""
    async with open_desk(tmp_path, people=1200, quota=2, window=LONG_S) as desk:
        result = await run_until(desk, waits_for_quota)
        assert isinstance(result, RunResult)
        assert isinstance(result.error, InterruptedRunError)
        assert result.counts.pending == 40
        assert desk.invites() == {}


async def test_a_stop_while_workers_wait_for_quota_calls_them_off(tmp_path: Path, state_home: Path) -> None:
    """Calls that wait have not begun: they are given up, and what was accepted is told."""
    async with open_desk(tmp_path, quota=3, window=LONG_S) as desk:
        result = await run_until(desk, waits_for_quota)
        assert isinstance(result, RunResult)
        assert isinstance(result.error, InterruptedRunError)
        assert result.counts.total == 40
        assert result.counts.succeeded + result.counts.in_doubt == len(desk.invites())
        desk.sandbox.change(quota=1000)
        shutil.rmtree(state_home)  # this machine remembers that the hour's quota is spent
        again = await desk.resume()
        assert again.counts.succeeded == 40
        assert desk.invites() == dict.fromkeys(addresses(40), 1)


async def test_a_stop_while_reading_back_keeps_the_doubt_with_its_reason(tmp_path: Path) -> None:
    """The listing hangs: the accepted rows stay in doubt, and the resume settles them."""
    async with open_desk(tmp_path, {"concurrency": 2}) as desk:
        desk.sandbox.faults.add(kind="hang", method="GET", path="*/invites", after=1, seconds=LONG_S)
        result = await run_until(desk, lambda desk: desk.sandbox.requests.count >= 13)
        assert isinstance(result, RunResult)
        assert result.counts.in_doubt == 40
        assert {row["_error"] for row in desk.results()} == {"unverified"}
        desk.sandbox.faults.clear()
        again = await desk.resume()
        assert again.counts.succeeded == 40
        assert desk.invites() == dict.fromkeys(addresses(40), 1)
