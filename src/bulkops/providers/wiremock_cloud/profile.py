"""How WireMock Cloud's HTTP answers are to be read, and where it is.

Sources: the vendor's API reference (organisations, teams, access control). Errors of 400, 403, 409 and 422 are
`{errors: [{title, detail?, code?, source?}]}`, those of 404 and 500 `{code, message}`, a 401 is plain text. No page
names a rate limit, a request id, or the error for a plan without seats and for the last administrator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from bulkops.transport import Reading, VendorProfile

HOSTS: Mapping[str, str] = {"production": "https://api.wiremock.cloud"}

_MOCKS = "wiremockapi.cloud"
_REFUSALS = frozenset({403, 409, 422})
# a code such as NO_SEATS_LEFT has its words between underscores
_SEAT = re.compile(r"(?i)(?<![a-z])seats?(?![a-z])|seat[_ -]?limit")
_LAST_ADMIN = re.compile(r"(?i)(?<![a-z])(?:last|at[_ ]least[_ ]one|only)(?![a-z]).*(?<![a-z])admin")


def caution(origin: str) -> str:
    """What must be confirmed before a job is aimed at `origin`: mocks live under one domain, the vendor's own too."""
    host = (urlsplit(origin).hostname or "").rstrip(".").casefold()
    if host != _MOCKS and not host.endswith(f".{_MOCKS}"):
        return ""
    return (
        f"{host} is a mock: it answers with canned samples. A job aimed there looks successful and changes nothing. "
        f'The service itself is {HOSTS["production"]} (region = "production")'
    )


def refusal(status: int, body: Any) -> Reading | None:
    """No seat is left, or nobody would administer it; told by code and title, since nothing is published for either."""
    if status not in _REFUSALS:
        return None
    words = _titles(body)
    if _SEAT.search(words):
        return Reading("no_seat", stops_run=True)
    if _LAST_ADMIN.search(words):
        return Reading("last_owner")
    return None


def _titles(body: Any) -> str:
    """Codes and titles; not the details, which may quote what was sent."""
    errors = body.get("errors") if isinstance(body, dict) else None
    found = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    return "; ".join(str(error[name]) for error in found for name in ("code", "title") if error.get(name))


PROFILE = VendorProfile(refusal=refusal, headers={"Accept": "application/json"})
