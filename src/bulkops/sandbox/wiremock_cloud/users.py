"""Accounts, the organisation that they are members of, and its plan."""

from typing import Any

from bulkops.sandbox.calls import Answer, Call, answer_empty, answer_json
from bulkops.sandbox.wiremock_cloud import samples
from bulkops.sandbox.wiremock_cloud.desk import DAY_S, ORG, Desk, Endpoint, containing, new_id, page, timestamp
from bulkops.sandbox.wiremock_cloud.organisation import Entity, User
from bulkops.sandbox.wiremock_cloud.validation import errors, not_found


def get_self(desk: Desk, call: Call) -> Answer:
    """307 to the caller's account."""
    host = f"http://{call.headers['Host']}" if desk.quirks.self_redirect == "absolute" else ""
    return Answer(307, headers={"Location": f"{host}/v1/users/{call.actor.id}"})


def get_user(desk: Desk, call: Call) -> Answer:
    return answer_json({"user": show(desk.user(call))})


def summarize(user: User) -> dict[str, Any]:
    """An account as lists have it."""
    me = f"/v1/users/{user.id}"
    return {
        "id": user.id,
        "username": user.username,
        "avatarUrl": f"https://avatars.acme.test/{user.id}.png",
        "emailAddress": user.email,
        "links": {
            "self": me,
            "teams": f"{me}/teams",
            "mockApis": f"{me}/apis",
            "dataSources": f"{me}/data-sources",
            "organisation": f"/v1/organisations/{user.organisation_id}",
            "aclSubject": f"/v1/acl/subjects/{user.id}",
            "aclObject": f"/v1/acl/objects/{user.acl_object}",
        },
    }


def show(user: User) -> dict[str, Any]:
    return {
        **summarize(user),
        "aclObject": user.acl_object,
        "aclSubject": user.id,
        "marketingOptIn": False,
        "signupDate": timestamp(user.created_at),
        "idpUserId": f"auth0|{user.id}",
        "userHash": f"hash-of-{user.id}",
        "hasNativeIdp": True,
    }


def get_organisation(desk: Desk, call: Call) -> Answer:
    root = desk.organisation(call)
    me = f"/v1/organisations/{root.id}"
    links = {
        "self": me,
        "users": f"{me}/users",
        "teams": f"{me}/teams",
        "subscription": f"/v1/subscriptions/{desk.org.subscription_id}",
        "invitations": f"{me}/invitations",
        "aclSubject": f"/v1/acl/subjects/{root.acl_subject}",
        "aclObject": f"/v1/acl/objects/{root.acl_object}",
        "acl": me + "/acl{?subjectId}",
    }
    shown = {"id": root.id, "name": root.name, "aclSubject": root.acl_subject, "aclObject": root.acl_object}
    return answer_json({"organisation": {**shown, "links": links}})


def list_users(desk: Desk, call: Call) -> Answer:
    """A page of members; `q` is part of a username or an address. Nothing tells their roles."""
    desk.organisation(call)
    rows = containing((desk.org.users[user_id] for user_id in desk.org.members), call, lambda user: user.haystack)
    return page(desk, call, "users", rows, summarize)


def remove_member(desk: Desk, call: Call) -> Answer:
    """Out of the organisation; the account lives on in one of its own."""
    desk.organisation(call)
    user = desk.org.member(call.params["user"])
    if user is None:
        if desk.quirks.remove_unknown == 404:
            raise not_found()
        return answer_empty()
    guard_last_admin(desk, desk.org.root, user.id)
    desk.commit("remove_member", user_id=user.id, organisation_id=new_id())
    return answer_empty()


def delete_account(desk: Desk, call: Call) -> Answer:
    """The account itself: whoever meant a removal has lost it for good."""
    user = desk.user(call)
    guard_last_admin(desk, desk.org.root, user.id)
    desk.commit("delete_account", user_id=user.id)
    return answer_empty()


def guard_last_admin(desk: Desk, entity: Entity, user_id: str) -> None:
    """The organisation keeps one administrator at least; a team may do without."""
    if not entity.is_last_admin(user_id):
        return
    if entity is desk.org.root:
        raise errors(desk.quirks.last_admin, "An organisation must have at least one administrator")
    if desk.quirks.team_last_admin == "conflict":
        raise errors(409, "A team must have at least one administrator")


def seats(desk: Desk, now: float) -> tuple[int, int]:
    """Members, and pending invitations: both take a seat."""
    return len(desk.org.members), len(desk.org.pending(desk.since(now)))


def get_usage(desk: Desk, call: Call) -> Answer:
    if call.params["subscription"] != desk.org.subscription_id:
        raise not_found()
    members, invited = seats(desk, call.now)
    usage = {
        "id": desk.org.subscription_id,
        "currentPeriodStart": timestamp(call.now - 30 * DAY_S),
        "currentPeriodEnd": timestamp(call.now + 335 * DAY_S),
        "organisationMemberCount": members,
        "invitationCount": invited,
        "totalSeatCount": members + invited,
        "seatLimit": desk.quirks.seat_limit,
        "totalMockApiCount": len(desk.org.mock_apis),
        "totalDataSourceCount": len(desk.org.data_sources),
        "totalTeamCount": len(desk.org.teams),
    }
    return answer_json({"usage": usage})


def endpoints() -> list[Endpoint]:
    user = "/v1/users/{user}"
    return [
        Endpoint("GET", "/v1/users/self", get_self, "users:read"),
        Endpoint("GET", user, get_user, "users:read"),
        Endpoint("DELETE", user, delete_account, "accounts:write", samples.EMPTY),
        Endpoint("GET", ORG, get_organisation, "organisation:read"),
        Endpoint("GET", f"{ORG}/users", list_users, "members:read"),
        Endpoint("DELETE", f"{ORG}/members/{{user}}", remove_member, "members:write", samples.EMPTY),
        Endpoint("GET", "/v1/subscriptions/{subscription}/usage", get_usage, "usage:read"),
    ]
