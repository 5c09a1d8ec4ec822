"""What single operations promise beyond the common suite: guards, doubts, whole lists, mixed files, vendor variants."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any

import pytest

from bulkops.engine import Allowance
from bulkops.errors import ConfigError, JobFileError, RefusedError, StoppedError
from bulkops.operations import OPERATIONS
from bulkops.providers.anypoint import SUPPORT, AnypointOrganization
from bulkops.sandbox.anypoint.organization import RoleGroup
from bulkops.testing.anypoint_cases import (
    DAY_S,
    allowlist_row,
    delete,
    of_person,
    ordinary,
    pending,
    people,
    resend_row,
    resend_rows,
)
from bulkops.testing.anypoint_state import state_of
from bulkops.testing.desk import Desk
from bulkops.testing.operation_contract import (
    CUTS,
    Bench,
    Cut,
    Row,
    cut_after_begin,
    cut_after_send,
    sheet,
    until_the_cut,
)

OpenBench = Callable[..., Awaitable[Bench]]

DESTRUCTIVE = {
    "revoke-invite",
    "delete-user",
    "disable-user",
    "unassign-role-group",
    "unassign-role",
    "remove-team-member",
    "allowlist-remove",
    "allowlist-replace",
}
AT_ROOT = [kind for kind, support in SUPPORT.items() if support.root_only]


class TestGuards:
    """What may not be touched, and what asks first."""

    def test_operations_that_take_something_away_are_destructive(self) -> None:
        """They ask for the number of items."""
        assert {kind for kind, operation in OPERATIONS.items() if operation.destructive} == DESTRUCTIVE

    @pytest.mark.parametrize("kind", OPERATIONS)
    async def test_the_plan_says_whether_the_operation_is_destructive(self, open_bench: OpenBench, kind: str) -> None:
        """The person who confirms is told."""
        bench = await open_bench(kind)
        bench.fresh(2)
        result = await bench.run(dry_run=True)
        assert [plan.destructive for plan in result.plans] == [kind in DESTRUCTIVE]
        assert result.plans[0].ready == 2
        assert bench.writes() == []

    @pytest.mark.parametrize("kind", ["delete-user", "disable-user"])
    @pytest.mark.parametrize(("name", "why"), [("admin", "works with"), ("owner", "owns the organisation")])
    async def test_the_caller_and_the_owner_are_refused(
        self, open_bench: OpenBench, kind: str, name: str, why: str
    ) -> None:
        """One such row refuses the job; nothing is sent."""
        bench = await open_bench(kind)
        rows = [*bench.fresh(2), Row({"user": name}, lambda: False)]
        with pytest.raises(RefusedError, match=why):
            await bench.run(rows)
        assert bench.writes() == []

    @pytest.mark.parametrize(
        "kind", ["delete-user", "disable-user", "unassign-role-group", "unassign-role", "remove-team-member"]
    )
    async def test_protected_people_lose_nothing(self, open_bench: OpenBench, kind: str) -> None:
        """Whatever the row calls them. With --skip-invalid they are failed rows, and the others are done."""
        bench = await open_bench(kind, {"protected": ["*@ACME.TEST"]})
        outsiders = people(bench.sandbox, 9)[6:]
        for user in outsiders:
            state_of(bench.sandbox).change_email(user, user.email.split("@")[0] + "@elsewhere.test")
            user.index()
        rows = bench.fresh(9, 3 if kind == "unassign-role" else 1)
        with pytest.raises(RefusedError, match="protected by"):
            await bench.run(rows)
        assert bench.writes() == []
        await bench.run(rows, skip_invalid=True)
        assert bench.wrong() == []
        told = [row["_outcome"] for row in bench.results()]
        assert set(told[:6] if kind != "unassign-role" else told) == {"failed"}
        assert set(told[6:]) == ({"succeeded"} if kind != "unassign-role" else {"failed"})

    @pytest.mark.parametrize("kind", ["delete-user", "disable-user", "unassign-role-group"])
    async def test_the_last_administrators_are_refused(self, open_bench: OpenBench, kind: str) -> None:
        """All of them is one too many; all but one may go."""
        bench = await open_bench(kind)
        group = administrators(bench)
        chosen = people(bench.sandbox, 3)
        group.holders.clear()
        group.holders.update({user.id: (1, 0.0) for user in chosen})
        with administration_by_others(bench):
            rows = [
                Row({"user": user.username, **({"role_group": group.id} if "group" in kind else {})}, lambda: True)
                for user in chosen
            ]
            with pytest.raises(RefusedError, match="without an administrator"):
                await bench.run(rows)
            assert bench.writes() == []
            result = await bench.run(rows[:2])
        assert result.counts.succeeded == 2


def administrators(bench: Bench) -> RoleGroup:
    """The root's administrators."""
    org = state_of(bench.sandbox)
    return next(group for group in org.rolegroups_of(org.root) if group.name == "Organization Administrators")


