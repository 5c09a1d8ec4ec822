"""What a sandbox can be told at the start, and the constants that everybody may rely on."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEFAULT_ORGANIZATION = "5a4db0c5-0000-4000-8000-000000000001"
DEFAULT_PORT = 9000

TOKEN = "sandbox-token"  # noqa: S105 (no secret: the sandbox tells it to everybody)
CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105
USERNAME = "admin"
PASSWORD = "sandbox-password"  # noqa: S105


class SandboxError(Exception):
    """The sandbox cannot do what it was asked; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How to start a sandbox.

    vendor: the service that is simulated, by its name as a target's provider; a state file's own wins.
    organization: its id; None: the one that the vendor's simulation always has.
    empty: only the owner and the administrator, and what every new organisation has; `people` then counts for nothing.
    people: live accounts of the root organisation, at least 2 (the owner and the administrator).
    token_ttl: life of every token in seconds; None: the fixed token never ends and issued ones last as long as the
        vendor's: an hour, or half an hour.
    quota: calls that each endpoint (method and route) answers in a window; None: no limit and no headers.
    window: seconds; windows are aligned on the clock.
    latency_ms: time that every call takes before it is applied.
    faults: rules as `faults.FaultRule.parse` takes them.
    quirks: chosen behaviours where the vendor's facts leave a question open; see the vendor's `quirks.Quirks`.
    clock: epoch seconds. Tests hand in their own to let tokens, invites and windows end without waiting.
    """

    host: str = "127.0.0.1"
    port: int = 0
    vendor: str = "anypoint"
    people: int = 2000
    empty: bool = False
    organization: str | None = None
    seed: int = 1
    state: Path | str | None = None
    token_ttl: float | None = None
    quota: int | None = None
    window: float = 60.0
    latency_ms: float = 0.0
    faults: Sequence[Mapping[str, Any]] = ()
    quirks: Mapping[str, Any] = field(default_factory=dict)
    clock: Callable[[], float] = time.time
