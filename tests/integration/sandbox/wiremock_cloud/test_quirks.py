"""The quirks: documented, with the values and defaults that they have."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bulkops.sandbox.options import SandboxError
from bulkops.sandbox.wiremock_cloud.quirks import CHOICES, Quirks

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "sandbox.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`.*?`) \| (.*) \|$", PAGE.partition("## WireMock Cloud")[2], re.MULTILINE)
DOCUMENTED = {name: text for names, text in ROWS for name in re.findall(r"`(\w+)`", names)}


def test_the_document_names_every_quirk() -> None:
    """And no other."""
    assert DOCUMENTED.keys() == Quirks().view().keys()


@pytest.mark.parametrize("name", CHOICES)
def test_the_document_names_every_value_and_the_default_first(name: str) -> None:
    """In the order of the code."""
    values = [value if isinstance(value, str) else json.dumps(value) for value in CHOICES[name]]
    places = [re.search(rf"\b{value}\b", DOCUMENTED[name]) for value in values]
    starts = [place.start() for place in places if place is not None]
    assert len(starts) == len(values)
    assert starts == sorted(starts)
    assert getattr(Quirks(), name) == CHOICES[name][0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"seat_limit": -1},
        {"limit_max": None},
        {"limit_default": 0},
        {"canned": 1},
        {"last_admin": "409"},
        {"forbid": 1},
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(wrong: dict[str, Any]) -> None:
    """Also one that is only equal to a good one."""
    with pytest.raises(SandboxError, match=next(iter(wrong))):
        Quirks().but(wrong)
