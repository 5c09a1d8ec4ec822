"""How values become rows of the file."""

from __future__ import annotations

import pytest

from bulkops.ledger import rows as rows_module
from bulkops.ledger.rows import Details, settled_row
from bulkops.model import Outcome


def test_a_text_is_stored_once() -> None:
    """A thousand equal failures cost a number each; no text costs nothing."""
    details = Details(next_id=5)
    assert details.id_of("", "") is None
    assert details.id_of("bad", "no such role") == details.id_of("bad", "no such role") == 5
    assert details.id_of("bad", "another") == 6
    assert details.fresh == [(5, "bad", "no such role"), (6, "bad", "another")]


def test_endless_different_texts_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forgotten one is stored again under a number of its own."""
    monkeypatch.setattr(rows_module, "_REMEMBERED", 2)
    details = Details()
    numbers = [details.id_of("bad", text) for text in ("a", "b", "c", "a")]
    assert numbers == [1, 2, 3, 4]


def test_a_single_row_has_no_last_row() -> None:
    """That keeps a million of them small."""
    done = Outcome.succeeded(attempts=1, http_status=201)
    assert settled_row((7, 7, done), Details(), 1500) == (7, None, 3, 1, 201, None, None, 1500)
    assert settled_row((7, 9, done), Details(), 1500) == (7, 9, 3, 1, 201, None, None, 1500)
