"""What a file's bytes say: not text at all, text in another encoding, or which format of rows."""

from __future__ import annotations

import codecs
import json
import re
from pathlib import Path

from bulkops.errors import JobFileError
from bulkops.jobs.source import BOM, MAX_VALUE, Format, fault

EXTENSIONS = {
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".txt": Format.CSV,
    ".json": Format.JSON,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
}

_AS_CSV = "save it as 'CSV UTF-8 (Comma delimited)' and use that file"
_MAGIC = (
    (b"\xd0\xcf\x11\xe0", f"is an old Excel or Office document: {_AS_CSV}"),
    (b"\x1f\x8b", "is compressed with gzip: unpack it first (gunzip)"),
    (b"BZh", "is compressed with bzip2: unpack it first (bunzip2)"),
    (b"\xfd7zXZ\x00", "is compressed with xz: unpack it first (unxz)"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd: unpack it first (unzstd)"),
    (b"%PDF", "is a PDF document: export its table as CSV"),
    (codecs.BOM_UTF32_LE, f"is UTF-32 text: {_AS_CSV}"),
    (codecs.BOM_UTF32_BE, f"is UTF-32 text: {_AS_CSV}"),
    (codecs.BOM_UTF16_LE, f"is UTF-16 text (Excel calls it 'Unicode Text'): {_AS_CSV}"),
    (codecs.BOM_UTF16_BE, f"is UTF-16 text (Excel calls it 'Unicode Text'): {_AS_CSV}"),
)
_MARKUP = re.compile(rb"\s*<(!doctype|html|\?xml)", re.IGNORECASE)
_JSON_START = re.compile(r'\{\s*["}]|\[\s*[\[\]{"\d]')


def refuse_binary(name: str, head: bytes) -> None:
    """Raise JobFileError if `head`, the first bytes of the file, is the start of something other than text."""
    if head.startswith(b"PK\x03\x04"):
        raise fault(name, _zip_advice(head))
    for magic, advice in _MAGIC:
        if head.startswith(magic):
            raise fault(name, advice)
    if _MARKUP.match(head):
        raise fault(name, "is a web page or XML, not rows: expected CSV, JSON or JSONL")


def _zip_advice(head: bytes) -> str:
    if b"[Content_Types].xml" in head or b"xl/" in head:
        return f"is an Excel workbook: {_AS_CSV}"
    if b"opendocument.spreadsheet" in head:
        return "is an OpenDocument spreadsheet: save it as 'Text CSV' with character set UTF-8 and use that file"
    return f"is a ZIP archive: unpack it first; or, if it is an Excel workbook, {_AS_CSV}"


def detect_format(path: Path | None, head: bytes) -> Format:
    """By the file's extension, otherwise by its first non-space character. `path` is None for standard input."""
    known = EXTENSIONS.get(path.suffix.lower()) if path is not None else None
    if known is not None:
        return known
    text = head.removeprefix(BOM).lstrip()
    if text.startswith(b"["):
        return Format.JSON
    if not text.startswith(b"{"):
        return Format.CSV
    return Format.JSONL if _one_object_a_line(text) else Format.JSON


def _one_object_a_line(text: bytes) -> bool:
    first, _, rest = text.partition(b"\n")
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and (bool(rest.strip()) or "items" not in value)


def looks_like_json(text: str) -> bool:
    """Whether the first line of what should be CSV starts a JSON object or list."""
    return _JSON_START.match(text.lstrip()) is not None


class TextCheck:
    """Checks, piece by piece, that the bytes of a file are UTF-8 text.

    `max_line` bounds a line in bytes; None where lines mean nothing. Call `feed` for each piece and `finish` at the
    end; both raise JobFileError with the line and column of the first byte at fault.
    """

    def __init__(self, name: str, *, max_line: int | None = MAX_VALUE) -> None:
        self._name = name
        self._max_line = max_line
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._place = _Place()
        self._blank = True

    def feed(self, piece: bytes) -> None:
        """Check the next bytes."""
        self._decode(piece, final=False)

    def finish(self) -> None:
        """The file ended. Raises JobFileError also when there was nothing but white space in it."""
        self._decode(b"", final=True)
        if self._blank:
            raise fault(self._name, "is empty: expected a header line and rows, or JSON items")

    def _decode(self, piece: bytes, *, final: bool) -> None:
        try:
            text = self._decoder.decode(piece, final)
        except UnicodeDecodeError as error:
            raise self._not_utf8(error) from None
        nul = text.find("\0")
        if nul >= 0:
            self._place.move(text[:nul])
            raise fault(
                self._name,
                f"holds a NUL byte in column {self._place.column}: it is binary, or UTF-16 text without a mark; "
                "save it as UTF-8",
                line=self._place.line,
            )
        self._place.move(text)
        self._blank = self._blank and not text.strip("\ufeff \t\r\n\v\f")
        if self._max_line is not None and self._place.column > self._max_line:
            raise fault(self._name, f"is longer than {self._max_line:,} characters", line=self._place.line)

    def _not_utf8(self, error: UnicodeDecodeError) -> JobFileError:
        self._place.move(error.object[: error.start].decode("utf-8"))
        byte = error.object[error.start : error.start + 1]
        where = f"byte 0x{byte.hex().upper()} in column {self._place.column} is not UTF-8"
        if error.reason == "unexpected end of data":
            return fault(self._name, f"{where}: the file ends inside a character", line=self._place.line)
        advice = "save the file again as UTF-8 (in Excel: 'CSV UTF-8')"
        guess = byte.decode("cp1252", "ignore")
        if guess:
            where += f"; the file looks like Windows-1252, where this byte is {guess!r}"
        return fault(self._name, f"{where}: {advice}", line=self._place.line)


class _Place:
    """Line and column, from 1 and in characters, of where the text goes on; lines end with LF, else with CR."""

    def __init__(self) -> None:
        self._feeds, self._since_feed = 0, 0
        self._returns, self._since_return = 0, 0

    @property
    def line(self) -> int:
        return 1 + (self._feeds or self._returns)

    @property
    def column(self) -> int:
        return 1 + (self._since_feed if self._feeds or not self._returns else self._since_return)

    def move(self, text: str) -> None:
        """Go past `text`."""
        feeds, last = text.count("\n"), text.rfind("\n")
        self._feeds += feeds
        self._since_feed = len(text) - last - 1 if feeds else self._since_feed + len(text)
        returns, last = text.count("\r"), text.rfind("\r")
        self._returns += returns
        self._since_return = len(text) - last - 1 if returns else self._since_return + len(text)
