"""A file that replaces a list: done when the list is what it says, else sent again, within what was agreed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from bulkops.testing.anypoint_state import state_of
from bulkops.testing.desk import Desk, open_desk
from bulkops.testing.operation_contract import Cut, cut_after_begin, until_the_cut

NEWCOMER = "app.of.somebody.else"
LOST: dict[str, dict[str, Any]] = {
    "dropped before it was applied": {"kind": "lose_before"},
    "a 204 that did nothing": {"kind": "status", "status": 204, "body": ""},
    "a page in its place": {"kind": "html"},
    "a 502 and nothing applied": {"kind": "status", "status": 502, "body": "bad gateway"},
}


def allowed(desk: Desk) -> set[str]:
    """The apps on the list, as the sandbox has them."""
    return set(state_of(desk.sandbox).allowlist)


def puts(desk: Desk) -> int:
    """How often the list was sent."""
    return len([*desk.sandbox.requests.matching("PUT", "/allowlist")])


@asynccontextmanager
async def somebody_allows_one_more(desk: Desk, when: Callable[[], bool]) -> AsyncIterator[None]:
    """Another administrator adds an app once it is so."""

    async def add() -> None:
        while not when():  # noqa: ASYNC110 - the sandbox has no event for it
            await anyio.sleep(0.01)
        state_of(desk.sandbox).allowlist[NEWCOMER] = None

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(add)
        with anyio.fail_after(30):
            yield


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST.keys())
async def test_a_file_that_only_removes_is_not_done_while_the_others_are_there(
    desk: Desk, fault: dict[str, Any]
) -> None:
    """All that it names is on the list already; the call did nothing, so it is sent again."""
    kept = sorted(allowed(desk))[:2]
    desk.sandbox.faults.add(**fault, method="PUT", path="*/allowlist", times=1)
    result = await desk.run("allowlist-replace", kept, column="client_id")
    assert result.counts.succeeded == 2
    assert allowed(desk) == set(kept)
    assert puts(desk) == 2


async def test_a_file_that_only_removes_is_sent_after_a_crash_before_the_call(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was noted and never left: the list is not what the file says."""
    kept = sorted(allowed(desk))[:2]
    with monkeypatch.context() as patch:
        cut_after_begin(patch, Cut())
        assert await until_the_cut(desk.run("allowlist-replace", kept, column="client_id"))
    result = await desk.resume()
    assert result.counts.succeeded == 2
    assert allowed(desk) == set(kept)
    assert puts(desk) == 1


async def test_a_list_that_is_accepted_and_never_replaced_is_a_failure(desk: Desk) -> None:
    """No row of it succeeded, although each app is on the list."""
    before = allowed(desk)
    desk.sandbox.faults.add("status", method="PUT", path="*/allowlist", status=204, body="")
    result = await desk.run("allowlist-replace", sorted(before)[:2], column="client_id")
    assert (result.counts.succeeded, result.counts.failed) == (0, 2)
    assert {row["_error"] for row in desk.results()} == {"not_applied"}
    assert allowed(desk) == before


async def test_what_others_add_after_a_replacement_does_not_undo_it(tmp_path: Path) -> None:
    """The answer is lost, the list is the file's, and then one more app comes: found done, and the app stays."""
    async with open_desk(tmp_path, {"settling_s": 1.5}) as desk:
        kept = sorted(allowed(desk))[:2]
        desk.sandbox.faults.add("apply_late", method="PUT", path="*/allowlist", times=1, seconds=0.3)
        async with somebody_allows_one_more(desk, lambda: allowed(desk) == set(kept)):
            result = await desk.run("allowlist-replace", kept, column="client_id")
        assert result.counts.succeeded == 2
        assert allowed(desk) == {*kept, NEWCOMER}
        assert puts(desk) == 1


async def test_a_lost_replacement_is_not_sent_again_over_what_nobody_was_shown(tmp_path: Path) -> None:
    """One more app came meanwhile: its rows stay in doubt, and resume asks before the app goes with the others."""
    async with open_desk(tmp_path, {"settling_s": 1.5}) as desk:
        kept = sorted(allowed(desk))[:2]
        desk.sandbox.faults.add("lose_before", method="PUT", path="*/allowlist", times=1)
        async with somebody_allows_one_more(desk, lambda: puts(desk) > 0):
            result = await desk.run("allowlist-replace", kept, column="client_id")
        assert result.counts.in_doubt == 2
        assert NEWCOMER in allowed(desk)
        desk.observer.plans.clear()
        result = await desk.resume()
        assert NEWCOMER in desk.observer.plans[0].removals
        assert result.counts.succeeded == 2
        assert allowed(desk) == set(kept)
