"""`make demo`: a job over a real HTTP server, killed half-way, resumed, and counted by the server.

Every command is run as a user would type it. The last part is a check: the demo fails when an address was invited
twice or not at all, or when the reports do not add up.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = "demo-run"
MARK = ".bulkops-demo"
JOB = "new-hires.csv"
PEOPLE = 2000
ROWS = 500
BATCH = 10
TOKEN_VARIABLE = "SANDBOX_TOKEN"  # noqa: S105 - a variable's name
ENTRY = "from bulkops.cli.main import entry; entry()"
INVITES = {"method": "POST", "path": "*/invites"}
FAULTS: Sequence[Mapping[str, object]] = (
    {"kind": "lose_after", **INVITES, "after": 4, "times": 1},
    {"kind": "status_after", **INVITES, "after": 11, "times": 1, "status": 502, "body": "Bad Gateway"},
    {"kind": "lose_before", **INVITES, "after": 17, "times": 1},
    {"kind": "lose_after", **INVITES, "after": 30, "times": 2},
)
SANDBOX_OPTIONS = (
    "--people", str(PEOPLE), "--latency-ms", "150", "--quota", "30", "--window", "2",
    "--quirks", '{"throttle": "429"}', "--faults", json.dumps(FAULTS), "--state", "organization.jsonl",
)  # fmt: skip
MALFORMED = (
    "ana.lopez(at)newhires.example",
    "bo chen@newhires.example",
    "Cyd Marsh <cyd.marsh@newhires.example>",
    "dee@okafor@newhires.example",
    "eli.novak@newhires",
    "",
)
CONFIGURATION = """\
default_target = "demo"

[targets.demo]
provider = "sandbox"
base_url = "{url}"
organization = "{organization}"
settling_s = 2

[targets.demo.auth]
method = "bearer"
token_env = "{variable}"
"""


class DemoError(Exception):
    """Something is not as promised, or the demo cannot begin."""


@dataclass(frozen=True, slots=True)
class Job:
    """The rows of the demo's job by what must become of them: once invited, skipped, failed."""

    rows: Sequence[tuple[str, str]]
    once: Sequence[str]
    skipped: int
    failed: int


class Server:
    """The simulated organisation, seen from outside: its counts, not our reports, decide the demo."""

    def __init__(self, told: Mapping[str, str]) -> None:
        self.url = told["url"]
        self.organization = told["organization"]
        self.token = told["token"]

    def ask(self, path: str) -> Any:
        """The JSON at `path`."""
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.token}"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own loopback address
            return json.load(answer)

    def members(self, count: int) -> list[str]:
        """Addresses of people who have an account."""
        path = f"/accounts/api/organizations/{self.organization}/members?limit=100"
        return [str(row["email"]) for row in self.ask(path)["data"][20 : 20 + count]]

    def invited(self) -> Mapping[str, int]:
        """How often each address was invited."""
        people: Mapping[str, Mapping[str, int]] = self.ask("/__sandbox/effects?effect=invite_sent")["people"]
        return {address: counts["invite_sent"] for address, counts in people.items()}


def make_job(members: Sequence[str]) -> Job:
    """500 rows, most of them good; the others spread among them."""
    odd = [(address, "Developers") for address in MALFORMED]
    odd += [(f"new.person.{number}@newhires.example", "Developerz") for number in (901, 902)]
    odd += [(f"NEW.person.{number}@newhires.example", "Developers") for number in range(1, 9)]
    odd += [(address, "Developers") for address in members]
    odd += [(f"pending.{number}@acme.test", "Developers") for number in range(1, 7)]
    good = [f"new.person.{number}@newhires.example" for number in range(1, ROWS - len(odd) + 1)]
    groups = ("Developers", "Exchange Viewers;Developers", "Support Desk", "")
    rows = [(address, groups[number % len(groups)]) for number, address in enumerate(good)]
    step = len(rows) // len(odd)
    for number, row in enumerate(odd):
        rows.insert(10 + number * (step + 1), row)
    repeats, pending = 8, 6
    return Job(rows, good, repeats + len(members) + pending, len(MALFORMED) + 2)


