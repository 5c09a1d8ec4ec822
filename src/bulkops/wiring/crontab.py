"""Jobs as lines of the user's crontab, each with a mark at its end; no other line is touched."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from bulkops.errors import ConfigError, UsageError
from bulkops.wiring.entries import Entry, refuse_control
from bulkops.wiring.naming import slug

_MARK = re.compile(r"# bulkops-schedule:([A-Za-z0-9._-]+)$")
_LIMIT_S = 30.0
MAX_LINE = 900
"""Common cron programs cut a command off at 1,000 characters without a word."""


@dataclass(frozen=True, slots=True)
class CronLine:
    """A line of ours. `name` is the job's, as far as a crontab can hold it."""

    name: str
    every: str
    command: str


def render(entry: Entry, log: str) -> str:
    """The line of a job; what the run prints is added to the file `log`. Raises ConfigError."""
    refuse_control([entry.name, entry.folder, log, *entry.command])
    command = " ".join(shlex.quote(word) for word in entry.command)
    shell = f"cd {shlex.quote(entry.folder)} && exec {command} >>{shlex.quote(log)} 2>&1"
    # cron takes a percent sign for the end of the command, wherever it stands
    line = f"{entry.every} {shell.replace('%', chr(92) + '%')} # bulkops-schedule:{slug(entry.name)}"
    if len(line.encode()) > MAX_LINE:
        raise ConfigError(f"the line would be longer than cron takes ({len(line):,} characters): use a systemd timer")
    return line


def read() -> str:
    """The user's crontab, empty where there is none. Raises UsageError where it cannot be read."""
    done = _called(["crontab", "-l"])
    if done.returncode == 0:
        return done.stdout
    if "no crontab" in done.stderr.lower():
        return ""
    raise UsageError(f"the crontab cannot be read: {done.stderr.strip() or f'exit code {done.returncode}'}")


def write(text: str) -> None:
    """Replace the user's crontab. Raises UsageError where that is refused."""
    done = _called(["crontab", "-"], text)
    if done.returncode != 0:
        raise UsageError(f"the crontab was not changed: {done.stderr.strip() or f'exit code {done.returncode}'}")


def with_line(crontab: str, line: str) -> str:
    """`crontab` with `line`, in the place of an earlier one of the same job."""
    found = _MARK.search(line)
    kept = without(crontab, found[1] if found else "")
    return kept + ("" if not kept or kept.endswith("\n") else "\n") + line + "\n"


def without(crontab: str, name: str) -> str:
    """`crontab` without the line of the job whose slug is `name`."""
    return "".join(line for line in crontab.splitlines(keepends=True) if _marked(line) != name)


def entries(crontab: str) -> Sequence[CronLine]:
    """The lines that bulkops wrote."""
    found = []
    for line in crontab.splitlines():
        name = _marked(line)
        if name is not None:
            fields = line.split(None, 5)
            found.append(CronLine(name, " ".join(fields[:5]), _MARK.sub("", fields[5]).strip()))
    return found


def _marked(line: str) -> str | None:
    """Whose line it is; None for one that is not ours."""
    text = line.rstrip("\r\n")
    match = _MARK.search(text)
    return match[1] if match and not text.lstrip().startswith("#") and len(text.split(None, 5)) == 6 else None


def _called(command: Sequence[str], text: str | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - no shell
            command,
            input="" if text is None else text,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=_LIMIT_S,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise UsageError("there is no crontab command on this machine") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"crontab cannot be called: {error}") from error
