"""The command line. Imports nothing that is slow: `--help` must answer at once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from bulkops.errors import UsageError

JOB_HELP = "a CSV, JSON or JSONL job file, - for standard input, or a pipeline: a folder of them or its JSON file"

EPILOG = """\
exit codes:
  0  every item succeeded or was skipped      4  stopped early; `bulkops resume` continues
  1  finished; some items failed              5  credentials or rights refused; resumable
  2  usage, configuration or job file wrong   6  finished; some items are in doubt
  3  refused: guard, confirmation, lock       130, 143  interrupted; resumable
  10  plan --detailed-exitcode: there are changes

a first try, without any configuration:
  bulkops run jobs/invite-new-hires.csv --target sandbox
"""


class Parser(argparse.ArgumentParser):
    """argparse, with its complaints in our words and its exit code ours."""

    _as_json = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does it; whether JSON is asked for is seen first, since the rest may not be understood."""
        args = sys.argv[1:] if args is None else list(args)
        self._as_json = "--json" in args
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is; with --json also print the object that scripts wait for. Exit 2."""
        if self._as_json:
            import json  # noqa: PLC0415

            from bulkops.cli.failures import refused_object  # noqa: PLC0415

            print(json.dumps(refused_object(UsageError(message)), ensure_ascii=False))
        self.exit(2, f"bulkops: {message}\n  `{self.prog} --help` lists what there is\n")


def build() -> argparse.ArgumentParser:
    """The parser of all commands. Each sets `command` to its name."""
    parser = Parser(
        prog="bulkops",
        description="Bulk operations on SaaS organisations: checkpointed, resumable, truthful about every row.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    _run(commands)
    _plan(commands)
    _validate(commands)
    _continuing(commands)
    _reading(commands)
    _looking(commands)
    _migrate(commands)
    _schedule(commands)
    _exporting(commands)
    commands.add_parser(
        "sandbox",
        help="a simulated organisation to try job files on",
        description="Start a simulated organisation over HTTP. `bulkops sandbox --help` lists its options.",
        add_help=False,
    )
    return parser


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The options of a command line. What follows `--` of `schedule install` is for the run: `run_options`."""
    own, rest = list(argv), []
    if own[:2] == ["schedule", "install"] and "--" in own:
        at = own.index("--")
        own, rest = own[:at], own[at + 1 :]
    options = build().parse_args(own)
    options.run_options = rest
    return options


def _run(commands: argparse._SubParsersAction[Parser]) -> None:
    run = commands.add_parser(
        "run",
        help="check a job file, plan, confirm, apply, report",
        description="Check the whole job file, plan, ask for confirmation, send, and report on every row.",
    )
    run.add_argument("job", metavar="JOB", help=JOB_HELP)
    _job_options(run)
    _work_options(run)
    _age(run)
    run.add_argument(
        "--name", metavar="NAME", help="the job's name: two runs of one name never overlap (default: the file's)"
    )
    run.add_argument("--run-id", metavar="ID", help="the run's name; made up if not given")
    run.add_argument("--dry-run", action="store_true", help="read and plan only; send nothing")


def _plan(commands: argparse._SubParsersAction[Parser]) -> None:
    plan = commands.add_parser(
        "plan",
        help="what a job file would change; reads only",
        description="Check a job file, read the organisation, and say what running the file would change.",
    )
    plan.add_argument("job", metavar="JOB", help=JOB_HELP)
    _job_options(plan)
    _age(plan)
    plan.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    plan.add_argument("--detailed-exitcode", action="store_true", help="exit 10 when there are changes")
    _ceilings(plan)
    _logging(plan)


def _validate(commands: argparse._SubParsersAction[Parser]) -> None:
    validate = commands.add_parser(
        "validate",
        help="check a job file; no network",
        description="Check a job file from its first to its last row and list everything that is wrong. No network.",
    )
    validate.add_argument("job", metavar="JOB", help=JOB_HELP)
    _job_options(validate)
    validate.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def _continuing(commands: argparse._SubParsersAction[Parser]) -> None:
    resume = commands.add_parser(
        "resume",
        help="finish what a stopped run left",
        description="Finish a run that was stopped: look up what was in flight, send only what did not happen.",
    )
    _which_run(resume)
    resume.add_argument(
        "--job",
        metavar="FILE",
        help="go on with an edited job file; rows are compared by content, and what is done stays done",
    )
    resume.add_argument(
        "--in-doubt",
        choices=("done", "not-done"),
        help="what you found of the rows that stay in doubt once they were looked up: recorded as succeeded, or sent "
        "again",
    )
    resume.add_argument(
        "--skip-invalid", action="store_true", help="report rows that may not be run as failed, and run the others"
    )
    _work_options(resume)
    retry = commands.add_parser(
        "retry",
        help="run the failed rows of a run again, as a new run",
        description="Start a new run over the rows that failed or stayed in doubt: the run's failures.csv is its job.",
    )
    _which_run(retry)
    _work_options(retry)


