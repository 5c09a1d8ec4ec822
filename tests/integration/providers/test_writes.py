"""What each operation sends to Anypoint and what it reads before, field by field against the vendor's description."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bulkops.engine import Allowance
from bulkops.operations import OPERATIONS
from bulkops.testing.desk import Desk, open_desk

ACCOUNTS = "/accounts/api"
PAGED = {"offset": "0", "limit": "500"}
LIGHT = {"type": "all", "includeProfiles": "false"}

ANA, BO, CYD = "quentin.weiss.1@acme.test", "amara.weiss.3@acme.test", "farah.papadopoulou.4@acme.test"


@dataclass
class Wire:
    """A desk, and the organisation as plain HTTP shows it, without any code of ours between."""

    desk: Desk
    http: aiohttp.ClientSession

    @property
    def org(self) -> str:
        """The organisation's id."""
        return self.desk.sandbox.organization

    @property
    def base(self) -> str:
        """The path that most calls begin with."""
        return f"{ACCOUNTS}/organizations/{self.org}"

    async def rows(self, path: str, **params: str) -> list[dict[str, Any]]:
        """All rows of a listing."""
        full = path if path.startswith("/accounts") else self.base + path
        async with self.http.get(full, params={"limit": "500", **params}) as answer:
            assert answer.status == 200, await answer.text()
            found: list[dict[str, Any]] = (await answer.json())["data"]
            return found

    async def one(self, path: str, **wanted: Any) -> dict[str, Any]:
        """The row of a listing that has these values."""
        return next(row for row in await self.rows(path) if all(row[key] == value for key, value in wanted.items()))

    async def user(self, email: str) -> dict[str, Any]:
        """An account by its address."""
        return await self.one("/users", email=email)

    async def run(self, operation: str, columns: str, rows: Sequence[str], *, run_id: str = "r1") -> None:
        """Run a job to its end; every row succeeds."""
        self.desk.sandbox.requests.clear()
        result = await self.desk.run(operation, rows, column=columns, run_id=run_id)
        assert result.error is None
        assert (result.counts.succeeded, result.counts.total) == (len(rows), len(rows)), self.desk.results(run_id)

    def sent(self) -> list[dict[str, Any]]:
        """The writes that came, in their order."""
        return [one for one in self.desk.sandbox.requests if one["method"] != "GET"]

    def read(self) -> dict[str, list[dict[str, Any]]]:
        """The queries of the reads that came, by path below the organisation."""
        found: dict[str, list[dict[str, Any]]] = {}
        for one in self.desk.sandbox.requests:
            if one["method"] == "GET":
                found.setdefault(one["path"].removeprefix(self.base), []).append(one["query"])
        return found

    def only(self, method: str, path: str, body: Any) -> None:
        """Just one write came: this one, as JSON, without a query."""
        (request,) = self.sent()
        assert (request["method"], request["path"]) == (method, self.base + path)
        assert (request["query"], request["content_type"]) == ({}, "application/json")
        assert request["body"] == body


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    """An organisation of 200 people."""
    async with open_desk(tmp_path) as desk:
        headers = {"Authorization": f"Bearer {desk.sandbox.token}"}
        async with aiohttp.ClientSession(desk.sandbox.url, headers=headers) as http:
            yield Wire(desk, http)


