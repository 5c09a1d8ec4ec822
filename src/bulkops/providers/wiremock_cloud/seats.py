"""The seats of an organisation's plan. Members and pending invitations both take one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bulkops.errors import AccessError, RejectedError
from bulkops.paging import same_host
from bulkops.transport import Session


@dataclass(slots=True)
class Seats:
    """Asks for the usage of the subscription that the organisation's `link` names."""

    session: Session
    link: str = ""

    async def left(self) -> int | None:
        """How many people may still be invited; None where nothing limits them, or it may not be read."""
        path = self._path()
        if not path:
            return None
        try:
            answer = await self.session.read(path, gate="GET usage")
        except (AccessError, RejectedError):
            return None
        usage = answer.body.get("usage") if isinstance(answer.body, dict) else None
        limit, taken = (_number(usage, name) for name in ("seatLimit", "totalSeatCount"))
        return None if limit is None or taken is None else max(0, limit - taken)

    def _path(self) -> str:
        if not self.link:
            return ""
        try:
            return same_host(self.link, self.session.base_url).rstrip("/") + "/usage"
        except ValueError:
            return ""  # nobody else is asked


def _number(usage: Any, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
