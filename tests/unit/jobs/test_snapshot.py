"""Taking an input over: its bytes checked, hashed and copied."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from bulkops.errors import JobFileError
from bulkops.jobs import Format, inspect, snapshot
from bulkops.jobs.content import TextCheck, detect_format

Write = Callable[..., Path]

ROWS = "email,teams\nann@acme.test,a;b\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """An empty run folder."""
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def refusal(path: Path) -> str:
    with pytest.raises(JobFileError) as caught:
        inspect(path)
    return str(caught.value)


def test_the_copy_is_byte_for_byte_and_readable_by_its_owner_alone(write: Write, run: Path) -> None:
    """Mark, line ends and white space stay as they were; the hash is that of the bytes."""
    data = b"\xef\xbb\xbf email \r\nann@acme.test\r\n\r\n"
    taken = snapshot(write(data, "People.CSV"), run)
    assert taken.path == run / "input.csv"
    assert taken.path.read_bytes() == data
    assert taken.sha256 == hashlib.sha256(data).hexdigest()
    assert (taken.format, taken.size, Path(taken.name).name) == (Format.CSV, len(data), "People.CSV")
    assert stat.S_IMODE(taken.path.stat().st_mode) == 0o600


def test_a_file_is_inspected_where_it_stands(write: Write) -> None:
    """Nothing is copied; hash and format are the same as a copy's."""
    path = write(ROWS)
    assert inspect(path).path == path
    assert inspect(path).sha256 == hashlib.sha256(ROWS.encode()).hexdigest()


def test_standard_input_is_copied_and_its_format_seen_from_its_start(run: Path) -> None:
    """There is no extension to go by."""
    taken = snapshot("-", run, stdin=io.BytesIO(b'\xef\xbb\xbf  [{"email": "a@b.c"}]'))
    assert (taken.path.name, taken.name, taken.format) == ("input.json", "standard input", Format.JSON)


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("x.tsv", b"[", Format.CSV),
        ("x.TXT", b"a", Format.CSV),
        ("x.ndjson", b"", Format.JSONL),
        ("x.json", b"a", Format.JSON),
        ("x", b"email,teams", Format.CSV),
        ("x", b'{"email": "a"}\n{"email": "b"}\n', Format.JSONL),
        ("x", b'{"email": "a"}', Format.JSONL),
        ("x", b'{"items": []}\n', Format.JSON),
        ("x", b'{\n "items": []}', Format.JSON),
        ("x.dat", b" \n[1]", Format.JSON),
    ],
)
def test_the_format_goes_by_extension_then_by_the_first_character(name: str, head: bytes, kind: Format) -> None:
    """An extension that is known decides alone."""
    assert detect_format(Path(name), head) is kind


def test_a_link_at_the_destination_is_never_followed(write: Write, run: Path, tmp_path: Path) -> None:
    """What it points to keeps its content, and the run is told to take another id."""
    other = tmp_path / "precious"
    other.write_text("keep")
    (run / "input.csv").symlink_to(other)
    with pytest.raises(JobFileError, match="exists already; choose another run id"):
        snapshot(write(ROWS), run)
    assert other.read_text() == "keep"


def test_a_refused_input_leaves_no_copy_behind(write: Write, run: Path) -> None:
    """Also when the fault is found after the copying began."""
    path = write(b"email\n" + b"a@b.c\n" * 300_000 + b"\xff\n")
    with pytest.raises(JobFileError, match="line 300002"):
        snapshot(path, run)
    assert list(run.iterdir()) == []


