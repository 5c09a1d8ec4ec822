"""The administration of WireMock Cloud."""

from bulkops.providers.wiremock_cloud.adapter import ADAPTER
from bulkops.providers.wiremock_cloud.organization import WiremockOrganization
from bulkops.providers.wiremock_cloud.profile import HOSTS, PROFILE, caution
from bulkops.providers.wiremock_cloud.support import SUPPORT, WiremockOptions

__all__ = ["ADAPTER", "HOSTS", "PROFILE", "SUPPORT", "WiremockOptions", "WiremockOrganization", "caution"]
