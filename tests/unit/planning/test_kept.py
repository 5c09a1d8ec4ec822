"""What a survey decided comes back as it was, until something cannot be kept."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkops.model import Item
from bulkops.operations.base import Decision
from bulkops.planning import KeptDecisions
from bulkops.planning.kept import IN_MEMORY
from bulkops.providers.anypoint.fields import InviteFields
from bulkops.providers.base import Change, Named, Person
from bulkops.providers.columns import UserFields

SOMEBODY = Person("p1", "eve", "eve@old.test")


def ready(row: int, address: str, *, effect: str | None = None, **more: Any) -> Decision:
    """An invitation that will be sent."""
    fields = InviteFields(email=address, teams=("one",), membership="maintainer")
    change = Change(fields, address, level="maintainer", detail=("a", "b"), since=1.5, terms="{}", before="x")._replace(
        **more
    )
    return Decision.ready(Item(row, address.upper(), change), effect=effect, word="changed")


def kept(*chunks: list[Decision], whole: int = 0) -> KeptDecisions:
    """All that fits."""
    keep = KeptDecisions(whole=whole)
    for chunk in chunks:
        keep.add(chunk)
    return keep


def test_decisions_with_texts_alone_come_back_equal_however_many() -> None:
    """Also when they have outgrown the memory: fields, effect and all."""
    chunks = [[ready(500 * n + row, f"a.{n}.{row}@x.test", effect=f"e{row}") for row in range(500)] for n in range(30)]
    keep = kept(*chunks)
    assert keep._file._rolled, f"not more than {IN_MEMORY} bytes"  # type: ignore[attr-defined]
    assert keep.last_row == 14_999
    assert [list(chunk) for chunk in keep.take()] == chunks
    assert list(keep.take()) == []


def test_what_is_more_than_texts_is_kept_as_it_is_up_to_a_number() -> None:
    """A grant, a person, a row that is skipped; where one chunk does not fit any more, none after it is kept."""
    grants = {"team": (Named("t1", "Team"),)}
    one = [ready(1, "a@x.test", grants=grants), ready(2, "b@x.test")]
    two = [ready(3, "c@x.test")]
    three = [ready(4, "d@x.test", person=SOMEBODY), Decision.skip(Item(5, "e", None), "already_member", "is there")]
    four = [ready(6, "f@x.test")]
    keep = kept(one, two, three, four, whole=3)
    assert keep.last_row == 3
    assert [list(chunk) for chunk in keep.take()] == [one, two]
    assert [list(chunk) for chunk in kept(one, two, three, four, whole=4).take()] == [one, two, three, four]


def test_rows_of_two_models_are_not_mixed_up() -> None:
    """They are kept as they are, or not at all."""
    user = UserFields(user="eve")
    mixed = [ready(1, "a@x.test"), Decision.ready(Item(2, "eve", Change(user, "p1")))]
    assert kept(mixed).last_row == 0
    assert [list(chunk) for chunk in kept(mixed, whole=2).take()] == [mixed]


@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=20))
def test_any_text_comes_back(texts: list[str]) -> None:
    """Lone surrogates, line ends, zeros."""
    chunk = [
        Decision.ready(Item(row, text, Change(UserFields.model_construct(user=text), text, text)), effect=text)
        for row, text in enumerate(texts, start=1)
    ]
    (back,) = kept(chunk).take()
    assert list(back) == chunk


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """A disk that takes no file of more than so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [IN_MEMORY // 2, IN_MEMORY + 100_000], ids=["at once", "later"])
def test_a_disk_that_is_full_costs_what_was_kept_and_nothing_else(size: int) -> None:
    """What comes back is a beginning of what was kept: the rows after it are decided anew."""
    chunks = [[ready(500 * n + row, f"a.{n}.{row}@x.test") for row in range(500)] for n in range(40)]
    with no_file_beyond(size):
        keep = kept(*chunks)
        back = [list(chunk) for chunk in keep.take()]
        keep.close()
    assert back == chunks[: len(back)]
    assert len(back) < len(chunks)
