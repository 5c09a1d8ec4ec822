"""What a job file says in its `options`: the command line's options, under those that were given there."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bulkops.config import parse_rate
from bulkops.engine import Allowance
from bulkops.errors import ConfigError, JobFileError
from bulkops.wiring.options import WorkOptions, parse_allowance, parse_deadline

KNOWN = frozenset(
    {"rate", "concurrency", "batch_size", "max_failures", "max_changes", "reserve", "skip_invalid", "deadline"}
)


def with_file_options(options: WorkOptions, of_file: Mapping[str, Any], name: str) -> WorkOptions:
    """`options` over those of the file called `name`. Raises JobFileError for one that is unknown or wrong."""
    mine = {str(key).replace("-", "_"): value for key, value in of_file.items()}
    for key in mine:
        if key not in KNOWN and not key.startswith("_"):
            near = difflib.get_close_matches(key, KNOWN, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(sorted(KNOWN))}"
            raise JobFileError(f"{name}: options: unknown key {key!r}{hint}")
    try:
        return _merge(options, mine)
    except (ValueError, TypeError, ConfigError) as error:
        raise JobFileError(f"{name}: options: {error}") from None


def _merge(options: WorkOptions, mine: Mapping[str, Any]) -> WorkOptions:
    overrides = options.overrides

    def allowance(key: str, given: Allowance | None) -> Allowance | None:
        return given if given is not None or mine.get(key) is None else parse_allowance(str(mine[key]))

    rate = overrides.rate
    if rate is None and mine.get("rate") is not None:
        rate = parse_rate(mine["rate"])
    return replace(
        options,
        overrides=replace(
            overrides,
            rate=rate,
            concurrency=overrides.concurrency or _whole(mine, "concurrency"),
            reserve=overrides.reserve if overrides.reserve is not None else _share(mine),
        ),
        batch_size=options.batch_size or _whole(mine, "batch_size"),
        max_failures=allowance("max_failures", options.max_failures),
        max_changes=allowance("max_changes", options.max_changes),
        deadline=_deadline(mine) if options.deadline is None else options.deadline,
        skip_invalid=_flag(mine, "skip_invalid") if options.skip_invalid is None else options.skip_invalid,
    )


def _whole(mine: Mapping[str, Any], key: str) -> int | None:
    value = mine.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 10_000:
        raise ValueError(f"{key}: expected a whole number from 1, not {value!r}")
    return value


def _share(mine: Mapping[str, Any]) -> float | None:
    value = mine.get("reserve")
    if value is None:
        return None
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= 0.95:
        raise ValueError(f"reserve: expected a share from 0 to 0.95, not {value!r}")
    return float(value)


def _deadline(mine: Mapping[str, Any]) -> float | None:
    value = mine.get("deadline")
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f'deadline: expected a text such as "2h" or "22:30", not {value!r}')
    return parse_deadline(value, now=datetime.now().astimezone())


def _flag(mine: Mapping[str, Any], key: str) -> bool | None:
    value = mine.get(key)
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"{key}: expected true or false, not {value!r}")
    return value