def test_a_full_disk_is_told_and_the_partial_copy_removed(
    write: Write, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the folder and the way out."""

    def full(_number: int) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(JobFileError, match=r"no space left in .*run; free some or choose another --runs-dir"):
        snapshot(write(ROWS), run)
    assert list(run.iterdir()) == []


def test_a_folder_that_does_not_exist_is_told(write: Write, tmp_path: Path) -> None:
    """A copy needs its run's folder."""
    with pytest.raises(JobFileError, match=r"cannot be copied to .*gone"):
        snapshot(write(ROWS), tmp_path / "gone")


def test_a_missing_file_is_told_with_its_near_names(write: Write, tmp_path: Path) -> None:
    """A slip of the keyboard is seen at once."""
    write(ROWS, "invites.csv")
    assert refusal(tmp_path / "invite.csv").endswith("does not exist; in the same folder there is invites.csv")


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """It is the folder, not the file, that is misspelt."""
    assert "nor does the folder" in refusal(tmp_path / "jbos" / "invite.csv")


def test_a_link_to_nothing_is_told(tmp_path: Path) -> None:
    """The name exists, what it points to does not."""
    (tmp_path / "a.csv").symlink_to(tmp_path / "b.csv")
    assert "is a link to a file that does not exist" in refusal(tmp_path / "a.csv")


def test_a_folder_is_no_job_file(tmp_path: Path) -> None:
    """A file in it was meant."""
    assert "is a folder" in refusal(tmp_path)


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    """Nobody ever opens the other end."""
    os.mkfifo(tmp_path / "pipe.csv")
    assert "give `-`" in refusal(tmp_path / "pipe.csv")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_told(write: Write) -> None:
    """Permissions are named as the cause."""
    path = write(ROWS)
    path.chmod(0)
    assert "may not be read by this user" in refusal(path)


def test_a_name_that_no_system_takes_is_told() -> None:
    """A NUL in a path is an error of its own kind."""
    assert "cannot be read" in refusal(Path("a\0b.csv"))


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b" \r\n\t\n"])
def test_an_empty_file_is_told(write: Write, content: bytes) -> None:
    """White space and a byte order mark are nothing."""
    assert "is empty" in refusal(write(content))


def test_an_excel_workbook_is_told_with_the_way_out(write: Write) -> None:
    """Whatever its extension says."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as book:
        book.writestr("[Content_Types].xml", "<Types/>")
    assert "is an Excel workbook: save it as 'CSV UTF-8" in refusal(write(buffer.getvalue()))


def test_a_zip_archive_is_told(write: Write) -> None:
    """It is not taken for a workbook."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("jobs.csv", ROWS)
    assert "is a ZIP archive" in refusal(write(buffer.getvalue()))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(b"email", mtime=0), "compressed with gzip"),
        (b"%PDF-1.7\n", "is a PDF document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old Excel"),
        ("email\n".encode("utf-16"), "is UTF-16 text .*Unicode Text"),
        ("email\n".encode("utf-32"), "is UTF-32 text"),
        ("email\n".encode("utf-16-le"), "NUL byte in column 2"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"email\nab\0c\n", "line 2: holds a NUL byte in column 3"),
    ],
)
def test_what_is_not_utf8_text_is_told_by_name(write: Write, content: bytes, message: str) -> None:
    """Each with what to do about it."""
    with pytest.raises(JobFileError, match=message):
        inspect(write(content))


def test_windows_1252_is_recognised_by_line_column_and_byte(write: Write) -> None:
    """The character that was meant is shown."""
    message = refusal(write("email,name\r\na@b.c,Ann\r\nd@e.f,Ren\u00e9,x\r\n".encode("cp1252")))
    assert "line 3: byte 0xE9 in column 10 is not UTF-8" in message
    assert "looks like Windows-1252, where this byte is 'é'" in message


def test_a_file_that_ends_inside_a_character_is_told(write: Write) -> None:
    """As a broken download does."""
    assert "the file ends inside a character" in refusal(write("email\nRen\u00e9".encode()[:-1]))


def test_a_fault_is_placed_right_across_pieces() -> None:
    """A character parted between two pieces is whole, and columns count characters."""
    check = TextCheck("x")
    for piece in (b"a\rb\xc3", b"\xa9c", b"d"):
        check.feed(piece)
    with pytest.raises(JobFileError, match="x, line 2: byte 0xFF in column 5"):
        check.feed(b"\xff")


def test_a_line_without_end_is_told_before_it_fills_memory(write: Write) -> None:
    """Lines of CSV have a bound; JSON may be one line."""
    content = b"[" + b" " * (17 * 1024 * 1024) + b"]"
    assert "is longer than 16,777,216 characters" in refusal(write(content, "x.csv"))
    assert inspect(write(content, "x.json")).format is Format.JSON


@pytest.mark.parametrize("name", ["closed/hires.csv", "closed/deeper/hires.csv"])
def test_a_file_below_a_folder_that_may_not_be_searched_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What stands there cannot be asked, so nothing is said of it but what to check."""

    def closed(path: str | Path, *_arguments: object, **_options: object) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", closed)
    monkeypatch.setattr(os, "stat", closed)
    monkeypatch.setattr(os, "lstat", closed)
    assert refusal(tmp_path / name).endswith(
        "may not be read by this user: check its permissions and those of its folder"
    )
