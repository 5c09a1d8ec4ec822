"""The commands that put jobs on a schedule and take them off."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

import anyio

from bulkops import config
from bulkops.cli import arguments
from bulkops.cli.asking import confirm_writing
from bulkops.cli.output import harmless, say
from bulkops.cli.working import work_options
from bulkops.errors import ConfigError, UsageError
from bulkops.wiring import DEFAULT_RUNS_DIR, check_name, crontab, scheduling, timers
from bulkops.wiring.calendars import Calendar, parse_calendar
from bulkops.wiring.entries import Entry
from bulkops.wiring.folder import make_private
from bulkops.wiring.naming import name_of, slug


def install(options: argparse.Namespace) -> int:
    """Show what would be written, ask, write it, and have it begin; 1 if it is written and did not begin."""
    try:
        calendar = parse_calendar(options.every)
    except ConfigError as error:
        raise UsageError(f"--every {error}") from None
    if options.cron and options.catch_up:
        raise UsageError("--catch-up is for systemd timers: cron does not know what it has missed")
    entry, runs_dir = _entry(options, calendar)
    if options.cron:
        return _install_line(entry, runs_dir, options)
    return _install_timer(entry, calendar, options)


def _entry(options: argparse.Namespace, calendar: Calendar) -> tuple[Entry, Path]:
    """What is to be run. Warns of what will keep it from running."""
    if options.job == "-":
        raise UsageError("a schedule needs a job file that will be there: standard input will not")
    asked = arguments.build().parse_args(["run", options.job, *options.run_options])
    if asked.run_id is not None:
        raise UsageError("--run-id names one run, and a schedule makes many: leave it out")
    loaded = config.load(asked.config)
    named, warnings = scheduling.judge(
        options.job,
        config=loaded,
        target=asked.target,
        operation=asked.operation,
        options=work_options(asked),
        yes=asked.yes,
    )
    for warning in warnings:
        say(f"warning: {warning}")
    name = check_name(options.name or asked.name or named or name_of(options.job) or "", "--name")
    runs_dir = (asked.runs_dir or DEFAULT_RUNS_DIR).absolute()
    command = scheduling.command(
        Path(options.job), options.run_options, name=name, runs_dir=runs_dir, config=loaded.path
    )
    return Entry(name, calendar.cron, str(Path.cwd()), command), runs_dir


def _install_timer(entry: Entry, calendar: Calendar, options: argparse.Namespace) -> int:
    timers.check_calendar(calendar)
    folder, files = timers.units_folder(os.environ), timers.render(entry, calendar, catch_up=options.catch_up)
    timers.is_free(folder, files)
    say("\n".join(f"{folder / name}:\n{_indented(text)}" for name, text in files.items()))
    anyio.run(partial(confirm_writing, yes=options.yes))
    timers.write(folder, files)
    problem = timers.enable(entry.name)
    unit = timers.unit_name(entry.name)
    if problem is not None:
        say(f"warning: written, and not begun: {problem}. Begin it with: systemctl --user enable --now {unit}.timer")
    say(
        f"What the runs print: journalctl --user -u {unit}. Timers of a user run while that user is logged in; "
        f"`loginctl enable-linger` has them run always."
    )
    _tell(options, "systemd", entry.as_dict(), files=[str(folder / name) for name in files])
    return 0 if problem is None else 1


def _install_line(entry: Entry, runs_dir: Path, options: argparse.Namespace) -> int:
    log = runs_dir.parent / "schedule" / f"{slug(entry.name)}.log"
    line = crontab.render(entry, str(log))
    crontab.read()  # what cannot be read is not asked about
    say(f"crontab:\n{_indented(line)}")
    anyio.run(partial(confirm_writing, yes=options.yes))
    try:
        make_private(log.parent)
    except OSError as error:
        raise UsageError(f"{log.parent} cannot be made: {error.strerror or error}") from error
    crontab.write(crontab.with_line(crontab.read(), line))
    say(f"What the runs print: {log}")
    _tell(options, "cron", entry.as_dict(), log=str(log))
    return 0


def listing(options: argparse.Namespace) -> int:
    """List the jobs that are on a schedule; entries that others wrote are not looked at."""
    found = [{"kind": "systemd", **entry.as_dict()} for entry in timers.entries(timers.units_folder(os.environ))] + [
        {"kind": "cron", **asdict(line)} for line in _lines()
    ]
    if options.json:
        print(json.dumps({"jobs": found}, ensure_ascii=False))
    elif not found:
        say("no jobs on a schedule")
    for one in found if not options.json else ():
        command = one["command"] if isinstance(one["command"], str) else shlex.join(one["command"])
        print(harmless(f"{one['name']}  {one['kind']}  {one['every']}  {command}"))
    return 0


def _lines() -> list[crontab.CronLine]:
    try:
        return list(crontab.entries(crontab.read()))
    except UsageError:  # no cron here, or none for this user
        return []


def remove(options: argparse.Namespace) -> int:
    """Take a job off its schedules, after a question; 1 if systemd was against it."""
    folder = timers.units_folder(os.environ)
    units = [entry for entry in timers.entries(folder) if entry.name == options.name]
    lines = [line for line in _lines() if line.name == slug(options.name)]
    if not units and not lines:
        raise UsageError(f"no job {options.name!r} is on a schedule; `bulkops schedule list` tells which are")
    for entry in units:
        say(f"{folder / timers.unit_name(entry.name)}.service and .timer: {entry.every} {shlex.join(entry.command)}")
    for line in lines:
        say(f"crontab: {line.every} {line.command}")
    anyio.run(partial(confirm_writing, yes=options.yes))
    problem = None
    if units:
        problem = timers.remove(folder, options.name)
    if lines:
        crontab.write(crontab.without(crontab.read(), slug(options.name)))
    if problem is not None:
        say(f"warning: removed, but {problem}")
    _tell(options, "removed", {"name": options.name})
    return 0 if problem is None else 1


def _tell(options: argparse.Namespace, kind: str, told: Mapping[str, object], **more: object) -> None:
    if options.json:
        print(json.dumps({"kind": kind, **told, **more}, ensure_ascii=False))


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())
