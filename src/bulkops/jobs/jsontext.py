"""Reading JSON values one after the other from a text of any length, in bounded memory.

The text goes by in a window; each value is decoded from it by the standard library's scanner, so that every fault and
every item is known by its line.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, TextIO

from bulkops.errors import JobFileError
from bulkops.jobs.names import clip
from bulkops.jobs.source import MAX_VALUE, fault

_PIECE = 256 * 1024  # characters
_EDGE = 16  # characters at the window's end within which an error, or the end of a value, may be the window's doing
MAX_DEPTH = 64

_COMMA = re.compile(r"[ \t\n\r]*,[ \t\n\r]*").match


@dataclass(frozen=True, slots=True)
class Fault:
    """Stands for a value that is well-formed JSON but cannot be taken, with the reason."""

    message: str


class _UnfitError(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _UnfitError(f"the field {clip(twice)!r} is there twice in one object")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _UnfitError(f"the number {clip(text)} is too large")
    return value


def _constant(text: str) -> NoReturn:
    raise _UnfitError(f"{text} is not a JSON value")


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_constant)
_LENIENT = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


def decode(text: str, start: int) -> tuple[Any, int]:
    """The value that starts at `start`, and where it ends; a Fault for one that cannot be taken.

    Raises JSONDecodeError if the text is no JSON, RecursionError if it is nested too deep to tell.
    """
    try:
        value, end = _STRICT.raw_decode(text, start)
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        _, end = _LENIENT.raw_decode(text, start)
        return Fault(str(error) if isinstance(error, _UnfitError) else "a number has too many digits"), end
    if text.count("{", start, end) + text.count("[", start, end) > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        return Fault(f"is nested deeper than {MAX_DEPTH} levels"), end
    if text.find("\\u", start, end) >= 0 and not _encodable(value):
        return Fault("holds half of a character (an unpaired \\ud800 to \\udfff)"), end
    return value, end


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH + 1:
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        level, depth = inner, depth + 1
    return depth - 1


def _encodable(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def in_words(error: json.JSONDecodeError) -> str:
    """What the scanner found, in a sentence's case."""
    return error.msg[:1].lower() + error.msg[1:].removesuffix(" starting at").removesuffix(" at")


class Cursor:
    """A place in a JSON text. It only moves forward; faults raise JobFileError with line and column."""

    def __init__(self, file: TextIO, name: str) -> None:
        self._file = file
        self._name = name
        self._text = ""
        self._at = 0
        self._ended = False
        self._line = 1  # of the character at _counted
        self._counted = 0
        self._before = 0  # characters that the first line of the window had before it

    @property
    def line(self) -> int:
        """The line of this place, from 1."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def peek(self) -> str:
        """The next character that is not white space; "" at the end."""
        while True:
            text, at = self._text, self._at
            if at < len(text) and (found := text[at]) > " ":
                return found
            while at < len(text):
                if text[at] not in " \t\n\r":
                    self._at = at
                    return text[at]
                at += 1
            self._at = at
            if self._ended:
                return ""
            self._grow()

    def take(self, wanted: str) -> bool:
        """Step over the next character if it is `wanted`."""
        if self.peek() != wanted:
            return False
        self._at += 1
        return True

    def value(self) -> Any:
        """Decode the next value and step over it; a Fault for one that cannot be taken."""
        if self.peek() in "}],:":
            raise self.unexpected("a value")
        while True:
            try:
                value, end = decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._ended or not self._cut_short(error):
                    raise self._not_json(error) from None
            except RecursionError:
                raise fault(self._name, "is nested too deep", line=self.line) from None
            else:
                if end <= len(self._text) - _EDGE or self._ended:  # near the edge a number may go on
                    self._at = end
                    return value
            self._grow()

    def members(self) -> Iterator[str]:
        """The keys of the object that starts here. For each, the caller steps over its value."""
        if not self.take("{"):
            raise self.unexpected("an object")
        if self.take("}"):
            return
        while True:
            if self.peek() != '"':
                raise self.unexpected("a field name in double quotes")
            key = self.value()
            if not self.take(":"):
                raise self.unexpected("a colon")
            yield clip(key.message) if isinstance(key, Fault) else key
            if self.take("}"):
                return
            if not self.take(","):
                raise self.unexpected("a comma or the closing brace")

    def elements(self) -> Iterator[tuple[int, Any]]:
        """Line and value of each element of the list that starts here."""
        if not self.take("["):
            raise self.unexpected("a list")
        if self.take("]"):
            return
        while True:
            self.peek()
            line = self.line
            yield line, self.value()
            between = _COMMA(self._text, self._at)
            if between and between.end() < len(self._text):
                self._at = between.end()
            elif not self.take(","):
                break
        if not self.take("]"):
            raise self.unexpected("a comma or the closing bracket")

    def unexpected(self, wanted: str) -> JobFileError:
        """The error for what stands here instead of `wanted`."""
        found = self.peek()
        if not found:
            return fault(self._name, f"is not complete: the file ends where {wanted} should follow", line=self.line)
        return fault(self._name, self._where(self._at, f"found {found!r} instead of {wanted}"), line=self.line)

    def _not_json(self, error: json.JSONDecodeError) -> JobFileError:
        self._at = min(error.pos, len(self._text))
        if self._ended and (error.pos >= len(self._text) or error.msg.startswith("Unterminated")):
            message = f"is not complete: the file ends inside a value ({in_words(error)})"
        else:
            message = in_words(error)
        return fault(self._name, self._where(self._at, message), line=self.line)

    def _where(self, at: int, message: str) -> str:
        start = self._text.rfind("\n", 0, at)
        column = at - start if start >= 0 else self._before + at + 1
        return f"is not valid JSON in column {column}: {message}"

    def _cut_short(self, error: json.JSONDecodeError) -> bool:
        if len(self._text) - self._at > MAX_VALUE:
            return False
        return error.msg.startswith("Unterminated") or error.pos >= len(self._text) - _EDGE

    def _grow(self) -> None:
        """Let the window begin here and reach further: by as much as it holds, so that large values cost no more."""
        if len(self._text) - self._at > MAX_VALUE:
            raise fault(self._name, f"has a value of more than {MAX_VALUE:,} characters", line=self.line)
        self._line = self.line
        start = self._text.rfind("\n", 0, self._at)
        self._before = self._at - start - 1 if start >= 0 else self._before + self._at
        kept = self._text[self._at :]
        piece = self._file.read(max(_PIECE, len(kept)))
        self._ended = not piece
        self._text = kept + piece
        self._at = self._counted = 0
