"""How near bulkops comes to a quota, and how often it is refused: known and unknown, halved, shared, contended.

The service is the sandbox in a process of its own; windows are short so that a run has many of them. The ideal is a
client that knows everything: it sends as fast as the service answers until a window is spent, and goes on at the very
moment at which the next one begins.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.picture import Picture

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
RIVAL = 90
RIVAL_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Scenario:
    """A quota of `limit` calls in `window_s`, and who uses it.

    `halves`: the limit does, when half of the calls are made. `silent`: no headers at all.
    """

    title: str
    limit: int
    window_s: float
    calls: int
    processes: int = 1
    width: int = 16
    reserve: float = 0.0
    halves: bool = False
    rival: bool = False
    silent: bool = False
    picture: str = ""


SCENARIOS = (
    Scenario("known window, 16 at a time", 500, 5.0, 3800),
    Scenario("known window, 4 at a time", 500, 5.0, 3800, width=4),
    Scenario("known window that halves", 500, 5.0, 3800, halves=True, picture="quota-known.svg"),
    Scenario("known window, a rival takes 30 %", 500, 5.0, 2600, rival=True),
    Scenario("the same, reserve 0.3", 500, 5.0, 2600, rival=True, reserve=RIVAL_SHARE),
    Scenario("known window, 4 processes", 500, 5.0, 3800, processes=4, picture="quota-processes.svg"),
    Scenario("unknown window, 16 at a time", 100, 2.0, 3000, silent=True),
    Scenario("unknown window that halves", 100, 2.0, 3000, silent=True, halves=True, picture="quota-unknown.svg"),
)


@dataclass
class Run:
    """What one run of a scenario came to. `log` is the server's own: when, whose, admitted or not."""

    took_s: float
    ideal_s: float
    refused: int
    calls: int
    rival_refused: float | None
    began: float
    log: Sequence[tuple[float, int, bool]]
    limits: Sequence[tuple[float, int]] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Its time against the ideal."""
        return self.took_s / self.ideal_s

    @property
    def share_refused(self) -> float:
        """Of all calls that it sent."""
        return self.refused / (self.calls + self.refused)


class Service:
    """The sandbox, in a process of its own."""

    def __init__(self, told: Mapping[str, str]) -> None:
        self.url, self.organization = told["url"], told["organization"]

    def settle(self, **settings: object) -> None:
        """Change its settings."""
        self._ask("PATCH", "settings", settings)

    def forget(self) -> None:
        """Forget calls and windows."""
        self._ask("POST", "reset")

    def log(self) -> list[tuple[float, int, bool]]:
        """The calls as they arrived."""
        entries = self._ask("GET", "requests")["requests"]
        return [
            (one["at"], int(one["query"]["limit"]), one["status"] == 200)
            for one in entries
            if one["query"].get("limit")
        ]

    def count(self) -> int:
        """How many calls were admitted."""
        return int(self._ask("GET", "state")["quota_allowed"])

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/__sandbox/{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")


def main(*, quick: bool, repeats: int) -> None:
    """Measure every scenario, and draw those that have a picture."""
    rows = []
    with service() as found:
        for scenario in SCENARIOS:
            chosen = replace(scenario, calls=scenario.calls // 4) if quick else scenario
            runs = [measured(found, chosen) for _ in range(max(1, repeats // 2))]
            rows.append(told(chosen, runs))
            if scenario.picture and not quick:
                draw(chosen, runs[-1])
    heads = ("scenario", "calls", "s", "ideal s", "ratio", "range", "refused %", "range", "rival refused %")
    measure.table("Time against the ideal, and calls refused", heads, rows)


def told(scenario: Scenario, runs: Sequence[Run]) -> tuple[object, ...]:
    """One line of the table; the figures are kept, too."""
    ratios, refused = [run.ratio for run in runs], [100 * run.share_refused for run in runs]
    measure.keep(
        "quota",
        scenario=scenario.title,
        calls=scenario.calls,
        ratio=ratios,
        refused_percent=refused,
        took_s=[run.took_s for run in runs],
        ideal_s=[run.ideal_s for run in runs],
    )
    rival = [run.rival_refused for run in runs if run.rival_refused is not None]
    middle = measure.median
    return (
        scenario.title,
        f"{scenario.calls:,}",
        f"{middle(run.took_s for run in runs):.1f}",
        f"{middle(run.ideal_s for run in runs):.1f}",
        f"{middle(ratios):.3f}",
        measure.spread(ratios),
        f"{middle(refused):.2f}",
        measure.spread(refused),
        f"{100 * middle(rival):.1f}" if rival else "",
    )


def measured(found: Service, scenario: Scenario) -> Run:
    """One run, begun with a window."""
    speed = free_speed(found, scenario)
    prepare(found, scenario)
    with tempfile.TemporaryDirectory(prefix="bulkops-bench-") as state:
        await_window(scenario, early_s=0.3)
        ours = [client(found, scenario, number, state) for number in range(scenario.processes)]
        rival = rival_of(found, scenario) if scenario.rival else None
        changes = watch(found, scenario)
        ended = [json.loads(process.communicate()[0]) for process in ours]
        if rival is not None:
            rival.terminate()
            rival.communicate()
    log = found.log()
    mine = [entry for entry in log if entry[1] != RIVAL]
    began = min(entry[0] for entry in mine)
    theirs = [entry for entry in log if entry[1] == RIVAL and entry[0] <= max(one["ended"] for one in ended)]
    return Run(
        took_s=max(one["ended"] for one in ended) - began,
        ideal_s=ideal(scenario, began, changes, speed) - began,
        refused=sum(one["refused"] for one in ended),
        calls=sum(admitted for _, _, admitted in mine),
        rival_refused=sum(not entry[2] for entry in theirs) / len(theirs) if theirs else None,
        began=began,
        log=log,
        limits=changes,
    )


def prepare(found: Service, scenario: Scenario) -> None:
    """The service as the scenario wants it, with nothing counted yet."""
    found.forget()
    quirks = {"throttle": "429", "quota_headers": "none" if scenario.silent else "vendor"}
    found.settle(quota=scenario.limit, window=scenario.window_s, quirks=quirks)


def free_speed(found: Service, scenario: Scenario) -> float:
    """Calls a second that these clients make where nothing limits them."""
    found.forget()
    found.settle(quota=None)
    with tempfile.TemporaryDirectory(prefix="bulkops-bench-") as state:
        trial = replace(scenario, calls=600)
        ended = [
            json.loads(process.communicate()[0])
            for process in [client(found, trial, number, state) for number in range(scenario.processes)]
        ]
    return 600.0 / float(max(one["ended"] for one in ended) - min(one["started"] for one in ended))


def ideal(scenario: Scenario, began: float, limits: Sequence[tuple[float, int]], speed: float) -> float:
    """When a client that knows everything would have ended, in epoch seconds."""
    left, now = scenario.calls, began
    share = 1.0 - (RIVAL_SHARE if scenario.rival else 0.0)
    while True:
        window = math.floor(now / scenario.window_s)
        end = (window + 1) * scenario.window_s
        possible = capacity(limits, now, end, speed) * share
        if left <= possible:
            return now + left / speed
        left, now = left - int(possible), end


def capacity(limits: Sequence[tuple[float, int]], now: float, end: float, speed: float) -> float:
    """How many calls fit into the window that ends at `end`; a limit that falls takes nothing back."""
    since, limit = [entry for entry in limits if entry[0] < end][-1]
    before = max((earlier for at, earlier in limits if at < since), default=limit) if since > now else limit
    sent_before = min(before, max(0.0, since - now) * speed)
    return max(sent_before, min(limit, (end - now) * speed))


def watch(found: Service, scenario: Scenario) -> list[tuple[float, int]]:
    """Halve the limit when half of the calls are made; returns since when which limit counts."""
    limits = [(0.0, scenario.limit)]
    if scenario.halves:
        while found.count() < scenario.calls // 2:
            time.sleep(0.05)
        found.settle(quota=scenario.limit // 2)
        limits.append((time.time(), scenario.limit // 2))
    return limits


def client(found: Service, scenario: Scenario, number: int, state: str) -> subprocess.Popen[bytes]:
    """One of our processes; all share the state folder."""
    calls = scenario.calls // scenario.processes
    numbers = (number + 1, calls, scenario.width, scenario.reserve)
    return start(["ours", found.url, found.organization, *map(str, numbers)], state=state)


def rival_of(found: Service, scenario: Scenario) -> subprocess.Popen[bytes]:
    """Somebody else, who takes a share of the quota evenly."""
    per_s = RIVAL_SHARE * scenario.limit / scenario.window_s
    return start(["rival", found.url, found.organization, str(RIVAL), str(per_s), "600"], state=None)


def start(arguments: Sequence[str], *, state: str | None) -> subprocess.Popen[bytes]:
    """A caller, running."""
    environ = {**os.environ, **({"XDG_STATE_HOME": state} if state is not None else {})}
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.caller", *arguments], cwd=ROOT, env=environ, stdout=subprocess.PIPE
    )


def await_window(scenario: Scenario, *, early_s: float) -> None:
    """Return a little before a window begins, so that the clients are ready then."""
    left = scenario.window_s - time.time() % scenario.window_s
    time.sleep((left - early_s) % scenario.window_s)


@contextlib.contextmanager
def service() -> Iterator[Service]:
    """The sandbox, answering after 20 ms."""
    command = [sys.executable, "-m", "bulkops.sandbox", "--port", "0", "--json", "--people", "50", "--latency-ms", "20"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        yield Service(json.loads(process.stdout.readline() if process.stdout else b""))
    finally:
        process.terminate()
        process.communicate()


def draw(scenario: Scenario, run: Run) -> None:
    """The calls in each window, or part of one, against the limit."""
    step_s = scenario.window_s
    first = math.floor(run.began / step_s)
    steps = math.floor((run.began + run.took_s) / step_s) - first + 1

    def counted(wanted: Callable[[int, bool], bool]) -> Counter[int]:
        return Counter(math.floor(at / step_s) - first for at, mark, admitted in run.log if wanted(mark, admitted))

    def of_process(number: int) -> Counter[int]:
        return counted(lambda mark, admitted: admitted and mark == number)

    by_process = [of_process(number + 1) for number in range(scenario.processes)]
    refused = counted(lambda _mark, admitted: not admitted)
    Picture(
        title=scenario.title[0].upper() + scenario.title[1:],
        description=f"Calls in each window of {step_s:g} s against the quota. {run.refused} were refused.",
        step_s=step_s,
        bars=[[counts[step] for counts in by_process] for step in range(steps)],
        refused=[refused[step] for step in range(steps)],
        limits=[
            [limit for since, limit in run.limits if since < (first + step + 1) * step_s][-1] for step in range(steps)
        ],
        legend=[f"process {one + 1}" for one in range(scenario.processes)] if scenario.processes > 1 else ["accepted"],
        unit=f"calls per window of {step_s:g} s",
    ).write(DOCS / scenario.picture)