def _reading(commands: argparse._SubParsersAction[Parser]) -> None:
    runs = commands.add_parser("runs", help="list the runs, newest first; remove old ones")
    runs.add_argument("--runs-dir", type=Path, metavar="DIR", help="where runs are kept (default ./.bulkops/runs)")
    runs.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    _pruning(runs)
    show = commands.add_parser("show", help="what became of a run, and what to do next")
    _which_run(show)
    show.add_argument("--runs-dir", type=Path, metavar="DIR", help="where runs are kept (default ./.bulkops/runs)")
    show.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    report = commands.add_parser("report", help="write a run's reports anew from its ledger, and print one")
    _which_run(report)
    report.add_argument("--format", choices=("html", "csv", "json"), default="csv", help="which to print (default csv)")
    report.add_argument("--runs-dir", type=Path, metavar="DIR", help="where runs are kept (default ./.bulkops/runs)")


def _schedule(commands: argparse._SubParsersAction[Parser]) -> None:
    schedule = commands.add_parser(
        "schedule",
        help="run job files by a timer",
        description="Have job files run by systemd timers of the user, or by lines of the crontab.",
    )
    actions = schedule.add_subparsers(dest="action", metavar="ACTION", parser_class=Parser, required=True)
    install = actions.add_parser(
        "install",
        help="put a job file on a schedule, or change when it runs",
        usage="bulkops schedule install JOB --every WHEN [options] [-- options of the run]",
        description="Show what would be written, ask, and write it. Options after -- are those of `bulkops run`.",
    )
    install.add_argument("job", metavar="JOB", help="a CSV, JSON or JSONL job file")
    install.add_argument(
        "--every",
        required=True,
        metavar="WHEN",
        help="five fields as cron has them, such as '0 6 * * 1', or hourly, daily, weekly, monthly; local time",
    )
    install.add_argument("--name", metavar="NAME", help="the job's name (default: the file's)")
    install.add_argument("--cron", action="store_true", help="a line in the crontab instead of a systemd timer")
    install.add_argument("--catch-up", action="store_true", help="run a time that was missed once the machine is up")
    listing = actions.add_parser("list", help="the jobs that are on a schedule")
    removing = actions.add_parser("remove", help="take a job off its schedule")
    removing.add_argument("name", metavar="NAME", help="the job's name")
    for action in (install, removing):
        action.add_argument("--yes", action="store_true", help="do not ask; says nothing of the run: see -- --yes")
    for action in (install, listing, removing):
        action.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def _pruning(runs: argparse.ArgumentParser) -> None:
    actions = runs.add_subparsers(dest="action", metavar="ACTION", parser_class=Parser)
    prune = actions.add_parser(
        "prune",
        help="remove old runs",
        description="Remove the folders of old runs that are finished; lists them first, and asks.",
    )
    prune.add_argument("--keep", required=True, metavar="N|SPAN", help="the newest N, or what ended within: 20, 30d")
    prune.add_argument("--name", metavar="NAME", help="only runs of this job")
    prune.add_argument("--even-unfinished", action="store_true", help="also runs that could still be resumed")
    prune.add_argument("--dry-run", action="store_true", help="list only")
    prune.add_argument("--yes", action="store_true", help="do not ask")
    prune.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object on stdout")
    prune.add_argument("--runs-dir", type=Path, metavar="DIR", default=argparse.SUPPRESS, help="where runs are kept")


