"""What VMware Cloud Services makes of invitations: bare answers, two-call resends, old entries that stay."""

from __future__ import annotations

import time
from typing import Any

import pytest

from bulkops.errors import JobFileError
from bulkops.providers.vmware_csp import writes
from bulkops.sandbox.vmware_csp.catalogue import SERVICES
from bulkops.testing.csp_cases import (
    custom_groups,
    invite_row,
    invited,
    people,
    resend_row,
    revoke,
    state_of,
)
from bulkops.testing.operation_contract import CUTS, Cut, PowerCutError, until_the_cut
from tests.contract.csp import OpenBench, bad_rows, codes, row


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

    @pytest.mark.parametrize("answered", ["conflict", "silent", "merge"])
    async def test_a_members_invitation_is_left_as_it_is(self, csp: OpenBench, answered: str) -> None:
        """What came of a new one could not be told from nothing, and the old one would be gone."""
        bench = await csp("resend-invite", invite_member=answered)
        org = state_of(bench.sandbox)
        address = people(bench.sandbox, 1)[0].email
        old = invited(org, 1, address=address)[0]
        result = await bench.run([row(email=address.upper()), row(invite_id=invited(org, 1)[0].id)])
        assert (result.counts.succeeded, result.counts.skipped) == (1, 1)
        assert codes(bench) == ["already_member", ""]
        assert old.status == "AVAILABLE"

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
