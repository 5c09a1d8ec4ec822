"""Names that a simulated organisation is made of, and the catalogue of permissions."""

from collections.abc import Iterator

from bulkops.sandbox.anypoint.organization import ADMINISTRATORS, Role

BUSINESS_GROUPS = ("Retail", "Logistics", "Research & Development")
# Some names occur in the root and in business groups: a name alone does not say which one is meant.
ROOT_ROLE_GROUPS = (
    ADMINISTRATORS, "API Creators", "API Versions Owner", "Audit Log Viewers", "Cloudhub Admin (Production)",
    "Cloudhub Developer (Sandbox)", "Developers", "Exchange Administrators", "Exchange Contributors",
    "Exchange Viewers", "Monitoring Viewers", "Portals Viewer", "Support Desk", "Ops, night shift", "Éditeurs",
)  # fmt: skip
UNIT_ROLE_GROUPS = (ADMINISTRATORS, "Developers", "Exchange Viewers", "Support Desk")
TEAMS = {
    "Platform": ("Platform Core", "Platform On-Call"),
    "Integration": ("Integration Europe", "Integration Americas"),
    "Security": (),
    "Quality": (),
    "Data & Analytics": ("Data Engineering",),
    "Partners": (),
}
NAMESPACES = {
    "Exchange": ("Administrator", "Contributor", "Creator", "Viewer"),
    "Cloudhub": ("Admin", "Developer", "Support", "Read Applications", "Create Applications"),
    "API Manager": ("Manage APIs", "View APIs", "Manage Policies", "View Policies", "Deploy API Proxies"),
    "Runtime Manager": ("Manage Servers", "Read Servers", "Manage Settings"),
    "Monitoring": ("Administrator", "Viewer"),
    "Secrets Manager": ("Grant access", "Manage secret groups", "Read secrets metadata"),
    "Design Center": ("Developer", "Creator"),
    "Visualizer": ("Editor", "Viewer"),
    "Audit Log": ("Viewer", "Configuration Manager"),
    "Access Management": ("Business Group Viewer", "Environment Viewer"),
}
SCOPES = (
    "read:organization", "read:orgenvironments", "read:orgusers", "edit:orgusers", "read:orginvites",
    "edit:orginvites", "view:access_controls", "admin:access_controls", "read:orgconnapps", "manage:apis",
    "view:exchange", "read:applications",
)  # fmt: skip


def roles(ids: Iterator[str]) -> Iterator[Role]:
    for namespace, names in NAMESPACES.items():
        for name in names:
            yield Role(next(ids), f"{namespace} {name}", namespace.lower().replace(" ", "_"), f"{name} in {namespace}")
