"""From when on the effect of a write may take its time: a token ends, a disk is slow, an answer does not come."""

from __future__ import annotations

import time
from pathlib import Path

import anyio
import pytest

from bulkops.config import Auth
from bulkops.ledger.sqlite import SqliteLedger
from bulkops.testing.desk import Desk, addresses, open_desk


async def quiet(desk: Desk) -> None:
    """Return once the sandbox works on no call any more."""
    with anyio.fail_after(10):
        while desk.sandbox.summary()["in_flight"]:  # noqa: ASYNC110 - the sandbox has no event for it
            await anyio.sleep(0.01)


async def test_what_is_sent_with_a_new_token_may_take_its_time_from_then_on(tmp_path: Path) -> None:
    """The old token is refused late; what leaves with the new one is lost, carried out later, and not sent twice."""
    for name in ("client", "secret"):
        (tmp_path / name).write_text(f"sandbox-{name}", encoding="utf-8")
    auth = Auth(method="connected-app", client_id_file=tmp_path / "client", client_secret_file=tmp_path / "secret")
    async with open_desk(tmp_path, {"auth": auth, "settling_s": 1.0}) as desk:
        one_invite = {"method": "POST", "path": "*/invites", "times": 1}
        desk.sandbox.faults.add("delay_before", seconds=1.1, **one_invite)
        desk.sandbox.faults.add("status", status=401, body="Unauthorized", **one_invite)
        desk.sandbox.faults.add("apply_late", seconds=0.6, **one_invite)
        result = await desk.run("invite", addresses(5))
        await quiet(desk)
        assert result.counts.succeeded == 5
        assert desk.invites() == dict.fromkeys(addresses(5), 1)


async def test_what_is_noted_slowly_may_take_its_time_from_its_sending_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk takes longer over the note than an effect may take; what is lost and comes later is not doubled."""
    original = SqliteLedger.commit

    def commit(self: SqliteLedger) -> None:
        time.sleep(0.7)
        original(self)

    async with open_desk(tmp_path, {"settling_s": 0.6}) as desk:
        monkeypatch.setattr(SqliteLedger, "commit", commit)
        desk.sandbox.faults.add("apply_late", method="POST", path="*/invites", times=1, seconds=0.3)
        result = await desk.run("invite", addresses(5))
        await quiet(desk)
        assert result.counts.succeeded == 5
        assert desk.invites() == dict.fromkeys(addresses(5), 1)


async def test_what_outlasts_its_time_out_may_take_its_time_from_then_on(tmp_path: Path) -> None:
    """The call is given up while the organisation is still at work on it, which is done soon after: not sent twice."""
    async with open_desk(tmp_path, {"settling_s": 1.0, "timeout_s": 1.0}) as desk:
        desk.sandbox.faults.add("delay_before", method="POST", path="*/invites", times=1, seconds=1.5)
        result = await desk.run("invite", addresses(2))
        await quiet(desk)
        assert result.counts.succeeded == 2
        assert desk.invites() == dict.fromkeys(addresses(2), 1)
