"""One round: an organisation, a job, faults; run, kill, look, resume, kill again until it is done; then the verdict."""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bulkops.testing.processes import SandboxProcess, Shell, sandbox_process
from tests.chaos.jobs import make_job, make_mixed_job
from tests.chaos.killing import Executioner, Session
from tests.chaos.mixture import PEOPLE, Kill, Mixture, faults_of
from tests.chaos.rows import Wanted
from tests.chaos.verdict import Scene, Verdict, done_among, judge
from tests.chaos.world import World

RUN = "r"
ENDED = frozenset({0, 1, 6})
STOPPED = frozenset({4, 5})
LAST_TRIES = 4
FINAL = ("succeeded", "skipped", "failed")
STATES = (*FINAL, "in_doubt", "pending")


@dataclass(slots=True)
class Played:
    """What came of a round. `kills` counts those that took place by where, `missed` those that came too late."""

    mixture: Mixture
    rows: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    doubts: int = 0
    verdict: Verdict = field(default_factory=Verdict)
    problems: list[str] = field(default_factory=list)
    folder: Path | None = None

    @property
    def bad(self) -> list[str]:
        """Everything that must not be."""
        return [*self.problems, *self.verdict.problems]


def play(mixture: Mixture, folder: Path, shim: Path | None) -> Played:
    """Play a round in `folder`, which is kept when something is wrong. What the product does wrong is returned."""
    folder.mkdir(parents=True)
    played = Played(mixture, folder=folder)
    with sandbox_process(
        people=PEOPLE, options=["--seed", str(mixture.seed % 7 + 1), "--vendor", mixture.vendor]
    ) as sandbox:
        try:
            Round(mixture, sandbox, folder, shim, played).play()
        except (AssertionError, LookupError, ValueError, OSError) as error:
            played.problems.append(f"{type(error).__name__}: {error}")
    if not played.bad:
        shutil.rmtree(folder, ignore_errors=True)
    return played


