"""Job files on the disk, and models such as operations have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, field_validator, model_validator

from bulkops.jobs import CheckResult, JobSource, RowValidator, check_file, inspect, open_source


class Invite(BaseModel):
    """One address, and what it is given."""

    email: str = Field(min_length=3, max_length=254)
    role_groups: list[str] = []
    teams: list[str] | None = None
    membership: Literal["member", "maintainer"] = "member"
    days: int | None = Field(None, ge=1, le=30)

    @field_validator("email")
    @classmethod
    def _address(cls, value: str) -> str:
        if "@" not in value:
            raise ValueError("is not an e-mail address")
        return value


class Revoke(BaseModel):
    """One of two names."""

    email: str | None = None
    invite_id: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Revoke:
        if not (self.email or self.invite_id):
            raise ValueError("needs email or invite_id")
        return self


class DeleteUser(BaseModel):
    """A user by any name."""

    user: str


MODELS: dict[str, type[BaseModel]] = {"invite": Invite, "revoke-invite": Revoke, "delete-user": DeleteUser}
KNOWN = ("operation", "email", "role_groups", "teams", "membership", "user", "days", "invite_id")

Write = Callable[..., Path]
Open = Callable[..., JobSource]
Check = Callable[..., CheckResult]


@pytest.fixture
def models() -> dict[str, type[BaseModel]]:
    """What the target offers."""
    return MODELS


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write text or bytes to a file of the test's folder."""

    def write(content: str | bytes, name: str = "jobs.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def read(write: Write) -> Open:
    """Open what was written."""

    def read(content: str | bytes, name: str = "jobs.csv") -> JobSource:
        return open_source(inspect(write(content, name)), known_columns=KNOWN)

    return read


@pytest.fixture
def check(read: Open) -> Check:
    """Check what was written, as an invitation unless told otherwise."""

    def check(
        content: str | bytes,
        name: str = "jobs.csv",
        *,
        operation: str | None = "invite",
        keep: int = 1000,
        on_valid: Callable[[int, str, BaseModel], Any] | None = None,
    ) -> CheckResult:
        source = read(content, name)
        validator = RowValidator(MODELS, source=source, operation=operation, operations=["invite", "enable-user"])
        return check_file(source, validator, keep=keep, on_valid=on_valid)

    return check