class administration_by_others:  # noqa: N801 - reads as words in a with statement
    """The token keeps its rights although its account administers nothing."""

    def __init__(self, bench: Bench) -> None:
        self._org = state_of(bench.sandbox)

    def __enter__(self) -> None:
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(type(self._org), "is_administrator", lambda _self, _user: True)

    def __exit__(self, *_error: object) -> None:
        self._patch.undo()


class TestBusinessGroups:
    """Below the root organisation."""

    async def unit(self, bench: Bench) -> str:
        """Point the target at the business group Retail."""
        org = state_of(bench.sandbox)
        unit = next(unit for unit in org.units.values() if unit.name == "Retail")
        target = bench.desk.config.targets["acme"]
        bench.desk.config = bench.desk.config.model_copy(
            update={"targets": {"acme": target.model_copy(update={"organization": unit.id})}}
        )
        return unit.id

    async def test_delete_user_takes_permissions_only_and_the_plan_says_so(self, open_bench: OpenBench) -> None:
        """The accounts stay."""
        bench = await open_bench("delete-user")
        unit = await self.unit(bench)
        org = state_of(bench.sandbox)
        chosen = [user for user in ordinary(org) if user.id in org.unit_members[unit]][:5]
        rows = of_person(chosen, lambda user: user.id not in org.unit_members[unit], delete)
        result = await bench.run(rows, batch_size=2)
        assert result.counts.succeeded == len(chosen) > 1
        assert "the accounts stay" in result.plans[0].effect
        assert bench.wrong() == []
        assert bench.sandbox.effects.view()["totals"] == {"permission_stripped": len(chosen)}
        assert not any(user.deleted for user in chosen)

    @pytest.mark.parametrize("kind", AT_ROOT)
    async def test_what_only_the_root_has_is_refused(self, open_bench: OpenBench, kind: str) -> None:
        """Teams and the allowlist: named before anything is sent."""
        bench = await open_bench(kind)
        await self.unit(bench)
        bench.fresh(2)
        with pytest.raises(ConfigError, match="root organisation only"):
            await bench.run()
        assert bench.writes() == []

    def test_teams_and_the_allowlist_are_the_roots(self) -> None:
        """By the published facts."""
        assert {kind for kind in SUPPORT if "team" in kind or "allowlist" in kind} == set(AT_ROOT)


