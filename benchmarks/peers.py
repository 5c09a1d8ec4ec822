"""bulkops beside what people use instead: the same rows, the same server, the same width, whole processes.

Slow ones run fewer rows: their rates are steady, and the start of a process is a small part of each. Then all are
killed at about 40 % and started again, and the server counts what was never sent and what was sent twice.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import measure, picture, tools
from benchmarks.place import CLIENT_CORE, INVITES, WIDTH, Place, opened
from benchmarks.tree import TreeMemory

SCRIPTS = Path(__file__).with_name("peer")
LATENCIES = {"no latency": (0, 0), "20–50 ms": (20, 50)}
KILLED_AT, KILL_WIDTH, LONGEST_S = 0.4, 20, 600.0
HEADERS = ("-H", "Authorization: Bearer bench", "-H", "Content-Type: application/json")


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to do the job.

    `command(place, job, width)` raises MissingError where the tool is not here; `again`, where it is given, continues
    what was killed, else the same command does. `rows` are those without and with latency; `killed` those of the
    other test. `resumes` says in words what it can do.
    """

    name: str
    command: Callable[[Place, Path, int], list[str]]
    rows: tuple[int, int]
    resumes: str
    killed: int = 1_000
    again: Callable[[Place, Path, int], list[str]] | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """One run: rows and what they took; `server_busy` is the server's share of its core."""

    rows: int
    took: measure.Took
    tree_mib: float
    server_busy: float

    @property
    def rows_s(self) -> float:
        """Rows a second of the whole process, start included."""
        return self.rows / self.took.wall_s


@dataclass(frozen=True, slots=True)
class Killed:
    """What the server saw of a run that was killed and started again."""

    sent_before: int
    never: int
    twice: int


def _bulkops(_place: Place, job: Path, width: int) -> list[str]:
    return [measure.COMMAND, "run", str(job), "--yes", "--json", "--concurrency", str(width), "--batch-size", "1"]


def _resume(_place: Place, _job: Path, width: int) -> list[str]:
    return [measure.COMMAND, "resume", "--yes", "--json", "--concurrency", str(width), "--batch-size", "1"]


def _gather(place: Place, job: Path, width: int) -> list[str]:
    return [sys.executable, str(SCRIPTS / "gather.py"), place.url + INVITES, str(job), str(width)]


def _threads(place: Place, job: Path, width: int) -> list[str]:
    return [tools.python_with_peers(), str(SCRIPTS / "threads.py"), place.url + INVITES, str(job), str(width)]


