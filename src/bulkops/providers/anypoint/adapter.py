"""How Anypoint is put together."""

from __future__ import annotations

from typing import Any

from bulkops.providers.adapter import Adapter, Given
from bulkops.providers.anypoint.auth import Login, issuer
from bulkops.providers.anypoint.organization import AnypointOrganization
from bulkops.providers.anypoint.profile import PROFILE, REGIONS
from bulkops.providers.anypoint.support import SUPPORT
from bulkops.transport import Credentials, IssuedToken, Session, StaticToken


def credentials(given: Given) -> Credentials:
    """A ready bearer, a connected app, or a user's password."""
    secrets = given.secrets
    if given.method == "bearer":
        return StaticToken(f"Bearer {secrets['token']}", named=given.source_of("token"))
    if given.method == "connected-app":
        login = Login.connected_app(secrets["client_id"], secrets["client_secret"])
    else:
        login = Login.password(secrets["username"], secrets["password"])
    return IssuedToken(issuer(login, given.session, given.scrubber))


def _open(session: Session, organization: str, *, settling_s: float, options: Any) -> AnypointOrganization:
    return AnypointOrganization(session, organization, settling_s=settling_s)


ADAPTER = Adapter(
    name="anypoint",
    profile=PROFILE,
    hosts=REGIONS,
    support=lambda _options: SUPPORT,
    credentials=credentials,
    open=_open,
)
