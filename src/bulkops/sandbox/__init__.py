"""Simulated organisations, served over real HTTP.

Written from the vendors' published facts. Nothing here is shared with the clients in this project, so that a
wrong belief about an API cannot hide in both.

    from bulkops.sandbox import Sandbox, SandboxOptions

    async with Sandbox(SandboxOptions(people=50)) as sandbox:
        ...  # sandbox.url, sandbox.organization, sandbox.token
"""

from typing import TYPE_CHECKING, Any

from bulkops.sandbox.options import SandboxOptions

if TYPE_CHECKING:
    from bulkops.sandbox.server import Sandbox

__all__ = ["Sandbox", "SandboxOptions"]


def __getattr__(name: str) -> Any:
    """Import the server on first use: it brings in an HTTP library, which `--help` does not need."""
    if name == "Sandbox":
        from bulkops.sandbox.server import Sandbox  # noqa: PLC0415

        return Sandbox
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
