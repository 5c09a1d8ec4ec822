"""The engine against a bare aiohttp loop: same rows, same server, same width, in turns.

Rates are calls a second over the span from the first write's arrival to the last write's answer, as the server
measured it; read-backs within that span count as time. The whole process is told beside it. Each variant is compared
twice: with the bare loop on the standard event loop, and with the bare loop on the event loop that it runs on itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks import measure, picture
from benchmarks.flushing import slow_flushes
from benchmarks.place import CLIENT_CORE, WIDTH, Place, opened, python

BATCH = 100
FLUSH_MS = 5


@dataclass(frozen=True, slots=True)
class Setting:
    """What is sent, and how the server answers. `named`: its answers tell the rows apart, so no read-back is needed.

    `flush_ms` is what every flush to the disk takes more than the disk itself.
    """

    title: str
    rows: int
    batch: int
    latency_ms: tuple[int, int]
    variants: Sequence[str]
    named: bool = True
    flush_ms: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one variant."""

    calls_s: float
    span_s: float
    took: measure.Took


BARE, BARE_UV = "bare aiohttp, standard loop", "bare aiohttp, uvloop"
COMMAND = "bulkops run"
STANDARD, MEMORY = "bulkops engine, standard loop, SQLite", "bulkops engine, uvloop, memory"
SQLITE = "bulkops engine, uvloop, SQLite"
ALL = (BARE, BARE_UV, COMMAND, STANDARD, MEMORY)
PAIR = (BARE, BARE_UV, COMMAND)
SAME_LOOP = {BARE: BARE, BARE_UV: BARE_UV, COMMAND: BARE_UV, STANDARD: BARE, MEMORY: BARE_UV}
"""The bare loop on the event loop that each runs on; the command takes uvloop, which it depends on."""

SINGLE, SINGLE_LATENCY = "single calls, no latency", "single calls, 20–50 ms"
BATCHES = f"batches of {BATCH}, no latency"
SETTINGS = (
    Setting(SINGLE, 20_000, 1, (0, 0), ALL),
    Setting(f"{SINGLE}, opaque answers read back", 20_000, 1, (0, 0), PAIR, named=False),
    Setting(SINGLE_LATENCY, 10_000, 1, (20, 50), (*PAIR, STANDARD)),
    Setting(BATCHES, 200_000, BATCH, (0, 0), (*PAIR, MEMORY)),
    Setting(f"{BATCHES}, opaque answers read back", 20_000, BATCH, (0, 0), PAIR, named=False),
    Setting(f"batches of {BATCH}, 20–50 ms", 200_000, BATCH, (20, 50), PAIR),
    Setting(f"{SINGLE}, flushes {FLUSH_MS} ms longer", 20_000, 1, (0, 0), PAIR, flush_ms=FLUSH_MS),
    Setting(f"{SINGLE_LATENCY}, flushes {FLUSH_MS} ms longer", 10_000, 1, (20, 50), PAIR, flush_ms=FLUSH_MS),
    Setting(f"{BATCHES}, flushes {FLUSH_MS} ms longer", 200_000, BATCH, (0, 0), PAIR, flush_ms=FLUSH_MS),
)
AIMS = (
    (SINGLE, COMMAND, BARE, "the command against a bare standard loop", 1.0),
    (SINGLE, COMMAND, BARE_UV, "same loop (uvloop): the command", 0.85),
    (SINGLE, STANDARD, BARE, "same loop (standard): the engine", 0.85),
    (SINGLE_LATENCY, COMMAND, BARE_UV, "same loop (uvloop), 20–50 ms: the command", 0.97),
    (SINGLE_LATENCY, STANDARD, BARE, "same loop (standard), 20–50 ms: the engine", 0.97),
    (BATCHES, COMMAND, BARE, "the command in batches against a bare standard loop", 0.75),
)
"""What the project aims at: setting, variant, what it is compared with, in words, least ratio."""

Results = Mapping[str, Sequence[Result]]