class TestInvitations:
    """Invite, resend, revoke."""

    async def test_invite(self, wire: Wire) -> None:
        """Both id and name of a role group, a membership for each team, a context for each permission, nothing else."""
        group = await wire.one("/rolegroups", name="Developers")
        team = await wire.one("/teams", team_name="Security")
        role = await wire.one("/accounts/api/roles", name="Exchange Viewer")
        sandbox = await wire.one("/environments", name="Sandbox")
        rows = [
            "One@hire.test,Developers,Security,maintainer,,",
            "two@hire.test,,,,Exchange Viewer,Sandbox",
            "three@hire.test,,,,,",
        ]
        await wire.run("invite", "email,role_groups,teams,membership,roles,environment", rows)
        wire.only(
            "POST",
            "/invites",
            [
                {
                    "email": "One@hire.test",
                    "role_groups": [{"role_group_id": group["role_group_id"], "name": "Developers"}],
                    "teams": [{"team_id": team["team_id"], "membership_type": "maintainer"}],
                },
                {
                    "email": "two@hire.test",
                    "roles": [
                        {"role_id": role["role_id"], "context_params": {"org": wire.org, "envId": sandbox["id"]}}
                    ],
                },
                {"email": "three@hire.test"},
            ],
        )

    async def test_resend_invite(self, wire: Wire) -> None:
        """An array of ids, which are integers."""
        first = await wire.one("/invites", invited_email="pending.1@acme.test")
        second = await wire.one("/invites", invited_email="pending.2@acme.test")
        assert isinstance(first["id"], int)
        await wire.run("resend-invite", "email", ["pending.1@acme.test", "pending.2@acme.test"])
        wire.only("POST", "/invites/resend", [first["id"], second["id"]])

    async def test_revoke_invite(self, wire: Wire) -> None:
        """DELETE with an array of ids, which are integers."""
        first = await wire.one("/invites", invited_email="pending.1@acme.test")
        expired = await wire.one("/invites", invited_email="pending.7@acme.test")
        await wire.run("revoke-invite", "email", ["pending.1@acme.test", "pending.7@acme.test"])
        wire.only("DELETE", "/invites", [first["id"], expired["id"]])

    @pytest.mark.parametrize("operation", ["resend-invite", "revoke-invite"])
    async def test_an_invitation_can_be_named_by_its_id(self, wire: Wire, operation: str) -> None:
        """One id or many, searched or walked: the same integers are sent."""
        ids = [row["id"] for row in await wire.rows("/invites")][:5]
        await wire.run(operation, "invite_id", [str(one) for one in ids])
        (request,) = wire.sent()
        assert request["body"] == ids


class TestAccounts:
    """Delete, disable, enable."""

    async def test_delete_user(self, wire: Wire) -> None:
        """DELETE with a bare array of ids."""
        ids = [(await wire.user(email))["id"] for email in (ANA, BO)]
        await wire.run("delete-user", "user", [ANA, BO])
        wire.only("DELETE", "/users", ids)

    @pytest.mark.parametrize(("operation", "enabled"), [("disable-user", False), ("enable-user", True)])
    async def test_disable_and_enable_user(self, wire: Wire, operation: str, enabled: bool) -> None:
        """PUT writes the named fields back just as they were read, and changes `enabled` alone."""
        found = [row for row in await wire.rows("/users") if row["enabled"] is not enabled][:3]
        if operation == "disable-user":
            found = [
                await wire.user(email) for email in (ANA, "Tomas.Okafor.7@Acme.test", "giulia.o'brien.18@acme.test")
            ]
        await wire.run(operation, "user", [row["username"] for row in found])
        kept = ("id", "firstName", "lastName", "email", "phoneNumber")
        wire.only("PUT", "/users", [{**{key: row[key] for key in kept}, "enabled": enabled} for row in found])
        for before in found:
            after = await wire.user(before["email"])
            changed = {key for key in before if before[key] != after[key]}
            assert changed <= {"enabled", "updatedAt"}
            assert after["enabled"] is enabled


class TestRoleGroups:
    """Assign, unassign."""

    async def test_assign_role_group(self, wire: Wire) -> None:
        """POST of an array of ids, one call for each role group."""
        group = await wire.one("/rolegroups", name="Developers")
        holders = {row["id"] for row in await wire.rows(f"/rolegroups/{group['role_group_id']}/users")}
        people = [row for row in await wire.rows("/members") if row["id"] not in holders][10:12]
        await wire.run("assign-role-group", "user,role_group", [f"{row['username']},developers" for row in people])
        wire.only("POST", f"/rolegroups/{group['role_group_id']}/users", [row["id"] for row in people])

    async def test_unassign_role_group(self, wire: Wire) -> None:
        """DELETE with an array of ids."""
        group = await wire.one("/rolegroups", name="Developers")
        people = (await wire.rows(f"/rolegroups/{group['role_group_id']}/users"))[:2]
        rows = [f"{row['username']},{group['role_group_id']}" for row in people]
        await wire.run("unassign-role-group", "user,role_group", rows)
        wire.only("DELETE", f"/rolegroups/{group['role_group_id']}/users", [row["id"] for row in people])


