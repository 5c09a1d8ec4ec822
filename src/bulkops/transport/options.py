"""What a session is made of, and what it asks and counts."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Protocol

from bulkops.transport.answers import VendorProfile


class Permit(Protocol):
    """Asked right before a write's bytes leave, after every wait; also before they leave once more with a new token."""

    async def begin(self) -> None:
        """Return when the record of the write is durable; raise to keep it from leaving."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: for a connection to open, and for a whole call. `read_tries` bounds the tries of one read."""

    connect_s: float = 10.0
    total_s: float = 60.0
    read_tries: int = 5
    backoff_base_s: float = 0.25
    backoff_cap_s: float = 15.0


@dataclass(slots=True)
class Meter:
    """What this session sent: calls, refusals for rate, and reads tried again."""

    requests: int = 0
    throttled: int = 0
    retries: int = 0


@dataclass(slots=True)
class SessionOptions:
    """What a session is made of. `base_url` is scheme, host and port, without a path."""

    base_url: str
    profile: VendorProfile = field(default_factory=VendorProfile)
    timeouts: Timeouts = field(default_factory=Timeouts)
    tls: ssl.SSLContext | None = None
