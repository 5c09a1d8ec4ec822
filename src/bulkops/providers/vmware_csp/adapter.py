"""How VMware Cloud Services is put together."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from bulkops.providers.adapter import Adapter, Given, ProviderOptions
from bulkops.providers.vmware_csp.auth import Exchange, issuer
from bulkops.providers.vmware_csp.organization import CspOrganization
from bulkops.providers.vmware_csp.profile import HOSTS, PROFILE
from bulkops.providers.vmware_csp.support import SUPPORT
from bulkops.transport import Credentials, IssuedToken, Session, StaticToken


class CspOptions(ProviderOptions):
    """What the vendor's pages leave open."""

    service_link: str = Field(
        default="/csp/gateway/slc/api/definitions/external/{id}",
        pattern=r"^/[^\s{}]*\{id\}[^\s{}]*$",
        description="the link of a service definition in an invitation, where a row names the service by its id alone",
    )


def credentials(given: Given) -> Credentials:
    """A ready access token, an API token, or an OAuth app."""
    secrets = given.secrets
    if given.method == "bearer":
        return StaticToken(f"Bearer {secrets['token']}", named=given.source_of("token"))
    if given.method == "api-token":
        exchange = Exchange.api_token(secrets["api_token"])
    else:
        exchange = Exchange.oauth_app(secrets["client_id"], secrets["client_secret"], given.scrubber)
    return IssuedToken(issuer(exchange, given.session, given.scrubber))


def _open(session: Session, organization: str, *, settling_s: float, options: Any) -> CspOrganization:
    return CspOrganization(session, organization, settling_s=settling_s, service_link=options.service_link)


ADAPTER = Adapter(
    name="vmware-csp",
    profile=PROFILE,
    hosts=HOSTS,
    support=lambda _options: SUPPORT,
    credentials=credentials,
    open=_open,
    options=CspOptions,
)
