"""Anypoint Access Management."""

from bulkops.providers.anypoint.adapter import ADAPTER
from bulkops.providers.anypoint.auth import Login, issuer
from bulkops.providers.anypoint.organization import AnypointOrganization
from bulkops.providers.anypoint.profile import PROFILE, REGIONS
from bulkops.providers.anypoint.support import SUPPORT

__all__ = ["ADAPTER", "PROFILE", "REGIONS", "SUPPORT", "AnypointOrganization", "Login", "issuer"]
