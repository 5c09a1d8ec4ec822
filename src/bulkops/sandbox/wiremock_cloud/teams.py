"""Teams and who is in them. A list of members does not tell their roles."""

from typing import Any

from bulkops.sandbox.calls import Answer, Call, answer_empty, answer_json
from bulkops.sandbox.wiremock_cloud import samples
from bulkops.sandbox.wiremock_cloud.desk import ORG, Desk, Endpoint, containing, new_id, page
from bulkops.sandbox.wiremock_cloud.organisation import ADMIN, TEAM_ADMIN, TEAM_MEMBER, Entity
from bulkops.sandbox.wiremock_cloud.users import guard_last_admin, summarize
from bulkops.sandbox.wiremock_cloud.validation import errors, member, not_found, one_of, optional


def list_teams(desk: Desk, call: Call) -> Answer:
    desk.organisation(call)
    rows = containing(desk.org.teams.values(), call, lambda team: team.name.casefold())
    return page(desk, call, "teams", rows, lambda team: show(desk, team))


def list_user_teams(desk: Desk, call: Call) -> Answer:
    """Teams that somebody can read, in one answer: an administrator all, others their own."""
    user = desk.user(call)
    everywhere = desk.org.members.get(user.id) == ADMIN
    rows = [team for team in desk.org.teams.values() if everywhere or user.id in team.grants]
    rows = containing(rows, call, lambda team: team.name.casefold())
    return answer_json({"teams": [show(desk, team) for team in rows]})


def get_team(desk: Desk, call: Call) -> Answer:
    if call.params["team"] not in desk.org.teams and desk.quirks.team_not_found == "errors":
        raise errors(404, "Not found")
    return answer_json({"team": show(desk, desk.team(call))})


def show(desk: Desk, team: Entity) -> dict[str, Any]:
    links = {
        "organisation": f"/v1/organisations/{desk.org.root.id}",
        "aclSubject": f"/v1/acl/subjects/{team.acl_subject}",
        "aclObject": f"/v1/acl/objects/{team.acl_object}",
        "acl": f"/v1/teams/{team.id}/acl{{?subjectId}}",
    }
    shown = {"id": team.id, "aclSubject": team.acl_subject, "aclObject": team.acl_object, "name": team.name}
    return {**shown, "links": links}


def create_team(desk: Desk, call: Call) -> Answer:
    """201 `{team}`. Names need not be unique. The owner, or else the caller, becomes its administrator."""
    wanted = member(call.body, "/team", "object")
    name = member(wanted, "/team/name", "string")
    owner_id = optional(wanted, "/team/ownerId") or call.actor.id
    if desk.org.member(owner_id) is None:
        raise errors(400, "Unknown owner")
    team = {"id": new_id(), "name": name, "acl_object": new_id(), "acl_subject": new_id(), "created_at": call.now}
    desk.commit("create_team", team=team, owner_id=owner_id)
    return answer_json({"team": show(desk, desk.org.teams[team["id"]])}, 201)


def delete_team(desk: Desk, call: Call) -> Answer:
    """200 `{}`."""
    desk.commit("delete_team", team_id=desk.team(call).id)
    return answer_json({})


def list_members(desk: Desk, call: Call) -> Answer:
    """All of them, in one answer."""
    rows = [desk.org.users[user_id] for user_id in desk.team(call).grants]
    rows = containing(rows, call, lambda user: user.haystack)
    return answer_json({"members": [summarize(user) for user in rows]})


def add_member(desk: Desk, call: Call) -> Answer:
    """201 without a body. A role that somebody has in the team already is not changed."""
    team = desk.team(call)
    wanted = member(call.body, "/member", "object")
    user = desk.org.member(member(wanted, "/member/memberId", "string"))
    role = one_of(wanted, "/member/permissionFriendlyId", (TEAM_MEMBER, TEAM_ADMIN))
    if user is None:
        raise not_found()
    if user.id not in team.grants:
        desk.commit("set_grant", acl_object=team.acl_object, subject=user.id, role=role)
    elif desk.quirks.team_repeat == "conflict":
        raise errors(409, "The user is already a member of the team")
    return answer_empty(201)


def remove_member(desk: Desk, call: Call) -> Answer:
    team, user_id = desk.team(call), call.params["user"]
    if user_id not in team.grants:
        if desk.quirks.team_remove_unknown == 404:
            raise not_found()
        return answer_empty()
    guard_last_admin(desk, team, user_id)
    desk.commit("withdraw_grant", acl_object=team.acl_object, subject=user_id)
    return answer_empty()


def endpoints() -> list[Endpoint]:
    team, read, write = "/v1/teams/{team}", "teams:read", "teams:write"
    return [
        Endpoint("GET", f"{ORG}/teams", list_teams, read),
        Endpoint("GET", "/v1/users/{user}/teams", list_user_teams, read),
        Endpoint("POST", "/v1/teams", create_team, write, samples.TEAM),
        Endpoint("GET", team, get_team, read),
        Endpoint("DELETE", team, delete_team, write, samples.TEAM_GONE),
        Endpoint("GET", f"{team}/members", list_members, read),
        Endpoint("POST", f"{team}/members", add_member, write, samples.MEMBER_ADDED),
        Endpoint("DELETE", f"{team}/members/{{user}}", remove_member, write, samples.EMPTY),
    ]