def main(arguments: Sequence[str]) -> int:
    """Run the demo in the folder named, or in ./demo-run. Returns the exit code."""
    folder = Path(arguments[0] if arguments else FOLDER)
    try:
        prepare(folder)
        with sandbox(folder) as server:
            demonstrate(Stage(folder, server), server)
    except DemoError as error:
        print(f"\nNOT AS PROMISED: {error}", flush=True)
        return 1
    return 0


def prepare(folder: Path) -> None:
    """An empty folder; one of an earlier demo is made afresh, any other is left alone."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise DemoError(f"{folder} holds other files: name a folder that is not there yet")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text("Made by `make demo`, which removes this folder when it runs again.\n", encoding="utf-8")


@contextlib.contextmanager
def sandbox(folder: Path) -> Iterator[Server]:
    """The simulated organisation in its own process; it ends with this one."""
    command = [sys.executable, "-m", "bulkops.sandbox", "--port", "0", "--json", "--exit-on-eof", *SANDBOX_OPTIONS]
    process = subprocess.Popen(  # noqa: S603 - our own module
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            raise DemoError("the sandbox did not start")
        yield Server(json.loads(line))
    finally:
        process.communicate(timeout=10)


class Stage:
    """Runs commands in the demo's folder and shows them, and what they print, as a terminal would."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self._environment = {**os.environ, TOKEN_VARIABLE: server.token, "PYTHONUNBUFFERED": "1"}

    def say(self, *lines: str) -> None:
        """Text between the commands."""
        print("\n" + "\n".join(lines), flush=True)

    def run(self, *words: str, expect: int) -> str:
        """`bulkops WORDS`, shown with what it prints. Raises DemoError for another exit code."""
        process = self.begin(*words)
        return self.finish(process, expect=expect)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Start `bulkops WORDS`, and show the command."""
        print(f"\n$ bulkops {' '.join(words)}", flush=True)
        return subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-c", ENTRY, *words],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )

    def finish(self, process: subprocess.Popen[str], *, expect: int) -> str:
        """Wait for a command and show what it printed."""
        printed, _ = process.communicate()
        for line in printed.rstrip().splitlines():
            print(f"  {line}".rstrip())
        if process.returncode >= 0:
            print(f"  (exit {process.returncode})", flush=True)
        if process.returncode != expect:
            raise DemoError(f"the command ended with {process.returncode}, not {expect}")
        return printed


def demonstrate(stage: Stage, server: Server) -> None:
    """The whole story."""
    job = write_files(stage.folder, server)
    stage.say(
        f"A simulated organisation of {PEOPLE:,} people answers at {server.url}. Each call takes 0.15 s; of each kind",
        "at most 30 calls are let through in 2 s; and some answers are lost after the invitations went out.",
        f"{stage.folder / JOB} holds {ROWS} rows: new people, and some rows that are wrong, repeated or done already.",
        "The target stands in bulkops.toml beside it.",
    )
    stage.say("1. Check the whole file. Nothing is sent; every bad row is listed at once.")
    stage.run("validate", JOB, expect=2)
    stage.say("2. Run the good rows, and kill the process with SIGKILL half-way.")
    killed_at = kill_half_way(stage, server, job)
    stage.say("3. What is known of the run? The ledger in its folder knows what was sent.")
    stage.run("show", expect=0)
    stage.say("4. Resume. What was in flight is looked up in the organisation; only what did not happen is sent.")
    stage.run("resume", expect=1)
    stage.say("5. Count: what the organisation says, against the rows and the reports.")
    check(stage, server, job, killed_at)
    show_files(stage)


def write_files(folder: Path, server: Server) -> Job:
    """bulkops.toml and the job file."""
    text = CONFIGURATION.format(url=server.url, organization=server.organization, variable=TOKEN_VARIABLE)
    (folder / "bulkops.toml").write_text(text, encoding="utf-8")
    job = make_job(server.members(8))
    with (folder / JOB).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("operation", "email", "role_groups"))
        table.writerows(("invite", *row) for row in job.rows)
    return job


def kill_half_way(stage: Stage, server: Server, job: Job) -> int:
    """Kill the run when the organisation counts half of the invitations. Returns how many it counts then."""
    process = stage.begin("run", JOB, "--skip-invalid", "--yes", "--batch-size", str(BATCH))
    half = len(job.once) // 2
    ends = time.monotonic() + 60
    while process.poll() is None and sum(server.invited().values()) < half:
        if time.monotonic() > ends:
            process.kill()
            raise DemoError("the run did not get half-way within a minute")
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    stage.finish(process, expect=-signal.SIGKILL)
    sent = sum(server.invited().values())
    print(f"\n$ kill -9 {process.pid}")
    print(f"  killed when the organisation counted {sent} of {len(job.once)} invitations", flush=True)
    if not 0 < sent < len(job.once):
        raise DemoError("the run was not killed half-way")
    return sent


def check(stage: Stage, server: Server, job: Job, killed_at: int) -> None:
    """Compare the organisation's own count with the job and the reports. Raises DemoError for any difference."""
    invited = server.invited()
    twice = sorted(address for address, count in invited.items() if count > 1)
    never = sorted(set(job.once) - set(invited))
    beside = sorted(set(invited) - set(job.once))
    requests = [one["fault"] for one in server.ask("/__sandbox/requests")["requests"] if one.get("fault")]
    faults = ", ".join(f"{number} {kind}" for kind, number in sorted(Counter(requests).items()))
    print(f"  faults that the server made     {faults or 'none'}")
    print(f"  invitations before the kill     {killed_at}")
    print(f"  addresses to invite             {len(job.once)}")
    print(f"  invited exactly once            {sum(invited.get(address) == 1 for address in job.once)}")
    print(f"  invited twice                   {len(twice)}")
    print(f"  never invited                   {len(never)}")
    print(f"  invited though not in the job   {len(beside)}")
    if twice or never or beside:
        raise DemoError(f"twice: {twice[:5]}, never: {never[:5]}, not in the job: {beside[:5]}")
    check_reports(stage, job)


