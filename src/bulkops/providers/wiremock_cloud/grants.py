"""Who has which role on what, by calls that the vendor's documented answers link to and no page describes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import structlog

from bulkops.errors import AccessError, BulkopsError, RejectedError
from bulkops.providers.wiremock_cloud import listings
from bulkops.providers.wiremock_cloud.listings import PagedListing, PageSize, UnlistedError
from bulkops.transport import Session

log = structlog.get_logger(__name__)


class Grants:
    """Reads the grants of ACL objects. `readable` is whether the last reading told something.

    Guards rest on them, so that only their not being there means that they cannot be read: a fault on the way does not,
    nor does anything once they were read.
    """

    def __init__(self, session: Session, size: PageSize) -> None:
        self.readable = False
        self._session = session
        self._size = size
        self._told: set[str] = set()

    async def of(self, acl_object: str) -> Mapping[str, str]:
        """Role by subject, its highest one; that of a person is their id. Nothing where there is no such reading.

        Raises StoppedError where it could not be asked, and whatever keeps it from being read again.
        """
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
            found = _highest(await listing.everything())
        except BulkopsError as error:
            if acl_object in self._told or not _is_not_there(error):
                raise
            log.info("roles.unreadable", text=str(error))
            found = {}
        self.readable = bool(found)
        if found:
            self._told.add(acl_object)
        return found


def _is_not_there(error: BulkopsError) -> bool:
    """Whether it was answered, by a refusal or in a form that nobody knows."""
    return isinstance(error, (RejectedError, AccessError, UnlistedError)) or isinstance(
        error.__cause__, (KeyError, TypeError, ValueError)
    )


def _highest(grants: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Whoever administers a thing does so, whatever else they are in it."""
    found: dict[str, str] = {}
    for subject, role in grants:
        if not found.get(subject, "").endswith("_admin"):
            found[subject] = role
    return found
