"""What every endpoint works with: the organisation, the quirks, the way to commit a change, pages and errors."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

from bulkops.sandbox.calls import Answer, Call, Route, answer_empty, answer_json
from bulkops.sandbox.vmware_csp.organization import ADMIN, OWNER, Group, Organization, User
from bulkops.sandbox.vmware_csp.quirks import Quirks
from bulkops.sandbox.vmware_csp.validation import CspError, bad_request, not_found, parameter

API = "/csp/gateway/am/api"
ORG = f"{API}/orgs/{{org}}"
LARGEST_PAGE = 200
T = TypeVar("T")


class Commit(Protocol):
    """Record a change, then apply it. It is in the state file, if there is one, when this returns."""

    def __call__(self, change: str, **arguments: Any) -> None: ...


@dataclass(slots=True)
class Desk:
    org: Organization
    quirks: Quirks
    commit: Commit

    def user(self, call: Call) -> User:
        """The member that the path names by id."""
        user = self.org.users.get(call.params["user"])
        if user is None:
            raise not_found("User not found")
        return user

    def group(self, call: Call) -> Group:
        group = self.org.groups.get(call.params["group"])
        if group is None:
            raise not_found("Group not found")
        return group

    def caller(self, call: Call) -> User | None:
        """The person behind the call, None for an app."""
        return self.org.users.get(call.actor.user_id) if call.actor.user_id is not None else None

    def caller_name(self, call: Call) -> str:
        user = self.caller(call)
        return user.username if user is not None else str(call.actor.client_id)

    def is_owner(self, call: Call) -> bool:
        """Whether the caller may do what owners may; apps may."""
        user = self.caller(call)
        return user is None or self.org.holds(user, OWNER, call.now)

    def sees_roles(self, call: Call) -> bool:
        user = self.caller(call)
        return user is None or any(self.org.holds(user, name, call.now) for name in (OWNER, ADMIN))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route before it is bound to a desk. Fields as in `calls.Route`."""

    method: str
    path: str
    handler: Callable[[Desk, Call], Answer]
    right: str | None

    def bind(self, desk: Desk) -> Route:
        return Route(self.method, self.path, partial(self._answer, desk), self.right)

    def _answer(self, desk: Desk, call: Call) -> Answer:
        try:
            return self.handler(desk, call)
        except CspError as error:
            return respond(error, desk.quirks)


def respond(error: CspError, quirks: Quirks) -> Answer:
    """An error as the vendor writes it; every field of its body is optional."""
    if quirks.error_fields == "none":
        return answer_empty(error.status)
    if quirks.error_fields == "message":
        return answer_json({"message": error.message}, error.status)
    phrase = HTTPStatus(error.status).phrase
    body = {
        "cspErrorCode": f"csp.am.{error.status}",
        "errorCode": phrase.upper().replace(" ", "_"),
        "message": error.message,
        "moduleCode": error.module,
        "requestId": str(uuid.uuid4()),
        "statusCode": error.status,
    }
    return answer_json(body, error.status)


@dataclass(frozen=True, slots=True)
class Window:
    """A page that is asked for. `start` counts from 1, what it counts is a quirk."""

    start: int
    limit: int
    in_pages: bool

    def rows(self, found: Sequence[T]) -> Sequence[T]:
        first = self.first
        return found[first : first + self.limit]

    @property
    def first(self) -> int:
        return (self.start - 1) * self.limit if self.in_pages else self.start - 1

    @property
    def step(self) -> int:
        return 1 if self.in_pages else self.limit


def window(quirks: Quirks, start: int, limit: int) -> Window:
    """Raises a 400 for a limit that is too large, where the quirk says so."""
    if limit > LARGEST_PAGE and quirks.limit_over_max == "reject":
        raise bad_request(f"pageLimit must be at most {LARGEST_PAGE}")
    return Window(start, min(limit, LARGEST_PAGE), quirks.page_start == "pages")


def page(desk: Desk, call: Call, found: Sequence[T], show: Callable[[T], Any]) -> Answer:
    """`{results, totalResults, nextLink, prevLink, errors}`; only the rows of the page are rendered.

    The links are relative to the host and absent at the ends; `errors` is there when rows are missing.
    """
    wanted = window(desk.quirks, parameter(call, "pageStart", 1), parameter(call, "pageLimit", LARGEST_PAGE))
    rows = wanted.rows(found)
    answer: dict[str, Any] = {"totalResults": len(found)}
    missing = min(desk.quirks.missing_rows, len(rows))
    if missing:
        rows = rows[:-missing]
        answer["errors"] = [{"message": f"{missing} entries could not be read"}]
    answer["results"] = [show(row) for row in rows]
    if wanted.first + wanted.limit < len(found):
        answer["nextLink"] = _link(call, wanted, wanted.start + wanted.step)
    if wanted.start > 1:
        answer["prevLink"] = _link(call, wanted, max(1, wanted.start - wanted.step))
    return answer_json(answer)


def _link(call: Call, wanted: Window, start: int) -> str:
    kept = [(name, value) for name, values in call.query.items() for value in values]
    kept = [pair for pair in kept if pair[0] not in ("pageStart", "pageLimit")]
    return f"{call.path}?{urlencode([('pageStart', start), ('pageLimit', wanted.limit), *kept])}"


def milliseconds(at: float | None) -> int | None:
    return None if at is None else round(at * 1000)


def present(value: dict[str, Any]) -> dict[str, Any]:
    """Without the fields that are None."""
    return {name: inner for name, inner in value.items() if inner is not None}
