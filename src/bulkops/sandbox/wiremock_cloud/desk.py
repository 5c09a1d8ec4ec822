"""What every endpoint works with: the organisation, the quirks, and the way to commit a change."""

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

from bulkops.sandbox.calls import Answer, Call, Route, answer_empty, answer_json
from bulkops.sandbox.wiremock_cloud.organisation import Entity, Organisation, User
from bulkops.sandbox.wiremock_cloud.quirks import Quirks
from bulkops.sandbox.wiremock_cloud.validation import errors, forbidden, not_found, positive

ORG = "/v1/organisations/{org}"
ALPHABET = "0123456789degjklmnopqrvwxyz"  # that of the ids in the vendor's samples
DAY_S = 86_400.0
T = TypeVar("T")


class Commit(Protocol):
    """Record a change, then apply it. It is in the state file, if there is one, when this returns."""

    def __call__(self, change: str, **arguments: Any) -> None: ...


@dataclass(slots=True)
class Desk:
    org: Organisation
    quirks: Quirks
    commit: Commit

    def organisation(self, call: Call) -> Entity:
        """The organisation that the path names. 404 for any but ours."""
        if call.params["org"] != self.org.root.id:
            raise not_found()
        return self.org.root

    def user(self, call: Call) -> User:
        """The account that the path names: 404 for none, 403 for one outside our organisation, but oneself."""
        user = self.org.users.get(call.params["user"])
        if user is None or user.deleted:
            raise not_found()
        if user.id not in self.org.members and user.id != self.org.caller_id:
            raise forbidden()
        return user

    def team(self, call: Call) -> Entity:
        team = self.org.teams.get(call.params["team"])
        if team is None:
            raise not_found()
        return team

    def since(self, now: float) -> float:
        """Invitations of before are no longer pending."""
        days = self.quirks.invitation_days
        return float("-inf") if days is None else now - days * DAY_S


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route before it is bound to a desk.

    sample: status and body that it answers when the quirk `canned` is on; None: it goes on as ever.
    quirk: name of the one that may say that there is no such endpoint.
    """

    method: str
    path: str
    handler: Callable[[Desk, Call], Answer]
    right: str
    sample: tuple[int, Any] | None = None
    quirk: str | None = None

    def bind(self, desk: Desk) -> Route:
        return Route(self.method, self.path, partial(self._answer, desk), self.right)

    def _answer(self, desk: Desk, call: Call) -> Answer:
        if self.quirk is not None and getattr(desk.quirks, self.quirk) == "absent":
            raise not_found()
        if desk.quirks.canned and self.sample is not None:
            status, body = self.sample
            return answer_empty(status) if body is None else answer_json(body, status)
        return self.handler(desk, call)


def new_id() -> str:
    """An id for something that comes to be; longer than the seeded ones, and so never one of them."""
    return "".join(secrets.choice(ALPHABET) for _ in range(8))


def timestamp(at: float) -> str:
    """ISO 8601 with microseconds in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def containing(rows: Iterable[T], call: Call, haystack: Callable[[T], str]) -> list[T]:
    """Rows whose casefolded text contains the query's `q`."""
    needle = (call.first("q") or "").casefold()
    return [row for row in rows if needle in haystack(row)]


def page(desk: Desk, call: Call, name: str, rows: Sequence[T], show: Callable[[T], Any], **more: Any) -> Answer:
    """One page of a list, `{name: rows, meta?, links?}`; only its own rows are rendered.

    more: further parts of the body, by name, each a function of the page's rows.
    """
    quirks = desk.quirks
    number, size = positive(call, "page", 1), positive(call, "limit", quirks.limit_default)
    if size > quirks.limit_max and quirks.limit_over_max == "reject":
        raise errors(400, "Invalid query parameter format", f"The limit parameter must be {quirks.limit_max} at most")
    size = min(size, quirks.limit_max)
    first = (number - 1) * size
    shown, pages = rows[first : first + size], -(-len(rows) // size)
    body: dict[str, Any] = {}
    if quirks.paging in ("full", "links"):
        body["links"] = _links(call, number, size, pages)
    if quirks.paging in ("full", "meta"):
        start = first + 1 if shown else 0  # below the schema's minimum of 1, which an empty list cannot meet
        end = first + len(shown) if shown else 0
        body["meta"] = {"start": start, "end": end, "total": len(rows), "page": number, "totalPages": pages}
    body[name] = [show(row) for row in shown]
    body.update({key: make(shown) for key, make in more.items()})
    return answer_json(body)


def _links(call: Call, number: int, size: int, pages: int) -> dict[str, str]:
    """Links relative to the host."""
    kept = [(name, values[0]) for name, values in call.query.items() if name not in ("limit", "page")]
    targets = {"self": number}
    if number < pages:
        targets["next"] = number + 1
    if number > 1:
        targets["previous"] = number - 1
    return {
        name: f"{call.path}?{urlencode([*kept, ('limit', size), ('page', target)])}" for name, target in targets.items()
    }