class Round:
    """A round under way."""

    def __init__(
        self, mixture: Mixture, sandbox: SandboxProcess, folder: Path, shim: Path | None, played: Played
    ) -> None:
        self._mixture = mixture
        self._sandbox = sandbox
        self._world = World(sandbox, mixture.habitat.base, mixture.habitat.scheme)
        self._shell = Shell(folder)
        self._hand = Executioner(self._shell, self._world, shim)
        self._played = played
        self._rows: list[Wanted] = []
        self._before: dict[str, int] = {}

    @property
    def _run(self) -> Path:
        return self._shell.folder / ".bulkops" / "runs" / RUN

    def play(self) -> None:
        """From the first command to the verdict."""
        self._set_up()
        before = self._scene()
        self._world.faults(faults_of(self._mixture, self._rows))
        for kill in self._mixture.kills:
            session = self._hand.killed(kill, *self._command())
            self._take(kill, session)
            if session.code in ENDED:
                break
        last = self._finish()
        self._world.until_quiet()
        if last.code not in ENDED:
            raise AssertionError(f"the run does not end: exit {last.code}: {last.err[-400:]}")
        self._played.verdict = judge(self._rows, self._mixture.verb, before, self._scene(), self._run)
        self._check_end(last)

    def _set_up(self) -> None:
        mixture, dice = self._mixture, random.Random(f"job {self._mixture.seed}")
        if mixture.beside is None:
            self._rows = make_job(mixture.habitat, mixture.operation, self._world, dice)
            _write_table(self._shell.folder / "job.csv", self._rows)
        else:
            self._rows = make_mixed_job(mixture.habitat, mixture.operation, mixture.beside, self._world, dice)
            _write_items(self._shell.folder / "job.json", self._rows, mixture.operation)
        self._played.rows = len(self._rows)
        self._configure()
        self._world.settings(quirks=dict(mixture.quirks), latency_ms=mixture.latency_ms)
        self._world.settings(quota=mixture.quota, window=1, token_ttl=mixture.token_ttl)

    def _configure(self) -> None:
        """As `Shell.configure`, with any of the vendor's ways to log in."""
        mixture = self._mixture
        self._shell.configure(
            self._sandbox, provider=mixture.vendor, settling_s=mixture.settling_s, concurrency=mixture.concurrency
        )
        file = self._shell.folder / "bulkops.toml"
        target, _, _ = file.read_text(encoding="utf-8").partition("[targets.acme.auth]")
        secrets = mixture.habitat.logins[mixture.login]
        given = {name: value or self._sandbox.token for name, value in secrets.items()}
        self._shell.environ.update({f"ACME_{name.upper()}": value for name, value in given.items()})
        named = "".join(f'{name}_env = "ACME_{name.upper()}"\n' for name in secrets)
        options = "".join(f"{name} = {json.dumps(value)}\n" for name, value in mixture.habitat.options.items())
        target += f"[targets.acme.options]\n{options}" if options else ""
        file.write_text(f'{target}[targets.acme.auth]\nmethod = "{mixture.login}"\n{named}', encoding="utf-8")

    def _command(self) -> Sequence[str]:
        """What a person types next: resume, or the same again if the run had not come to be."""
        size = ("--batch-size", str(self._mixture.batch_size), "--json")
        if (self._run / "job.json").exists():
            return ("resume", RUN, "--yes", *size)
        shutil.rmtree(self._run, ignore_errors=True)
        skip = () if self._mixture.verb.whole else ("--skip-invalid",)
        job = ("job.json",) if self._mixture.beside else ("job.csv", "--operation", self._mixture.operation)
        return ("run", *job, "--yes", "--run-id", RUN, *skip, *size)

    def _take(self, kill: Kill, session: Session) -> None:
        """Note how a session ended; after a kill, look whether the record holds."""
        self._log(session)
        self._check_session(session)
        if session.killed is None:
            self._played.missed.append(kill.point)
            return
        self._played.kills[session.killed] += 1
        if (self._run / "job.json").exists():
            self._check_record()
        elif done_among(self._rows, self._scene()):
            raise AssertionError("something was done, and the run cannot be resumed")

    def _check_session(self, session: Session) -> None:
        """No command ends in a way that the contract does not have."""
        if session.killed is None and session.code not in ENDED | STOPPED:
            self._played.problems.append(f"exit {session.code} of {session.arguments[0]}: {session.err[-600:]}")
        if "Traceback" in session.err:
            self._played.problems.append(f"a traceback: {session.err[-1500:]}")

    def _check_record(self) -> None:
        """The counts add up, nothing that was noted is gone, and nothing was done that the record does not have."""
        shown = self._hand.whole("show", RUN, "--json")
        if shown.code != 0:
            raise AssertionError(f"exit {shown.code} of show: {shown.err[-600:]}")
        told = json.loads(shown.out.strip().splitlines()[-1])
        counts: dict[str, int] = told["counts"]
        self._played.doubts += counts["in_doubt"]
        if sum(counts[state] for state in STATES) != counts["total"] or counts["total"] != len(self._rows):
            self._played.problems.append(f"the counts do not add up to {len(self._rows)}: {counts}")
        if gone := [state for state in FINAL if counts[state] < self._before.get(state, 0)]:
            self._played.problems.append(f"fewer rows are {gone} than before: {self._before}, now {counts}")
        self._before = counts
        done = done_among(self._rows, self._scene())
        if done > counts["succeeded"] + counts["in_doubt"]:
            self._played.problems.append(f"{done} rows are done, and the record knows of fewer: {counts}")
        if told["state"] == "running":
            self._played.problems.append(f"the process is dead, and show says that the run is {told['state']}")

    def _finish(self) -> Session:
        """Once more with the faults, then without them until nothing is pending."""
        last = self._resumed()
        self._world.faults(
            [rule for rule in faults_of(self._mixture, self._rows) if "message" in str(rule.get("body"))]
        )
        self._world.settings(quota=None, token_ttl=None)
        for _ in range(LAST_TRIES):
            if last.code in ENDED and not (last.code == 6 and self._mixture.verb.settles):
                break
            last = self._resumed()
        return last

    def _resumed(self) -> Session:
        session = self._hand.whole(*self._command())
        self._log(session)
        self._check_session(session)
        return session

    def _check_end(self, last: Session) -> None:
        """Exit code, counts and reports tell the same."""
        outcomes = self._played.verdict.outcomes
        expected = 6 if outcomes["in_doubt"] else 1 if outcomes["failed"] else 0
        counts = json.loads(last.out.strip().splitlines()[-1])["counts"]
        if last.code != expected:
            self._played.problems.append(f"exit {last.code}, and the outcomes are {dict(outcomes)}")
        if any(counts[state] != outcomes[state] for state in STATES):
            self._played.problems.append(f"--json says {counts}, and results.csv {dict(outcomes)}")

    def _scene(self) -> Scene:
        return Scene(self._mixture.habitat.facts(self._world.holds()), self._world.effects())

    def _log(self, session: Session) -> None:
        with (self._shell.folder / "round.log").open("a", encoding="utf-8") as log:
            log.write(f"$ bulkops {' '.join(session.arguments)}\n")
            log.write(f"exit {session.code}" + (f", killed at {session.killed}" if session.killed else "") + "\n")
            log.writelines(f"  {line}\n" for line in _tail(session.err))


def _tail(text: str) -> Iterator[str]:
    return iter(text.splitlines()[-12:])


def _write_items(path: Path, rows: Sequence[Wanted], operation: str) -> None:
    """As JSON: the file names the operation of those rows that name none."""
    items = [{name: _value(name, cell) for name, cell in row.cells.items() if cell} for row in rows]
    path.write_text(json.dumps({"operation": operation, "items": items}), encoding="utf-8")


def _value(name: str, cell: str) -> str | list[str]:
    return cell.split(";") if name == "scopes" else cell


def _write_table(path: Path, rows: Sequence[Wanted]) -> None:
    columns: dict[str, Any] = dict.fromkeys(name for row in rows for name in row.cells)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(columns), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(row.cells for row in rows)
