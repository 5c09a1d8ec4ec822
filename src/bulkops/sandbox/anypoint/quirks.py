"""Behaviours that the vendor's facts leave open. Each default is the one that is hardest on a client."""

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from bulkops.sandbox.options import SandboxError

CHOICES: dict[str, tuple[Any, ...]] = {
    "limit_over_max": ("clamp", "reject"),
    "invite_answer": ("empty", "items"),
    "invite_email_case": ("lower", "keep"),
    "reinvite_pending": ("second", "refresh", "reject"),
    "invite_member": ("accept", "reject"),
    "resend_expired": ("renew", "keep", "fail"),
    "bulk_delete_unknown": ("skip", "reject"),
    "delete_deleted": ("not_found", "ok"),
    "delete_self": ("apply", "reject"),
    "delete_status": (204, 200),
    "put_user_partial": ("keep", "reject", "clear"),
    "put_user_status": (200, 204),
    "members_partial": ("part", "atomic"),
    "rolegroup_repeat": ("ok", "conflict"),
    "rolegroup_answer": ("rows", "empty"),
    "rolegroup_name_taken": ("second", "conflict"),
    "team_name_taken": ("second", "sibling", "anywhere"),
    "create_answer": ("empty", "object"),
    "unassign_conflict": ("atomic", "part"),
    "unassign_role_missing": ("not_found", "ok", "conflict"),
    "team_name_field": ("name", "team_name"),
    "allowlist_patch": ("replace", "merge"),
    "allowlist_expand": (True, False),
    "body_cap_status": (413, 400),
    "throttle": ("503", "429", "mixed"),
    "reset_unit": ("epoch", "milliseconds_left"),
    "quota_headers": ("vendor", "draft", "draft_old", "none"),
    "forbid_status": (403, 401),
    "serialize_writes": (True, False),
}
NUMBERS = ("body_cap_bytes", "parent_write_ms", "reauth_after_s")
RIGHT_LISTS = ("forbid", "app_forbid")
AREAS = (
    "invites", "users", "members", "rolegroups", "roles", "teams", "teamroles", "allowlist", "apps", "organization",
    "environments",
)  # fmt: skip
RIGHTS = frozenset(f"{area}:{verb}" for area in AREAS for verb in ("read", "write"))


@dataclass(frozen=True, slots=True)
class Quirks:
    """Chosen behaviours.

    limit_over_max: a page limit above the maximum is cut down, or answered with 400.
    invite_answer: POST invites answers `[]`, or the invites (newest first, with their codes).
    invite_email_case: addresses are stored in lower case, or as sent.
    reinvite_pending: a pending address gets a second invite, or its invite renewed (a mail leaves), or a 400.
    invite_member: the address of an account may be invited, or makes the batch a 400.
    resend_expired: an expired invite is sent and starts a new week, or sent and stays expired, or fails.
    bulk_delete_unknown: unknown ids in a bulk delete are skipped, or make it a 404 with nothing applied.
    delete_deleted: deleting a deleted account answers 404, or as the first time.
    delete_self: deleting one's own account works (and ends one's rights), or answers 403.
    delete_status, put_user_status: the success status of those calls.
    put_user_partial: fields left out of a PUT are kept, or demanded (400), or emptied.
    members_partial: a bulk members call with bad ids answers 400 with the good ones applied, or with none.
    rolegroup_repeat: assigning a held role group answers 200, or 409 with nothing applied.
    rolegroup_answer: assigning answers the assignments, or nothing.
    rolegroup_name_taken: a second role group of a name is made, or is a 409.
    team_name_taken: a second team of a name is made, or is a 409 under the same parent, or is one anywhere.
    create_answer: the 201 to a new role group or team is empty, or holds it.
    unassign_conflict: unassigning a role group that some do not hold (409) applies nothing, or the rest.
    unassign_role_missing: removing a permission that is not held answers 404, 200 or 409.
    team_name_field: what a child team's name is called in a list of members.
    allowlist_patch: scopes of a known client are replaced, or added to.
    allowlist_expand: an entry without scopes is listed with all those of its application, or without any.
    body_cap_bytes, body_cap_status: largest request body, and the answer to a larger one.
    throttle: over the quota an empty 503 without headers, a 429 with them, or either at random.
    reset_unit: X-RateLimit-Reset is an epoch second, or the milliseconds left as a gateway policy writes it.
    quota_headers: the vendor's three, or the fields of the IETF draft (RateLimit and RateLimit-Policy; or, of an
        older draft, three fields), whose resets are seconds left; or none, also with a refusal.
    forbid: rights that no token has, such as `invites:write`; forbid_status: the answer to those who lack one.
    app_forbid: rights that a connected app acting for itself lacks (403).
    serialize_writes: concurrent writes under one role group, team or allowlist get an empty 503.
    parent_write_ms: the least time such a write takes.
    reauth_after_s: age of a user's session from which changing an address needs a new sign-in.
    """

    limit_over_max: str = "clamp"
    invite_answer: str = "empty"
    invite_email_case: str = "lower"
    reinvite_pending: str = "second"
    invite_member: str = "accept"
    resend_expired: str = "renew"
    bulk_delete_unknown: str = "skip"
    delete_deleted: str = "not_found"
    delete_self: str = "apply"
    delete_status: int = 204
    put_user_partial: str = "keep"
    put_user_status: int = 200
    members_partial: str = "part"
    rolegroup_repeat: str = "ok"
    rolegroup_answer: str = "rows"
    rolegroup_name_taken: str = "second"
    team_name_taken: str = "second"
    create_answer: str = "empty"
    unassign_conflict: str = "atomic"
    unassign_role_missing: str = "not_found"
    team_name_field: str = "name"
    allowlist_patch: str = "replace"
    allowlist_expand: bool = True
    body_cap_bytes: int = 100 * 1024
    body_cap_status: int = 413
    throttle: str = "503"
    reset_unit: str = "epoch"
    quota_headers: str = "vendor"
    forbid: tuple[str, ...] = ()
    forbid_status: int = 403
    app_forbid: tuple[str, ...] = ("allowlist:write", "teamroles:write")
    serialize_writes: bool = True
    parent_write_ms: int = 2
    reauth_after_s: int = 1800

    def but(self, given: Mapping[str, Any]) -> "Quirks":
        """A copy with some behaviours changed. Raises SandboxError for an unknown name or value."""
        return replace(self, **{name: _checked(name, value) for name, value in given.items()})

    def view(self) -> dict[str, Any]:
        return asdict(self)


def _checked(name: str, value: Any) -> Any:
    if name in CHOICES:
        for choice in CHOICES[name]:
            if value == choice and isinstance(value, bool) == isinstance(choice, bool):
                return choice
        raise SandboxError(f"quirk {name!r} must be one of {list(CHOICES[name])}, not {value!r}")
    if name in NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise SandboxError(f"quirk {name!r} must be a whole number of 0 or more, not {value!r}")
        return value
    if name in RIGHT_LISTS:
        return _rights(name, value)
    names = [field.name for field in fields(Quirks)]
    near = difflib.get_close_matches(name, names, 1)
    raise SandboxError(f"unknown quirk {name!r}; " + (f"did you mean {near[0]!r}?" if near else f"known: {names}"))


def _rights(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not set(value) <= RIGHTS:
        raise SandboxError(f"quirk {name!r} must be a list of rights out of {sorted(RIGHTS)}")
    return tuple(value)
