"""Roles as bodies name them and as answers show them.

A body is read into terms, `[kind, service, name, resource, expires_at]`; see `organization.to_grant`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bulkops.sandbox.vmware_csp.catalogue import CUSTOM_ROLES, ORGANIZATION_ROLES
from bulkops.sandbox.vmware_csp.desk import Desk, present
from bulkops.sandbox.vmware_csp.organization import CUSTOM, ORGANIZATION, SERVICE, Grant, Service, Term
from bulkops.sandbox.vmware_csp.validation import bad_request, objects, require_object, strings, text, whole

LINK = re.compile(r"/csp/(?:gateway/)?slc/api/definitions/(?:external|internal|paid)/([^/]+)")
Held = Iterable[tuple[Grant, int | None, list[str]]]
"""Roles in force: each with its end (epoch seconds) and the groups that it comes from, none for a direct one."""


def read_invited(desk: Desk, body: Mapping[str, Any]) -> list[list[Any]]:
    """The roles of an invitation: `organizationRoles` (or `orgRoleNames`), `serviceRolesDtos`, `customRoles`."""
    terms = _read_roles(desk, body, "organizationRoles", "orgRoleNames", ORGANIZATION)
    terms += _read_roles(desk, body, "customRoles", None, CUSTOM)
    for entry in objects(body, "serviceRolesDtos"):
        service = by_link(desk, text(entry, "serviceDefinitionLink") or "")
        terms += _read_roles(desk, entry, "serviceRoles", "serviceRoleNames", SERVICE, service)
    return terms


def by_link(desk: Desk, link: str) -> Service:
    """The service that a link ends in. Raises 400."""
    found = LINK.fullmatch(link)
    return _service(desk, found[1] if found else "")


def _service(desk: Desk, service_id: str) -> Service:
    service = desk.org.services.get(service_id)
    if service is None:
        raise bad_request("Service definition not found")
    return service


def read_delta(desk: Desk, body: Mapping[str, Any]) -> tuple[list[list[Any]], list[list[Any]], list[list[Any]]]:
    """The roles of a change: those to add, to update, to remove."""
    add: list[list[Any]] = []
    update: list[list[Any]] = []
    remove: list[list[Any]] = []

    def read(part: Mapping[str, Any], kind: str, service: Service | None = None) -> None:
        add.extend(_read_roles(desk, part, "rolesToAdd", "roleNamesToAdd", kind, service))
        update.extend(_read_roles(desk, part, "rolesToUpdate", None, kind, service))
        remove.extend(_read_roles(desk, part, "rolesToRemove", "roleNamesToRemove", kind, service))

    for name, kind in (("organizationRoles", ORGANIZATION), ("customRoles", CUSTOM)):
        if body.get(name) is not None:
            read(require_object(body[name], name), kind)
    for entry in objects(body, "serviceRoles"):
        read(entry, SERVICE, _service(desk, text(entry, "serviceDefinitionId") or ""))
    return add, update, remove


def _read_roles(
    desk: Desk, body: Mapping[str, Any], field: str, names: str | None, kind: str, service: Service | None = None
) -> list[list[Any]]:
    """The terms of one list of roles, and of its deprecated form, which holds names only."""
    entries = objects(body, field)
    entries += [{"name": name} for name in strings(body, names)] if names is not None else []
    return [_read_role(entry, kind, service) for entry in entries]


def _read_role(entry: Mapping[str, Any], kind: str, service: Service | None) -> list[Any]:
    name = text(entry, "name") or ""
    if service is not None:
        known: Iterable[str] = service.roles
    else:
        known = ORGANIZATION_ROLES if kind == ORGANIZATION else CUSTOM_ROLES
    if name not in known:
        raise bad_request(f"Role not found: {name}")
    ends_at = whole(entry, "expiresAt", None)
    return [kind, service.id if service else "", name, text(entry, "resource", 200) or "", ends_at]


def show_roles(held: Held, *, group_ids: bool = False) -> dict[str, Any]:
    """`{organizationRoles, serviceRoles, customRoles}`, service roles under the id of their service."""
    shown: dict[str, Any] = {"organizationRoles": [], "serviceRoles": [], "customRoles": []}
    services: dict[str, list[dict[str, Any]]] = {}
    for grant, ends_at, groups in held:
        row = show_role(grant, ends_at, groups, group_ids=group_ids)
        if grant.kind == SERVICE:
            services.setdefault(grant.service, []).append(row)
        else:
            shown[f"{grant.kind}Roles"].append(row)
    for service_id, rows in services.items():
        entry = {"serviceDefinitionId": service_id, "serviceRoleNames": _names(rows), "serviceRoles": rows}
        shown["serviceRoles"].append(entry)
    return shown


def show_service_links(desk: Desk, held: Held) -> list[dict[str, Any]]:
    """Service roles under the link of their service."""
    rows = []
    for entry in show_roles(held)["serviceRoles"]:
        link = desk.org.services[entry.pop("serviceDefinitionId")].link
        rows.append({"serviceDefinitionLink": link, **entry})
    return rows


def show_role(grant: Grant, ends_at: int | None, groups: list[str], *, group_ids: bool = False) -> dict[str, Any]:
    """`membershipType` DIRECT can be taken away from a user, GROUP only from the group."""
    return present(
        {
            "name": grant.name,
            "displayName": ORGANIZATION_ROLES[grant.name] if grant.kind == ORGANIZATION else None,
            "membershipType": "GROUP" if groups else "DIRECT",
            "resource": grant.resource or None,
            "expiresAt": ends_at,
            "groupIds": groups if groups and group_ids else None,
        }
    )


def _names(rows: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(row["name"] for row in rows))


def to_held(terms: Iterable[Term]) -> Held:
    """What terms would give, as `show_roles` takes it."""
    return [(Grant(*term[:4]), term[4], []) for term in terms]
