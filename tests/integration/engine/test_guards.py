"""Guards that hold when others act meanwhile, and when a server misleads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from bulkops.errors import RefusedError
from bulkops.model import Job
from bulkops.planning import ProtectedNames
from bulkops.testing.desk import Desk, Silent, addresses, open_desk
from bulkops.wiring import Plan


@dataclass
class Overtaken(Silent):
    """While it is asked for the first time, another administrator allows one more app; it agrees once."""

    desk: Desk | None = None
    asked: int = 0

    async def confirm(self, plans: Sequence[Plan], job: Job) -> None:
        """Agree once."""
        self.asked += 1
        await super().confirm(plans, job)
        if self.asked > 1:
            raise RefusedError("not confirmed")
        assert self.desk is not None
        await allow(self.desk, "app.of.somebody.else")


async def allow(desk: Desk, client_id: str) -> None:
    """Put an app on the allowlist as somebody else would."""
    url = f"{desk.sandbox.url}/accounts/api/organizations/{desk.sandbox.organization}/connectedApplications/allowlist"
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {desk.sandbox.token}"}) as http,
        http.patch(url, json=[{"client_id": client_id}]) as answer,
    ):
        assert answer.status == 204


async def test_a_replaced_list_loses_nothing_that_nobody_was_shown(desk: Desk) -> None:
    """What came to the list after the question is asked about anew; a no sends nothing."""
    desk.observer = Overtaken(desk=desk)
    result = await desk.run("allowlist-replace", ["new.app.1", "new.app.2"], column="client_id")
    assert isinstance(result.error, RefusedError)
    assert isinstance(desk.observer, Overtaken)
    assert desk.observer.asked == 2
    assert "app.of.somebody.else" in desk.observer.plans[-1].removals
    assert desk.sandbox.effects.count("allowlist_removed") == 0


async def test_one_refusal_that_applied_nothing_proves_nothing_of_the_next(desk: Desk) -> None:
    """A first batch is refused without effect, a later one after applying: nobody is invited twice."""
    refusal = {"status": 400, "message": "no"}
    desk.sandbox.faults.add(
        kind="status", method="POST", path="*/invites", status=400, body=refusal, body_contains="new.0@hire.test"
    )
    desk.sandbox.faults.add(
        kind="status_after", method="POST", path="*/invites", status=400, body=refusal, times=1, after=50,
        body_contains="new.2999@hire.test",
    )  # fmt: skip
    desk.sandbox.faults.add(
        kind="status_after", method="POST", path="*/invites", status=400, body=refusal, times=1,
        body_contains="new.2801@hire.test",
    )  # fmt: skip
    result = await desk.run("invite", addresses(3000))
    assert result.counts.failed == 1
    assert set(desk.invites().values()) == {1}
    assert result.counts.succeeded == len(desk.invites()) == 2999


async def test_permissions_that_were_not_given_are_not_called_given(desk: Desk) -> None:
    """A 200 without effect is found out when it is read back."""
    rows = [f"inbox.{name},Exchange Viewer" for name in ("one", "two")]
    desk.sandbox.faults.add(kind="status", method="POST", path="*/roles", status=200, body=[])
    result = await desk.run("assign-role", rows, column="user,role")
    assert (result.counts.succeeded, result.counts.failed) == (0, 2)
    assert desk.sandbox.effects.count("role_assigned") == 0


async def test_a_maintainer_is_not_made_a_member_by_an_empty_cell(desk: Desk) -> None:
    """Who is in the team stays as they are, unless the row says otherwise."""
    await desk.run("add-team-member", ["dora.disabled,Security,maintainer"], column="user,team,membership")
    again = await desk.run("add-team-member", ["dora.disabled,Security"], column="user,team", run_id="r2")
    assert again.counts.skipped == 1
    assert desk.sandbox.effects.count("team_changed") == 0


async def test_a_protected_maintainer_keeps_that(tmp_path: Path) -> None:
    """Making somebody a member who was a maintainer takes something away."""
    async with open_desk(tmp_path, {"protected": ["dora.*"]}) as desk:
        await desk.run("add-team-member", ["dora.disabled,Security,maintainer"], column="user,team,membership")
        with pytest.raises(RefusedError, match="protected"):
            await desk.run(
                "add-team-member", ["dora.disabled,Security,member"], column="user,team,membership", run_id="r2"
            )
        assert desk.sandbox.effects.count("team_changed") == 0


async def test_a_protected_app_stays_on_the_list(tmp_path: Path) -> None:
    """Neither named by a row nor left out by a file that replaces the list."""
    async with open_desk(tmp_path, {"protected": ["app.of.*"]}) as desk:
        await allow(desk, "app.of.ours")
        with pytest.raises(RefusedError, match="protected"):
            await desk.run("allowlist-remove", ["app.of.ours"], column="client_id")
        with pytest.raises(RefusedError, match="protected"):
            await desk.run("allowlist-replace", ["new.app"], column="client_id")
        assert desk.sandbox.effects.count("allowlist_removed") == 0


@pytest.mark.parametrize(
    ("pattern", "name", "protects"),
    [
        ("svc[1]@acme.test", "svc[1]@acme.test", True),
        ("svc[1]@acme.test", "svc1@acme.test", False),
        ("a?b@acme.test", "axb@acme.test", False),
        ("*@svc.acme.test", "One@SVC.acme.test", True),
        ("*@svc.acme.test", "one@svc.acme.test.evil", False),
    ],
)
def test_only_the_star_stands_for_anything(pattern: str, name: str, *, protects: bool) -> None:
    """What is written in a protected pattern is meant, sign by sign."""
    assert (ProtectedNames([pattern]).protects(name) is not None) is protects


async def test_all_invitations_are_not_a_tenth_of_the_members(desk: Desk) -> None:
    """A share of what is revoked is a share of the invitations."""
    from bulkops.engine import Allowance  # noqa: PLC0415

    rows = [f"pending.{number}@acme.test" for number in range(1, 11)]
    await desk.run("invite", addresses(5), run_id="r0")
    with pytest.raises(RefusedError, match="max-changes"):
        await desk.run("revoke-invite", rows, max_changes=Allowance(percent=10), skip_invalid=True)
    assert desk.sandbox.effects.count("invite_revoked") == 0