def _scrapy(place: Place, job: Path, width: int) -> list[str]:
    settings = {
        "JOBDIR": str(place.folder / "peer/jobdir"),
        "CONCURRENT_REQUESTS": width,
        "CONCURRENT_REQUESTS_PER_DOMAIN": width,
        "DOWNLOAD_DELAY": 0,
        "TELNETCONSOLE_ENABLED": False,
        "LOG_LEVEL": "ERROR",
    }
    given = [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
    facts = ["-a", f"url={place.url}{INVITES}", "-a", f"job={job}"]
    return [tools.python_with_peers(), "-m", "scrapy", "runspider", str(SCRIPTS / "spider.py"), *facts, *given]


def _curl_a_row(place: Place) -> list[str]:
    body = '[{"email":"{}"}]'
    told = ("-sS", "-f", "-o", "/dev/null", "-w", "%{http_code} {}\\n")
    return [tools.found("curl"), *told, *HEADERS, "-d", body, place.url + INVITES]


def _xargs(place: Place, job: Path, width: int) -> list[str]:
    return _piped(place, job, [tools.found("xargs"), f"-P{width}", "-I{}", *_curl_a_row(place)])


def _parallel(place: Place, job: Path, width: int) -> list[str]:
    joblog = str(place.folder / "peer/joblog")
    options = ("--will-cite", "--quote", f"-j{width}", "--joblog", joblog, "--resume")
    return _piped(place, job, [tools.gnu_parallel(), *options, *_curl_a_row(place)])


def _piped(place: Place, job: Path, command: Sequence[str]) -> list[str]:
    """The addresses of the job's second column into `command`, as one line of shell."""
    script = 'tail -n +2 "$0" | cut -d, -f2 | "$@" >> ' + str(place.folder / "peer/results.txt")
    return [tools.found("bash"), "-c", script, str(job), *command]


def _newman(place: Place, job: Path, _width: int) -> list[str]:
    headers = [{"key": "Authorization", "value": "Bearer bench"}, {"key": "Content-Type", "value": "application/json"}]
    body = {"mode": "raw", "raw": '[{"email":"{{email}}"}]'}
    request = {"method": "POST", "url": place.url + INVITES, "header": headers, "body": body}
    schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    collection = {"info": {"name": "invite", "schema": schema}, "item": [{"name": "invite", "request": request}]}
    path = place.folder / "collection.json"
    path.write_text(json.dumps(collection), encoding="utf-8")
    return [tools.newman(), "run", str(path), "-d", str(job), "--silent"]


OURS = "bulkops run"
PEERS = (
    Peer(OURS, _bulkops, (10_000, 10_000), "yes", again=_resume),
    Peer("asyncio.gather, aiohttp", _gather, (10_000, 10_000), "no"),
    Peer("requests, threads, Session", _threads, (10_000, 10_000), "no"),
    Peer("Scrapy, JOBDIR", _scrapy, (5_000, 2_000), "after a clean stop"),
    Peer("xargs -P curl", _xargs, (3_000, 2_000), "no"),
    Peer("GNU parallel --joblog, curl", _parallel, (2_000, 1_000), "at least once"),
    Peer("newman, one at a time", _newman, (1_000, 300), "no", killed=200),
)


def main(*, quick: bool, repeats: int) -> None:
    """Measure those that are here, then kill them."""
    with opened() as place:
        here = [peer for peer in PEERS if is_here(peer, place)]
        print("\n" + ", ".join(f"{name}: {version}" for name, version in tools.versions().items()))
        for at, (title, latency_ms) in enumerate(LATENCIES.items()):
            runs: dict[str, list[Ran]] = {peer.name: [] for peer in here}
            for peer in measure.turns(here, repeats):
                rows = peer.rows[at] // 10 if quick else peer.rows[at]
                runs[peer.name].append(run_once(place, peer, rows, latency_ms))
            tell(title, here, runs)
        killed: dict[str, list[Killed]] = {peer.name: [] for peer in here}
        for peer in measure.turns(here, 1 if quick else min(3, repeats)):
            killed[peer.name].append(kill_once(place, peer, peer.killed // 4 if quick else peer.killed))
        tell_killed(here, killed)


def is_here(peer: Peer, place: Place) -> bool:
    """Whether its tool is; if not, a line says so."""
    try:
        peer.command(place, place.job(1), WIDTH)
    except tools.MissingError as error:
        print(f"\n{peer.name}: left out ({error})", flush=True)
        return False
    return True


def run_once(place: Place, peer: Peer, rows: int, latency_ms: tuple[int, int]) -> Ran:
    """One run from nothing. Raises RuntimeError if it did not send each row once."""
    job = _afresh(place, rows, latency_ms)
    with TreeMemory() as memory:
        took = measure.run(peer.command(place, job, WIDTH), cwd=place.folder, cpu=CLIENT_CORE)
    told = place.told()
    if told["distinct"] != rows or told["doubled"]:
        raise RuntimeError(f"{peer.name}: {told}")
    return Ran(rows, took, memory.peak_mib, told["cpu_s"] / took.wall_s)


def kill_once(place: Place, peer: Peer, rows: int) -> Killed:
    """SIGKILL to the run and all that it started, at about 40 % of the rows; then the same again, to its end."""
    job = _afresh(place, rows, LATENCIES["20–50 ms"])
    command = peer.command(place, job, KILL_WIDTH)
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=place.folder, start_new_session=True, **quiet)  # type: ignore[call-overload]
    while place.told()["items"] < KILLED_AT * rows and process.poll() is None:
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = place.told()["items"]
    command = (peer.again or peer.command)(place, job, KILL_WIDTH)
    subprocess.run(command, cwd=place.folder, timeout=LONGEST_S, check=False, **quiet)  # type: ignore[call-overload]
    told = place.told()
    return Killed(before, rows - told["distinct"], told["doubled"])


def _afresh(place: Place, rows: int, latency_ms: tuple[int, int]) -> Path:
    place.forget_runs()
    shutil.rmtree(place.folder / "peer", ignore_errors=True)
    (place.folder / "peer").mkdir()
    place.answer_as(named=True, latency_ms=latency_ms)
    return place.job(rows)


def tell(title: str, here: Sequence[Peer], runs: Mapping[str, Sequence[Ran]]) -> None:
    """Print, keep and draw one latency's figures; ratios are taken within each repeat, then their median."""
    lines, drawn = [], {}
    for peer in here:
        of_peer = runs[peer.name]
        rate = drawn[peer.name] = measure.median(one.rows_s for one in of_peer)
        ratios = [one.rows_s / ours.rows_s for one, ours in zip(of_peer, runs[OURS], strict=True)]
        cpu = measure.median(one.took.cpu_s / one.rows for one in of_peer) * 1e6
        peak, busy = max(one.tree_mib for one in of_peer), max(one.server_busy for one in of_peer)
        facts = (f"{of_peer[0].rows:,}", f"{rate:,.0f}", f"{measure.median(ratios):.3f}", measure.spread(ratios))
        lines.append((peer.name, *facts, f"{cpu:,.0f}", f"{peak:.0f}", f"{busy:.0%}", peer.resumes))
        measure.keep(
            "peers",
            tools=tools.versions(),
            latency=title,
            peer=peer.name,
            rows=of_peer[0].rows,
            rows_s=[one.rows_s for one in of_peer],
            ratio=ratios,
            cpu_us_row=cpu,
            tree_peak_mib=peak,
            server_busy=busy,
        )
    heads = ("what", "rows", "rows/s", "ratio", "range", "CPU µs/row", "tree MiB", "server busy", "resumes")
    measure.table(f"Peers, {title}, {WIDTH} at a time, whole process", heads, lines)
    name = "peers" if title == "no latency" else "peers-latency"
    picture.bars(name, f"The same job, {title}, {WIDTH} at a time", "rows a second, whole process", drawn)


def tell_killed(here: Sequence[Peer], killed: Mapping[str, Sequence[Killed]]) -> None:
    """Print and keep what became of the killed runs."""
    lines = []
    for peer in here:
        of_peer = killed[peer.name]
        never, twice = [one.never for one in of_peer], [one.twice for one in of_peer]
        before = [one.sent_before for one in of_peer]
        lines.append((peer.name, _range(before), _range(never), _range(twice)))
        measure.keep("peers-killed", peer=peer.name, sent_before=before, never=never, twice=twice)
    heads = ("what", "sent before", "never sent", "sent twice")
    measure.table(f"Killed at {KILLED_AT:.0%} (SIGKILL), started again, {KILL_WIDTH} at a time", heads, lines)


def _range(counts: Sequence[int]) -> str:
    return f"{min(counts)}–{max(counts)}" if min(counts) < max(counts) else str(counts[0])
