"""Members: pages, searches, and removals that one id can sink."""

from typing import Any

import pytest

USERS = "~/v2/orgs/{org}/users"


async def test_pages_count_items_from_one(csp: Any) -> None:
    """The links are relative, count items, keep the flags, and are absent at the ends."""
    first = (await csp.call("GET", f"{USERS}?pageLimit=25&excludeRoles")).json
    assert (len(first["results"]), first["totalResults"], "prevLink" in first) == (25, 60, False)
    assert first["nextLink"].startswith("/csp/gateway/am/api/v2/orgs/")
    assert "pageStart=26&pageLimit=25&excludeRoles" in first["nextLink"]
    second = (await csp.call("GET", first["nextLink"])).json
    third = (await csp.call("GET", second["nextLink"])).json
    assert ("nextLink" in third, len(third["results"])) == (False, 10)
    assert "pageStart=26&" in third["prevLink"]
    ids = [row["user"]["userId"] for page in (first, second, third) for row in page["results"]]
    assert len(set(ids)) == 60


async def test_pages_may_count_pages(start: Any) -> None:
    """With the quirk the second page starts at 2."""
    csp = await start(quirks={"page_start": "pages"})
    first = (await csp.call("GET", f"{USERS}?pageLimit=25")).json
    assert "pageStart=2&" in first["nextLink"]
    assert len(await csp.users("pageLimit=25")) == 60
    assert len((await csp.call("GET", f"{USERS}?pageLimit=25&pageStart=3")).json["results"]) == 10


@pytest.mark.parametrize("query", ["pageStart=0", "pageLimit=0", "pageStart=x", "pageLimit=-1"])
async def test_bad_page_numbers_are_refused(csp: Any, query: str) -> None:
    """400 for what is no number of at least 1."""
    assert (await csp.call("GET", f"{USERS}?{query}")).status == 400


@pytest.mark.parametrize(("choice", "status"), [("clamp", 200), ("reject", 400)])
async def test_a_page_has_at_most_200(start: Any, choice: str, status: int) -> None:
    """More is cut down to 200, or refused."""
    csp = await start(people=230, quirks={"limit_over_max": choice})
    answer = await csp.call("GET", f"{USERS}?pageLimit=201")
    assert answer.status == status
    if status == 200:
        assert len(answer.json["results"]) == 200


async def test_a_page_may_be_partial_inside_a_200(start: Any) -> None:
    """Rows are missing and `errors` says so; the total and the links do not."""
    csp = await start(quirks={"missing_rows": 2})
    page = (await csp.call("GET", f"{USERS}?pageLimit=30")).json
    assert (len(page["results"]), page["totalResults"]) == (28, 60)
    assert page["errors"][0]["message"]
    assert "pageStart=31&" in page["nextLink"]


@pytest.mark.parametrize("value", ["", "=true", "=false"])
async def test_of_the_flags_only_the_presence_counts(csp: Any, value: str) -> None:
    """`=false` does what `=true` does."""
    plain = (await csp.call("GET", USERS)).json["results"][5]
    assert "userProfile" not in plain["user"]
    assert "organizationRoles" in plain
    profile = (await csp.call("GET", f"{USERS}?expandProfile{value}")).json["results"][5]
    assert profile["user"]["userProfile"]["locale"]
    bare = (await csp.call("GET", f"{USERS}?excludeRoles{value}")).json["results"][5]
    assert not {"organizationRoles", "serviceRoles", "customRoles"} & set(bare)


async def test_group_ids_stand_with_inherited_roles_on_request(csp: Any) -> None:
    """A role that a group brings is of type GROUP and names its groups when asked."""
    group = await csp.group("Domain Users", "AD_GROUP")
    users = (await csp.call("GET", f"groups/{group['id']}/users")).json["results"]
    rows = await csp.users("includeGroupIdsInRoles")
    row = next(row for row in rows if row["user"]["userId"] == users[0]["userId"])
    inherited = next(role for role in row["organizationRoles"] if role["membershipType"] == "GROUP")
    assert inherited["name"] == "developer"
    assert group["id"] in inherited["groupIds"]


async def test_members_of_one_service(csp: Any) -> None:
    """The filter leaves those who hold a role of that service."""
    service = next(iter(csp.sandbox.inventory()["services"]))
    found = await csp.users(f"serviceDefinitionId={service}")
    assert 0 < len(found) < 60
    assert all(service in [entry["serviceDefinitionId"] for entry in row["serviceRoles"]] for row in found)


async def test_a_plain_member_sees_no_roles(start: Any) -> None:
    """The listing shows who there is, and nothing of what they may do; changing is a 403."""
    csp = await start(quirks={"caller": "member"})
    rows = await csp.users("expandProfile")
    assert len(rows) == 60
    assert not any("organizationRoles" in row or "userProfile" in row["user"] for row in rows)
    assert (await csp.remove([rows[9]["user"]["userId"]])).status == 403
    assert (await csp.call("POST", "users/search", {})).status == 403


async def test_removing_people_takes_all_they_had(csp: Any) -> None:
    """200 with ids in `succeeded`; their place in groups goes with them."""
    group = await csp.group("SRE On-Call")
    users = (await csp.call("GET", f"groups/{group['id']}/users")).json["results"]
    ids = [user["userId"] for user in users]
    answer = await csp.remove(ids)
    assert (answer.status, answer.json) == (200, {"succeeded": ids, "failed": []})
    assert (await csp.group("SRE On-Call"))["usersCount"] == 0
    assert not set(ids) & {row["user"]["userId"] for row in await csp.users()}
    assert csp.effects(users[0]["username"])["user_deleted"] == 1


