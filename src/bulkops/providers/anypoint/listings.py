"""Anypoint's listings: offset and limit (default 25, so 500 is asked for), an envelope of `data` and `total`.

Rows are cut down to what bulkops needs as they arrive; an invitation's acceptance code is dropped here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from bulkops.errors import StoppedError
from bulkops.paging import Page
from bulkops.providers.base import Invitation, Named, Person
from bulkops.transport import Answer, Session

RowT = TypeVar("RowT")

MAX_LIMIT = 500


class AnypointListing(Generic[RowT]):
    """One listing. Tasks may read its pages side by side."""

    def __init__(
        self,
        session: Session,
        path: str,
        parse: Callable[[Mapping[str, Any]], RowT],
        *,
        resource: str,
        params: Mapping[str, str] | None = None,
    ) -> None:
        self.resource = resource
        self.max_limit = MAX_LIMIT
        self._session = session
        self._path = path
        self._parse = parse
        self._params = dict(params or {})

    async def page(self, offset: int, limit: int) -> Page[RowT]:
        """One page. Raises StoppedError when the answer has another shape than a listing."""
        params = {**self._params, "offset": str(offset), "limit": str(limit)}
        answer = await self._session.read(self._path, gate=f"GET {self.resource}", params=params)
        rows, total = _envelope(answer, self.resource)
        return Page(offset, self._parsed(rows), total)

    async def search(self, text: str) -> list[RowT]:
        """Every row of a partial, case-insensitive search; the caller compares exactly."""
        found: list[RowT] = []
        offset = 0
        while True:
            params = {**self._params, "search": text, "offset": str(offset), "limit": str(self.max_limit)}
            answer = await self._session.read(self._path, gate=f"GET {self.resource}", params=params)
            rows, total = _envelope(answer, self.resource)
            found.extend(self._parsed(rows))
            offset += len(rows)
            if not rows or total is None or offset >= total:
                return found

    def _parsed(self, rows: Sequence[Mapping[str, Any]]) -> list[RowT]:
        try:
            return [self._parse(row) for row in rows]
        except (KeyError, TypeError, ValueError) as error:
            raise StoppedError(
                f"a row of the listing of {self.resource} has an unexpected shape ({error!r}); nothing was decided"
            ) from error

    def identity(self, row: RowT) -> Hashable:
        """Its id."""
        return getattr(row, "id", row)


def _envelope(answer: Answer, resource: str) -> tuple[Sequence[Mapping[str, Any]], int | None]:
    body = answer.body
    rows = body.get("data") if isinstance(body, dict) else body
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise StoppedError(f"the listing of {resource} has an unexpected shape: nothing was decided on it")
    total = body.get("total") if isinstance(body, dict) else len(rows)
    return rows, total if isinstance(total, int) and total >= 0 else None


def person(row: Mapping[str, Any]) -> Person:
    """A row of users or members."""
    first, last = (row.get("firstName") or ""), (row.get("lastName") or "")
    return Person(
        id=str(row["id"]),
        username=str(row.get("username") or ""),
        email=str(row.get("email") or ""),
        name=f"{first} {last}".strip(),
        enabled=row.get("enabled") is not False,
        deleted=bool(row.get("deleted")),
    )


def invitation(row: Mapping[str, Any]) -> Invitation:
    """A row of invites. Expired ones stay listed, with their status or only by their date."""
    expires_at = _moment(row.get("expires_at"))
    status = str(row.get("status") or "").upper()
    expired = status == "EXPIRED" or (expires_at is not None and expires_at < datetime.now(UTC).timestamp())
    return Invitation(
        id=str(row["id"]),
        email=str(row.get("invited_email") or row.get("email") or ""),
        expired=expired or status in {"CANCELED", "CANCELLED", "ACCEPTED"},
        invited_at=_moment(row.get("invited_at")),
        expires_at=expires_at,
    )


def role_group(row: Mapping[str, Any]) -> Named:
    """A row of role groups."""
    return Named(str(row["role_group_id"]), str(row.get("name") or ""))


def team(row: Mapping[str, Any]) -> Named:
    """A row of teams; the name's key differs between the published descriptions."""
    return Named(str(row["team_id"]), str(row.get("team_name") or row.get("name") or ""))


def _moment(value: Any) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) / (1000.0 if value > 1e11 else 1.0)
    if isinstance(value, str) and value:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return None


__all__ = ["AnypointListing", "invitation", "person", "role_group", "team"]
