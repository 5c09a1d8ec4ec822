"""The grammar of filters, and what it makes of a text: nothing is checked here but the form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from bulkops.errors import FilterError
from bulkops.jobs.filters.expressions import KEYWORDS
from bulkops.jobs.names import listed

if TYPE_CHECKING:
    from lark import Lark
    from lark.exceptions import UnexpectedInput

MAX_TEXT = 10_000  # characters
MAX_DEPTH = 50  # parts inside parts
_SHOWN = 60  # characters of a line before and after the place at fault

GRAMMAR = r"""
    ?start: either
    either: both (OR both)*
    both: negation (AND negation)*
    ?negation: NOT negation -> negated
        | "(" either ")" -> group
        | name SIGN value -> compared
        | name CONTAINS value -> asked
        | name NOT CONTAINS value -> not_asked
        | name MATCHES value -> asked
        | name NOT MATCHES value -> not_asked
        | name IN "(" value ("," value)* ")" -> asked
        | name NOT IN "(" value ("," value)* ")" -> not_asked
        | name IS EMPTY -> is_empty
        | name IS NOT EMPTY -> is_not_empty
    name: NAME | QUOTED
    value: STRING | LITERAL | TRUE | FALSE | NEVER | NAME | QUOTED

    STRING.5: /'(?:[^']|'')*'(?!')/ | /"(?:[^"]|"")*"(?!")/
    QUOTED.5: /`[^`]+`/
    LITERAL.3: /-?[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[\w.:+-]*/i | /-?[0-9][\w.:+-]*/
    NAME.2: /[^\W\d][\w.-]*/
    SIGN.1: /[<>=!~&|]+/
    %ignore /\s+/
    %declare AND OR NOT IN IS EMPTY CONTAINS MATCHES TRUE FALSE NEVER
"""


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of the text. `kind` is its terminal, `line` and `column` count from 1."""

    kind: str
    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Joined:
    """Parts joined by `or` or by `and`; at least one."""

    word: str
    parts: tuple[Syntax, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    """`not` and what it is about."""

    part: Syntax


@dataclass(frozen=True, slots=True)
class Asked:
    """One question about one column; `how` is the sign or the word that stands between."""

    column: Word
    how: Word
    values: tuple[Word, ...]


_JOINTS = {"either": "or", "both": "and"}
Syntax = Joined | Negated | Asked


def read(text: str) -> Syntax:
    """The form of a filter. Raises FilterError where it has none."""
    from lark.exceptions import UnexpectedInput  # noqa: PLC0415 - only who has a filter pays for it

    if len(text) > MAX_TEXT:
        raise FilterError(f"a filter has at most {MAX_TEXT:,} characters, and this one has {len(text):,}")
    if not text.strip():
        raise FilterError("the filter is empty: write a condition such as last_login < 90d")
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise _misplaced(text, error) from None
    return _syntax(text, tree, 0)


@cache
def _parser() -> Lark:
    from lark import Lark, Token  # noqa: PLC0415

    def keyword(token: Token) -> Token:
        word = token.casefold()
        return Token.new_borrow_pos(word.upper(), token.value, token) if word in KEYWORDS else token

    return Lark(GRAMMAR, parser="lalr", lexer="basic", lexer_callbacks={"NAME": keyword}, maybe_placeholders=False)


def _syntax(text: str, tree: Any, depth: int) -> Syntax:
    """What lark's tree says. It is gone down to MAX_DEPTH only, so that no text exhausts the stack."""
    kind, parts = str(tree.data), [part for part in tree.children if not _is_joint(part)]
    if kind in _JOINTS:
        branches = tuple(_syntax(text, part, depth) for part in parts)
        return branches[0] if len(branches) == 1 else Joined(_JOINTS[kind], branches)
    if kind in {"group", "negated"}:
        if depth == MAX_DEPTH:
            raise fault(text, f"more than {MAX_DEPTH} conditions inside each other", _first_word(tree))
        inner = _syntax(text, parts[-1], depth + 1)
        return inner if kind == "group" else Negated(inner)
    return _question(kind, parts)


def _question(kind: str, parts: list[Any]) -> Syntax:
    name, *rest = parts
    words = [_word(part) for part in rest if getattr(part, "type", "") not in {"NOT", "EMPTY"}]
    asked = Asked(_word(name), words[0], tuple(words[1:]))
    return Negated(asked) if kind in {"not_asked", "is_not_empty"} else asked


def _word(part: Any) -> Word:
    token = part if hasattr(part, "type") else part.children[0]
    return Word(token.type, token.value, token.line, token.column)


def _first_word(tree: Any) -> Word:
    while not hasattr(tree, "type"):
        tree = tree.children[0]
    return _word(tree)


def _is_joint(part: Any) -> bool:
    return getattr(part, "type", "") in {"OR", "AND"}


def fault(text: str, message: str, word: Word) -> FilterError:
    """The error about `word` of `text`; it shows the line and marks the place."""
    line = text.split("\n")[word.line - 1]
    at = word.column - 1
    first, last = max(0, at - _SHOWN), at + _SHOWN
    before, after = "…" if first else "", "…" if last < len(line) else ""
    shown = "".join(each if each.isprintable() else " " for each in line[first:last])
    width = max(1, min(len(word.text.split("\n")[0]), last - at, len(line) - at))
    marks = " " * (len(before) + at - first) + "^" * width
    place = f"line {word.line}, column {word.column}" if "\n" in text else f"column {word.column}"
    return FilterError(f"{place}: {message}\n  {before}{shown}{after}\n  {marks}", line=word.line, column=word.column)


_WORDS: Mapping[str, str] = {
    "NAME": "a column",
    "QUOTED": "a column",
    "SIGN": "a comparison such as =",
    "STRING": "a value",
    "LITERAL": "a value",
    "RPAR": ")",
    "LPAR": "(",
    "COMMA": "a comma",
    "$END": "the end",
    **{word.upper(): word for word in KEYWORDS},
}
_VALUES = {"STRING", "LITERAL", "TRUE", "FALSE", "NEVER", "NAME", "QUOTED"}
_TYPOGRAPHIC = "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"
_HABITS: Mapping[str, str] = {"&&": "and", "&": "and", "||": "or", "|": "or", "!": "not"}


def _misplaced(text: str, error: UnexpectedInput) -> FilterError:
    """What is wrong where the parser could not go on."""
    token = getattr(error, "token", None)
    if token is None:
        return _odd(text, error)
    if token.type == "$END":
        lines = text.rstrip().split("\n")
        end = Word("$END", "", len(lines), len(lines[-1]) + 1)
        return fault(text, f"the filter ends too early; expected {_expected(error)}", end)
    word = _word(token)
    if word.kind == "SIGN" and word.text in _HABITS:
        return fault(text, f"{word.text!r} is not known here; write {_HABITS[word.text]!r}", word)
    return fault(text, f"{word.text[:_SHOWN]!r} does not fit here; expected {_expected(error)}", word)


def _odd(text: str, error: UnexpectedInput) -> FilterError:
    """A character that begins nothing."""
    found = text[getattr(error, "pos_in_stream", 0)]
    word = Word("", found, error.line, error.column)
    if found in "'\"`":
        return fault(text, f"a quote {found} is opened and never closed", word)
    if found in _TYPOGRAPHIC:
        return fault(text, f"{found} is a typographic quote; write ' or \"", word)
    return fault(text, f"{found!r} is not known here", word)


def _expected(error: UnexpectedInput) -> str:
    found = set(getattr(error, "accepts", None) or ())
    if found <= {"RPAR", "$END"}:  # the parser has closed what stands before, which might have gone on
        found |= {"AND", "OR"}
    words = ["a value"] if found >= _VALUES else []
    found -= _VALUES if words else set()
    return listed(dict.fromkeys([*words, *(_WORDS[each] for each in sorted(found) if each in _WORDS)]))
