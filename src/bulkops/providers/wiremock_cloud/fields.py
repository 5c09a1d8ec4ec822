"""What a row may say, for each operation on WireMock Cloud."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from bulkops.providers.base import Named
from bulkops.providers.columns import Address, Name, RowFields, UserFields
from bulkops.providers.wiremock_cloud.roles import LISTED, ORGANISATION, Role, roles_of, sort_of

ID = re.compile(r"[A-Za-z0-9]{4,16}")
"""Ids are short; those of the vendor's samples have 5 to 10 characters."""


def _invite_id(value: object) -> str:
    text = str(value).strip()
    if not ID.fullmatch(text):
        raise ValueError("an invitation's id, some letters and digits such as neqek")
    return text


Membership = Literal["member", "maintainer"]
InviteId = Annotated[str, BeforeValidator(_invite_id)]


class InviteFields(RowFields):
    """An invitation, into the organisation alone or to one thing in it."""

    email: Address = Field(description="the address to invite")
    role: Role = Field(description="the role they get, such as organisation_member; it must fit the acl_object")
    acl_object: Name | None = Field(
        default=None,
        description="the team or mock API that the role is for, by name or id; for others the ACL object's id",
    )

    @model_validator(mode="after")
    def _role_and_object(self) -> Self:
        sort = sort_of(self.role)
        if self.acl_object is None and sort != ORGANISATION:
            raise ValueError(
                f"an acl_object, the {sort.replace('_', ' ')} that {self.role} is for; without one the role is "
                f"{' or '.join(roles_of(ORGANISATION))}"
            )
        if self.acl_object is not None and sort == ORGANISATION:
            raise ValueError(f"no acl_object for {self.role}, which is a role of the organisation as a whole")
        if self.acl_object is not None and sort not in LISTED and not ID.fullmatch(self.acl_object):
            raise ValueError(f"the id of the ACL object for {self.role}: its things cannot be listed by name")
        return self


class InvitationFields(RowFields):
    """An invitation that is outstanding."""

    email: Address | None = Field(default=None, description="the address that was invited")
    invite_id: InviteId | None = Field(default=None, description="the invitation's id")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.email is None and self.invite_id is None:
            raise ValueError("an email or an invite_id")
        return self


class RoleFields(UserFields):
    """A member and a role in the organisation."""

    role: Name = Field(description="organisation_admin or organisation_member (admin or member for short)")


class TeamMemberFields(UserFields):
    """A member and a team."""

    team: Name = Field(description="team by name or id")
    membership: Membership | None = Field(
        default=None,
        description="member or maintainer (an administrator of the team); if empty, as they are, or member; of no "
        "account when removing",
    )


def verbatim(fields: Any, column: str, name: str) -> bool:
    """Whether a row names an ACL object by its id, since nothing lists things of that sort."""
    return column == "acl_object" and sort_of(fields.role) not in LISTED


def misfit(fields: Any, column: str, thing: Named) -> str:
    """Why a role cannot be given on a thing; empty where it can."""
    if column != "acl_object" or not thing.sort or thing.sort == sort_of(fields.role):
        return ""
    allowed = ", ".join(roles_of(thing.sort))
    return f"{thing.name} is a {thing.sort.replace('_', ' ')}: its roles are {allowed}, and not {fields.role}"