def check_reports(stage: Stage, job: Job) -> None:
    """The summary's counts and the rows of both tables must tell the same. Raises DemoError if they do not."""
    folder = run_folder(stage)
    counts = json.loads((folder / "summary.json").read_text(encoding="utf-8"))["counts"]
    results, failures = read_table(folder / "results.csv"), read_table(folder / "failures.csv")
    in_table = Counter(row["_outcome"] for row in results)
    wanted = {"succeeded": len(job.once), "skipped": job.skipped, "failed": job.failed, "in_doubt": 0, "pending": 0}
    parts = " + ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in wanted)
    print(f"  the reports                     {parts} = {sum(counts[name] for name in wanted)} of {ROWS} rows")
    expect("the counts", {name: counts[name] for name in wanted}, wanted)
    expect("the outcomes in results.csv", {name: in_table[name] for name in wanted}, wanted)
    expect("the rows of results.csv", [int(row["_row"]) for row in results], list(range(1, ROWS + 1)))
    expect("the rows of failures.csv", {row["_outcome"] for row in failures}, {"failed"})
    expect("the number of rows in failures.csv", len(failures), job.failed)
    succeeded = {row["email"] for row in results if row["_outcome"] == "succeeded"}
    expect("the addresses that results.csv says were invited", succeeded, set(job.once))
    print("  As promised: nothing doubled, nothing lost, every row accounted for.", flush=True)


def expect(what: str, found: object, wanted: object) -> None:
    """Raises DemoError when `found` is not `wanted`."""
    if found != wanted:
        raise DemoError(f"{what}: {found}, where {wanted} was expected")


def show_files(stage: Stage) -> None:
    """Where to look, and the first lines of the failures."""
    folder = run_folder(stage)
    stage.say("6. The reports:")
    for name, what in (
        ("report.html", "for reading in a browser"),
        ("failures.csv", "the rows that failed, with the reason: correct it and run it, it is a job file"),
        ("results.csv", "every row with its outcome"),
        ("summary.json", "the counts, for scripts"),
    ):
        print(f"  {folder / name}\n    {what}")
    print("\n$ head -4 failures.csv")
    with (folder / "failures.csv").open(encoding="utf-8") as file:
        for _, line in zip(range(4), file, strict=False):
            print(f"  {line.rstrip()}")
    sys.stdout.flush()


def run_folder(stage: Stage) -> Path:
    """The folder of the one run."""
    folders = sorted((stage.folder / ".bulkops" / "runs").iterdir())
    if len(folders) != 1:
        raise DemoError(f"one run was made, and {len(folders)} are there")
    return folders[0]


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV report."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
