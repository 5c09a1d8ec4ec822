"""A file that grows page by page: whole or not at all, and gone on with where it stood."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bulkops.errors import RefusedError, UsageError
from bulkops.fetch import Mark, PartFile, Portion
from bulkops.fetch.certify import key_of

WHAT = {"resource": "numbers", "columns": ["n"], "asked_at": "2026-01-01T00:00:00+00:00"}


def portion(start: int, count: int, *, parent: str = "", ended: bool = False) -> tuple[bytes, Portion]:
    """Rows with the names of their numbers."""
    names = [f"n{number}" for number in range(start, start + count)]
    data = "".join(f"{name}\n" for name in names).encode()
    return data, Portion([{"n": name} for name in names], names, Mark(start + count - 1, 10, 99), parent, ended)


def every_time() -> float:
    """A clock by which each portion is a checkpoint."""
    return float(next(TICKS))


TICKS = iter(range(10, 10**9, 10))


def grown(path: Path, *portions: tuple[bytes, Portion]) -> PartFile:
    """A part that some portions were written to, and then left."""
    with PartFile(path, WHAT, clock=every_time) as part:
        for data, one in portions:
            part.write(data, one, rows=len(one.rows))
    return part


def test_a_finished_file_takes_its_place_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    """It replaces what was there, and only its owner may read it."""
    path = tmp_path / "numbers.csv"
    path.write_text("older")
    with PartFile(path, WHAT) as part:
        part.write(*portion(0, 3), rows=3)
        assert path.read_text() == "older"
        part.finish(b"end\n")
    assert path.read_text() == "n0\nn1\nn2\nend\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["numbers.csv"]


def test_a_left_file_is_gone_on_with_where_the_last_checkpoint_stood(tmp_path: Path) -> None:
    """The rows, the mark and the keys of what was given; what the part has beyond it is cut off."""
    path = tmp_path / "numbers.csv"
    grown(path, portion(0, 3), portion(3, 4))
    with (tmp_path / "numbers.csv.part").open("ab") as file:
        file.write(b"n7\nn")
    with PartFile(path, WHAT) as part:
        assert (part.rows, part.resumed) == (7, True)
        left = part.left.listings[""]
        assert left.mark == Mark(6, 10, 99)
        assert list(left.keys) == [key_of(f"n{number}") for number in range(7)]
        part.write(*portion(7, 1), rows=1)
        part.finish(b"")
    assert path.read_text().split() == [f"n{number}" for number in range(8)]


def test_whatever_a_crash_leaves_of_the_state_the_rows_are_those_it_tells_of(tmp_path: Path) -> None:
    """The state is cut off at each byte: rows, part and keys always agree."""
    path = tmp_path / "numbers.csv"
    grown(path, portion(0, 2), portion(2, 2), portion(4, 2))
    state, rows = (tmp_path / "numbers.csv.state").read_bytes(), (tmp_path / "numbers.csv.part").read_bytes()
    seen = set()
    for cut in range(len(state) + 1):
        (tmp_path / "numbers.csv.state").write_bytes(state[:cut])
        (tmp_path / "numbers.csv.part").write_bytes(rows)
        with PartFile(path, WHAT) as part:
            assert len((tmp_path / "numbers.csv.part").read_text().split()) == part.rows
            keys = part.left.listings[""].keys if part.left.listings else ()
            assert len(keys) == part.rows
            seen.add(part.rows)
    assert seen == {0, 2, 4, 6}


def test_parents_that_were_done_are_told_from_the_one_that_was_not(tmp_path: Path) -> None:
    """Each with what was given of it."""
    path = tmp_path / "numbers.csv"
    done = (b"", Portion((), (), parent="a", ended=True))
    grown(path, portion(0, 2, parent="a"), done, portion(0, 3, parent="b"))
    with PartFile(path, WHAT) as part:
        assert part.left.done == {"a"}
        assert {name: len(left.keys) for name, left in part.left.listings.items()} == {"b": 3}


def test_another_export_does_not_go_on_with_it(tmp_path: Path) -> None:
    """Nor does a second process write the same file; when it was asked does not matter, and the first moment stands."""
    path = tmp_path / "numbers.csv"
    grown(path, portion(0, 2))
    with (
        pytest.raises(RefusedError, match="another export \\(other columns\\)"),
        PartFile(path, {**WHAT, "columns": ["m"]}),
    ):
        pass
    with PartFile(path, {**WHAT, "asked_at": "2027-01-01T00:00:00+00:00"}) as part:
        assert part.what["asked_at"] == WHAT["asked_at"]
        with pytest.raises(RefusedError, match="another process"), PartFile(path, WHAT):
            pass


def test_a_part_that_is_shorter_than_its_state_says_is_refused(tmp_path: Path) -> None:
    """Somebody edited it, or the disk lost it."""
    path = tmp_path / "numbers.csv"
    grown(path, portion(0, 9))
    (tmp_path / "numbers.csv.part").write_bytes(b"n0\n")
    with pytest.raises(RefusedError, match="shorter"), PartFile(path, WHAT):
        pass


def test_a_state_without_its_part_begins_anew(tmp_path: Path) -> None:
    """Nothing that it tells of is there."""
    path = tmp_path / "numbers.csv"
    grown(path, portion(0, 9))
    (tmp_path / "numbers.csv.part").unlink()
    with PartFile(path, WHAT) as part:
        assert (part.rows, part.resumed, part.left.listings) == (0, False, {})


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A folder that is not there, and a link that somebody laid."""
    with pytest.raises(UsageError, match="No such file"), PartFile(tmp_path / "no" / "n.csv", WHAT):
        pass
    (tmp_path / "n.csv.state").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="cannot be written"), PartFile(tmp_path / "n.csv", WHAT):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_the_state_holds_no_row(tmp_path: Path) -> None:
    """Only what tells rows apart: it is small."""
    path = tmp_path / "numbers.csv"
    with PartFile(path, WHAT) as part:
        data, one = portion(0, 5000)
        part.write(data, one, rows=5000)
        part.checkpoint()
    lines = (tmp_path / "numbers.csv.state").read_bytes().splitlines()
    assert len(lines[-1]) < 5 * 5000
    assert json.loads(lines[0])["resource"] == "numbers"
