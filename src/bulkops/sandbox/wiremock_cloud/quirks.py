"""Behaviours that the vendor's facts leave open. Each default is the plainest."""

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from bulkops.sandbox.options import SandboxError

PRESENCE = ("present", "absent")
CHOICES: dict[str, tuple[Any, ...]] = {
    "self_redirect": ("relative", "absolute"),
    "paging": ("full", "meta", "links", "bare"),
    "limit_over_max": ("clamp", "reject"),
    "remove_unknown": (404, 204),
    "last_admin": (409, 403, 422),
    "invite_member": ("conflict", "second", "silent"),
    "reinvite_pending": ("conflict", "second", "silent"),
    "invite_email_case": ("keep", "lower"),
    "invite_mismatch": (400, 422),
    "new_user": ("literal", "described"),
    "one_invitation": PRESENCE,
    "revoke_status": (204, 200),
    "seat_refusal": (409, 403, 422),
    "team_not_found": ("errors", "message"),
    "team_repeat": ("conflict", "ok"),
    "team_remove_unknown": (404, 204),
    "team_last_admin": ("allow", "conflict"),
    "organisation_acl": PRESENCE,
    "team_acl": PRESENCE,
    "acl_status": (200, 204),
    "acl_listing": PRESENCE,
    "acl_grants": PRESENCE,
    "acl_roles": PRESENCE,
    "grants_form": ("objects", "ids", "acl_grants"),
    "grants_paged": (False, True),
    "data_source_roles": ("accept", "reject"),
    "withdraw_unknown": (404, 204),
    "canned": (False, True),
}
LEAST: dict[str, int] = {"limit_default": 1, "limit_max": 1, "seat_limit": 0, "invitation_days": 1}
OPTIONAL = ("seat_limit", "invitation_days")
AREAS = ("users", "organisation", "members", "accounts", "invitations", "teams", "acl", "apis", "usage")
RIGHTS = sorted(f"{area}:{verb}" for area in AREAS for verb in ("read", "write"))


@dataclass(frozen=True, slots=True)
class Quirks:
    """Chosen behaviours.

    self_redirect: the Location of `GET users/self` has the host, or not.
    paging: lists have `meta` and `links`, or one of them, or neither (both are optional in the schema).
    limit_default, limit_max, limit_over_max: rows of a page when nobody says, the most, and whether more than the
        most is cut down or a 400. None of them is stated.
    remove_unknown, team_remove_unknown, withdraw_unknown: the answer to removing what is not there.
    last_admin: the answer to removing, or to making a member of, the last administrator.
    invite_member, reinvite_pending: the address of a member, or of somebody invited, makes a 409; or a further
        invitation (a mail leaves); or a 201 that changes nothing.
    invite_email_case: addresses are stored as sent, or in lower case.
    invite_mismatch: the answer to a role that does not fit the `aclObjectId`, or to an unknown one.
    new_user: `newUser` tells what its name says, or what its description says, which is the opposite.
    one_invitation: whether `links.self` of an invitation leads anywhere; revoke_status: the answer to its DELETE.
    invitation_days: age at which an invitation is no longer pending; none by default, as the facts name none.
    seat_limit: members and pending invitations that the plan has, none by default; seat_refusal: the answer to an
        invitation past it.
    team_not_found: `GET teams/{id}` answers 404 in the form of its own page, or in that of all others.
    team_repeat: adding a member of the team makes a 409, or a 201 that changes nothing.
    team_last_admin: a team may lose its last administrator, or the attempt is a 409.
    organisation_acl, team_acl: whether `PUT .../acl/user/{id}` works for organisations and teams; acl_status: its
        answer where the facts do not tell it.
    acl_listing: whether `links.acl` leads anywhere; acl_grants, acl_roles: the same for the two calls under `acl`.
    grants_form: grants are objects, or bare ids such as `9gd5l-1z6rd-mock_api_admin`; or objects under `aclGrants`.
    grants_paged: whether a list of grants comes in pages.
    data_source_roles: grants on data sources take `data_source_*`, or make a 422 since their page omits those.
    canned: every write answers the sample of its page and changes nothing, as on the vendor's own mock host.
    forbid: rights that the caller lacks, such as `invitations:write`.
    """

    self_redirect: str = "relative"
    paging: str = "full"
    limit_default: int = 20
    limit_max: int = 100
    limit_over_max: str = "clamp"
    remove_unknown: int = 404
    last_admin: int = 409
    invite_member: str = "conflict"
    reinvite_pending: str = "conflict"
    invite_email_case: str = "keep"
    invite_mismatch: int = 400
    new_user: str = "literal"
    one_invitation: str = "present"
    revoke_status: int = 204
    invitation_days: int | None = None
    seat_limit: int | None = None
    seat_refusal: int = 409
    team_not_found: str = "errors"
    team_repeat: str = "conflict"
    team_remove_unknown: int = 404
    team_last_admin: str = "allow"
    organisation_acl: str = "present"
    team_acl: str = "present"
    acl_status: int = 200
    acl_listing: str = "present"
    acl_grants: str = "present"
    acl_roles: str = "present"
    grants_form: str = "objects"
    grants_paged: bool = False
    data_source_roles: str = "accept"
    withdraw_unknown: int = 404
    canned: bool = False
    forbid: tuple[str, ...] = ()

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
    if name in LEAST:
        return _number(name, value)
    if name == "forbid":
        if not isinstance(value, list | tuple) or not all(right in RIGHTS for right in value):
            raise SandboxError(f"quirk 'forbid' must be a list of rights out of {RIGHTS}")
        return tuple(value)
    names = [field.name for field in fields(Quirks)]
    near = difflib.get_close_matches(name, names, 1)
    raise SandboxError(f"unknown quirk {name!r}; " + (f"did you mean {near[0]!r}?" if near else f"known: {names}"))


def _number(name: str, value: Any) -> int | None:
    if value is None and name in OPTIONAL:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < LEAST[name]:
        raise SandboxError(f"quirk {name!r} must be a whole number of {LEAST[name]} or more, not {value!r}")
    return value
