"""Connected applications, their settings, and the allowlist of the root organisation."""

from typing import Any

from bulkops.sandbox.anypoint.desk import ORG, Desk, Endpoint, containing, page
from bulkops.sandbox.anypoint.organization import ConnectedApp, Unit
from bulkops.sandbox.anypoint.validation import FLAG, NAME, Shape, boolean, check, not_found, one_of, window
from bulkops.sandbox.calls import Answer, Call, answer_empty, answer_json, refuse

PARENT = "allowlist/{org}"
APPS_PER_PAGE = 20
SCOPES = Shape("array", items=NAME)
ENTRIES = Shape(
    "array",
    items=Shape("object", required=("client_id",), fields={"client_id": NAME, "authorized_scopes": SCOPES}),
)
SETTINGS = Shape(
    "object",
    required=("grant_types_allowed", "applications_enabled"),
    fields={
        "grant_types_allowed": SCOPES,
        "applications_enabled": Shape("string"),
        "allowlist_enabled": FLAG,
        "allowlist_internal_applications": FLAG,
        "import_existing_authorizations": FLAG,
        "allowlist": ENTRIES,
        "whitelist_enabled": FLAG,
        "whitelist_internal_applications": FLAG,
        "whitelist": ENTRIES,
    },
)
STORED = ("grant_types_allowed", "applications_enabled", "allowlist_enabled", "allowlist_internal_applications")


def list_entries(desk: Desk, call: Call) -> Answer:
    """A page of `{client_id, authorized_scopes}`; `client_id` in the query may be repeated."""
    unit = desk.unit(call)
    wanted = call.query.get("client_id")
    rows = [client_id for client_id in _entries(desk, unit) if not wanted or client_id in wanted]
    return page(rows, window(call, desk.quirks), lambda client_id: _show_entry(desk, client_id))


def _entries(desk: Desk, unit: Unit) -> dict[str, list[str] | None]:
    return desk.org.allowlist if unit.is_root else {}


def _show_entry(desk: Desk, client_id: str) -> dict[str, Any]:
    scopes, app = desk.org.allowlist[client_id], desk.org.apps.get(client_id)
    if scopes is None and desk.quirks.allowlist_expand and app is not None:
        scopes = app.scopes
    return {"client_id": client_id} | ({} if scopes is None else {"authorized_scopes": scopes})


def _given(desk: Desk, call: Call) -> dict[str, list[str] | None]:
    """The entries of the body, of which the last counts when a client is named twice. 405 on a business group."""
    if not desk.unit(call).is_root:
        raise refuse(answer_empty(405))
    check(call.body, ENTRIES)
    return {entry["client_id"]: entry.get("authorized_scopes") for entry in call.body}


def put_entries(desk: Desk, call: Call) -> Answer:
    """Replace the whole list."""
    desk.commit("write_allowlist", entries=_given(desk, call), replace=True)
    return answer_empty()


def patch_entries(desk: Desk, call: Call) -> Answer:
    """Add or change entries."""
    entries = _given(desk, call)
    if desk.quirks.allowlist_patch == "merge":
        entries = {client_id: _merged(desk, client_id, scopes) for client_id, scopes in entries.items()}
    if entries:
        desk.commit("write_allowlist", entries=entries, replace=False)
    return answer_empty()


def _merged(desk: Desk, client_id: str, scopes: list[str] | None) -> list[str] | None:
    held = desk.org.allowlist.get(client_id, [])
    return None if scopes is None or held is None else list(dict.fromkeys([*held, *scopes]))


def delete_entries(desk: Desk, call: Call) -> Answer:
    """Remove entries by their client; scopes in the body do not matter."""
    entries = _given(desk, call)
    if entries:
        desk.commit("remove_allowlist", client_ids=list(entries))
    return answer_empty()


def get_settings(desk: Desk, call: Call) -> Answer:
    desk.unit(call)
    return answer_json(_show_settings(desk))


def _show_settings(desk: Desk) -> dict[str, Any]:
    settings = desk.org.settings
    return {
        **settings,
        "whitelist_enabled": settings["allowlist_enabled"],
        "whitelist_internal_applications": settings["allowlist_internal_applications"],
    }


def patch_settings(desk: Desk, call: Call) -> Answer:
    """Change settings, and upsert the entries given with them. The older names mean the same."""
    if not desk.unit(call).is_root:
        raise refuse(answer_empty(405))
    check(call.body, SETTINGS)
    body = {name.replace("whitelist", "allowlist"): value for name, value in call.body.items()}
    desk.commit("change_settings", settings={name: body[name] for name in STORED if name in body})
    if body.get("allowlist"):
        entries = {entry["client_id"]: entry.get("authorized_scopes") for entry in body["allowlist"]}
        desk.commit("write_allowlist", entries=entries, replace=False)
    return answer_json(_show_settings(desk))


def list_apps(desk: Desk, call: Call) -> Answer:
    """20 rows a page at most, whatever is asked for; each row carries its secret."""
    desk.unit(call)
    rows = containing(desk.org.apps.values(), call.first("search"), lambda app: app.client_name.casefold())
    attribute = one_of(call, "sort", ("client_name", "client_id"))
    rows.sort(key=lambda app: str(getattr(app, attribute)), reverse=not boolean(call, "ascending", True))
    wanted = window(call, desk.quirks, APPS_PER_PAGE, APPS_PER_PAGE)
    return page(rows, wanted, lambda app: _show_app(desk, app))


def get_app(desk: Desk, call: Call) -> Answer:
    desk.unit(call)
    app = desk.org.apps.get(call.params["client"])
    if app is None:
        raise not_found()
    return answer_json(_show_app(desk, app))


def list_app_scopes(desk: Desk, call: Call) -> Answer:
    desk.unit(call)
    app = desk.org.apps.get(call.params["client"])
    if app is None:
        raise not_found()
    context = {"org": desk.org.root.id}
    return page(app.scopes, window(call, desk.quirks), lambda scope: {"scope": scope, "context_params": context})


def _show_app(desk: Desk, app: ConnectedApp) -> dict[str, Any]:
    return {
        "client_id": app.client_id,
        "client_name": app.client_name,
        "client_secret": app.client_secret,
        "owner_org_id": desk.org.root.id,
        "owner_user_id": app.owner_user_id,
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "audience": "internal",
        "enabled": True,
        "scopes": app.scopes,
    }


def endpoints() -> list[Endpoint]:
    found = []
    for name in ("allowlist", "whitelist"):
        path = f"{ORG}/connectedApplications/{name}"
        found += [
            Endpoint("GET", path, list_entries, "allowlist:read"),
            Endpoint("PUT", path, put_entries, "allowlist:write", PARENT),
            Endpoint("PATCH", path, patch_entries, "allowlist:write", PARENT),
            Endpoint("DELETE", path, delete_entries, "allowlist:write", PARENT),
        ]
    found += [
        Endpoint("GET", f"{ORG}/connectedApplications/settings", get_settings, "allowlist:read"),
        Endpoint("PATCH", f"{ORG}/connectedApplications/settings", patch_settings, "allowlist:write", PARENT),
    ]
    for prefix in (ORG, "/accounts/api"):
        apps = f"{prefix}/connectedApplications"
        found += [
            Endpoint("GET", apps, list_apps, "apps:read"),
            Endpoint("GET", f"{apps}/{{client}}", get_app, "apps:read"),
            Endpoint("GET", f"{apps}/{{client}}/scopes", list_app_scopes, "apps:read"),
        ]
    return found