class TestPermissions:
    """Assign, unassign: the context stands in the body."""

    async def test_assign_role(self, wire: Wire) -> None:
        """One person's permissions of one context travel as `{roleId: {org, envId?}}`."""
        user = await wire.user(ANA)
        roles = [
            (await wire.one("/accounts/api/roles", name=name))["role_id"]
            for name in ("Cloudhub Developer", "Cloudhub Support", "Exchange Viewer")
        ]
        sandbox = await wire.one("/environments", name="Sandbox")
        rows = [f"{ANA},Cloudhub Developer,Sandbox", f"{ANA},Cloudhub Support,Sandbox", f"{ANA},Exchange Viewer,"]
        await wire.run("assign-role", "user,role,environment", rows)
        assert {(one["method"], one["path"]) for one in wire.sent()} == {
            ("POST", f"{wire.base}/users/{user['id']}/roles")
        }
        context = {"org": wire.org, "envId": sandbox["id"]}
        assert [one["body"] for one in wire.sent()] == [
            {roles[0]: context, roles[1]: context},
            {roles[2]: {"org": wire.org}},
        ]

    async def test_the_context_may_be_a_business_group(self, wire: Wire) -> None:
        """Its id stands as `org`, and the environment is looked for there."""
        async with wire.http.get(f"{wire.base}/hierarchy") as answer:
            retail = next(one for one in (await answer.json())["subOrganizations"] if one["name"] == "Retail")
        production = await wire.one(f"{ACCOUNTS}/organizations/{retail['id']}/environments", name="Production")
        role = await wire.one("/accounts/api/roles", name="Cloudhub Support")
        await wire.run(
            "assign-role", "user,role,organization,environment", [f"{ANA},Cloudhub Support,Retail,Production"]
        )
        assert [one["body"] for one in wire.sent()] == [
            {role["role_id"]: {"org": retail["id"], "envId": production["id"]}}
        ]

    async def test_unassign_role(self, wire: Wire) -> None:
        """DELETE of one permission, whose context is the body."""
        role = await wire.one("/accounts/api/roles", name="Exchange Viewer")
        sandbox = await wire.one("/environments", name="Sandbox")
        user = await wire.user(ANA)
        rows = [f"{ANA},Exchange Viewer,Sandbox", f"{ANA},Exchange Viewer,"]
        await wire.run("assign-role", "user,role,environment", rows)
        await wire.run("unassign-role", "user,role,environment", rows, run_id="r2")
        path = f"{wire.base}/users/{user['id']}/roles/{role['role_id']}"
        assert {(one["method"], one["path"], one["content_type"]) for one in wire.sent()} == {
            ("DELETE", path, "application/json")
        }
        assert [one["body"] for one in wire.sent()] == [{"org": wire.org, "envId": sandbox["id"]}, {"org": wire.org}]
        assert await wire.rows(f"/users/{user['id']}/roles") == []


class TestTeams:
    """Add, remove."""

    async def test_add_team_member(self, wire: Wire) -> None:
        """PATCH of objects with a membership; a member who becomes a maintainer travels in the same call."""
        team = await wire.one("/teams", team_name="Quality")
        path = f"/teams/{team['team_id']}/members"
        found = await wire.rows(path, identity_type="user")
        there = next(row for row in found if row["membership_type"] == "member")
        new = [row for row in await wire.rows("/members") if row["username"] in {"quentin.weiss.1", "amara.weiss.3"}]
        known = await wire.one("/users", id=there["id"])
        rows = [f"{row['username']},Quality," for row in new] + [f"{known['username']},Quality,maintainer"]
        await wire.run("add-team-member", "user,team,membership", rows)
        body = [{"id": row["id"], "membership_type": "member"} for row in new]
        wire.only("PATCH", path, [*body, {"id": there["id"], "membership_type": "maintainer"}])

    async def test_remove_team_member(self, wire: Wire) -> None:
        """DELETE with an array of ids."""
        team = await wire.one("/teams", team_name="Quality")
        path = f"/teams/{team['team_id']}/members"
        there = [
            row for row in await wire.rows(path, identity_type="user") if not row["is_assigned_via_external_groups"]
        ][:2]
        people = [await wire.one("/users", id=row["id"]) for row in there]
        await wire.run("remove-team-member", "user,team", [f"{row['username']},Quality" for row in people])
        wire.only("DELETE", path, [row["id"] for row in there])


