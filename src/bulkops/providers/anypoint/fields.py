"""What a row may say, for each operation on Anypoint."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bulkops.providers.columns import Address, Name, RowFields, UserFields


def _invite_id(value: object) -> str:
    """Ids are integers: a spreadsheet's number, or its text."""
    text = str(value).strip()
    if not text.isascii() or not text.isdigit():
        raise ValueError("an invitation's id, which is a whole number")
    return str(int(text))


def _new_name(text: str) -> str:
    """Composed, and with single spaces: a name that the provider might write otherwise could not be found again."""
    if text != " ".join(text.split()):
        raise ValueError("a name with single spaces between its words")
    return unicodedata.normalize("NFC", text)


Membership = Literal["member", "maintainer"]
NewName = Annotated[Name, AfterValidator(_new_name)]
InviteId = Annotated[str, BeforeValidator(_invite_id)]


class InviteFields(RowFields):
    """An invitation."""

    email: Address = Field(description="the address to invite")
    role_groups: tuple[Name, ...] = Field(default=(), description="role groups by name or id")
    teams: tuple[Name, ...] = Field(default=(), description="teams by name or id")
    membership: Membership = Field(default="member", description="how they join the teams: member or maintainer")
    roles: tuple[Name, ...] = Field(default=(), description="permissions by name or id")
    organization: Name | None = Field(
        default=None, description="context of the permissions; this organisation if empty"
    )
    environment: Name | None = Field(default=None, description="context of the permissions, by name or id")


class InvitationFields(RowFields):
    """An invitation that is outstanding or expired."""

    email: Address | None = Field(default=None, description="the address that was invited")
    invite_id: InviteId | None = Field(default=None, description="the invitation's id, a number")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.email is None and self.invite_id is None:
            raise ValueError("an email or an invite_id")
        return self


class RoleGroupFields(UserFields):
    """A person and a role group."""

    role_group: Name = Field(description="role group by name or id")


class RoleFields(UserFields):
    """A person and a permission, in an organisation or one environment of it."""

    role: Name = Field(description="permission by name or id")
    organization: Name | None = Field(default=None, description="organisation or business group; this one if empty")
    environment: Name | None = Field(
        default=None, description="environment by name or id; if empty, the organisation itself"
    )


class TeamMemberFields(UserFields):
    """A person and a team."""

    team: Name = Field(description="team by name or id")
    membership: Membership | None = Field(
        default=None, description="member or maintainer; if empty, as they are, or member; of no account when removing"
    )


class AllowlistFields(RowFields):
    """An app on the allowlist."""

    client_id: Name = Field(description="the app's client id")
    scopes: tuple[Name, ...] = Field(
        default=(), description="scopes it may use, all it is registered for if empty; of no account when removing"
    )


class NewRoleGroupFields(RowFields):
    """A role group that is to be made."""

    name: NewName = Field(description="what it is called")
    description: str = Field(default="", description="what it is for; may be empty")


class NewTeamFields(RowFields):
    """A team that is to be made."""

    name: NewName = Field(description="what it is called")
    parent: Name | None = Field(
        default=None, description="team to put it under, by name or id, which must be there; the top one if empty"
    )
