"""The organisation itself, its business groups and environments, and who is calling."""

from typing import Any

from bulkops.sandbox.anypoint.auth import unauthorized
from bulkops.sandbox.anypoint.desk import ORG, Desk, Endpoint, containing, page, timestamp
from bulkops.sandbox.anypoint.organization import Environment, Unit, User
from bulkops.sandbox.anypoint.users import show_user
from bulkops.sandbox.anypoint.validation import boolean, window
from bulkops.sandbox.calls import Answer, Call, answer_json

ENTITLEMENTS = (
    "vCoresProduction", "vCoresSandbox", "vCoresDesign", "staticIps", "vpcs", "loadBalancer", "vpns",
    "workerLoggingOverride", "mqMessages", "mqRequests", "objectStoreRequestUnits", "gateways", "designCenter",
    "partnersProduction",
    "partnersSandbox", "tradingPartnersProduction", "managedGatewaySmall", "managedGatewayLarge", "externalIdentity",
    "apiMonitoring", "monitoringCenter", "runtimeFabric", "serviceMesh", "autoscaling", "armAlerts", "hybridInsight",
)  # fmt: skip


def show_unit(desk: Desk, unit: Unit) -> dict[str, Any]:
    """An organisation in full: about two kilobytes, most of it entitlements."""
    children = [other.id for other in desk.org.units.values() if other.parent_id == unit.id]
    return {
        "id": unit.id,
        "name": unit.name,
        "createdAt": "2019-03-01T09:00:00.000Z",
        "updatedAt": "2024-05-01T09:00:00.000Z",
        "ownerId": desk.org.owner_id,
        "clientId": unit.id.replace("-", ""),
        "idprovider_id": "mulesoft",
        "isFederated": False,
        "parentOrganizationIds": [] if unit.parent_id is None else [unit.parent_id],
        "subOrganizationIds": children,
        "tenantOrganizationIds": [],
        "mfaRequired": "unrequired",
        "isAutomaticAdminPromotionExempt": False,
        "orgType": "anypoint",
        "isRoot": unit.is_root,
        "isMaster": unit.is_root,
        "domain": "acme",
        "properties": {},
        "sessionTimeout": 60,
        "environments": [_show_environment(row) for row in desk.org.environments if row.org_id == unit.id],
        "entitlements": {
            name: {"assigned": 2, "reassigned": 1, "default": False, "enabled": True} for name in ENTITLEMENTS
        },
        "subscription": {"category": "Customer", "type": "Platinum", "expiration": "2031-01-01T00:00:00.000Z"},
    }


def get_organization(desk: Desk, call: Call) -> Answer:
    unit = desk.unit(call)
    owner = desk.org.users[desk.org.owner_id]
    return answer_json({**show_unit(desk, unit), "owner": {"id": owner.id, "username": owner.username}})


def get_hierarchy(desk: Desk, call: Call) -> Answer:
    """The tree below, nested in `subOrganizations`; it is not paged."""
    return answer_json(_tree(desk, desk.unit(call)))


def _tree(desk: Desk, unit: Unit) -> dict[str, Any]:
    children = [other for other in desk.org.units.values() if other.parent_id == unit.id]
    return {
        "id": unit.id,
        "name": unit.name,
        "ownerId": desk.org.owner_id,
        "isRoot": unit.is_root,
        "parentOrganizationIds": [] if unit.parent_id is None else [unit.parent_id],
        "subOrganizations": [_tree(desk, child) for child in children],
    }


def list_environments(desk: Desk, call: Call) -> Answer:
    unit = desk.unit(call)
    rows = [row for row in desk.org.environments if row.org_id == unit.id]
    if call.first("name") is not None:
        rows = [row for row in rows if row.name == call.first("name")]
    if call.first("type") is not None:
        rows = [row for row in rows if row.type == call.first("type")]
    if call.first("isProduction") is not None:
        rows = [row for row in rows if row.is_production == boolean(call, "isProduction", True)]
    rows = containing(rows, call.first("search"), lambda row: row.name.casefold())
    return page(rows, window(call, desk.quirks), _show_environment)


def _show_environment(row: Environment) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "organizationId": row.org_id,
        "isProduction": row.is_production,
        "type": row.type,
    }


def get_me(desk: Desk, call: Call) -> Answer:
    """`{client?, user?}`: the application when one asked for the token, the person when one is behind it."""
    found: dict[str, Any] = {}
    app = desk.org.apps.get(call.actor.client_id or "")
    user = desk.actor(call)
    if app is not None:
        found["client"] = {"client_id": app.client_id, "name": app.client_name, "org_id": desk.org.root.id}
    if user is not None:
        found["user"] = _show_me(desk, call, user)
    return answer_json(found)


def get_user_me(desk: Desk, call: Call) -> Answer:
    """The person alone; 401 for an application that acts for itself."""
    user = desk.actor(call)
    if user is None:
        raise unauthorized()
    return answer_json(_show_me(desk, call, user))


def _show_me(desk: Desk, call: Call, user: User) -> dict[str, Any]:
    units = [{"id": unit.id, "name": unit.name} for unit in desk.org.units.values() if desk.org.belongs(user.id, unit)]
    root = {**show_unit(desk, desk.org.root), "lastSeen": timestamp(call.now)}
    return {**show_user(user), "organization": root, "memberOfOrganizations": units}


def endpoints() -> list[Endpoint]:
    return [
        Endpoint("GET", "/accounts/api/me", get_me, "me"),
        Endpoint("GET", "/accounts/api/users/me", get_user_me, "me"),
        Endpoint("GET", ORG, get_organization, "organization:read"),
        Endpoint("GET", f"{ORG}/hierarchy", get_hierarchy, "organization:read"),
        Endpoint("GET", f"{ORG}/environments", list_environments, "environments:read"),
    ]
