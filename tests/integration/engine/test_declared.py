"""What a person says of rows in doubt holds for those that they were told of, and for no others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from bulkops.engine import RunLimits
from bulkops.model import Verdict
from bulkops.testing.desk import Desk, open_desk
from bulkops.testing.operation_contract import Cut, cut_after_begin, until_the_cut
from bulkops.wiring import steps

WAITING = [f"pending.{number}@acme.test" for number in range(1, 4)]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk at an organisation that keeps its dates when a mail is sent again."""
    async with open_desk(tmp_path, quirks={"resend_expired": "keep"}) as opened:
        yield opened


@pytest.mark.parametrize("said", [Verdict.APPLIED, Verdict.NOT_APPLIED])
async def test_what_nobody_was_told_of_stays_in_doubt_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, said: Verdict
) -> None:
    """A process that died said nothing of what it had in flight: it is told first, and declared by the next word."""
    with monkeypatch.context() as patch:
        cut_after_begin(patch, Cut())
        assert await until_the_cut(desk.run("resend-invite", WAITING))
    result = await desk.resume(in_doubt=said)
    assert result.counts.in_doubt == 3
    assert {row["_error"] for row in desk.results()} == {"no_answer"}
    assert desk.sandbox.effects.count("invite_resent") == 0
    result = await desk.resume(in_doubt=said)
    assert result.counts.succeeded == 3
    assert desk.sandbox.effects.count("invite_resent") == (3 if said is Verdict.NOT_APPLIED else 0)


async def test_what_a_person_found_undone_is_sent_after_any_number_of_attempts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last attempt was lost; their word brings the rows back, and does not fail them."""
    monkeypatch.setattr(steps, "RunLimits", partial(RunLimits, max_attempts=1))
    desk.sandbox.faults.add("lose_before", method="POST", path="*/invites/resend", times=1)
    result = await desk.run("resend-invite", WAITING)
    assert result.counts.in_doubt == 3
    result = await desk.resume(in_doubt=Verdict.NOT_APPLIED)
    assert result.counts.succeeded == 3
    assert desk.sandbox.effects.count("invite_resent") == 3
