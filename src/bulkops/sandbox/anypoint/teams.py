"""Teams of the root organisation, their members and their permissions."""

import uuid
from typing import Any

from bulkops.sandbox.anypoint.changes import to_grant
from bulkops.sandbox.anypoint.desk import ORG, Desk, Endpoint, containing, page, timestamp
from bulkops.sandbox.anypoint.organization import Membership, Team, Unit
from bulkops.sandbox.anypoint.roles import check_roles, show_grant
from bulkops.sandbox.anypoint.users import is_live
from bulkops.sandbox.anypoint.validation import (
    MEMBERSHIP,
    NAME,
    ROLE_GRANT,
    Shape,
    bad_request,
    boolean,
    check,
    not_found,
    one_of,
    window,
)
from bulkops.sandbox.calls import Answer, Call, answer_empty, answer_json, refuse

PARENT = "team/{team}"
MEMBER = Shape(
    "object", required=("id", "membership_type"), fields={"id": NAME, "membership_type": MEMBERSHIP}, closed=True
)
UPSERT = Shape("array", items=MEMBER, least=1, most=100)
REMOVAL = Shape("array", items=NAME, least=1, most=100)
ONE = Shape("object", required=("membership_type",), fields={"membership_type": MEMBERSHIP}, closed=True)
GRANTS = Shape("array", items=ROLE_GRANT)
MOST, DEEPEST = 1000, 10
NEW_FIELDS = {
    "parent_team_id": NAME,
    "team_name": NAME,
    "team_type": Shape("string", choices=("internal", "private", "shared")),
}
NEW = Shape("object", required=tuple(NEW_FIELDS), fields=NEW_FIELDS, closed=True)


def list_teams(desk: Desk, call: Call) -> Answer:
    return _page_of_teams(desk, call, list(_root_teams(desk, desk.unit(call)).values()))


def list_user_teams(desk: Desk, call: Call) -> Answer:
    """Teams that an account is in directly."""
    unit = desk.unit(call)
    user = desk.user(call, unit, deleted=True)
    return _page_of_teams(desk, call, [row for row in _root_teams(desk, unit).values() if user.id in row.members])


def get_team(desk: Desk, call: Call) -> Answer:
    return answer_json(show(desk, desk.team(call, desk.unit(call))))


def _root_teams(desk: Desk, unit: Unit) -> dict[str, Team]:
    if not unit.is_root:
        raise not_found("Teams belong to the root organization")
    return desk.org.teams


def _page_of_teams(desk: Desk, call: Call, rows: list[Team]) -> Answer:
    wanted = call.query
    if wanted.get("team_id"):
        rows = [team for team in rows if team.id in wanted["team_id"]]
    if wanted.get("parent_team_id"):
        rows = [team for team in rows if team.parent_id in wanted["parent_team_id"]]
    if wanted.get("ancestor_team_id"):
        rows = [team for team in rows if set(desk.org.ancestors(team)) & set(wanted["ancestor_team_id"])]
    rows = containing(rows, call.first("search"), lambda team: team.name.casefold())
    key = one_of(call, "sort", ("team_name", "created_at", "team_id"))
    attribute = {"team_name": "name", "created_at": "created_at", "team_id": "id"}[key]
    rows.sort(key=lambda team: (str(getattr(team, attribute)), team.id), reverse=not boolean(call, "ascending", True))
    return page(rows, window(call, desk.quirks), lambda team: show(desk, team))


def create_team(desk: Desk, call: Call) -> Answer:
    """One team under another: 1,000 at most, 10 deep. A taken name is refused by quirk, compared as it is written."""
    teams = _root_teams(desk, desk.unit(call))
    check(call.body, NEW)
    parent, name = teams.get(call.body["parent_team_id"]), call.body["team_name"]
    if parent is None:
        raise not_found("Parent team not found")
    if len(teams) >= MOST or len(desk.org.ancestors(parent)) + 2 > DEEPEST:
        raise bad_request("Organization has too many teams, or they are nested too deeply")
    if _taken(desk, name, parent):
        raise refuse(answer_json({"status": 409, "message": "Team name is taken"}, 409))
    made = {"id": str(uuid.uuid4()), "name": name, "parent_id": parent.id, "created_at": call.now}
    desk.commit("create_team", team={**made, "team_type": call.body["team_type"]})
    return desk.created(show(desk, desk.org.teams[made["id"]]))


def _taken(desk: Desk, name: str, parent: Team) -> bool:
    where = desk.quirks.team_name_taken
    same = [team for team in desk.org.teams.values() if team.name == name]
    if where == "sibling":
        same = [team for team in same if team.parent_id == parent.id]
    return bool(same) and where != "second"


def show(desk: Desk, team: Team) -> dict[str, Any]:
    return {
        "org_id": desk.org.root.id,
        "team_id": team.id,
        "team_name": team.name,
        "team_type": team.team_type,
        "ancestor_team_ids": desk.org.ancestors(team),
        "created_at": timestamp(team.created_at),
        "updated_at": timestamp(team.created_at),
    }


def list_members(desk: Desk, call: Call) -> Answer:
    """People and child teams in one list, told apart by identity_type."""
    team = desk.team(call, desk.unit(call))
    children = [child for child in desk.org.teams.values() if child.parent_id == team.id]
    rows = [_show_child(desk, child) for child in children]
    rows += [_show_person(desk, user_id, held) for user_id, held in team.members.items()]
    for name, field in (("identity_type",) * 2, ("membership_type",) * 2, ("member_ids", "id")):
        wanted = call.query.get(name)
        if wanted:
            values = {value for given in wanted for value in given.split(",")}
            rows = [row for row in rows if row.get(field) in values]
    rows = containing(rows, call.first("search"), lambda row: _name(row).casefold())
    if one_of(call, "sort", ("identity_type", "name")) == "name":
        rows.sort(key=_name)
    if not boolean(call, "ascending", True):
        rows.reverse()
    return page(rows, window(call, desk.quirks), lambda row: row)