class TestResendInDoubt:
    """A second mail cannot be unsent: only a date that moved tells that one left."""

    LOST = pytest.mark.parametrize("kind", ["lose_after", "status_after"])

    @LOST
    async def test_a_lost_answer_is_settled_by_the_date_that_moved(self, open_bench: OpenBench, kind: str) -> None:
        """Found done, and mailed once."""
        bench = await open_bench("resend-invite")
        bench.fresh(6)
        bench.fault(kind, times=1, **({"status": 500} if kind == "status_after" else {}))
        result = await bench.run(batch_size=3)
        assert result.counts.succeeded == 6
        assert bench.effects() == 6
        assert sum("found done" in row["_message"] for row in bench.results()) == 3

    async def test_what_was_lost_before_it_was_applied_stays_in_doubt(self, open_bench: OpenBench) -> None:
        """No date moved, and nobody says that each mail moves one: it is not mailed on a guess."""
        bench = await open_bench("resend-invite")
        bench.fresh(6)
        bench.fault("lose_before", times=1)
        result = await bench.run(batch_size=3)
        assert (result.counts.succeeded, result.counts.in_doubt) == (3, 3)
        assert bench.effects() == 3
        again = await bench.desk.resume()
        assert again.counts.in_doubt == 3
        assert bench.effects() == 3

    async def test_where_no_date_moves_a_lost_answer_stays_in_doubt(self, open_bench: OpenBench) -> None:
        """The vendor sends and keeps the dates."""
        bench = await open_bench("resend-invite", quirks={"resend_expired": "keep"})
        bench.fresh(6)
        bench.fault("lose_after", times=1)
        result = await bench.run(batch_size=3)
        assert (result.counts.succeeded, result.counts.in_doubt) == (3, 3)
        assert bench.effects() == 6

    @pytest.mark.parametrize("ahead_s", [-3600.0, 0.0, 3600.0])
    async def test_after_a_crash_the_time_of_sending_is_taken_by_the_servers_clock(
        self, open_bench: OpenBench, monkeypatch: pytest.MonkeyPatch, ahead_s: float
    ) -> None:
        """The clocks may be hours apart."""
        bench = await open_bench("resend-invite", clock=lambda: time.time() + ahead_s)
        monkeypatch.setattr(AnypointOrganization, "clock_ahead_s", lambda _self: ahead_s)
        bench.fresh(6)
        with monkeypatch.context() as patch:
            cut_after_send(patch, Cut())
            assert await until_the_cut(bench.run(batch_size=3))
        mailed = bench.effects()
        result = await bench.desk.resume()
        assert mailed >= 3
        assert result.counts.succeeded == 6
        assert bench.effects() == 6
        assert bench.wrong() == []

    async def test_another_machine_takes_the_time_of_sending_as_it_was_noted(
        self, open_bench: OpenBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The machine that died was an hour behind, the one that resumes is not: an old mail is not taken for ours."""
        bench = await open_bench("resend-invite", clock=lambda: time.time() + 3600)
        rows = bench.fresh(3)
        for invite in list(state_of(bench.sandbox).invites.values())[-3:]:
            invite.invited_at = time.time() + 1800  # half an hour ago, by the organisation's clock
            invite.expires_at = invite.invited_at + 7 * DAY_S
        with monkeypatch.context() as patch:
            patch.setattr(AnypointOrganization, "clock_ahead_s", lambda _self: 3600.0)
            cut_after_begin(patch, Cut())
            assert await until_the_cut(bench.run(rows))
        monkeypatch.setattr(AnypointOrganization, "clock_ahead_s", lambda _self: 0.0)
        result = await bench.desk.resume()
        assert result.counts.in_doubt == 3
        assert bench.effects() == 0

    async def test_after_a_crash_before_the_call_left_it_stays_in_doubt(
        self, open_bench: OpenBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The note says that it left; the dates do not say that it came."""
        bench = await open_bench("resend-invite")
        bench.fresh(3)
        with monkeypatch.context() as patch:
            cut_after_begin(patch, Cut())
            assert await until_the_cut(bench.run())
        result = await bench.desk.resume()
        assert result.counts.in_doubt == 3
        assert bench.effects() == 0

    @pytest.mark.parametrize("quirk", ["renew", "keep", "fail"])
    async def test_expired_invitations_end_as_the_answer_says(self, open_bench: OpenBench, quirk: str) -> None:
        """Sent where the vendor sends them; otherwise failed with its word, alone or in company."""
        bench = await open_bench("resend-invite", quirks={"resend_expired": quirk})
        org = state_of(bench.sandbox)
        expired = pending(org, 5, expired=True)
        rows = [resend_row(bench.sandbox, invite, number) for number, invite in enumerate(expired)]
        result = await bench.run([*rows, *resend_rows(bench.sandbox, 4, 1)], batch_size=2)
        assert bench.wrong() == []
        assert result.counts.failed == (5 if quirk == "fail" else 0)
        assert result.counts.in_doubt == 0


class TestAllowlistReplace:
    """The file is the list."""

    def replacing(self, bench: Bench, count: int = 5) -> list[Row]:
        """Rows that keep one entry of the list and add others; all the rest will go."""
        org = state_of(bench.sandbox)
        kept = next(client for client, scopes in org.allowlist.items() if scopes)
        rows = [allowlist_row(org, kept, list(org.allowlist[kept] or ()))]
        rows += [allowlist_row(org, f"new{number}", ["read:organization"]) for number in range(count - 1)]
        return rows

    def is_the_file(self, bench: Bench) -> bool:
        """Whether the list has the file's rows and no others."""
        names = {row.cells["client_id"] for row in bench.rows}
        return set(state_of(bench.sandbox).allowlist) == names and all(row.done() for row in bench.rows)

    async def test_the_plan_counts_and_names_what_goes(self, open_bench: OpenBench) -> None:
        """Removals are changes too."""
        bench = await open_bench("allowlist-replace")
        before = set(state_of(bench.sandbox).allowlist)
        rows = self.replacing(bench)
        result = await bench.run(rows)
        plan = result.plans[0]
        assert set(plan.removals) == before - {row.cells["client_id"] for row in rows}
        assert plan.changes == 5 + len(before) - 1
        assert plan.calls == 1
        assert self.is_the_file(bench)
        assert [one["method"] for one in bench.writes()] == ["PUT"]

    @pytest.mark.parametrize("expand", [True, False])
    async def test_whatever_is_lost_the_whole_list_is_sent_or_found(self, open_bench: OpenBench, expand: bool) -> None:
        """Never a part of it."""
        for kind, puts in (("lose_after", 1), ("lose_before", 2), ("break_body", 1), ("partial", 2)):
            bench = await open_bench("allowlist-replace", quirks={"allowlist_expand": expand})
            rows = self.replacing(bench)
            bench.fault(kind, times=1)
            result = await bench.run(rows, run_id=f"run-{kind}")
            assert result.counts.succeeded == 5
            assert self.is_the_file(bench)
            bodies = [{entry["client_id"] for entry in one["body"]} for one in bench.writes()]
            assert bodies == [{row.cells["client_id"] for row in rows}] * puts

    @pytest.mark.parametrize("point", CUTS)
    async def test_after_a_crash_the_whole_list_is_sent_again_or_found_done(
        self, open_bench: OpenBench, monkeypatch: pytest.MonkeyPatch, point: str
    ) -> None:
        """Every request carries every row."""
        bench = await open_bench("allowlist-replace")
        rows = self.replacing(bench)
        with monkeypatch.context() as patch:
            CUTS[point](patch, Cut())
            assert await until_the_cut(bench.run(rows))
        result = await bench.desk.resume()
        assert result.counts.succeeded == 5
        assert self.is_the_file(bench)
        assert all(len(one["body"]) == 5 for one in bench.writes())
        assert len(bench.writes()) == 1

    async def test_a_list_that_the_provider_keeps_cutting_short_is_a_failure(self, open_bench: OpenBench) -> None:
        """Accepted twice, and not what the file says: the rows failed together, so that `retry` sends all of them."""
        bench = await open_bench("allowlist-replace")
        rows = self.replacing(bench)
        bench.fault("partial", share=0.4)
        result = await bench.run(rows)
        assert len(state_of(bench.sandbox).allowlist) == 2
        assert result.counts.failed == 5
        assert {row["_error"] for row in bench.results()} == {"not_applied"}
        assert len(bench.writes()) == 2

    async def test_a_refused_list_is_refused_as_a_whole(self, open_bench: OpenBench) -> None:
        """It is never taken apart: a part of a list would remove the rest."""
        bench = await open_bench("allowlist-replace")
        before = dict(state_of(bench.sandbox).allowlist)
        rows = self.replacing(bench)
        bench.refuse(rows[3], status=409)
        result = await bench.run(rows)
        assert result.counts.failed == 5
        assert len(bench.writes()) == 1
        assert state_of(bench.sandbox).allowlist == before

    async def test_bad_rows_cannot_be_passed_over(self, open_bench: OpenBench) -> None:
        """What they name would be removed."""
        bench = await open_bench("allowlist-replace")
        rows = [*self.replacing(bench), Row({"client_id": "x" * 300}, lambda: False)]
        with pytest.raises(JobFileError, match="as a whole"):
            await bench.run(rows, skip_invalid=True)
        assert bench.writes() == []


class TestMixedFiles:
    """A file whose rows name their own operations."""

    async def test_operations_run_in_the_order_of_first_appearance_each_finished_before_the_next(
        self, open_bench: OpenBench
    ) -> None:
        """One report tells of all of them."""
        bench = await open_bench("disable-user")
        org = state_of(bench.sandbox)
        first, second, third, fourth = islice(ordinary(org), 4)
        team = list(org.teams.values())[1]
        for user in (first, second, third, fourth):
            team.members.pop(user.id, None)
        rows = [
            {"operation": "add-team-member", "user": first.email, "team": team.name},
            {"operation": "invite", "email": "a@hire.test"},
            {"operation": "add-team-member", "user": second.email, "team": team.name},
            {"operation": "disable-user", "user": third.username},
            {"operation": "invite", "email": "b@hire.test"},
            {"operation": "disable-user", "user": fourth.id},
            {"operation": "allowlist-add", "client_id": "c0ffee"},
        ]
        result = await run_mixed(bench.desk, rows, batch_size=1)
        assert result.counts.succeeded == 7
        paths = [(one["method"], one["path"].rsplit("/", 1)[-1]) for one in bench.writes()]
        expected = [("PATCH", "members"), ("POST", "invites"), ("PUT", "users"), ("PATCH", "allowlist")]
        assert paths == [call for call, count in zip(expected, (2, 2, 2, 1), strict=True) for _ in range(count)]
        assert [row["operation"] for row in bench.results()] == [row["operation"] for row in rows]
        assert [plan.operation for plan in result.plans] == list(dict.fromkeys(row["operation"] for row in rows))

    async def test_a_later_operation_sees_what_an_earlier_one_did(self, open_bench: OpenBench) -> None:
        """Decided in its turn: what is revoked first can be invited anew, what is removed is added again."""
        bench = await open_bench("invite")
        invite = pending(state_of(bench.sandbox), 1)[0]
        rows = [
            {"operation": "revoke-invite", "email": invite.email},
            {"operation": "invite", "email": invite.email},
        ]
        result = await run_mixed(bench.desk, rows)
        assert result.counts.succeeded == 2
        assert bench.sandbox.effects.count("invite_revoked") == bench.sandbox.effects.count("invite_sent") == 1

    @pytest.mark.parametrize("point", CUTS)
    async def test_a_crash_between_two_operations_leads_to_the_same_end(
        self, open_bench: OpenBench, monkeypatch: pytest.MonkeyPatch, point: str
    ) -> None:
        """Each operation looks up what it had in flight."""
        bench = await open_bench("invite")
        chosen = people(bench.sandbox, 2)
        rows = [{"operation": "disable-user", "user": user.email} for user in chosen]
        rows += [{"operation": "invite", "email": f"x{number}@hire.test"} for number in range(4)]
        with monkeypatch.context() as patch:
            CUTS[point](patch, Cut(2))
            assert await until_the_cut(run_mixed(bench.desk, rows, batch_size=2))
        result = await bench.desk.resume()
        assert result.counts.succeeded == 6
        totals = bench.sandbox.effects.view()["totals"]
        assert totals == {"user_disabled": 2, "invite_sent": 4}


async def run_mixed(desk: Desk, rows: list[dict[str, str]], **options: Any) -> Any:
    """Run a file with a column `operation`."""
    header, lines = sheet(rows)
    return await desk.run(None, lines, column=header, **options)


VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("invite", {"reinvite_pending": "reject"}),
    ("invite", {"reinvite_pending": "refresh"}),
    ("invite", {"reinvite_pending": "reject", "invite_answer": "items"}),
    ("revoke-invite", {}),
    ("delete-user", {"bulk_delete_unknown": "skip"}),
    ("delete-user", {"bulk_delete_unknown": "reject"}),
    ("delete-user", {"delete_deleted": "ok", "delete_status": 200}),
    ("disable-user", {"put_user_partial": "reject"}),
    ("disable-user", {"put_user_partial": "clear"}),
    ("enable-user", {"put_user_status": 204}),
    ("assign-role-group", {"rolegroup_repeat": "ok", "rolegroup_answer": "empty"}),
    ("assign-role-group", {"rolegroup_repeat": "conflict"}),
    ("unassign-role-group", {"unassign_conflict": "atomic"}),
    ("unassign-role-group", {"unassign_conflict": "part"}),
    ("assign-role", {}),
    ("unassign-role", {"unassign_role_missing": "not_found"}),
    ("unassign-role", {"unassign_role_missing": "ok"}),
    ("unassign-role", {"unassign_role_missing": "conflict"}),
    ("add-team-member", {"team_name_field": "team_name"}),
    ("remove-team-member", {}),
    ("allowlist-add", {"allowlist_patch": "replace", "allowlist_expand": False}),
    ("allowlist-add", {"allowlist_patch": "merge"}),
    ("allowlist-remove", {"allowlist_expand": False}),
    ("create-role-group", {"rolegroup_name_taken": "conflict"}),
    ("create-role-group", {"create_answer": "object"}),
    ("create-team", {"team_name_taken": "sibling"}),
    ("create-team", {"team_name_taken": "anywhere", "create_answer": "object"}),
]
IDS = [f"{kind}-{'-'.join(f'{name}={value}' for name, value in quirks.items())}" for kind, quirks in VARIANTS]


