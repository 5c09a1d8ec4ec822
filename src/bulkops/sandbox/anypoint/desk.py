"""What every endpoint works with: the organisation, the quirks, and the way to commit a change."""

import random
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from bulkops.sandbox.anypoint.organization import Organization, RoleGroup, Team, Unit, User
from bulkops.sandbox.anypoint.quirks import Quirks
from bulkops.sandbox.anypoint.validation import bad_request, not_found
from bulkops.sandbox.calls import Answer, Call, Route, answer_json

ORG = "/accounts/api/organizations/{org}"
T = TypeVar("T")


class Commit(Protocol):
    """Record a change, then apply it. It is in the state file, if there is one, when this returns."""

    def __call__(self, change: str, **arguments: Any) -> None: ...


@dataclass(slots=True)
class Desk:
    org: Organization
    quirks: Quirks
    commit: Commit
    dice: random.Random

    def unit(self, call: Call) -> Unit:
        """The organisation or business group that the path names. 400 for no UUID, 404 for an unknown one."""
        org_id = call.params.get("org") or call.first("organizationId") or self.org.root.id
        unit = self.org.units.get(org_id)
        if unit is None:
            raise not_found() if is_uuid(org_id) else bad_request("Organization id is not a valid UUID")
        return unit

    def user(self, call: Call, unit: Unit, *, deleted: bool = False) -> User:
        """The account that the path names, which must be in the unit. Deleted ones only on request."""
        user = self.org.users.get(call.params["user"])
        if user is None or not self.org.belongs(user.id, unit) or (user.deleted and not deleted):
            raise not_found("User does not exist")
        return user

    def rolegroup(self, call: Call, unit: Unit) -> RoleGroup:
        group = self.org.rolegroups.get(call.params["rolegroup"])
        if group is None or group.org_id != unit.id:
            raise not_found("Role group not found")
        return group

    def team(self, call: Call, unit: Unit) -> Team:
        """The team that the path names; teams hang on the root organisation only."""
        team = self.org.teams.get(call.params["team"]) if unit.is_root else None
        if team is None:
            raise not_found("Team not found")
        return team

    def created(self, shown: dict[str, Any]) -> Answer:
        """The 201 to something new."""
        return answer_json(shown, 201) if self.quirks.create_answer == "object" else Answer(201)

    def actor(self, call: Call) -> User | None:
        """The person behind the call, None for an application that acts for itself."""
        user_id = call.actor.user_id if call.actor is not None else None
        return self.org.users.get(user_id) if user_id is not None else None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route before it is bound to a desk. Fields as in `calls.Route`."""

    method: str
    path: str
    handler: Callable[[Desk, Call], Answer]
    right: str | None
    parent: str | None = None
    limited: bool = True

    def bind(self, desk: Desk) -> Route:
        return Route(self.method, self.path, partial(self.handler, desk), self.right, self.parent, self.limited)


def is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return len(text) == 36


def timestamp(at: float | None) -> str | None:
    """ISO 8601 with milliseconds in UTC."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def page(rows: Sequence[Any], rows_wanted: slice, show: Callable[[Any], Any]) -> Answer:
    """`{data, total}`; only the rows of the page are rendered."""
    return answer_json({"data": [show(row) for row in rows[rows_wanted]], "total": len(rows)})


def containing(rows: Iterable[T], needle: str | None, haystack: Callable[[T], str]) -> list[T]:
    """Rows whose text contains the needle, without regard to case."""
    if not needle:
        return list(rows)
    folded = needle.casefold()
    return [row for row in rows if folded in haystack(row)]
