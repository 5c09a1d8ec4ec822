"""Jobs by query: a job file whose items are found in the organisation instead of standing in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bulkops.errors import JobFileError
from bulkops.jobs.jsonfile import JsonSource
from bulkops.jobs.names import clip, nearest
from bulkops.jobs.pipeline import MAX_BYTES
from bulkops.jobs.rows import JobHead
from bulkops.jobs.snapshot import inspect
from bulkops.model import Problem

KEYS: Mapping[str, type] = {"resource": str, "where": str, "columns": str, "allow_incomplete": bool}
_WORDS = {str: "a text", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked: a resource, which of its rows (`where`), and columns beside the ones that the operation takes.

    `allow_incomplete` takes rows of which nobody can vouch that they are all.
    """

    resource: str
    where: str | None = None
    columns: str | None = None
    allow_incomplete: bool = False


def read_query(source: str) -> tuple[Query, JobHead] | None:
    """What the job file `source` asks and says besides; None for one that has its items in it or in another file.

    Raises JobFileError for everything that is wrong with it.
    """
    path = Path(source)
    if path.suffix.lower() != ".json" or not _asks(path):
        return None
    head = JsonSource(inspect(path)).head
    problems = [*head.problems, *_faults(source, head.source or {})]
    if problems:
        raise JobFileError(f"{source} cannot be run. Nothing was sent:", problems)
    return Query(**{key: value for key, value in (head.source or {}).items() if not key.startswith("_")}), head


def _asks(path: Path) -> bool:
    """Whether the file has a `source`. A file that cannot be read so is the job reader's business."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return False
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and "source" in found


def _faults(name: str, found: Mapping[str, Any]) -> list[Problem]:
    problems = []
    for key, value in found.items():
        wanted = KEYS.get(key)
        if key.startswith("_"):
            continue
        if wanted is None:
            problems.append(Problem(name, f"source: unknown key {clip(key)!r}", nearest=nearest(key, KEYS)))
        elif not isinstance(value, wanted):
            problems.append(Problem(name, f"source: `{key}`", value=clip(value), expected=_WORDS[wanted]))
    if "resource" not in found:
        problems.append(Problem(name, "source: `resource` is missing", expected="what to ask for, such as users"))
    return problems
