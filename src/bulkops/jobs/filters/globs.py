"""Patterns of `*` and `?`."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    """The expression that takes a folded text as a whole; `*` stands for any characters, `?` for one.

    Each `*` but the last settles for the first place that fits, so no pattern makes the search go back and forth.
    """
    first, *rest = re.split(r"\*+", pattern.casefold())
    if not rest:
        return re.compile(_literal(first), re.DOTALL)
    *middle, last = rest
    parts = [_literal(first), *(f"(?>.*?{_literal(each)})" for each in middle), ".*", _literal(last)]
    return re.compile("".join(parts), re.DOTALL)


def glob(pattern: str, text: str) -> bool:
    """Whether `text` as a whole is of the form of `pattern`, without regard to case."""
    return compiled(pattern).fullmatch(text.casefold()) is not None


def _literal(text: str) -> str:
    return "".join("." if each == "?" else re.escape(each) for each in text)
