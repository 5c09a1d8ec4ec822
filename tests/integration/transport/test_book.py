"""The file in which the processes of a machine keep what they know of a quota."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bulkops.policy import Told
from bulkops.transport import SharedBook

TOLD = Told(100, 40, ends=1e12, reset_at=2e9)


def book(path: Path) -> SharedBook:
    """One process's view of the file."""
    return SharedBook(path / "state" / "quota.sqlite", account="https://api.test\norganisation-1")


def learn(of: SharedBook, name: str = "GET things") -> None:
    """Note a window of which forty calls are left."""
    with of.edit(name) as allotment:
        allotment.come("one", 5.0, unsent=0)
        allotment.answered("one", 5.0, TOLD, reserve=0.0, accepted=1)


def left(of: SharedBook, name: str = "GET things") -> int:
    """How many calls are left in the window that is known."""
    with of.edit(name) as allotment:
        return allotment.window.left


def test_what_one_process_learns_the_others_know(tmp_path: Path) -> None:
    """For the same account and class, and no other."""
    one, other = book(tmp_path), book(tmp_path)
    learn(one)
    assert other.limits("GET things")
    assert (left(other), left(other, "POST things")) == (40, 0)
    elsewhere = SharedBook(tmp_path / "state" / "quota.sqlite", account="https://api.test\norganisation-2")
    assert not elsewhere.limits("GET things")
    for opened in (one, other, elsewhere):
        opened.close()


def test_calls_that_one_takes_are_gone_for_the_others_until_they_come_back(tmp_path: Path) -> None:
    """Taken in one transaction, given back in another."""
    one, other = book(tmp_path), book(tmp_path)
    learn(one)
    with one.edit("GET things") as allotment:
        taken = allotment.take("one", 6.0, most=8, busy=0, latency_s=0.1).calls
    assert (taken, left(other)) == (8, 32)
    with one.edit("GET things") as allotment:
        allotment.come("one", 6.1, unsent=5)
    assert left(other) == 37
    one.close()
    other.close()


def test_nothing_is_made_while_there_is_nothing_to_share(tmp_path: Path) -> None:
    """A service without limits leaves no file behind."""
    one = book(tmp_path)
    assert not one.limits("GET things")
    assert list(tmp_path.iterdir()) == []


def test_only_its_owner_may_read_it_and_it_names_nobody(tmp_path: Path) -> None:
    """Private modes; the account is in it as a hash."""
    one = book(tmp_path)
    learn(one)
    folder = tmp_path / "state"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    one.close()
    assert b"organisation-1" not in (folder / "quota.sqlite").read_bytes()


@pytest.mark.parametrize("trouble", ["damaged", "no folder", "another's table"])
def test_a_file_that_cannot_be_used_is_said_once_and_nothing_fails(tmp_path: Path, trouble: str) -> None:
    """The process goes on alone, with what it knows."""
    if trouble == "damaged":
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / "quota.sqlite").write_bytes(b"no database at all" * 100)
    elif trouble == "no folder":
        (tmp_path / "state").write_text("a file in its place")
    else:
        (tmp_path / "state").mkdir()
        file = sqlite3.connect(tmp_path / "state" / "quota.sqlite")
        file.execute("CREATE TABLE allotment (other)")
        file.close()
    one = book(tmp_path)
    with capture_logs() as logs:
        one.limits("GET things")
        learn(one)
        assert left(one) == 40
        assert one.limits("GET things")
    assert [entry["event"] for entry in logs] == ["quota.not_shared"]
    assert not one.shared


def test_a_file_that_breaks_on_the_way_loses_nothing_that_was_known(tmp_path: Path) -> None:
    """What was last known counts on."""
    one = book(tmp_path)
    learn(one)
    (tmp_path / "state" / "quota.sqlite").write_bytes(b"overwritten" * 1000)
    other = sqlite3.connect(":memory:")
    one._file, was = other, one._file
    assert was is not None
    was.close()
    assert left(one) == 40
    other.close()


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE allotment SET boot = boot - 3600",
        "UPDATE allotment SET state = '{}'",
        "UPDATE allotment SET state = 'x'",
    ],
    ids=["an earlier boot", "another version", "no JSON"],
)
def test_what_does_not_fit_is_forgotten(tmp_path: Path, spoil: str) -> None:
    """Times of another boot mean nothing now, nor do fields of another version."""
    one = book(tmp_path)
    learn(one)
    with sqlite3.connect(tmp_path / "state" / "quota.sqlite") as file:
        file.execute(spoil)
    file.close()
    assert not one.limits("GET things")
    learn(one)
    assert left(one) == 40
    one.close()
