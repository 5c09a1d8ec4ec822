"""The witness of commits beside a ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkops.errors import LedgerError
from bulkops.ledger.seal import Mark, Seal, read_seal, seal_path


def mark(commits: int) -> Mark:
    """A commit of ledger 7."""
    return Mark(commits, 1000 + commits, 7)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger would lie."""
    return tmp_path / "ledger.db"


def test_the_newest_commit_is_witnessed(path: Path) -> None:
    """Whichever slot it is in."""
    seal = Seal(path, mark(4))
    assert read_seal(path) == mark(4)
    for commits in (5, 6, 7):
        seal.put(mark(commits))
        assert read_seal(path) == mark(commits)
    seal.close()


@pytest.mark.parametrize("cut", [1, 20, 39])
def test_a_torn_write_leaves_the_commit_before(path: Path, cut: int) -> None:
    """Its first bytes are new, its last ones old."""
    seal = Seal(path, mark(4))
    seal.put(mark(5))
    before = seal_path(path).read_bytes()
    seal.put(mark(6))
    after = seal_path(path).read_bytes()
    seal.close()
    seal_path(path).write_bytes(after[:cut] + before[cut:])
    assert read_seal(path) in {mark(5), mark(6)}


def test_a_seal_without_a_whole_mark_is_none(path: Path) -> None:
    """Nor is one that is not there."""
    assert read_seal(path) is None
    for data in (b"", b"blkoseal", bytes(1024), b"\xff" * 1024):
        seal_path(path).write_bytes(data)
        assert read_seal(path) is None


def test_a_witnessed_commit_makes_the_file_no_longer(path: Path) -> None:
    """A full disk has room for it: all was written when the seal was made."""
    seal = Seal(path, mark(0))
    size = seal_path(path).stat().st_size
    for commits in range(1, 10):
        seal.put(mark(commits))
    seal.close()
    assert seal_path(path).stat().st_size == size
    assert seal_path(path).stat().st_mode & 0o777 == 0o600


def test_a_link_is_not_followed(path: Path) -> None:
    """It could lead to a file that is not ours to write."""
    target = path.with_name("precious")
    target.write_text("as it was")
    seal_path(path).symlink_to(target)
    with pytest.raises(OSError, match=r"precious|symbolic|Too many levels"):
        Seal(path, mark(1))
    with pytest.raises(LedgerError):
        read_seal(path)
    assert target.read_text() == "as it was"


def test_a_removed_seal_is_noticed(path: Path) -> None:
    """Also when another file has its name."""
    seal = Seal(path, mark(1))
    assert seal.is_in_place()
    seal_path(path).unlink()
    assert not seal.is_in_place()
    seal_path(path).touch()
    assert not seal.is_in_place()
    seal.close()
    with pytest.raises(LedgerError, match="closed"):
        seal.put(mark(2))
