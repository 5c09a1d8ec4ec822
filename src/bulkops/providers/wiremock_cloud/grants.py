"""Who has which role on what, by calls that the vendor's documented answers link to and no page describes."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from bulkops.errors import AccessError, RejectedError, StoppedError
from bulkops.providers.wiremock_cloud import listings
from bulkops.providers.wiremock_cloud.listings import PagedListing, PageSize
from bulkops.transport import Session

log = structlog.get_logger(__name__)


class Grants:
    """Reads the grants of ACL objects. `readable` is whether the last reading told something."""

    def __init__(self, session: Session, size: PageSize) -> None:
        self.readable = False
        self._session = session
        self._size = size

    async def of(self, acl_object: str) -> Mapping[str, str]:
        """Role by subject; that of a person is their id. Nothing where it cannot be read, in whatever way."""
        listing = PagedListing(
            self._session,
            "/v1/acl/grants",
            ("grants", "aclGrants"),
            listings.grant,
            resource="grants",
            size=self._size,
            params={"aclObjectId": acl_object},
            bare_is_whole=True,
        )
        try:
            found = dict(await listing.everything())
        except (RejectedError, AccessError, StoppedError) as error:
            log.info("roles.unreadable", text=str(error))
            found = {}
        self.readable = bool(found)
        return found