def _name(row: dict[str, Any]) -> str:
    return str(row.get("name") or row.get("team_name"))


def _show_child(desk: Desk, child: Team) -> dict[str, Any]:
    at = timestamp(child.created_at)
    return {
        "id": child.id,
        desk.quirks.team_name_field: child.name,
        "identity_type": "team",
        "membership_type": "member",
        "is_assigned_via_external_groups": False,
        "created_at": at,
        "updated_at": at,
    }


def _show_person(desk: Desk, user_id: str, held: Membership) -> dict[str, Any]:
    user = desk.org.users[user_id]
    at = timestamp(held.created_at)
    return {
        "id": user_id,
        "name": f"{user.first_name} {user.last_name}",
        "identity_type": "user",
        "membership_type": held.membership_type,
        "is_assigned_via_external_groups": held.external,
        "created_at": at,
        "updated_at": at,
    }


def patch_members(desk: Desk, call: Call) -> Answer:
    """Add or change 1 to 100 people, all or none."""
    team = desk.team(call, desk.unit(call))
    check(call.body, UPSERT)
    members = {item["id"]: item["membership_type"] for item in call.body}
    _check_people(desk, list(members), absent=False)
    desk.commit("set_team_members", team_id=team.id, members=members, at=call.now)
    return answer_empty()


def delete_members(desk: Desk, call: Call) -> Answer:
    """Remove 1 to 100 people; those who are not in the team do no harm."""
    team = desk.team(call, desk.unit(call))
    check(call.body, REMOVAL)
    _check_people(desk, call.body, absent=True)
    desk.commit("remove_team_members", team_id=team.id, ids=call.body)
    return answer_empty()


def _check_people(desk: Desk, ids: list[str], *, absent: bool) -> None:
    """400 for a team among the ids, and for an unknown person unless absence is what is wanted."""
    if any(identity in desk.org.teams for identity in ids):
        raise bad_request("Members of type team cannot be modified here")
    if not absent and not all(is_live(desk.org, desk.org.root, user_id) for user_id in ids):
        raise bad_request("One or more members do not exist in the organization")


def put_member(desk: Desk, call: Call) -> Answer:
    team, user_id = _one_person(desk, call)
    check(call.body, ONE)
    if not is_live(desk.org, desk.org.root, user_id):
        raise not_found("User does not exist")
    members = {user_id: call.body["membership_type"]}
    desk.commit("set_team_members", team_id=team.id, members=members, at=call.now)
    return answer_empty()


def delete_member(desk: Desk, call: Call) -> Answer:
    team, user_id = _one_person(desk, call)
    desk.commit("remove_team_members", team_id=team.id, ids=[user_id])
    return answer_empty()


def _one_person(desk: Desk, call: Call) -> tuple[Team, str]:
    """The team and the person of the path; 405 when the person is a team."""
    team = desk.team(call, desk.unit(call))
    if call.params["user"] in desk.org.teams:
        raise refuse(answer_empty(405))
    return team, call.params["user"]


def list_roles(desk: Desk, call: Call) -> Answer:
    team = desk.team(call, desk.unit(call))
    rows = [grant for grant in team.grants if grant.role_id in call.query.get("role_id", (grant.role_id,))]
    return page(rows, window(call, desk.quirks), lambda grant: show_grant(desk, grant))


def add_roles(desk: Desk, call: Call) -> Answer:
    """Additive; a held permission stays as it is."""
    return _change_roles(desk, call, add=True)


def remove_roles(desk: Desk, call: Call) -> Answer:
    return _change_roles(desk, call, add=False)


def _change_roles(desk: Desk, call: Call, *, add: bool) -> Answer:
    team = desk.team(call, desk.unit(call))
    check(call.body, GRANTS)
    wanted = [(item["role_id"], item["context_params"]) for item in call.body]
    check_roles(desk, wanted)
    if not add and not all(to_grant(*pair) in team.grants for pair in wanted):
        wanted = [pair for pair in wanted if to_grant(*pair) in team.grants]
    desk.commit("change_team_roles", team_id=team.id, roles=[list(pair) for pair in wanted], add=add)
    return answer_empty()


def endpoints() -> list[Endpoint]:
    team, read, write = f"{ORG}/teams/{{team}}", "teams:read", "teams:write"
    members, one = f"{team}/members", f"{team}/members/{{user}}"
    return [
        Endpoint("GET", f"{ORG}/teams", list_teams, read),
        Endpoint("POST", f"{ORG}/teams", create_team, write),
        Endpoint("GET", team, get_team, read),
        Endpoint("GET", f"{ORG}/users/{{user}}/teams", list_user_teams, read),
        Endpoint("GET", members, list_members, read),
        Endpoint("PATCH", members, patch_members, write, PARENT),
        Endpoint("DELETE", members, delete_members, write, PARENT),
        Endpoint("PUT", one, put_member, write, PARENT),
        Endpoint("DELETE", one, delete_member, write, PARENT),
        Endpoint("GET", f"{team}/roles", list_roles, "teamroles:read"),
        Endpoint("POST", f"{team}/roles", add_roles, "teamroles:write", PARENT),
        Endpoint("DELETE", f"{team}/roles", remove_roles, "teamroles:write", PARENT),
    ]
