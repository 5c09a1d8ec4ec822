"""What VMware Cloud Services makes of single operations: two-call resends, bare failures, roles, groups, guards."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bulkops.errors import ConfigError, JobFileError, RefusedError
from bulkops.providers.vmware_csp import writes
from bulkops.sandbox.vmware_csp.catalogue import SERVICES
from bulkops.sandbox.vmware_csp.organization import ORGANIZATION, OWNER, SERVICE, Grant
from bulkops.testing.csp_cases import (
    custom_groups,
    invite_row,
    invited,
    people,
    place,
    put,
    resend_row,
    revoke,
    state_of,
)
from bulkops.testing.operation_contract import CUTS, Bench, Cut, PowerCutError, Row, until_the_cut

OpenBench = Callable[..., Awaitable[Bench]]


@pytest.fixture
def csp(open_bench: OpenBench) -> OpenBench:
    """Opens a bench at a simulated organisation; options are quirks."""

    async def begin(kind: str, target: dict[str, Any] | None = None, **quirks: Any) -> Bench:
        return await open_bench(kind, target, vendor="vmware-csp", quirks=quirks)

    return begin


def row(**cells: str) -> Row:
    """A row of which only the report is looked at."""
    return Row(cells, lambda: True)


@contextmanager
def bad_rows(words: str) -> Iterator[None]:
    """The job is refused before anything is sent, and one of its problems has these words."""
    with pytest.raises(JobFileError) as caught:
        yield
    assert words in " ".join(str(problem) for problem in caught.value.problems)


def codes(bench: Bench) -> list[str]:
    """The `_error` column."""
    return [one["_error"] for one in bench.results()]


class TestInvite:
    """202 without a body."""

    async def test_rows_with_other_options_go_into_other_calls(self, csp: OpenBench) -> None:
        """Those that offer the same share one, twenty at a time unless told otherwise."""
        bench = await csp("invite")
        org = state_of(bench.sandbox)
        group, service = custom_groups(org)[0], SERVICES[0]
        offers: list[dict[str, str]] = [
            {},
            {"roles": "org_member;Developer"},
            {"groups": group.name, "roles": "org_member"},
            {"service_roles": f"{service.link}:{service.roles[0]}"},
            {"expires_in_days": "90", "notify": "no"},
        ]
        rows = [
            invite_row(bench.sandbox, f"n{number}.{kind}@hire.test", offer)
            for number in range(21)
            for kind, offer in enumerate(offers)
        ]
        result = await bench.run(rows)
        assert result.counts.succeeded == len(rows)
        bodies = [one["body"] for one in bench.writes()]
        assert sorted(len(body.pop("usernames")) for body in bodies) == [1] * 5 + [20] * 5
        told = {str(body): body for body in bodies}.values()
        assert len(told) == 5
        assert {"organizationRoles": [{"name": "org_member"}, {"name": "developer"}]} in told
        assert {"organizationRoles": [{"name": "org_member"}], "customGroupsIds": [group.id]} in told
        service_roles = [{"name": service.roles[0]}]
        assert {"serviceRolesDtos": [{"serviceDefinitionLink": service.link, "serviceRoles": service_roles}]} in told
        assert {
            "invitationExpirationInDays": 90,
            "notifyUsersOfOrgAccess": False,
            "notifyUsersOfRegistration": False,
        } in told
        made = [one for one in org.invitations.values() if one.username == "n0.4@hire.test"]
        assert round((made[0].expires_at - made[0].generated_at) / 86_400) == 90

    async def test_a_service_that_is_named_by_its_id_gets_the_link_of_the_options(self, csp: OpenBench) -> None:
        """The vendor's pages show several forms of it."""
        service = SERVICES[0]
        link = "/csp/gateway/slc/api/definitions/paid/{id}"
        bench = await csp("invite", {"options": {"service_link": link}})
        result = await bench.run([row(email="a@hire.test", service_roles=f"{service.id}:{service.roles[0]}")])
        assert result.counts.succeeded == 1
        assert bench.writes()[0]["body"]["serviceRolesDtos"][0]["serviceDefinitionLink"] == service.link

    @pytest.mark.parametrize("account", ["joins", "pending"])
    async def test_an_address_with_an_account_may_be_a_member_at_once(self, csp: OpenBench, account: str) -> None:
        """Then no invitation shows, and the users do."""
        bench = await csp("invite", account_invited=account)
        rows = [invite_row(bench.sandbox, f"p{number}@partner.test", {}) for number in range(5)]
        result = await bench.run(rows)
        assert result.counts.succeeded == 5
        assert bench.wrong() == []
        assert bench.doubled() == 0
        again = await bench.run(rows, run_id="r2")
        assert again.counts.skipped == 5

    @pytest.mark.parametrize("member", ["conflict", "silent", "merge"])
    @pytest.mark.parametrize("pending", ["conflict", "silent"])
    async def test_what_others_invited_meanwhile_sinks_no_batch(
        self, csp: OpenBench, member: str, pending: str
    ) -> None:
        """A 409 for a batch is taken apart; nobody is invited twice."""
        bench = await csp("invite", invite_member=member, reinvite_pending=pending)
        await bench.done_by_others_meanwhile(4)
        assert bench.doubled() <= 0

    async def test_members_and_invited_addresses_are_not_sent(self, csp: OpenBench) -> None:
        """Whatever their case. A revoked or expired invitation stands in nobody's way."""
        bench = await csp("invite")
        org = state_of(bench.sandbox)
        old, revoked, open_one = invited(org, 1, age_days=30)[0], invited(org, 1)[0], invited(org, 1)[0]
        revoke(revoked)
        names = [people(bench.sandbox, 1)[0].email.upper(), open_one.username.upper(), old.username, revoked.username]
        result = await bench.run([row(email=name) for name in names])
        assert codes(bench) == ["already_member", "already_invited", "", ""]
        assert result.counts.succeeded == 2

    async def test_bad_cells_are_listed_before_anything_is_sent(self, csp: OpenBench) -> None:
        """Days out of range, a role of a service without its service."""
        bench = await csp("invite")
        rows = [row(email="a@x.test", expires_in_days="91"), row(email="b@x.test", service_roles="just-a-role")]
        with pytest.raises(JobFileError) as caught:
            await bench.run(rows)
        assert len(caught.value.problems) == 2
        assert bench.writes() == []


