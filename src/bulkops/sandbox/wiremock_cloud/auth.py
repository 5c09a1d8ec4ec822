"""The one API key, and what its holder may do.

A key acts as its user with that user's rights: an administrator of the organisation writes, a member reads.
"""

import base64

from bulkops.sandbox.calls import Call
from bulkops.sandbox.options import TOKEN
from bulkops.sandbox.wiremock_cloud.desk import Desk
from bulkops.sandbox.wiremock_cloud.organisation import ADMIN, User
from bulkops.sandbox.wiremock_cloud.validation import forbidden, unauthorized


class Key:
    """The key's life. It is endless unless a life was given."""

    def __init__(self, ttl_s: float | None) -> None:
        self._ttl_s = ttl_s
        self._ends_at: float | None = None

    def begin(self, now: float) -> None:
        """Its life starts now."""
        self._ends_at = None if self._ttl_s is None else now + self._ttl_s

    def set_life(self, ttl_s: float | None, now: float) -> None:
        self._ttl_s = ttl_s
        self.begin(now)

    def lives(self, now: float) -> bool:
        return self._ends_at is None or now < self._ends_at

    def expire(self, now: float, *, fixed: bool) -> int:
        """End it. There are no other keys than the fixed one."""
        if not fixed or not self.lives(now):
            return 0
        self._ends_at = now
        return 1


def admit(desk: Desk, key: Key, call: Call, right: str) -> None:
    """Set the actor of the call. Raises 401 without the key, 403 without the right."""
    user = desk.org.users[desk.org.caller_id]
    if user.deleted or not key.lives(call.now) or not _is_key(call.headers.get("Authorization", ""), user):
        raise unauthorized()
    call.actor = user
    if right in desk.quirks.forbid:
        raise forbidden()
    role = desk.org.members.get(user.id)
    if right != "users:read" and (role is None or (right.endswith(":write") and role != ADMIN)):
        raise forbidden()


def _is_key(header: str, user: User) -> bool:
    """`Token <key>`, or Basic with a username or address and the key. The key alone is not enough."""
    scheme, _, value = header.partition(" ")
    if scheme == "Token":
        return value == TOKEN
    if scheme.lower() != "basic":
        return False
    try:
        name, _, key = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:  # neither base64 nor text
        return False
    return name.casefold() in (user.username.casefold(), user.email.casefold()) and key == TOKEN
