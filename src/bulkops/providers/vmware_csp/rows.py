"""The rows of VMware Cloud Services, cut down to what bulkops needs.

Sources: the vendor's reference (user, invitation, role), public clients (users of a group come flat, without the `user`
wrapper). Two units of time: what ends a role is in seconds, the dates of an invitation in milliseconds, and for its
`expirationTime` none is stated: seconds and milliseconds are told apart by their size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from bulkops.providers.base import Invitation, Link, Named, Person
from bulkops.providers.rows import id_in, moment
from bulkops.providers.vmware_csp.fields import service_id

DAY_S = 86_400.0
DEFAULT_DAYS, MOST_DAYS = 7, 90
DIRECT = "DIRECT"
"""The kind of membership that can be taken from a person; all others come from groups."""
ENTERPRISE = frozenset({"AD_GROUP", "ENTERPRISE_GROUP"})


def person(row: Mapping[str, Any]) -> Person:
    """A user, under `user` or flat."""
    user = row.get("user")
    found: Mapping[str, Any] = user if isinstance(user, dict) else row
    first, last = (found.get("firstName") or ""), (found.get("lastName") or "")
    return Person(
        id=id_in(found, "userId"),
        username=str(found.get("username") or ""),
        email=str(found.get("email") or ""),
        name=f"{first} {last}".strip(),
    )


def invitation(row: Mapping[str, Any], *, now: float) -> Invitation:
    """An invitation. Its status never says that it has expired: only its end does."""
    made_at, ends_at = moment(row.get("generatedAt")), moment(row.get("expirationTime"))
    closed = str(row.get("status") or "").upper() in {"REDEEMED", "REVOKED"}
    return Invitation(
        id=_last_segment(row),
        email=str(row.get("username") or ""),
        expired=ends_at is not None and ends_at < now,
        closed=closed,
        invited_at=made_at,
        expires_at=ends_at,
        mailed_at=made_at,
        terms="" if closed else _terms_text(row, made_at, ends_at),
    )


def _terms_text(row: Mapping[str, Any], made_at: float | None, ends_at: float | None) -> str:
    """What a new one like it says, as JSON; empty where it cannot be read, which concerns those alone who need it."""
    try:
        return orjson.dumps(_terms(row, made_at, ends_at)).decode()
    except (KeyError, TypeError, ValueError):
        return ""


def _last_segment(row: Mapping[str, Any]) -> str:
    found = service_id(id_in(row, "refLink"))
    if not found:
        raise ValueError("refLink names no invitation")
    return found


def _terms(row: Mapping[str, Any], made_at: float | None, ends_at: float | None) -> dict[str, Any]:
    """What a new invitation like this one says: the same roles, groups and days."""
    terms: dict[str, Any] = {}
    for name in ("organizationRoles", "customRoles"):
        if roles := [_kept(role) for role in _objects(row, name)]:
            terms[name] = roles
    if services := list(_services(row)):
        terms["serviceRolesDtos"] = services
    if groups := row.get("customGroupsIds"):
        terms["customGroupsIds"] = [str(group) for group in groups]
    if made_at is not None and ends_at is not None:
        days = min(max(round((ends_at - made_at) / DAY_S), 1), MOST_DAYS)
        if days != DEFAULT_DAYS:
            terms["invitationExpirationInDays"] = days
    return terms


def _services(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for entry in _objects(row, "serviceRolesDtos"):
        roles = [_kept(role) for role in _objects(entry, "serviceRoles")]
        names = roles or [{"name": str(name)} for name in entry.get("serviceRoleNames") or ()]
        yield {"serviceDefinitionLink": id_in(entry, "serviceDefinitionLink"), "serviceRoles": names}


def _kept(role: Mapping[str, Any]) -> dict[str, Any]:
    """A role as an invitation takes it; what an answer shows beside is left out."""
    return {"name": id_in(role, "name"), **{key: role[key] for key in ("resource", "expiresAt") if role.get(key)}}


def _objects(row: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """The objects listed under a name; none where it is absent. Raises ValueError for anything else."""
    found = row.get(name) or ()
    if not isinstance(found, (list, tuple)) or not all(isinstance(one, dict) for one in found):
        raise ValueError(f"{name} is no list of objects")
    return found


def group(row: Mapping[str, Any], *, organization: str) -> Named:
    """A group, with the organisation roles that its people have by it, and why its people cannot be changed."""
    owner = row.get("ownerOrgId")
    fixed = ""
    if str(row.get("groupType") or "").upper() in ENTERPRISE:
        fixed = "is an enterprise group: change its people in the directory that it comes from"
    elif owner and owner != organization:
        fixed = "belongs to another organisation, which shares it: its people can be changed there alone"
    gives = tuple(id_in(role, "name") for role in _objects(row, "organizationRoles"))
    return Named(id_in(row, "id"), str(row.get("displayName") or row.get("name") or ""), gives, fixed)


def organization_role(row: Mapping[str, Any]) -> Named:
    """A role that can be given. Its name is its id; what a console shows of it is no name that a call takes."""
    return Named(id_in(row, "name"), str(row.get("displayName") or row["name"]))


def member(row: Mapping[str, Any]) -> Link:
    """Somebody in a group."""
    return Link(person(row).id, level="member")


def held(roles: Iterable[Mapping[str, Any]], *, now: float, service: str = "") -> Iterator[Link]:
    """Roles that are in force, each with its service and resource. `external` ones come from a group."""
    for role in roles:
        ends_at = moment(role.get("expiresAt"))
        if ends_at is not None and ends_at <= now:
            continue
        level = str(role.get("membershipType") or DIRECT).upper()
        yield Link(id_in(role, "name"), level, context(service, role.get("resource")), external=level != DIRECT)


def context(service: str, resource: object) -> tuple[str, ...]:
    """Where a role is held: in a service or the organisation itself, for a resource or for all."""
    pairs = [f"resource={resource}"] if resource else []
    return tuple(sorted([*pairs, f"service={service}"] if service else pairs))


def service_links(row: Mapping[str, Any], *, now: float) -> list[Link]:
    """The roles of one service, which is told by its link, or by its id in a page of users."""
    service = service_id(str(row.get("serviceDefinitionLink") or row.get("serviceDefinitionId") or ""))
    if not service:
        raise ValueError("serviceDefinitionLink is missing")
    roles = _objects(row, "serviceRoles") or [{"name": name} for name in row.get("serviceRoleNames") or ()]
    return list(held(roles, now=now, service=service))


def organization_links(row: Mapping[str, Any], *, now: float) -> list[Link]:
    """The organisation roles of a user that are in force."""
    return list(held(_objects(row, "organizationRoles"), now=now))


def holds(row: Mapping[str, Any], role: str, *, now: float) -> bool:
    """Whether a user has an organisation role in force, however they came by it."""
    return any(link.key == role for link in organization_links(row, now=now))
