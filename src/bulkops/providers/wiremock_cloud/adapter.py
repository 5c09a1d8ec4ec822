"""How WireMock Cloud is put together."""

from __future__ import annotations

import re

from bulkops.providers.adapter import Adapter, Given
from bulkops.providers.wiremock_cloud.organization import WiremockOrganization
from bulkops.providers.wiremock_cloud.profile import HOSTS, PROFILE, caution
from bulkops.providers.wiremock_cloud.support import WiremockOptions, support
from bulkops.transport import Credentials, Session, StaticToken


def credentials(given: Given) -> Credentials:
    """An API key, as `Authorization: Token <key>`. The word may stand before it already: it is part of the value."""
    key = re.sub(r"(?i)^token\s+", "", given.secrets["api_key"])
    given.scrubber.add(key)
    return StaticToken(f"Token {key}", named=given.source_of("api_key"))


def _open(session: Session, organization: str, *, settling_s: float, options: WiremockOptions) -> WiremockOrganization:
    return WiremockOrganization(session, organization, settling_s=settling_s, options=options)


ADAPTER = Adapter(
    name="wiremock-cloud",
    profile=PROFILE,
    hosts=HOSTS,
    support=support,
    credentials=credentials,
    open=_open,
    simple=("api-key", "api_key"),
    options=WiremockOptions,
    everything=WiremockOptions(undocumented_invitation_calls=True, undocumented_role_calls=True),
    width=4,
    caution=caution,
)
