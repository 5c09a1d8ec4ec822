"""Roles, services and groups that a simulated organisation is made of."""

from bulkops.sandbox.vmware_csp.organization import ADMIN, MEMBER, OWNER, Service

ORGANIZATION_ROLES = {
    OWNER: "Organization Owner",
    ADMIN: "Organization Administrator",
    MEMBER: "Organization Member",
    "developer": "Developer",
    "support_user": "Support User",
}
CUSTOM_ROLES = ("capacity-planner", "cost-reviewer")
SERVICES = (
    Service("tcq4LTfyZ_-UPdPAJIi2LhnvxmE_", "VMware Cloud on AWS", "paid", ("vmc-user:full", "vmc-user:readonly")),
    Service(
        "ybUdoTC05kYFC9ZG560kpsn0I8M_",
        "Aria Automation",
        "external",
        ("automationservice:cloud_admin", "automationservice:user", "automationservice:viewer"),
    ),
    Service("9aKhh3Jq_log_intelligence-", "Aria Operations for Logs", "external", ("log_intelligence:user",)),
)
OWNERS_GROUP = "Account Owners"
CUSTOM_GROUPS = (
    "Platform Engineering", "SRE On-Call", "Network Operations", "Billing Viewers", "Contractors", "Backup & Restore",
    "Ops, night shift", "Éditeurs", "Security Review", "Cloud Migration",
)  # fmt: skip
# One name is also that of a custom group: a name alone does not say which one is meant.
ENTERPRISE_GROUPS = ("Domain Users", "Contractors")
SHARED_GROUP = "Partner Support"
