"""Errors of the validation library in an administrator's words."""

from __future__ import annotations

import datetime
import enum
import uuid
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import AnyUrl, BeforeValidator, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from bulkops.jobs.explain import Explained, explain


class Colour(enum.Enum):
    """Two of them."""

    RED = "red"
    BLUE = "blue"


def custom(_value: Any) -> None:
    raise PydanticCustomError("scope", "no such scope")


def explained(kind: Any, value: Any) -> Explained:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(dict[str, kind]).validate_python({"field": value})
    return explain(caught.value.errors(include_url=False)[0])


@pytest.mark.parametrize(
    ("kind", "value", "message", "expected"),
    [
        (Colour, "rde", "unknown value", "red or blue"),
        (bool, "maybe", "wrong kind of value", "true or false"),
        (Decimal, "x", "wrong kind of value", "a number"),
        (float, "x", "wrong kind of value", "a number"),
        (datetime.date, "soon", "wrong kind of value", "a date such as 2026-01-31"),
        (uuid.UUID, "x", "wrong kind of value", "an id such as 09907221-ebea-4196-9bdc-b1bbfd8f95a3"),
        (AnyUrl, "x", "wrong kind of value", "an address such as https://acme.test/"),
        (list[str], "x", "wrong kind of value", "a list"),
        (dict[str, str], "x", "wrong kind of value", "an object"),
        (Annotated[str, Field(pattern="^a+$")], "b", "wrong form", "text of the form ^a+$"),
        (Annotated[str, Field(max_length=2)], "bbb", "too long", "at most 2 characters"),
        (Annotated[list[str], Field(max_length=1)], ["b", "c"], "too many entries", "at most 1"),
        (Annotated[list[str], Field(min_length=1)], [], "too few entries", "at least 1"),
        (Annotated[int, Field(gt=3)], 3, "out of range", "more than 3"),
        (None, "x", "not valid", "None"),
    ],
)
def test_each_kind_of_error_says_what_was_expected(kind: Any, value: Any, message: str, expected: str) -> None:
    """No word of the library's own comes through."""
    found = explained(kind, value)
    assert (found.message, found.expected) == (message, expected)


def test_the_nearest_member_of_an_enumeration_is_named() -> None:
    """As for a literal."""
    assert explained(Colour, "rde").nearest == "red"


def test_an_error_with_words_of_its_own_keeps_them() -> None:
    """Its author wrote them for the reader."""
    assert explained(Annotated[str, BeforeValidator(custom)], "x").message == "no such scope"