def cut_between(patch: pytest.MonkeyPatch, cut: Cut) -> None:
    """The old invitation is taken back, and the new one not asked for yet."""
    original = writes._delete_invitation

    async def delete(*args: Any) -> Any:
        answer = await original(*args)
        cut.here()
        return answer

    patch.setattr(writes, "_delete_invitation", delete)


def cut_at_new(patch: pytest.MonkeyPatch, cut: Cut) -> None:
    """The new one is made, and its answer not taken."""
    original = writes._post_invitations

    async def post(*args: Any) -> Any:
        answer = await original(*args)
        cut.here()
        return answer

    patch.setattr(writes, "_post_invitations", post)


class TestResend:
    """Take back, then invite: never left without an invitation."""

    @pytest.mark.parametrize("cut_there", [cut_between, cut_at_new, *CUTS.values()])
    @pytest.mark.parametrize("nth", [1, 3])
    async def test_a_crash_at_any_point_ends_with_one_new_invitation_each(
        self, csp: OpenBench, monkeypatch: pytest.MonkeyPatch, cut_there: Any, nth: int
    ) -> None:
        """What the old one granted was noted before it was taken back, and the new one grants the same."""
        bench = await csp("resend-invite", {"concurrency": 2})
        bench.fresh(6)
        with monkeypatch.context() as patch:
            cut_there(patch, Cut(nth))
            assert await until_the_cut(bench.run())
        result = await bench.desk.resume()
        assert result.counts.succeeded == 6
        assert bench.wrong() == []
        assert bench.doubled() == 0

    async def test_two_crashes_in_a_row_forget_nothing(self, csp: OpenBench, monkeypatch: pytest.MonkeyPatch) -> None:
        """The second session has no old invitation to read any more."""
        bench = await csp("resend-invite", {"concurrency": 1})
        bench.fresh(3)
        with monkeypatch.context() as patch:
            cut_between(patch, Cut())
            assert await until_the_cut(bench.run())
        with monkeypatch.context() as patch:

            async def cut_off(*_args: Any) -> Any:
                raise PowerCutError

            patch.setattr(writes, "_post_invitations", cut_off)
            assert await until_the_cut(bench.desk.resume())
        result = await bench.desk.resume()
        assert result.counts.succeeded == 3
        assert bench.wrong() == []
        assert bench.doubled() == 0

    @pytest.mark.parametrize("closed", ["not_found", "ok"])
    async def test_one_that_is_gone_meanwhile_is_made_anew_all_the_same(self, csp: OpenBench, closed: str) -> None:
        """Somebody took it back between the plan and the call."""
        bench = await csp("resend-invite", delete_closed_invitation=closed)
        await bench.done_by_others_meanwhile(3)
        assert bench.doubled() == 0

    async def test_a_refused_new_one_is_told_with_what_became_of_the_old(self, csp: OpenBench) -> None:
        """The row fails, in the vendor's words, and says what helps."""
        bench = await csp("resend-invite")
        rows = bench.fresh(3)
        bench.refuse(rows[1])
        await bench.run()
        told = bench.results()[1]
        assert (told["_outcome"], told["_error"], told["_http_status"]) == ("failed", "invalid", "400")
        assert "is taken back, and the new one was refused" in told["_message"]
        assert "Use invite" in told["_message"]

    async def test_expired_ones_are_sent_again_with_their_days(self, csp: OpenBench) -> None:
        """An invitation of thirty days gets thirty again."""
        bench = await csp("resend-invite")
        org = state_of(bench.sandbox)
        old = invited(org, 1, age_days=60, days=30)[0]
        rows = [resend_row(bench.sandbox, old, 0)]
        result = await bench.run(rows)
        assert result.counts.succeeded == 1
        assert bench.wrong() == []
        new = org.pending(old.username, time.time())
        assert new is not None
        assert round((new.expires_at - new.generated_at) / 86_400) == 30

    async def test_one_whose_grants_cannot_be_read_is_left_as_it_is(
        self, csp: OpenBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """None like it could be made; the row says what to do instead."""
        bench = await csp("resend-invite")
        monkeypatch.setattr("bulkops.providers.vmware_csp.rows._terms_text", lambda *_args: "")
        with bad_rows("use revoke-invite and invite"):
            await bench.run(bench.fresh(1))
        assert bench.writes() == []

    async def test_lost_answers_of_either_call_are_settled(self, csp: OpenBench) -> None:
        """Both calls lose some."""
        bench = await csp("resend-invite")
        bench.fresh(12)
        bench.sandbox.faults.add("lose_after", method="DELETE", path="*/invitations/*", times=3, after=1)
        bench.sandbox.faults.add("lose_after", method="POST", path="*/invitations", times=3, after=3)
        bench.sandbox.faults.add("lose_before", method="POST", path="*/invitations", times=2, after=8)
        result = await bench.run()
        assert result.counts.succeeded == 12
        assert bench.wrong() == []
        assert bench.doubled() == 0


class TestRevoke:
    """One invitation by its id."""

    async def test_old_entries_of_an_address_are_not_meant(self, csp: OpenBench) -> None:
        """It was revoked and invited anew: the new one alone counts."""
        bench = await csp("revoke-invite")
        result = await bench.run([row(email="back.again@acme.test"), row(email="revoked.1@acme.test")])
        assert (result.counts.succeeded, result.counts.skipped) == (1, 1)
        assert codes(bench) == ["", "not_invited"]
        assert bench.effects() == 1

    async def test_several_of_one_address_are_told_apart_by_their_ids(self, csp: OpenBench) -> None:
        """One of two is taken back; by the address alone it is not known which."""
        bench = await csp("revoke-invite")
        org = state_of(bench.sandbox)
        first, second = invited(org, 1, address="twice@x.test")[0], invited(org, 1, address="twice@x.test")[0]
        with bad_rows("write the invite_id"):
            await bench.run([row(email="twice@x.test")])
        result = await bench.run([row(invite_id=second.id.upper())], run_id="r2")
        assert result.counts.succeeded == 1
        assert (first.status, second.status) == ("AVAILABLE", "REVOKED")


class TestDelete:
    """Ids that fail without a word."""

    @pytest.mark.parametrize("unknown", ["failed", "not_found"])
    async def test_people_who_are_gone_meanwhile_sink_no_batch(self, csp: OpenBench, unknown: str) -> None:
        """An entry in `failed`, or a 404 for all of the batch."""
        bench = await csp("delete-user", remove_unknown=unknown)
        await bench.done_by_others_meanwhile(5)
        assert bench.doubled() <= 0

    async def test_a_failure_that_a_read_explains_is_a_skip(self, csp: OpenBench) -> None:
        """Somebody else removed them: the row says so."""
        bench = await csp("delete-user")
        await bench.done_by_others_meanwhile(2)
        assert codes(bench)[:2] == ["already_gone"] * 2

    async def test_a_failure_that_nothing_explains_says_so(self, csp: OpenBench) -> None:
        """They are members still."""
        bench = await csp("delete-user")
        rows = bench.fresh(3)
        ids = [user.id for user in people(bench.sandbox, 3)]
        body = {"succeeded": [], "failed": ids}
        bench.fault("status", status=200, body=body, times=1)
        await bench.run(rows)
        assert codes(bench) == ["refused"] * 3
        assert "the provider did not say why" in bench.results()[0]["_message"]

    async def test_where_the_explaining_read_fails_the_rows_are_looked_up(self, csp: OpenBench) -> None:
        """The write's answer is not lost over it."""
        bench = await csp("delete-user")
        rows = bench.fresh(3)
        ids = [user.id for user in people(bench.sandbox, 3)]
        bench.fault("status_after", status=200, body={"succeeded": [], "failed": ids}, times=1)
        meanwhile(bench, lambda: bench.sandbox.faults.add("status", method="POST", path="*/users/search", status=403))
        result = await bench.run(rows)
        assert result.counts.succeeded == 3
        assert bench.wrong() == []

    async def test_the_last_owner_fails_alone_and_by_name(self, csp: OpenBench) -> None:
        """The 400 for the batch is taken apart; the others are gone. Planning saw another owner."""
        bench = await csp("delete-user")
        org = state_of(bench.sandbox)
        owner = people(bench.sandbox, 1)[0]
        put(owner, Grant(ORGANIZATION, "", OWNER), has=True)
        rows = bench.fresh(8)

        def strip_others() -> None:
            for user in org.users.values():
                put(user, Grant(ORGANIZATION, "", OWNER), has=user is owner)
            for group in org.groups.values():
                group.members.clear()

        meanwhile(bench, strip_others)
        await bench.run(rows)
        assert codes(bench) == ["last_owner", *[""] * 7]
        assert "last owner" in bench.results()[0]["_message"]
        assert bench.results()[0]["_request_id"]
        assert bench.wrong() == []

    async def test_twenty_at_most_travel_in_a_call(self, csp: OpenBench) -> None:
        """The vendor refuses more."""
        bench = await csp("delete-user")
        bench.fresh(45)
        result = await bench.run(batch_size=100)
        assert result.counts.succeeded == 45
        assert [len(one["body"]["ids"]) for one in bench.writes()] == [20, 20, 5]


def meanwhile(bench: Bench, act: Callable[[], object]) -> None:
    """Do this between the plan and the first write."""
    confirm = bench.desk.observer.confirm

    async def confirmed(*args: Any) -> None:
        await confirm(*args)
        act()

    bench.desk.observer.confirm = confirmed  # type: ignore[assignment, method-assign]


class TestGuards:
    """Who is not touched."""

    @pytest.mark.parametrize("kind", ["delete-user", "unassign-role", "remove-team-member"])
    async def test_the_last_owners_are_refused(self, csp: OpenBench, kind: str) -> None:
        """All of them is one too many, and through a group that makes them owners, too; all but one may go."""
        bench = await csp(kind)
        org = state_of(bench.sandbox)
        group = next(one for one in org.groups.values() if one.is_for_owners)
        owner = Grant(ORGANIZATION, "", OWNER)
        chosen = people(bench.sandbox, 3)
        group.members.clear()
        for user in org.users.values():
            put(user, owner, has=user in chosen and kind != "remove-team-member")
        if kind == "remove-team-member":
            group.members.update({user.id: None for user in chosen})
        more = {"unassign-role": {"role": OWNER}, "remove-team-member": {"team": group.name}}.get(kind, {})
        rows = [row(user=user.username, **more) for user in chosen]
        with pytest.raises(RefusedError, match="without an administrator"):
            await bench.run(rows)
        assert bench.writes() == []
        if kind != "remove-team-member":  # a group of owners is for owners to change
            result = await bench.run(rows[:2], run_id="r2")
            assert result.counts.succeeded == 2

    @pytest.mark.parametrize("kind", ["delete-user", "unassign-role", "remove-team-member"])
    async def test_the_callers_own_account_and_protected_ones_are_refused(self, csp: OpenBench, kind: str) -> None:
        """Whoever the credentials belong to."""
        bench = await csp(kind, {"protected": ["*@svc.test"]})
        org = state_of(bench.sandbox)
        admin, group = org.named("admin@acme.test"), custom_groups(org)[0]
        user = people(bench.sandbox, 1)[0]
        assert admin is not None
        org.names[f"{user.username}@svc.test"] = user.id
        user.email = "robot@svc.test"
        for one in (admin, user):
            place(one, group, inside=True)
            put(one, Grant(ORGANIZATION, "", "developer"), has=True)
        more = {"unassign-role": {"role": "developer"}, "remove-team-member": {"team": group.name}}.get(kind, {})
        for name, why in (("admin@acme.test", "works with"), (user.id, "protected by")):
            with pytest.raises(RefusedError, match=why):
                await bench.run([row(user=name, **more)], run_id=why.replace(" ", "-"))
        assert bench.writes() == []


class TestRoles:
    """One delta a call."""

    @pytest.mark.parametrize("quirks", [{"role_held": "conflict"}, {"patch_answer": "roles"}])
    async def test_roles_that_others_gave_meanwhile_are_no_failure(
        self, csp: OpenBench, quirks: dict[str, Any]
    ) -> None:
        """A 409 is looked up."""
        bench = await csp("assign-role", **quirks)
        await bench.done_by_others_meanwhile(5)

    @pytest.mark.parametrize("missing", ["ok", "reject", "not_found"])
    async def test_roles_that_others_took_meanwhile_are_no_failure(self, csp: OpenBench, missing: str) -> None:
        """A 400 or a 404 is looked up."""
        bench = await csp("unassign-role", role_missing=missing)
        await bench.done_by_others_meanwhile(5)

    async def test_the_bodies_are_deltas_of_one_role(self, csp: OpenBench) -> None:
        """A service is named by its id here, whichever way the row names it."""
        bench = await csp("assign-role")
        user, service = people(bench.sandbox, 1)[0], SERVICES[0]
        user.grants.clear()
        rows = [
            row(user=user.email, role="developer"),
            row(user=user.email, role=service.roles[0], service=service.link, resource="sddc:1"),
        ]
        result = await bench.run(rows)
        assert result.counts.succeeded == 2
        assert [one["body"] for one in bench.writes()] == [
            {"organizationRoles": {"rolesToAdd": [{"name": "developer"}]}},
            {
                "serviceRoles": [
                    {
                        "serviceDefinitionId": service.id,
                        "rolesToAdd": [{"name": service.roles[0], "resource": "sddc:1"}],
                    }
                ]
            },
        ]
        assert Grant(SERVICE, service.id, service.roles[0], "sddc:1") in user.grants

    async def test_what_comes_from_a_group_is_named_and_skipped(self, csp: OpenBench) -> None:
        """It cannot be taken from the person; what they hold themselves beside it can."""
        bench = await csp("unassign-role")
        org = state_of(bench.sandbox)
        both, by_group = people(bench.sandbox, 2)
        group = custom_groups(org)[0]
        group.grants[Grant(ORGANIZATION, "", "support_user")] = None
        for user in (both, by_group):
            user.grants.clear()
            place(user, group, inside=True)
        put(both, Grant(ORGANIZATION, "", "support_user"), has=True)
        rows = [row(user=user.username, role="support_user") for user in (both, by_group)]
        result = await bench.run(rows)
        assert (result.counts.succeeded, result.counts.skipped) == (1, 1)
        assert codes(bench) == ["", "external_member"]
        assert "GROUP" in bench.results()[1]["_message"]
        assert len(bench.writes()) == 1

    async def test_an_unknown_role_is_told_with_near_ones(self, csp: OpenBench) -> None:
        """Roles of the organisation are listed; those of a service nobody lists, so the vendor judges them."""
        bench = await csp("assign-role")
        user = people(bench.sandbox, 1)[0]
        with bad_rows("no role is called 'develper'; candidates: developer"):
            await bench.run([row(user=user.email, role="develper")])
        await bench.run([row(user=user.email, role="nonsense", service=SERVICES[0].id)], run_id="r2")
        assert bench.results("r2")[0]["_error"] == "invalid"
        assert "nonsense" in bench.results("r2")[0]["_message"]

    async def test_the_last_owner_keeps_the_role_and_the_row_says_why(self, csp: OpenBench) -> None:
        """Planning saw another owner."""
        bench = await csp("unassign-role")
        org = state_of(bench.sandbox)
        user = people(bench.sandbox, 1)[0]
        put(user, Grant(ORGANIZATION, "", OWNER), has=True)

        def strip_others() -> None:
            for one in org.users.values():
                put(one, Grant(ORGANIZATION, "", OWNER), has=one is user)
            for group in org.groups.values():
                group.members.clear()

        meanwhile(bench, strip_others)
        await bench.run([row(user=user.email, role=OWNER)])
        assert codes(bench) == ["last_owner"]
        assert Grant(ORGANIZATION, "", OWNER) in user.grants


class TestGroups:
    """Custom groups, as teams."""

    @pytest.mark.parametrize("held", ["succeeded", "failed", "conflict"])
    async def test_people_who_were_put_in_meanwhile_are_no_failure(self, csp: OpenBench, held: str) -> None:
        """In `succeeded`, in `failed`, or a 409 for all of the batch."""
        bench = await csp("add-team-member", group_held=held)
        await bench.done_by_others_meanwhile(5)
        if held == "failed":
            assert codes(bench)[:5] == ["already_in_team"] * 5

    @pytest.mark.parametrize("missing", ["succeeded", "failed", "not_found"])
    async def test_people_who_were_taken_out_meanwhile_are_no_failure(self, csp: OpenBench, missing: str) -> None:
        """The same the other way."""
        bench = await csp("remove-team-member", group_missing=missing)
        await bench.done_by_others_meanwhile(5)
        if missing == "failed":
            assert codes(bench)[:5] == ["not_in_team"] * 5

    async def test_a_failure_that_nothing_explains_says_so(self, csp: OpenBench) -> None:
        """They are not in the group."""
        bench = await csp("add-team-member")
        rows = bench.fresh(2)
        names = [user.username for user in people(bench.sandbox, 2)]
        bench.fault("status", status=200, body={"succeeded": names[:1], "failed": names}, times=1)
        await bench.run(rows)
        told = bench.results()
        assert told[1]["_error"] == "refused"
        assert "did not say why" in told[1]["_message"]
        assert bench.wrong() == []

    @pytest.mark.parametrize(
        ("name", "why"), [("Domain Users", "enterprise group"), ("Partner Support", "another organisation")]
    )
    @pytest.mark.parametrize("kind", ["add-team-member", "remove-team-member"])
    async def test_groups_that_are_kept_elsewhere_are_refused(
        self, csp: OpenBench, kind: str, name: str, why: str
    ) -> None:
        """Before anything is sent; also those that an invitation names."""
        bench = await csp(kind)
        user = people(bench.sandbox, 1)[0]
        with bad_rows(why):
            await bench.run([row(user=user.email, team=name)])
        assert bench.writes() == []

    async def test_an_invitation_into_such_a_group_is_refused(self, csp: OpenBench) -> None:
        """It takes custom groups alone."""
        bench = await csp("invite")
        with bad_rows("enterprise group"):
            await bench.run([row(email="a@x.test", groups="Domain Users")])

    async def test_a_name_of_two_groups_is_for_a_person_to_decide(self, csp: OpenBench) -> None:
        """One of them is an enterprise group."""
        bench = await csp("add-team-member")
        with bad_rows("2 teams are called 'Contractors'"):
            await bench.run([row(user=people(bench.sandbox, 1)[0].email, team="Contractors")])

    async def test_federated_people_are_sent_by_their_username(self, csp: OpenBench) -> None:
        """Their address is another one."""
        bench = await csp("add-team-member")
        group = custom_groups(state_of(bench.sandbox))[0]
        result = await bench.run([row(user="fiona.federated@acme.test", team=group.name)])
        assert result.counts.succeeded == 1
        assert bench.writes()[0]["body"]["usernamesToAdd"] == ["fiona.federated@corp.acme.test"]


class TestRefusals:
    """What the vendor does not have."""

    async def test_an_operation_that_is_not_there_is_refused_with_those_that_are(self, csp: OpenBench) -> None:
        """Before anything is sent."""
        bench = await csp("invite")
        with pytest.raises(ConfigError, match="delete-user") as caught:
            await bench.desk.run("disable-user", ["a@x.test"], column="user", run_id="r2")
        assert "add-team-member" in str(caught.value)
        assert list(bench.sandbox.requests) == []
