"""Headers about quotas that nobody means, and files of quotas that nobody wrote."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from bulkops.policy import read_quota
from bulkops.transport.book import SharedBook


@pytest.mark.parametrize("text", ["1e30", "9" * 40, "-1e30", "nan", "inf"])
def test_a_number_beyond_all_quotas_can_be_kept(tmp_path: Path, text: str) -> None:
    """It is cut to one that a file can hold."""
    reading = read_quota({"X-RateLimit-Limit": text, "X-RateLimit-Remaining": text}, server_now=0.0)
    assert (reading.limit or 0) <= 10**9
    book = SharedBook(tmp_path / "quota.sqlite", account="a")
    with book.edit("GET things") as allotment:
        allotment.window.limit = reading.limit
    assert book.shared
    book.close()


@pytest.mark.parametrize("change", [{"members": []}, {"hold_until": "x"}, {"window": None}, {"pace": {"level": 1}}, {}])
def test_what_somebody_else_wrote_into_the_file_is_not_believed(tmp_path: Path, change: dict[str, object]) -> None:
    """A row of other kinds of things counts as none."""
    path = tmp_path / "quota.sqlite"
    book = SharedBook(path, account="a")
    with book.edit("GET things") as allotment:
        allotment.hold_until = 1e12
    book.close()
    with sqlite3.connect(path) as file:
        (text,) = file.execute("SELECT state FROM allotment").fetchone()
        file.execute("UPDATE allotment SET state = ?", (json.dumps({**json.loads(text), **change}),))
    file.close()
    again = SharedBook(path, account="a")
    with again.edit("GET things") as found:
        assert found.hold_until == (0.0 if change else 1e12)
    again.close()


def test_an_edit_that_fails_leaves_the_file_usable(tmp_path: Path) -> None:
    """What was begun is taken back."""
    book = SharedBook(tmp_path / "quota.sqlite", account="a")
    with pytest.raises(RuntimeError), book.edit("GET things") as allotment:  # noqa: PT012 - the edit is what fails
        allotment.hold_until = 5.0
        raise RuntimeError
    with book.edit("GET things") as allotment:
        assert allotment.hold_until == 0.0
    book.close()
