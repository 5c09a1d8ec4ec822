"""How the answers of VMware Cloud Services are to be read, and where it is.

Sources: the vendor's reference of access management. An error's body is `{cspErrorCode, errorCode, message, moduleCode,
requestId, statusCode}`, every field of it optional. What its codes stand for is published nowhere, so a refusal is read
by its status alone. A 429 is listed for every call, with no figures and no headers: `Retry-After` is obeyed if it
comes. A 503 is not said to mean waiting, and what it leaves open is looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bulkops.transport import VendorProfile

HOSTS: Mapping[str, str] = {"global": "https://console.cloud.vmware.com"}
API = "/csp/gateway/am/api"


def request_id(body: Any) -> str:
    """The vendor's name of a call, which stands in the body of errors only."""
    found = body.get("requestId") if isinstance(body, dict) else None
    return found if isinstance(found, str) else ""


PROFILE = VendorProfile(request_id=request_id, headers={"Accept": "application/json"})
