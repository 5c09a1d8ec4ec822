"""Files of several operations: each in its turn, and nothing that was not agreed to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from bulkops.config import Auth
from bulkops.engine import Allowance
from bulkops.errors import RefusedError, StoppedError
from bulkops.model import Job
from bulkops.sandbox import Sandbox
from bulkops.testing.desk import Desk, Silent, open_desk
from bulkops.wiring import Plan

COLUMNS = "operation,email,user,role_group"


@dataclass
class Counting(Silent):
    """Agrees to a number of changes in all, and to no more."""

    allowed: int = 0

    async def confirm(self, plans: Sequence[Plan], job: Job) -> None:
        """Refuse what is more."""
        await super().confirm(plans, job)
        if sum(plan.changes for plan in self.plans) > self.allowed:
            raise RefusedError("not confirmed")


async def test_operations_run_in_the_order_in_which_they_first_appear(desk: Desk) -> None:
    """Each is finished before the next begins, whatever the order of its rows; one report tells all."""
    rows = [
        "invite,new.a@hire.test,,",
        "assign-role-group,,dora.disabled,Developers",
        "invite,new.b@hire.test,,",
        "disable-user,,inbox.one,",
        "assign-role-group,,inbox.two,Developers",
    ]
    result = await desk.run(None, rows, column=COLUMNS)
    assert result.counts.succeeded == 5
    writes = [one["path"].rsplit("/", 1)[-1] for one in desk.sandbox.requests if one["method"] != "GET"]
    assert writes == ["invites", "users", "users"]
    assert [row["_outcome"] for row in desk.results()] == ["succeeded"] * 5


async def test_what_an_earlier_operation_makes_possible_is_asked_for_in_its_turn(desk: Desk) -> None:
    """Enabling somebody makes disabling them a change: it was not agreed to, so it is not sent."""
    desk.observer = Counting(allowed=1)
    rows = ["enable-user,,dora.disabled,", "disable-user,,dora.disabled,"]
    result = await desk.run(None, rows, column=COLUMNS)
    assert isinstance(result.error, StoppedError)
    assert (result.counts.succeeded, result.counts.pending) == (1, 1)
    assert desk.sandbox.effects.count("user_disabled") == 0
    desk.observer = Counting(allowed=1)
    again = await desk.resume()
    assert again.counts.succeeded == 2
    assert [plan.operation for plan in desk.observer.plans if plan.changes] == ["disable-user"]


async def test_max_changes_holds_for_each_operation_in_its_turn(desk: Desk) -> None:
    """A later operation that grew is held against the limit before its first write."""
    rows = ["enable-user,,dora.disabled,", "disable-user,,dora.disabled,"]
    result = await desk.run(None, rows, column=COLUMNS, max_changes=Allowance(count=1))
    assert isinstance(result.error, StoppedError)
    assert desk.sandbox.effects.count("user_disabled") == 0


async def test_max_changes_holds_for_all_operations_together(desk: Desk) -> None:
    """One change by each of two operations is two changes."""
    rows = ["enable-user,,dora.disabled,", "disable-user,,inbox.one,"]
    with pytest.raises(RefusedError, match="changes 2"):
        await desk.run(None, rows, column=COLUMNS, max_changes=Allowance(count=1))
    assert desk.sandbox.effects.count("user_enabled") == 0
    result = await desk.run(None, rows, column=COLUMNS, max_changes=Allowance(count=2))
    assert result.counts.succeeded == 2


@pytest.mark.parametrize("second", ["disable-user,,{0},", "delete-user,,{0},"])
async def test_the_last_administrators_are_counted_over_all_operations(tmp_path: Path, second: str) -> None:
    """Taking the role group from some and disabling or deleting the rest is refused as a whole."""
    secrets = {}
    for name in ("client_id", "client_secret"):
        secrets[f"{name}_file"] = tmp_path / name
        (tmp_path / name).write_text(getattr(Sandbox, name), encoding="utf-8")
    app = Auth(method="connected-app", **secrets)  # an application is nobody's account: no guard for the caller
    async with open_desk(tmp_path, {"auth": app}) as desk:
        await desk.run(None, ["assign-role-group,,inbox.one,Organization Administrators"], column=COLUMNS, run_id="r0")
        await desk.strip_of_administration("owner")  # who could not be stripped by us
        stripped = [name for name in await desk.administrators() if name != "inbox.one"]
        rows = [f"unassign-role-group,,{name},Organization Administrators" for name in stripped]
        with pytest.raises(RefusedError, match="without an administrator"):
            await desk.run(None, [*rows, second.format("inbox.one")], column=COLUMNS)
        assert desk.sandbox.effects.count("role_group_unassigned") == 1  # the owner's, not by us
        assert desk.sandbox.effects.count("user_disabled") + desk.deletions() == 0
        result = await desk.run(None, rows, column=COLUMNS)
        assert result.counts.succeeded == len(rows)