def _looking(commands: argparse._SubParsersAction[Parser]) -> None:
    operations = commands.add_parser("operations", help="what can be done, with which fields, on which provider")
    operations.add_argument("operation", nargs="?", metavar="OP", help="one operation in full")
    operations.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    check = commands.add_parser("check", help="one cheap call: host, credentials, rights")
    check.add_argument("--target", metavar="T", help="a target of bulkops.toml, or sandbox")
    check.add_argument("--config", type=Path, metavar="FILE", help="a configuration other than ./bulkops.toml")
    check.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def _migrate(commands: argparse._SubParsersAction[Parser]) -> None:
    migrate = commands.add_parser(
        "migrate",
        help="write a pipeline that moves people to another organisation; reads only",
        description="Read two organisations and write an ordinary pipeline of job files, to be reviewed and run, that "
        "gives the people of one a place in the other. Nothing is sent. With --verify: compare the two.",
    )
    migrate.add_argument("--from", dest="source", required=True, metavar="TARGET", help="where they are")
    migrate.add_argument("--to", dest="goal", required=True, metavar="TARGET", help="where they shall be")
    migrate.add_argument("--out", type=Path, metavar="DIR", help="a new folder for the pipeline")
    migrate.add_argument("--mapping", type=Path, metavar="FILE", help="JSON: what is called otherwise there")
    migrate.add_argument("--create", action="store_true", help="make role groups and teams that are missing there")
    migrate.add_argument("--verify", action="store_true", help="list what differs; exit 1 where something does")
    migrate.add_argument("--config", type=Path, metavar="FILE", help="a configuration other than ./bulkops.toml")
    migrate.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def _exporting(commands: argparse._SubParsersAction[Parser]) -> None:
    export = commands.add_parser(
        "export",
        help="read users, invites, groups and the like into a table",
        description="Read what an organisation has many of into CSV, JSON or JSON lines.\n"
        "Without RESOURCE: list what there is, with its columns.\nA file appears whole or not at all; "
        "the same command goes on with a stopped one.",
        epilog="exit codes: 0 all rows are there; 4 stopped early, or nobody can vouch that these are all;\n"
        "2, 3, 5, 130, 143 as everywhere",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    export.add_argument(
        "resource", nargs="?", metavar="RESOURCE", help="users, invites, teams, ...; without it: a list"
    )
    export.add_argument("--target", metavar="T", help="a target of bulkops.toml, or sandbox")
    export.add_argument("--config", type=Path, metavar="FILE", help="a configuration other than ./bulkops.toml")
    export.add_argument("--format", choices=("csv", "json", "jsonl"), help="by the file's name, else csv")
    export.add_argument("--out", metavar="FILE", help="where to (default: - for standard output)")
    export.add_argument(
        "--columns", metavar="A,B", help="which columns, in this order; user=id calls the column id user"
    )
    export.add_argument("--where", metavar="FILTER", help='which rows, such as "last_login < 90d and enabled = true"')
    export.add_argument(
        "--allow-incomplete", action="store_true", help="accept rows of which nobody can vouch that they are all"
    )
    export.add_argument(
        "--raw", action="store_true", help="CSV cells as they are, also those that a spreadsheet would run as formulas"
    )
    export.add_argument("--json", action="store_true", help="print one JSON object on stdout, last; with --out only")
    export.add_argument("--deadline", metavar="WHEN", help="stop cleanly before: 2h, 90m, 22:30, or a date and time")
    export.add_argument("--rate", metavar="N/s", help='ceiling of calls, such as "20/s" or "500/min"')
    export.add_argument("--concurrency", type=_positive, metavar="N", help="ceiling of calls in flight (default 16)")
    export.add_argument("--reserve", type=_share, metavar="SHARE", help="share of the quota left to others, 0 to 0.95")
    _logging(export)


def _which_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", nargs="?", metavar="RUN", help="a run's id, a prefix of it, its folder, or latest (the default)"
    )


def _job_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--operation", metavar="OP", help="the operation, where the file does not name it")
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="COLUMN=FIELD",
        help="read a column as a field that has another name; COLUMN= does not read it; may be repeated",
    )
    parser.add_argument("--target", metavar="T", help="a target of bulkops.toml, or sandbox")
    parser.add_argument("--config", type=Path, metavar="FILE", help="a configuration other than ./bulkops.toml")
    parser.add_argument(
        "--skip-invalid", action="store_true", help="run the good rows and report the bad ones as failed"
    )


def _work_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout, last")
    parser.add_argument(
        "--deadline", metavar="WHEN", help="stop cleanly before: 2h, 90m, 22:30, or a date and time; resume goes on"
    )
    parser.add_argument(
        "--queue", action="store_true", help="wait while another run of the job's name is at work, instead of refusing"
    )
    parser.add_argument(
        "--on-finish",
        metavar="WHAT",
        help="when the run has ended: a command, an http(s) address that gets the summary, env:NAME of one, or none",
    )
    _ceilings(parser)
    if "--config" not in parser._option_string_actions:  # noqa: SLF001 - argparse has no public look-up
        parser.add_argument("--config", type=Path, metavar="FILE", help="a configuration other than ./bulkops.toml")
    _logging(parser)


def _age(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--max-age", metavar="SPAN", help="refuse a job file last changed before that: 24h, 7d")


def _ceilings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rate", metavar="N/s", help='ceiling of calls, such as "20/s" or "500/min"')
    parser.add_argument("--concurrency", type=_positive, metavar="N", help="ceiling of calls in flight (default 16)")
    parser.add_argument("--batch-size", type=_positive, metavar="N", help="items a call, up to the provider's limit")
    parser.add_argument("--max-failures", metavar="N|P%", help="stop once more rows failed: a count, or a share")
    parser.add_argument(
        "--max-changes", metavar="N|P%", help="refuse a plan with more changes: a count, or a share of what there is"
    )
    parser.add_argument("--reserve", type=_share, metavar="SHARE", help="share of the quota left to others, 0 to 0.95")
    parser.add_argument("--runs-dir", type=Path, metavar="DIR", help="where runs are kept (default ./.bulkops/runs)")


def _logging(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="warning")
    parser.add_argument("--log-format", choices=("console", "json"), default="console")


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= 10_000:
        raise argparse.ArgumentTypeError(f"a whole number from 1, not {text!r}")
    return number


def _share(text: str) -> float:
    """`0.2` or `20%`."""
    try:
        value = float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 0.95:
        raise argparse.ArgumentTypeError(f"a share from 0 to 0.95, such as 0.2 or 20%, not {text!r}")
    return value
