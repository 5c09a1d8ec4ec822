"""Jobs as systemd timers of the user: a service and a timer, each a file that says whose it is."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from bulkops.errors import ConfigError, RefusedError, UsageError
from bulkops.wiring.calendars import Calendar
from bulkops.wiring.entries import Entry, refuse_control
from bulkops.wiring.naming import slug

MARK = "# Written by `bulkops schedule`, which also takes it away. Do not change it by hand.\n"
_KEPT = "Entry="
_LIMIT_S = 30.0


def units_folder(environ: Mapping[str, str]) -> Path:
    """Where the user's units are."""
    base = environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "systemd" / "user"


def unit_name(name: str) -> str:
    """The unit of a job, without its ending."""
    return f"bulkops-{slug(name)}"


def render(entry: Entry, calendar: Calendar, *, catch_up: bool) -> dict[str, str]:
    """The two unit files by name. Raises ConfigError for what systemd cannot be told."""
    refuse_control([entry.name, entry.folder, *entry.command])
    unit, kept = unit_name(entry.name), json.dumps(entry.as_dict())
    service = [
        "[X-Bulkops]", f"{_KEPT}{kept}", "",
        "[Unit]", f"Description=bulkops job {_plain(entry.name)}", "",
        "[Service]", "Type=oneshot",
        f"WorkingDirectory={_plain(entry.folder)}",
        "ExecStart=:" + " ".join(_word(word) for word in entry.command),  # the colon: no variables are put in
        f"SyslogIdentifier={unit}",
        "KillMode=mixed",  # the run itself is asked to stop, and ends what it has started
        "TimeoutStopSec=120",
    ]  # fmt: skip
    timer = [
        "[Unit]", f"Description=bulkops job {_plain(entry.name)}: {entry.every}", "",
        "[Timer]", *(f"OnCalendar={line}" for line in calendar.on_calendar()),
        f"Persistent={'true' if catch_up else 'false'}", "",
        "[Install]", "WantedBy=timers.target",
    ]  # fmt: skip
    return {f"{unit}.service": MARK + "\n".join(service) + "\n", f"{unit}.timer": MARK + "\n".join(timer) + "\n"}


def _word(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _plain(text: str) -> str:
    return text.replace("%", "%%")


def check_calendar(calendar: Calendar) -> None:
    """Have systemd itself read the moments, where it is there. Raises ConfigError."""
    if shutil.which("systemd-analyze") is None:
        return
    for line in calendar.on_calendar():
        done = _called(["systemd-analyze", "calendar", line])
        if done.returncode != 0:
            raise ConfigError(f"systemd does not take {line!r}: {done.stderr.strip()}")


def is_free(folder: Path, files: Mapping[str, str]) -> None:
    """Raises RefusedError for a file that is there and not ours."""
    for name in files:
        path = folder / name
        if os.path.lexists(path) and not _is_ours(path):
            raise RefusedError(f"{path} is not from bulkops: nothing was changed. Use another --name")


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write the unit files, each whole or not at all. Raises UsageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            aside = folder / f".{name}.part"
            aside.unlink(missing_ok=True)
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            aside.replace(folder / name)
    except OSError as error:
        raise UsageError(f"{folder}: the units cannot be written: {error.strerror or error}") from error


def enable(name: str) -> str | None:
    """Have systemd start the timer of a job now and at each login; else what it said."""
    timer = f"{unit_name(name)}.timer"
    return _each(["daemon-reload"], ["enable", timer], ["restart", timer])


def remove(folder: Path, name: str) -> str | None:
    """Stop the timer of a job and remove its units. Gives what systemd said against it; the files go all the same."""
    timer = f"{unit_name(name)}.timer"
    problem = _each(["disable", "--now", timer])
    for path in (folder / timer, folder / f"{unit_name(name)}.service"):
        if _is_ours(path):
            with suppress(FileNotFoundError):
                path.unlink()
    return _each(["daemon-reload"]) or problem


def entries(folder: Path) -> Iterator[Entry]:
    """The jobs that bulkops wrote units for; whatever else is there is passed over."""
    with suppress(OSError):
        for path in sorted(folder.glob("bulkops-*.service")):
            entry = _read(path) if _is_ours(path) else None
            if entry is not None and path.name == f"{unit_name(entry.name)}.service":
                yield entry


def _is_ours(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode) and path.read_text(encoding="utf-8").startswith(MARK)
    except (OSError, UnicodeDecodeError):
        return False


def _read(path: Path) -> Entry | None:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(_KEPT):
            with suppress(ValueError, TypeError, KeyError):
                return Entry.of_dict(json.loads(line.removeprefix(_KEPT)))
    return None


def _each(*calls: Sequence[str]) -> str | None:
    for call in calls:
        if shutil.which("systemctl") is None:
            return "systemctl is not there"
        done = _called(["systemctl", "--user", *call])
        if done.returncode != 0:
            said = done.stderr.strip() or f"exit code {done.returncode}"
            return f"systemctl --user {' '.join(call)}: {said}"
    return None


def _called(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - no shell; our own words and names without blanks
            command, capture_output=True, text=True, errors="replace", timeout=_LIMIT_S, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))
