"""What VMware Cloud Services makes of people: failures without a reason, roles, groups, guards."""

from __future__ import annotations

from typing import Any

import pytest

from bulkops.errors import ConfigError, RefusedError
from bulkops.sandbox.vmware_csp.catalogue import SERVICES
from bulkops.sandbox.vmware_csp.organization import ORGANIZATION, OWNER, SERVICE, Grant
from bulkops.testing.csp_cases import (
    custom_groups,
    people,
    place,
    put,
    state_of,
)
from tests.contract.csp import OpenBench, bad_rows, codes, meanwhile, row


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

    async def test_another_role_of_the_only_owner_is_refused_in_the_vendors_words(self, csp: OpenBench) -> None:
        """That they own the organisation is not why."""
        bench = await csp("unassign-role")
        org = state_of(bench.sandbox)
        user = people(bench.sandbox, 1)[0]
        for one in org.users.values():
            put(one, Grant(ORGANIZATION, "", OWNER), has=one is user)
        for group in org.groups.values():
            group.members.clear()
        put(user, Grant(ORGANIZATION, "", "developer"), has=True)
        bench.fault("status", status=400, body={"message": "not today"})
        await bench.run([row(user=user.email, role="developer")])
        assert codes(bench) == ["invalid"]
        assert "owner" not in bench.results()[0]["_message"]


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
