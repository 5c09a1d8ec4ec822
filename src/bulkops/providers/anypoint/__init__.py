"""Anypoint Access Management."""

from bulkops.providers.anypoint.auth import Login, issuer
from bulkops.providers.anypoint.organization import SUPPORT, AnypointOrganization
from bulkops.providers.anypoint.profile import PROFILE, REGIONS

__all__ = ["PROFILE", "REGIONS", "SUPPORT", "AnypointOrganization", "Login", "issuer"]