class TestAllowlist:
    """Add, remove, replace: entries travel as objects in all three."""

    ALLOWLIST = "/connectedApplications/allowlist"

    async def test_allowlist_add(self, wire: Wire) -> None:
        """PATCH; an entry without scopes has no such key."""
        listed = {row["client_id"] for row in await wire.rows(self.ALLOWLIST)}
        new = [one for one in await self._apps(wire) if one not in listed][:2]
        await wire.run("allowlist-add", "client_id,scopes", [f"{new[0]},view:exchange;manage:apis", f"{new[1]},"])
        body = [{"client_id": new[0], "authorized_scopes": ["manage:apis", "view:exchange"]}, {"client_id": new[1]}]
        wire.only("PATCH", self.ALLOWLIST, body)

    async def test_allowlist_remove(self, wire: Wire) -> None:
        """DELETE with entries, not with ids."""
        listed = [row["client_id"] for row in await wire.rows(self.ALLOWLIST)][:2]
        await wire.run("allowlist-remove", "client_id", listed)
        wire.only("DELETE", self.ALLOWLIST, [{"client_id": one} for one in listed])

    async def test_allowlist_replace(self, wire: Wire) -> None:
        """PUT with the whole file in one call, whatever the batch size."""
        listed = [row["client_id"] for row in await wire.rows(self.ALLOWLIST)][:3]
        wire.desk.sandbox.requests.clear()
        result = await wire.desk.run("allowlist-replace", listed, column="client_id", batch_size=1)
        assert result.error is None
        wire.only("PUT", self.ALLOWLIST, [{"client_id": one} for one in listed])
        assert sorted(row["client_id"] for row in await wire.rows(self.ALLOWLIST)) == sorted(listed)

    async def _apps(self, wire: Wire) -> list[str]:
        """The client ids of all apps, whose listing has pages of 20."""
        pages = [await wire.rows("/connectedApplications", limit="20", offset=str(at)) for at in (0, 20, 40)]
        return [row["client_id"] for page in pages for row in page]


class TestCreating:
    """New role groups and teams: an object a call, with all the keys of the description and no others."""

    async def test_create_role_group(self, wire: Wire) -> None:
        """POST with a name, a description that may be empty, and no names of an identity provider's groups."""
        await wire.run("create-role-group", "name,description", ["Payments,Who pays"])
        wire.only("POST", "/rolegroups", {"name": "Payments", "description": "Who pays", "external_names": []})
        await wire.run("create-role-group", "name", ["Refunds"], run_id="r2")
        wire.only("POST", "/rolegroups", {"name": "Refunds", "description": "", "external_names": []})
        assert (await wire.one("/rolegroups", name="Payments"))["description"] == "Who pays"

    async def test_create_team(self, wire: Wire) -> None:
        """POST with the id of the parent, which is the team at the top where the row names none."""
        top = await wire.one("/teams", ancestor_team_ids=[])
        await wire.run("create-team", "name", ["Payments"])
        body = {"parent_team_id": top["team_id"], "team_name": "Payments", "team_type": "internal"}
        wire.only("POST", "/teams", body)
        made = await wire.one("/teams", team_name="Payments")
        await wire.run("create-team", "name,parent", ["Refunds,payments"], run_id="r2")
        wire.only("POST", "/teams", {**body, "parent_team_id": made["team_id"], "team_name": "Refunds"})
        assert wire.read()["/teams"] == [PAGED, PAGED]  # before the write, and after it: the 201 was empty

    async def test_an_answer_that_holds_what_was_made_needs_no_second_look(self, wire: Wire) -> None:
        """The 201 names it."""
        wire.desk.sandbox.change(quirks={"create_answer": "object"})
        await wire.run("create-team", "name", ["Payments"])
        assert wire.read()["/teams"] == [PAGED]