@pytest.mark.parametrize("choice", ["failed", "not_found"])
async def test_an_unknown_user_in_a_removal(start: Any, choice: str) -> None:
    """An entry in `failed`, or a 404 that lists it and removes nobody."""
    csp = await start(quirks={"remove_unknown": choice})
    (known,) = await csp.plain_ids(1)
    answer = await csp.remove([known, "acme.test:gone"])
    if choice == "failed":
        assert (answer.status, answer.json) == (200, {"succeeded": [known], "failed": ["acme.test:gone"]})
    else:
        assert answer.status == 404
        assert "acme.test:gone" in answer.json["message"]
        assert csp.sandbox.effects.count("user_deleted") == 0


async def test_the_last_owner_sinks_the_batch(csp: Any) -> None:
    """One of two owners may go; with the last one nobody of the batch goes."""
    first, second = await csp.user_id("owner@acme.test"), await csp.user_id("second.owner@acme.test")
    (plain,) = await csp.plain_ids(1)
    assert (await csp.remove([first, second])).status == 400
    assert (await csp.remove([first])).status == 200
    assert (await csp.remove([plain, second])).status == 400
    assert csp.sandbox.effects.count("user_deleted") == 1


async def test_a_removal_takes_one_to_twenty_different_ids(csp: Any) -> None:
    """More, none, or one twice: 400. No body at all as well."""
    ids = await csp.plain_ids(21)
    assert (await csp.remove(ids)).status == 400
    assert (await csp.remove([])).status == 400
    assert (await csp.remove([ids[0], ids[0]])).status == 400
    assert (await csp.call("DELETE", USERS)).status == 400
    assert (await csp.remove(ids[:20])).status == 200


async def test_the_old_search_tells_twenty_and_no_more(start: Any) -> None:
    """Nothing says that there are others."""
    csp = await start(people=100)
    answer = await csp.call("GET", "users/search?userSearchTerm=ACME")
    assert (answer.status, len(answer.json["results"])) == (200, 20)
    assert "nextLink" not in answer.json
    assert (await csp.call("GET", "users/search")).status == 400


async def search(csp: Any, query: str = "", **body: Any) -> Any:
    return await csp.call("POST", f"users/search{query}", body)


async def test_searching_by_words(csp: Any) -> None:
    """Part of a name, an address or a username, whatever its case; pages without links."""
    found = (await search(csp, userSearchTerm="oLivia OWN")).json
    assert [row["user"]["username"] for row in found["results"]] == ["owner@acme.test"]
    pages = [(await search(csp, userSearchTerm="acme", pageStart=start, pageLimit=40)).json for start in (1, 41)]
    assert [len(page["results"]) for page in pages] == [40, 20]
    assert all(page["totalResults"] == 60 and "nextLink" not in page for page in pages)


@pytest.mark.parametrize(
    ("kind", "resource", "hit"),
    [
        ("EXACT_MATCH", "project:blue", True),
        ("EXACT_MATCH", "project", False),
        ("CONTAINS", "ject:b", True),
        ("STARTS_WITH", "project", True),
        ("STARTS_WITH", "blue", False),
        ("ENDS_WITH", "blue", True),
        ("ENDS_WITH", "project", False),
    ],
)
async def test_searching_by_resource(csp: Any, kind: str, resource: str, hit: bool) -> None:
    """`searchType` says how the resource of a role is compared."""
    found = (await search(csp, resource=resource, searchType=kind)).json["results"]
    assert bool(found) == hit
    assert all("project:blue" in [role["resource"] for role in row["customRoles"]] for row in found)


async def test_searching_by_role(csp: Any) -> None:
    """Those who hold one of the roles; `filterResults` leaves only these in the rows."""
    roles = {"orgRoles": [{"roleName": "org_owner"}, {"roleName": "org_admin"}]}
    found = (await search(csp, rolesSearchTerm=roles)).json["results"]
    names = {row["user"]["username"] for row in found}
    assert names == {"owner@acme.test", "second.owner@acme.test", "admin@acme.test"}
    service, offered = next(iter(csp.sandbox.inventory()["services"].items()))
    wanted = {"serviceDefinitionId": service, "serviceRoles": [{"roleName": offered["roles"][0]}]}
    narrow = (await search(csp, "?filterResults=true", rolesSearchTerm={"serviceRoles": [wanted]})).json["results"]
    assert narrow
    assert all(not row["organizationRoles"] for row in narrow)
    assert all(row["serviceRoles"][0]["serviceRoleNames"] == [offered["roles"][0]] for row in narrow)


@pytest.mark.parametrize(
    "body", [{"userSearchTerm": "x" * 121}, {"searchType": "LIKE"}, {"pageLimit": 201}, {"resource": "x" * 201}]
)
async def test_bad_searches_are_refused(csp: Any, body: dict[str, Any]) -> None:
    """400 beyond the published bounds."""
    assert (await search(csp, **body)).status == 400


@pytest.mark.parametrize(("quirks", "status"), [({}, 200), ({"own_account": "missing"}, 404)])
async def test_people_are_told_their_own_account(start: Any, quirks: dict[str, Any], status: int) -> None:
    """The call names no organisation."""
    csp = await start(quirks=quirks)
    told = await csp.call("GET", "~/loggedin/user")
    assert told.status == status
    assert status == 404 or told.json["username"] == "admin@acme.test"
