"""How Anypoint's HTTP answers are to be read, and where its control planes are.

Sources: the published OpenAPI file of Access Management (429, reset in epoch seconds), the vendor's knowledge base
(an empty 503 "at capacity" is throttling), osprey's error body for a request that breaks the declared type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bulkops.transport import VendorProfile

REGIONS: Mapping[str, str] = {
    "us": "https://anypoint.mulesoft.com",
    "eu": "https://eu1.anypoint.mulesoft.com",
    "gov": "https://gov.anypoint.mulesoft.com",
    "ca": "https://ca1.platform.mulesoft.com",
    "jp": "https://jp1.platform.mulesoft.com",
}


def throttles(status: int, body_length: int, headers: Mapping[str, str]) -> bool:
    """429 always; 503 when its body is empty, or when the headers say that the window is spent."""
    if status == 429:
        return True
    if status != 503:
        return False
    return body_length == 0 or headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in headers


def is_validation_error(body: Any) -> bool:
    """Whether a 400 comes from the check of the body against its declared type, before anything was applied."""
    return isinstance(body, dict) and isinstance(body.get("errors"), list)


PROFILE = VendorProfile(
    request_id_header="X-ANYPNT-TRX-ID",
    throttles=throttles,
    validation=is_validation_error,
    headers={"Accept": "application/json"},
    longest_window_s=60.0,  # its windows are whole minutes
)
