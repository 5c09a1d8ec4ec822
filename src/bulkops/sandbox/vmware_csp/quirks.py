"""Behaviours that the vendor's facts leave open. Each default is the plainest one."""

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from bulkops.sandbox.options import SandboxError

CHOICES: dict[str, tuple[Any, ...]] = {
    "caller": ("admin", "owner", "member"),
    "own_account": ("told", "missing"),
    "expiration_unit": ("milliseconds", "seconds"),
    "page_start": ("items", "pages"),
    "limit_over_max": ("clamp", "reject"),
    "account_invited": ("joins", "pending"),
    "invite_member": ("conflict", "silent", "second", "merge"),
    "reinvite_pending": ("conflict", "silent", "second"),
    "invite_needs_roles": (False, True),
    "revoke_unknown": ("silent", "not_found"),
    "delete_closed_invitation": ("not_found", "ok"),
    "remove_unknown": ("failed", "not_found"),
    "role_held": ("ok", "conflict"),
    "role_missing": ("ok", "reject", "not_found"),
    "last_owner_roles": ("reject", "apply"),
    "patch_answer": ("empty", "roles"),
    "group_stranger": ("failed", "invite", "not_found"),
    "group_held": ("succeeded", "failed", "conflict"),
    "group_missing": ("failed", "succeeded", "not_found"),
    "error_fields": ("all", "message", "none"),
    "bad_client_status": (401, 400),
    "demand_passcode": (False, True),
    "retry_after": ("none", "seconds", "date"),
}
NUMBERS = ("max_usernames", "missing_rows")
RIGHT_LISTS = ("forbid", "app_forbid")
RIGHTS = frozenset(
    f"{area}:{verb}" for area in ("invitations", "users", "roles", "groups") for verb in ("read", "write")
)


@dataclass(frozen=True, slots=True)
class Quirks:
    """Chosen behaviours.

    caller: who holds the fixed token: an administrator, an owner, or a plain member, who sees no roles.
    own_account: people are told their own account by a call that only public clients show, or it is not there (404).
    expiration_unit: unit of an invitation's `expirationTime`; the other times are milliseconds.
    page_start: `pageStart` counts items, or pages, from 1.
    limit_over_max: a `pageLimit` above 200 is cut down, or answered with 400.
    account_invited: an address with an account becomes a member at once, or gets an invitation as others do.
    account_domains: everybody with an address there has an account, beside those who were members.
    invite_member: the address of a member makes the batch a 409, or is passed over, or gets an invitation, or the
        member gets the roles and groups.
    reinvite_pending: an invited address makes the batch a 409, or is passed over, or gets a second invitation.
    invite_needs_roles: an invitation without any organisation role is a 400.
    max_usernames: most addresses in one invitation (400 above); 0: no bound.
    revoke_unknown: revoking by address passes over addresses without an invitation, or answers 404 for all.
    delete_closed_invitation: revoking a redeemed or revoked invitation answers 404, or 200.
    remove_unknown: an unknown user is an entry in `failed`, or sinks the batch with a 404 that lists the users.
    role_held: adding a role that is held changes nothing, or makes the call a 409.
    role_missing: removing a role that is not held directly changes nothing, or is a 400, or a 404.
    last_owner_roles: taking the owner's role from the last owner is a 400, or done.
    patch_answer: a change of roles answers nothing, or the roles.
    group_stranger: adding somebody who is no member fails alone, or invites them, or is a 404 for all.
    group_held: adding somebody who is in the group is in `succeeded`, or in `failed`, or a 409 for all.
    group_missing: removing somebody who is not in the group is in `failed`, or in `succeeded`, or a 404 for all.
    missing_rows: so many rows at the end of each page of a listing are missing, and its `errors` says so.
    error_fields: an error's body has all fields, or the message alone, or there is no body.
    bad_client_status: the answer to a wrong id or secret of an app.
    demand_passcode: exchanging an API token needs a `passcode`.
    retry_after: a 429 says nothing, or names its wait in seconds, or as a date.
    forbid: rights that nobody has, such as `users:write`; app_forbid: those that apps lack (403).
    """

    caller: str = "admin"
    own_account: str = "told"
    expiration_unit: str = "milliseconds"
    page_start: str = "items"
    limit_over_max: str = "clamp"
    account_invited: str = "joins"
    account_domains: tuple[str, ...] = ("partner.test",)
    invite_member: str = "conflict"
    reinvite_pending: str = "conflict"
    invite_needs_roles: bool = False
    max_usernames: int = 0
    revoke_unknown: str = "silent"
    delete_closed_invitation: str = "not_found"
    remove_unknown: str = "failed"
    role_held: str = "ok"
    role_missing: str = "ok"
    last_owner_roles: str = "reject"
    patch_answer: str = "empty"
    group_stranger: str = "failed"
    group_held: str = "succeeded"
    group_missing: str = "failed"
    missing_rows: int = 0
    error_fields: str = "all"
    bad_client_status: int = 401
    demand_passcode: bool = False
    retry_after: str = "none"
    forbid: tuple[str, ...] = ()
    app_forbid: tuple[str, ...] = ()

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
        if not isinstance(value, list | tuple) or not set(value) <= RIGHTS:
            raise SandboxError(f"quirk {name!r} must be a list of rights out of {sorted(RIGHTS)}")
        return tuple(value)
    if name == "account_domains":
        if not isinstance(value, list | tuple) or not all(isinstance(domain, str) for domain in value):
            raise SandboxError(f"quirk {name!r} must be a list of domains, not {value!r}")
        return tuple(domain.casefold() for domain in value)
    names = [field.name for field in fields(Quirks)]
    near = difflib.get_close_matches(name, names, 1)
    raise SandboxError(f"unknown quirk {name!r}; " + (f"did you mean {near[0]!r}?" if near else f"known: {names}"))
