"""What the command line says about working on a run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any

from bulkops.engine import Allowance
from bulkops.errors import ConfigError
from bulkops.model import Job, Verdict
from bulkops.wiring.targets import Overrides


@dataclass(frozen=True, slots=True)
class WorkOptions:
    """None leaves the job file's or the configuration's word.

    `config_file` is the configuration that was named on the command line.
    `in_doubt` is what a person says of rows that stay in doubt after they were looked up; it holds for one session.
    """

    dry_run: bool = False
    skip_invalid: bool | None = None
    overrides: Overrides = field(default_factory=Overrides)
    batch_size: int | None = None
    max_failures: Allowance | None = None
    max_changes: Allowance | None = None
    in_doubt: Verdict | None = None
    config_file: str | None = None
    deadline: float | None = None  # epoch seconds
    log_level: str = "warning"
    log_format: str = "console"

    def kept(self) -> Mapping[str, Any]:
        """What a resume must know of the first session's options, as plain values. A deadline was that session's."""
        return {
            "skip_invalid": bool(self.skip_invalid),
            "batch_size": self.batch_size,
            "max_failures": str(self.max_failures) if self.max_failures else None,
            "max_changes": str(self.max_changes) if self.max_changes else None,
            "rate": list(self.overrides.rate) if self.overrides.rate else None,
            "concurrency": self.overrides.concurrency,
            "reserve": self.overrides.reserve,
            "config_file": self.config_file,
        }

    def over(self, job: Job) -> WorkOptions:
        """These options, and where they say nothing the ones that `job` was started with."""
        kept = job.options
        rate, reserve = kept.get("rate"), self.overrides.reserve
        return replace(
            self,
            skip_invalid=kept.get("skip_invalid") if self.skip_invalid is None else self.skip_invalid,
            batch_size=self.batch_size or kept.get("batch_size"),
            max_failures=self.max_failures or _allowance(kept.get("max_failures")),
            max_changes=self.max_changes or _allowance(kept.get("max_changes")),
            config_file=self.config_file or kept.get("config_file"),
            overrides=Overrides(
                rate=self.overrides.rate or (tuple(rate) if rate else None),
                concurrency=self.overrides.concurrency or kept.get("concurrency"),
                reserve=kept.get("reserve") if reserve is None else reserve,
            ),
        )


def parse_allowance(text: str) -> Allowance:
    """`50` as a count, `5%` as a share. Raises ConfigError for anything else."""
    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        value = float(number)
        if not 0 <= value < 1e12 or (percent and value > 100) or (not percent and value != int(value)):
            raise ValueError
    except ValueError:
        raise ConfigError(f"{text!r}: expected a count such as 50, or a share such as 5%") from None
    return Allowance(percent=value) if percent else Allowance(count=int(value))


def parse_map(pairs: Sequence[str]) -> Mapping[str, str]:
    """`COLUMN=FIELD`, each; the field is what follows the last `=`. Raises ConfigError for anything else."""
    found: dict[str, str] = {}
    for pair in pairs:
        column, sign, field = (part.strip() for part in pair.rpartition("="))
        if not sign or not column:
            raise ConfigError(f'--map {pair!r}: expected COLUMN=FIELD, such as --map "Work E-Mail=email"')
        if column in found:
            raise ConfigError(f"--map: {column!r} is mapped twice; keep one of them")
        found[column] = field
    return found


_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?:in)?)?(?:(\d+)s)?")


def parse_deadline(text: str, *, now: datetime) -> float:
    """`2h`, `90m`, `1h30m` from `now`; `22:30` as the next such time; or a date and time; as epoch seconds.

    What names no zone is local time, that of `now`. Raises ConfigError for anything else and for what is past.
    """
    text = text.strip()
    at = _after_span(text, now) or _at_clock(text, now) or _at_date(text)
    if at is None:
        raise ConfigError(f"{text!r}: expected a span such as 2h or 90m, a time such as 22:30, or a date and time")
    if at <= now:
        raise ConfigError(f"{text!r} lies in the past: it is {now:%Y-%m-%d %H:%M:%S} now")
    return at.timestamp()


def _after_span(text: str, now: datetime) -> datetime | None:
    match = _SPAN.fullmatch(text)
    if not text or match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    try:
        return now + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        return None


def _at_clock(text: str, now: datetime) -> datetime | None:
    if not re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", text):
        return None
    try:
        clock = time.fromisoformat(text.rjust(5, "0") if text.count(":") == 1 else text.rjust(8, "0"))
    except ValueError:
        return None
    today = datetime.combine(now.date(), clock).astimezone()
    return today if today > now else datetime.combine(now.date() + timedelta(days=1), clock).astimezone()


def _at_date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        return None


def _allowance(text: str | None) -> Allowance | None:
    return parse_allowance(text) if text else None