def main(*, quick: bool, repeats: int) -> None:
    """Measure every setting."""
    measured: dict[str, Results] = {}
    with opened() as place:
        slow = slow_flushes(place.folder, FLUSH_MS)
        for setting in SETTINGS:
            if setting.flush_ms and isinstance(slow, str):
                print(f"\n{setting.title}: left out ({slow})")
                continue
            environ = slow if setting.flush_ms and not isinstance(slow, str) else None
            rows = setting.rows // 10 if quick else setting.rows
            results: dict[str, list[Result]] = {variant: [] for variant in setting.variants}
            for variant in measure.turns(setting.variants, repeats):
                results[variant].append(run_once(place, variant, setting, rows, environ))
            tell(setting, rows, results)
            measured[setting.title] = results
    tell_aims(measured)


def run_once(place: Place, variant: str, setting: Setting, rows: int, environ: Mapping[str, str] | None) -> Result:
    """Run one variant on a server that has forgotten the last one. Raises RuntimeError if it did not send each row."""
    place.answer_as(named=setting.named, latency_ms=setting.latency_ms)
    command = _command(place, variant, setting, rows)
    took = measure.run(command, cwd=place.folder, cpu=CLIENT_CORE, env=environ)
    told = place.told()
    if told["items"] != rows or told["doubled"]:
        raise RuntimeError(f"{variant}: {told}")
    place.forget_runs()
    return Result(told["writes"] / told["span_s"], told["span_s"], took)


def _command(place: Place, variant: str, setting: Setting, rows: int) -> list[str]:
    job = str(place.job(rows))
    if variant == COMMAND:
        return [measure.COMMAND, "run", job, "--yes", "--json", "--batch-size", str(setting.batch)]
    facts = (place.url, job, str(setting.batch), str(WIDTH))
    module, *more = {
        BARE: ("benchmarks.bare", "standard"),
        BARE_UV: ("benchmarks.bare", "uvloop"),
        STANDARD: ("benchmarks.direct", "standard", "sqlite"),
        MEMORY: ("benchmarks.direct", "uvloop", "memory"),
        SQLITE: ("benchmarks.direct", "uvloop", "sqlite"),
    }[variant]
    return python(module, *facts, *more)


def ratios(results: Results, variant: str, base: str) -> list[float]:
    """Calls a second of `variant` in those of `base`, within each repeat."""
    return [run.calls_s / other.calls_s for run, other in zip(results[variant], results[base], strict=True)]


def tell(setting: Setting, rows: int, results: Results) -> None:
    """Print and keep one setting's figures; the median is that of the repeats' ratios."""
    lines = []
    for variant, runs in results.items():
        to_bare, to_same = ratios(results, variant, BARE), ratios(results, variant, SAME_LOOP[variant])
        rate = measure.median(run.calls_s for run in runs)
        whole = measure.median(run.took.wall_s for run in runs)
        cpu = measure.median(run.took.cpu_s for run in runs) / rows * 1e6
        peak = max(run.took.peak_mib for run in runs)
        shares = (f"{measure.median(to_bare):.2f}", f"{measure.median(to_same):.2f}", measure.spread(to_same))
        lines.append(
            (variant, f"{rate:,.0f}", f"{rows / whole:,.0f}", *shares, f"{whole:.2f}", f"{cpu:.0f}", f"{peak:.0f}")
        )
        measure.keep(
            "engine",
            setting=setting.title,
            variant=variant,
            rows=rows,
            width=WIDTH,
            calls_s=[run.calls_s for run in runs],
            ratio_to_bare=to_bare,
            ratio_same_loop=to_same,
            wall_s=[run.took.wall_s for run in runs],
            cpu_s=[run.took.cpu_s for run in runs],
            peak_mib=peak,
        )
    shares_of = ("to standard", "same loop", "range")
    heads = ("variant", "calls/s", "rows/s whole", *shares_of, "process s", "CPU µs/row", "peak MiB")
    measure.table(f"{setting.title}: {rows:,} rows, {WIDTH} at a time", heads, lines)


def tell_aims(measured: Mapping[str, Results]) -> None:
    """Print the aims beside what was measured, and draw the rates of single calls."""
    rows = []
    for title, variant, base, words, aim in AIMS:
        found = ratios(measured[title], variant, base)
        rows.append((words, f"{aim:.2f}", f"{measure.median(found):.2f}", measure.spread(found)))
    measure.table("The engine's aims, calls/s as a share of the bare loop's", ("what", "aim", "here", "range"), rows)
    rates = {variant: measure.median(run.calls_s for run in runs) for variant, runs in measured[SINGLE].items()}
    picture.bars("engine", f"{SINGLE.capitalize()}, {WIDTH} at a time", "calls a second", rates)