class TestVariants:
    """Behaviours that the vendor's facts leave open: none of them makes a verdict wrong."""

    @pytest.mark.parametrize(("kind", "quirks"), VARIANTS, ids=IDS)
    @pytest.mark.parametrize("share", [1, 3, 12])
    async def test_what_somebody_else_did_meanwhile_is_not_a_failure(
        self, open_bench: OpenBench, kind: str, quirks: dict[str, Any], share: int
    ) -> None:
        """Between the plan and the write a few rows, or all of them, come to be so."""
        bench = await open_bench(kind, quirks=quirks)
        await bench.done_by_others_meanwhile(share)

    @pytest.mark.parametrize(("kind", "quirks"), VARIANTS, ids=IDS)
    @pytest.mark.parametrize("fault", [{"kind": "lose_after"}, {"kind": "partial", "share": 0.6}])
    async def test_lost_answers_and_passed_over_rows_end_true(
        self, open_bench: OpenBench, kind: str, quirks: dict[str, Any], fault: dict[str, Any]
    ) -> None:
        """The second call would find a part of it done."""
        bench = await open_bench(kind, quirks=quirks)
        rows = bench.fresh(12)
        bench.fault(**fault, times=1)
        result = await bench.run(batch_size=6)
        assert bench.wrong() == []
        assert bench.doubled() == 0
        assert result.counts.succeeded == len(rows)

    @pytest.mark.parametrize("status", [404, 409, 410])
    @pytest.mark.parametrize("kind", [kind for kind in OPERATIONS if not OPERATIONS[kind].whole])
    async def test_a_refusal_after_it_was_applied_is_found_out(
        self, open_bench: OpenBench, kind: str, status: int
    ) -> None:
        """A gateway sends a call twice, and passes on the answer to the second."""
        bench = await open_bench(kind)
        bench.fresh(6)
        bench.fault("status_after", status=status, body={"message": "no such thing any more"}, times=1)
        result = await bench.run(batch_size=3)
        assert bench.doubled() == 0
        assert bench.wrong() == []
        assert result.counts.succeeded == 6

    @pytest.mark.parametrize("quirk", ["keep", "reject", "clear"])
    @pytest.mark.parametrize("kind", ["disable-user", "enable-user"])
    async def test_names_and_addresses_survive_a_change_of_the_flag(
        self, open_bench: OpenBench, kind: str, quirk: str
    ) -> None:
        """Fields that are left out of a PUT may be emptied: they are written back."""
        bench = await open_bench(kind, quirks={"put_user_partial": quirk})
        bench.fresh(8)
        users = people_of(bench)
        before = [(user.first_name, user.last_name, user.email, user.phone) for user in users]
        await bench.run()
        assert [(user.first_name, user.last_name, user.email, user.phone) for user in users] == before
        assert bench.effects() == 8
        assert bench.sandbox.effects.count("user_changed") == 0

    @pytest.mark.parametrize("allowed", [Allowance(count=5), Allowance(percent=10)], ids=str)
    async def test_refusals_that_must_be_looked_up_stop_a_run_in_time(
        self, open_bench: OpenBench, allowed: Allowance
    ) -> None:
        """`--max-failures` holds for them too, and rows that turn out to be done do not count."""
        bench = await open_bench("unassign-role-group")
        rows = bench.fresh(100)
        bench.fault("status", status=404, body={"message": "no such user"}, after=10)
        result = await bench.run(rows, batch_size=1, max_failures=allowed)
        assert isinstance(result.error, StoppedError)
        assert result.counts.pending > 0
        assert 5 < result.counts.failed < 60
        bench.sandbox.faults.clear()
        again = await bench.desk.resume(max_failures=Allowance(count=100))
        assert again.counts.pending == again.counts.in_doubt == 0
        assert bench.wrong() == []

    async def test_a_single_address_that_the_answer_leaves_out_is_sent_again(self, open_bench: OpenBench) -> None:
        """The answer names nine of ten: the tenth travels alone."""
        bench = await open_bench("invite", quirks={"invite_answer": "items"})
        bench.fresh(10)
        bench.fault("partial", share=0.9, times=1)
        result = await bench.run(batch_size=10)
        assert result.counts.succeeded == 10
        assert bench.effects() == 10

    async def test_a_federated_account_that_shows_up_disabled_is_deleted(self, open_bench: OpenBench) -> None:
        """The vendor keeps such accounts listed."""
        bench = await open_bench("delete-user")
        org = state_of(bench.sandbox)
        federated = [user for user in org.users.values() if user.idprovider_id is not None and user.enabled]
        rows = of_person(federated, lambda user: not user.enabled, delete)
        result = await bench.run(rows)
        assert result.counts.succeeded == len(federated) > 1
        assert bench.effects() == len(federated)
        again = await bench.run(rows, run_id="r2")
        assert again.counts.failed == 0
        assert bench.effects() == len(federated)

    @pytest.mark.parametrize("patch", ["replace", "merge"])
    @pytest.mark.parametrize("expand", [True, False])
    async def test_scopes_are_added_and_none_is_taken_away(
        self, open_bench: OpenBench, patch: str, expand: bool
    ) -> None:
        """Whether the vendor replaces an entry or adds to it, the app has what it had and what the row names."""
        bench = await open_bench("allowlist-add", quirks={"allowlist_patch": patch, "allowlist_expand": expand})
        org = state_of(bench.sandbox)
        org.allowlist["one"] = ["read:organization", "manage:apis"]
        org.allowlist["two"] = ["read:organization", "manage:apis"]
        rows = [allowlist_row(org, "one", ["view:exchange"]), allowlist_row(org, "two", ["manage:apis"])]
        result = await bench.run(rows)
        assert (result.counts.succeeded, result.counts.skipped) == (1, 1)
        assert set(org.allowlist["one"] or ()) == {"read:organization", "manage:apis", "view:exchange"}
        assert org.allowlist["two"] == ["read:organization", "manage:apis"]
        again = await bench.run(rows, run_id="r2")
        assert again.counts.skipped == 2

    @pytest.mark.parametrize("kind", ["revoke-invite", "resend-invite"])
    async def test_invitations_are_found_by_id_however_many_there_are(self, open_bench: OpenBench, kind: str) -> None:
        """Few are asked for one by one, many in one walk."""
        for count in (1, 2, 3, 40):
            bench = await open_bench(kind)
            invites = pending(state_of(bench.sandbox), count)
            rows = [Row({"invite_id": str(one.id)}, lambda: True) for one in invites]
            result = await bench.run(rows, run_id=f"run-{count}")
            assert result.counts.succeeded == count
            assert bench.effects() == count


def people_of(bench: Bench) -> list[Any]:
    """The accounts that the rows name."""
    org = state_of(bench.sandbox)
    names = {row.cells["user"].casefold() for row in bench.rows}
    return [user for user in org.users.values() if {user.id, user.username, user.email.casefold()} & names]
