"""Names as people write them: compared leniently, suggested when misspelt, cut when too long."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from bulkops.model import shorten

_GAPS = re.compile(r"[-\s_]+")
_SHOWN = 60  # characters of a value that a Problem prints
_KEPT = 34  # characters kept of a longer one, so that with its length named it still fits


def canonical(name: str) -> str:
    """A column or field name without regard to case, with `-` and spaces as `_`."""
    return _GAPS.sub("_", name.strip().casefold())


def canonical_operation(name: str) -> str:
    """An operation's name without regard to case, with `_` and spaces as `-`."""
    return _GAPS.sub("-", name.strip().casefold())


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` most likely meant; None if none is close or `name` exceeds 64 characters."""
    return _nearest(name, tuple(known)) if len(name) <= 64 else None


@lru_cache(maxsize=4096)
def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    folded = {canonical(each): each for each in known}
    close = difflib.get_close_matches(canonical(name), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def clip(value: Any) -> str:
    """`value` as it stood in the file, at most 60 characters, with its full length named when it was cut."""
    text = value if isinstance(value, str) else _as_json(value)
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _SHOWN else shorten(text, _KEPT)


def _as_json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        return f"a {type(value).__name__}"


def listed(names: Iterable[str], last: str = "or") -> str:
    """`a, b or c`, with at most 20 names spelt out."""
    every = list(names)
    shown = every if len(every) <= 20 else [*every[:20], f"{len(every) - 20:,} more"]
    return f" {last} ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
