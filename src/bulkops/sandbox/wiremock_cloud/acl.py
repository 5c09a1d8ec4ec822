"""Grants: who has which role on what.

The vendor documents PUT, DELETE and candidates for mock APIs and data sources. Organisations and teams, and every
way to read grants, are only linked to from documented answers; their forms here follow from the samples, where a
grant's id reads subject, object, role.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from bulkops.sandbox.calls import Answer, Call, answer_empty, answer_json
from bulkops.sandbox.wiremock_cloud import samples
from bulkops.sandbox.wiremock_cloud.desk import ORG, Desk, Endpoint, page
from bulkops.sandbox.wiremock_cloud.organisation import Entity, fits, roles_of
from bulkops.sandbox.wiremock_cloud.users import guard_last_admin
from bulkops.sandbox.wiremock_cloud.validation import errors, member, not_found, positive, unprocessable

SHARED = ("mock-apis", "data-sources")


def put_grant(desk: Desk, call: Call, collection: str) -> Answer:
    """Add a grant or replace it: 200 `{grant}`. Harmless to repeat."""
    entity = _entity(desk, call, collection)
    subject = _subject(desk, call.params["type"], call.params["subject"])
    role = _role(desk, call, entity)
    desk.commit("set_grant", acl_object=entity.acl_object, subject=subject, role=role)
    return answer_json({"grant": {"role": role}})


def put_member_grant(desk: Desk, call: Call, collection: str) -> Answer:
    """The role of a member in the organisation or in a team, which a grant makes a member of."""
    entity = desk.organisation(call) if collection == "organisations" else desk.team(call)
    subject = _subject(desk, "user", call.params["user"])
    role = _role(desk, call, entity)
    if not role.endswith("_admin"):
        guard_last_admin(desk, entity, subject)
    desk.commit("set_grant", acl_object=entity.acl_object, subject=subject, role=role)
    return answer_empty() if desk.quirks.acl_status == 204 else answer_json({"grant": {"role": role}})


def withdraw(desk: Desk, call: Call, collection: str) -> Answer:
    entity = _entity(desk, call, collection)
    subject = _subject(desk, call.params["type"], call.params["subject"])
    if subject not in entity.grants and desk.quirks.withdraw_unknown == 404:
        raise not_found()
    desk.commit("withdraw_grant", acl_object=entity.acl_object, subject=subject)
    return answer_empty()


def _entity(desk: Desk, call: Call, collection: str) -> Entity:
    entity = desk.org.collections[collection].get(call.params["entity"])
    if entity is None:
        raise not_found()
    return entity


def _subject(desk: Desk, kind: str, entity_id: str) -> str:
    """The ACL subject of a member, a team or the organisation, which paths name by its id."""
    if kind == "user" and desk.org.member(entity_id) is not None:
        return entity_id
    if kind == "team" and entity_id in desk.org.teams:
        return desk.org.teams[entity_id].acl_subject
    if kind == "organisation" and entity_id == desk.org.root.id:
        return desk.org.root.acl_subject
    raise not_found()


def _role(desk: Desk, call: Call, entity: Entity) -> str:
    role = str(member(member(call.body, "/grant", "object"), "/grant/role", "string"))
    omitted = entity.kind == "data-source" and desk.quirks.data_source_roles == "reject"
    if omitted or not fits(role, entity.kind):
        raise unprocessable(f"json pointer /grant/role must be a role of a {entity.kind}")
    return role


def list_candidates(desk: Desk, call: Call, collection: str) -> Answer:
    """Teams, members and the organisation that hold no grant yet, each with a link that is ready for PUT."""
    entity = _entity(desk, call, collection)
    org, needle = desk.org, (call.first("q") or "").casefold()
    rows = [("All in organisation", "organisation", org.root.id, org.root.acl_subject)]
    rows += [(team.name, "team", team.id, team.acl_subject) for team in org.teams.values()]
    rows += [(org.users[user_id].username, "user", user_id, user_id) for user_id in org.members]
    rows = [row for row in rows if row[3] not in entity.grants and needle in row[0].casefold()]
    base = f"/v1/{collection}/{entity.id}/acl"
    shown = rows[: positive(call, "limit", desk.quirks.limit_default)]
    candidates = [{"name": name, "links": {"self": {"href": f"{base}/{kind}/{key}"}}} for name, kind, key, _ in shown]
    return answer_json({"candidates": candidates})


def list_entity_grants(desk: Desk, call: Call, collection: str) -> Answer:
    """What `links.acl` leads to: the grants of an entity, or of one subject with `subjectId`."""
    known = {"organisations": "org", "teams": "team"}
    entity = desk.org.collections[collection].get(call.params[known.get(collection, "entity")])
    if entity is None:
        raise not_found()
    return _answer_grants(desk, call, entity)


def list_grants(desk: Desk, call: Call) -> Answer:
    """The grants of an ACL object: of the organisation's, they tell every member's role."""
    wanted = call.first("aclObjectId")
    if wanted is None:
        raise errors(400, "Invalid query parameter format", "The aclObjectId parameter is required")
    return _answer_grants(desk, call, _object(desk, wanted))


def _answer_grants(desk: Desk, call: Call, entity: Entity) -> Answer:
    only = call.first("subjectId")
    rows = [pair for pair in entity.grants.items() if only in (None, pair[0])]
    show = partial(show_grant, entity, bare=desk.quirks.grants_form == "ids")
    name = "aclGrants" if desk.quirks.grants_form == "acl_grants" else "grants"
    if desk.quirks.grants_paged:
        return page(desk, call, name, rows, show)
    return answer_json({name: [show(row) for row in rows]})


def show_grant(entity: Entity, pair: tuple[str, str], *, bare: bool = True) -> Any:
    """A grant as its id alone, or as an object."""
    subject, role = pair
    grant_id = f"{subject}-{entity.acl_object}-{role}"
    if bare:
        return grant_id
    links = {
        "aclSubject": f"/v1/acl/subjects/{subject}",
        "aclObject": f"/v1/acl/objects/{entity.acl_object}",
    }
    return {
        "id": grant_id,
        "role": role,
        "aclSubject": subject,
        "aclObject": entity.acl_object,
        "links": links,
    }


def _object(desk: Desk, acl_object: str) -> Entity:
    entity = desk.org.objects.get(acl_object)
    if entity is None:
        raise not_found()
    return entity


def list_roles(desk: Desk, call: Call) -> Answer:
    """The roles that an ACL object knows."""
    entity = _object(desk, call.params["object"])
    roles = [{"friendlyId": role, "name": role.rpartition("_")[2].capitalize()} for role in roles_of(entity.kind)]
    return answer_json({"roles": roles})


def _of(handler: Callable[[Desk, Call, str], Answer], collection: str) -> Callable[[Desk, Call], Answer]:
    def bound(desk: Desk, call: Call) -> Answer:
        return handler(desk, call, collection)

    return bound


def endpoints() -> list[Endpoint]:
    found = [
        Endpoint("GET", "/v1/acl/grants", list_grants, "acl:read", quirk="acl_grants"),
        Endpoint("GET", "/v1/acl/objects/{object}/roles", list_roles, "acl:read", quirk="acl_roles"),
    ]
    for collection in SHARED:
        base = f"/v1/{collection}/{{entity}}/acl"
        one = f"{base}/{{type}}/{{subject}}"
        found += [
            Endpoint("GET", f"{base}/candidates", _of(list_candidates, collection), "acl:read"),
            Endpoint("GET", base, _of(list_entity_grants, collection), "acl:read", quirk="acl_listing"),
            Endpoint("PUT", one, _of(put_grant, collection), "acl:write", samples.GRANT),
            Endpoint("DELETE", one, _of(withdraw, collection), "acl:write", samples.EMPTY),
        ]
    for collection, path, quirk in (
        ("organisations", ORG, "organisation_acl"),
        ("teams", "/v1/teams/{team}", "team_acl"),
    ):
        put = _of(put_member_grant, collection)
        found += [
            Endpoint("GET", f"{path}/acl", _of(list_entity_grants, collection), "acl:read", quirk="acl_listing"),
            Endpoint("PUT", f"{path}/acl/user/{{user}}", put, "acl:write", samples.GRANT, quirk),
        ]
    return found
