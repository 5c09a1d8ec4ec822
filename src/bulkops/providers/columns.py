"""Columns that job files have for every provider."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_ADDRESS = re.compile(r"[^\s@,;<>()\[\]\\\"]+@[^\s@,;<>()\[\]\\\"]+\.[^\s@,;<>()\[\]\\\".]+")


def _address(text: str) -> str:
    if len(text) > 255:
        raise ValueError(f"an e-mail address of at most 255 characters, this has {len(text)}")
    if not _ADDRESS.fullmatch(text) or ".." in text or not text.isprintable():
        inner = re.search(r"<([^<>]+)>", text)
        raise ValueError(
            f"the bare address, {inner.group(1)}" if inner else "an e-mail address such as name@example.com"
        )
    return text


def _name(text: str) -> str:
    if not text or len(text) > 255 or not text.isprintable():
        raise ValueError("a name or id of 1 to 255 printable characters")
    return text


Address = Annotated[str, AfterValidator(_address)]
Name = Annotated[str, AfterValidator(_name)]


class RowFields(BaseModel):
    """Base of all: frozen, unknown columns are the reader's business."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class UserFields(RowFields):
    """Somebody who has an account."""

    user: Name = Field(description="e-mail address, username or id")