class TestListings:
    """Reads ask for the largest page that is documented, with documented parameters alone."""

    async def test_a_walk_of_everything(self, wire: Wire) -> None:
        """Members, invitations, role groups, teams, permissions, environments: offset 0, limit 500, nothing else."""
        rows = [f"h{number}@hire.test,Developers,Security,Exchange Viewer,Sandbox" for number in range(40)]
        await wire.run("invite", "email,role_groups,teams,roles,environment", rows)
        read = wire.read()
        listed = {"/members", "/invites", "/rolegroups", "/teams", f"{ACCOUNTS}/roles", "/environments"}
        assert set(read) == {*listed, "", f"{ACCOUNTS}/me"}
        for path in listed:
            assert all(query == PAGED for query in read[path]), path
        assert read[""] == [{}]

    async def test_a_walk_of_accounts(self, wire: Wire) -> None:
        """The users call repeats the organisation in each row unless it is asked not to; proxies are wanted, too."""
        people = [row["username"] for row in await wire.rows("/members") if row["username"].count(".") == 2][:30]
        await wire.run("disable-user", "user", people[2:5])
        assert all(query == {**LIGHT, **PAGED} for query in wire.read()["/users"])

    async def test_a_search_of_few(self, wire: Wire) -> None:
        """One row is searched for, as it was written, and deleted accounts are asked for by name."""
        await wire.desk.run("delete-user", ["gone.already@acme.test"], column="user")
        read = wire.read()
        assert read["/members"] == [{**PAGED, "search": "gone.already@acme.test"}]
        assert read["/users"] == [{**LIGHT, **PAGED, "deleted": "true", "search": "gone.already@acme.test"}]

    async def test_a_walk_of_deleted_accounts(self, wire: Wire) -> None:
        """They are listed among the users, of whatever type."""
        await wire.desk.run("delete-user", ["gone.already", "left.1", "left.2"], column="user")
        assert wire.read()["/users"] == [{**LIGHT, **PAGED, "deleted": "true"}]

    async def test_a_share_of_the_people_is_taken_of_a_total(self, wire: Wire) -> None:
        """One row is asked for, since the envelope counts them all."""
        await wire.desk.run("delete-user", [ANA], column="user", max_changes=Allowance(percent=50.0))
        assert {"offset": "0", "limit": "1"} in wire.read()["/members"]

    async def test_lists_that_belong_to_something(self, wire: Wire) -> None:
        """A team's list has child teams beside people, so people alone are asked for."""
        team = await wire.one("/teams", team_name="Quality")
        group = await wire.one("/rolegroups", name="Developers")
        user = await wire.user(ANA)
        await wire.run("add-team-member", "user,team", [f"{ANA},Quality"])
        assert all(
            query == {**PAGED, "identity_type": "user"} for query in wire.read()[f"/teams/{team['team_id']}/members"]
        )
        await wire.run("assign-role-group", "user,role_group", [f"{ANA},Developers"], run_id="r2")
        assert all(query == PAGED for query in wire.read()[f"/rolegroups/{group['role_group_id']}/users"])
        await wire.run("assign-role", "user,role", [f"{ANA},Exchange Viewer"], run_id="r3")
        held = {**PAGED, "role_groups": "false", "teams": "false"}  # only what is held directly can be taken away
        assert all(query == held for query in wire.read()[f"/users/{user['id']}/roles"])

    async def test_the_allowlist_and_the_hierarchy(self, wire: Wire) -> None:
        """The allowlist is paged; the hierarchy is one nested answer that takes no parameters."""
        (first, *_rest) = await wire.rows(TestAllowlist.ALLOWLIST)
        await wire.run("allowlist-remove", "client_id", [first["client_id"]])
        assert all(query == PAGED for query in wire.read()[TestAllowlist.ALLOWLIST])
        await wire.run("assign-role", "user,role,organization", [f"{ANA},Exchange Viewer,Retail"], run_id="r2")
        assert all(query == {} for query in wire.read()["/hierarchy"])


def test_every_operation_has_its_test_here() -> None:
    """A new operation is not done before its requests were compared with the vendor's description."""
    here = Path(__file__).read_text(encoding="utf-8")
    for kind in OPERATIONS:
        assert f'"{kind}"' in here, kind
