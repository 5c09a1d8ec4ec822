"""The simulated Anypoint organisation behind a sandbox."""

from __future__ import annotations

from typing import Any

from bulkops.sandbox import Sandbox
from bulkops.sandbox.anypoint.organization import Organization


def state_of(sandbox: Sandbox) -> Organization:
    """The simulated organisation itself."""
    vendor: Any = sandbox._vendor  # noqa: SLF001 - what is true is not asked over the wire
    found: Organization = vendor._desk.org  # noqa: SLF001
    return found
