"""What a row may say, for each operation on VMware Cloud Services."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bulkops.providers.columns import Address, Name, RowFields, UserFields

MOST_GROUPS = 15


def _invite_id(value: object) -> str:
    text = str(value).strip()
    parts = text.split("-")
    if [len(part) for part in parts] != [8, 4, 4, 4, 12] or not all(c in "0123456789abcdefABCDEF-" for c in text):
        raise ValueError("an invitation's id, such as 0f8fad5b-d9cb-469f-a165-70867728950e")
    return text.lower()


def service_id(text: str) -> str:
    """The id of a service definition, which is also the end of its link."""
    return text.rstrip("/").rpartition("/")[2]


def _service(text: str) -> str:
    found = service_id(text)
    if not found:
        raise ValueError("the id or the link of a service definition")
    return found


def _service_role(text: str) -> str:
    """A service has no `:` in its id or link; its roles mostly have."""
    service, _, role = text.partition(":")
    if not service_id(service) or not role:
        raise ValueError("a service definition's id or link, a colon, and the name of a role of it")
    return text


InviteId = Annotated[str, BeforeValidator(_invite_id)]
ServiceRole = Annotated[Name, AfterValidator(_service_role)]
Resource = Annotated[str, Field(min_length=1, max_length=200)]


class InviteFields(RowFields):
    """An invitation."""

    email: Address = Field(description="the address to invite")
    roles: tuple[Name, ...] = Field(default=(), description="organisation roles by name, such as org_member")
    groups: tuple[Name, ...] = Field(
        default=(), max_length=MOST_GROUPS, description="custom groups by name or id, at most 15"
    )
    service_roles: tuple[ServiceRole, ...] = Field(
        default=(), description="roles of services, each as SERVICE:ROLE; the service by its definition's id or link"
    )
    expires_in_days: int | None = Field(
        default=None, ge=1, le=90, description="days until the invitation ends, 1 to 90; 7 if empty"
    )
    notify: bool = Field(default=True, description="whether the person gets a mail")


class InvitationFields(RowFields):
    """An invitation that is outstanding or expired."""

    email: Address | None = Field(default=None, description="the address that was invited")
    invite_id: InviteId | None = Field(default=None, description="the invitation's id, a GUID")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.email is None and self.invite_id is None:
            raise ValueError("an email or an invite_id")
        return self


class RoleFields(UserFields):
    """A person and a role, of the organisation or of a service."""

    role: Name = Field(description="role by name; of the organisation, unless the row names a service")
    service: Annotated[Name, AfterValidator(_service)] | None = Field(
        default=None, description="the service whose role it is, by its definition's id or link"
    )
    resource: Resource | None = Field(
        default=None, description="the resource that the role is for, as the vendor writes it; none if empty"
    )


class GroupMemberFields(UserFields):
    """A person and a custom group."""

    team: Name = Field(description="custom group by name or id")
